//! Forgetting a user.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{SqliteStore, lane_load::take_from_lane, writer::Weight};
use crate::{
    model::UserId,
    server::{
        identity::Holder,
        store::{Forget, LOOKED_AT, StoreError},
    },
};

#[async_trait]
impl Forget for SqliteStore {
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError> {
        let of_user = user_id.clone();
        let forgotten = self.writer.write(Weight::rows(most), move |batch| batch.forget(&of_user, most)).await;
        // Also after a failure: the write may have happened.
        self.pages.forget(user_id);
        forgotten
    }

    async fn newest_delivery(&self) -> Result<u64, StoreError> {
        const NEWEST: &str = "SELECT coalesce(max(seq), 0) FROM deliveries";
        let newest = |connection: &Connection| connection.prepare_cached(NEWEST)?.query_row((), |row| row.get(0));
        self.readers.read(true, newest).await
    }

    async fn forget_deliveries_about(
        &self,
        user_id: &UserId,
        places: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let user_id = user_id.clone();
        let (about, next) = self.readers.read(false, move |connection| about(connection, &user_id, &places)).await?;
        if !about.is_empty() {
            let weight = Weight::rows(about.len());
            self.writer.write(weight, move |batch| forget(batch.connection(), &about)).await?;
        }
        Ok(next)
    }

    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError> {
        // Each has an index of its own.
        const OF: [&str; 2] = ["DELETE FROM grants WHERE holder = ?1", "DELETE FROM grants WHERE inbox = ?1"];
        let named = [Holder::User(user_id.clone()).to_text(), user_id.to_string()];
        let forget = move |connection: &Connection| {
            let each = OF.iter().zip(&named).map(|(delete, name)| connection.prepare_cached(delete)?.execute([name]));
            each.sum()
        };
        self.writer.write(Weight::ONE, move |batch| forget(batch.connection())).await
    }
}

/// The places of the deliveries about an inbox among those at these places, and where to go on.
fn about(
    connection: &Connection,
    user_id: &UserId,
    places: &RangeInclusive<u64>,
) -> rusqlite::Result<(Vec<i64>, Option<u64>)> {
    const SOME: &str = "SELECT seq, user_id = ?3 FROM deliveries WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?4";
    let (mut about, mut looked_at, mut last) = (Vec::new(), 0, 0_i64);
    let [from, to] = [*places.start(), *places.end()].map(|place| i64::try_from(place).unwrap_or(i64::MAX));
    let mut some = connection.prepare_cached(SOME)?;
    let mut some = some.query((from, to, user_id.as_str(), LOOKED_AT))?;
    while let Some(row) = some.next()? {
        looked_at += 1;
        last = row.get(0)?;
        if row.get(1)? {
            about.push(last);
        }
    }
    let next = (looked_at == LOOKED_AT).then(|| last.unsigned_abs() + 1);
    Ok((about, next))
}

/// Forgets deliveries.
fn forget(connection: &Connection, places: &[i64]) -> rusqlite::Result<()> {
    const FORGET: &str =
        "DELETE FROM deliveries WHERE seq = ?1 RETURNING lane, octet_length(payload), ended_at IS NULL";
    let mut forget = connection.prepare_cached(FORGET)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    for place in places {
        let gone: Option<(String, u64, bool)> = forget.query_row([place], read).optional()?;
        if let Some((lane, bytes, true)) = gone {
            take_from_lane(connection, &lane, 1, bytes)?;
        }
    }
    Ok(())
}
