//! Forgetting a user.

use async_trait::async_trait;
use rusqlite::{Connection, Row};

use super::{SqliteStore, outbox::take_from_lane, writer::Weight};
use crate::{
    model::UserId,
    server::{
        identity::Holder,
        store::{Forget, StoreError},
    },
};

#[async_trait]
impl Forget for SqliteStore {
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError> {
        let user_id = user_id.clone();
        self.writer.write(Weight::rows(most), move |batch| batch.forget(&user_id, most)).await
    }

    async fn forget_deliveries_about(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError> {
        let user_id = user_id.clone();
        self.writer.write(Weight::rows(most), move |batch| forget(batch.connection(), &user_id, most)).await
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

/// Forgets the oldest deliveries about an inbox, at most so many.
fn forget(connection: &Connection, user_id: &UserId, most: usize) -> rusqlite::Result<usize> {
    const FORGET: &str = "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries INDEXED BY deliveries_by_user
            WHERE user_id = ?1 ORDER BY seq LIMIT ?2) RETURNING lane, octet_length(payload), ended_at IS NULL";
    let mut forget = connection.prepare_cached(FORGET)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let gone: Vec<(String, usize, bool)> =
        forget.query_map((user_id.as_str(), most), read)?.collect::<rusqlite::Result<_>>()?;
    for (lane, bytes, _) in gone.iter().filter(|(.., is_open)| *is_open) {
        take_from_lane(connection, lane, *bytes)?;
    }
    Ok(gone.len())
}
