//! Preferences of users, and keys that the server creates for itself.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::{SqliteStore, writer::Weight};
use crate::{
    model::{Preferences, UserId},
    server::store::{Secrets, StoreError, Wishes},
};

#[async_trait]
impl Wishes for SqliteStore {
    async fn preferences(&self, user_id: &UserId) -> Result<(Preferences, u64), StoreError> {
        let user_id = user_id.clone();
        self.readers.read(true, move |connection| of(connection, &user_id)).await
    }

    async fn set_preferences(
        &self,
        user_id: &UserId,
        preferences: &Preferences,
        seen: u64,
    ) -> Result<bool, StoreError> {
        const ADD: &str = "INSERT INTO preferences (user_id, version, record) VALUES (?1, ?2 + 1, ?3)
            ON CONFLICT (user_id) DO NOTHING";
        const CHANGE: &str = "UPDATE preferences SET version = ?2 + 1, record = ?3 WHERE user_id = ?1 AND version = ?2";
        let unwritable = |error| StoreError::failed("preferences cannot be written").because(error);
        let (user_id, record) = (user_id.clone(), serde_json::to_string(preferences).map_err(unwritable)?);
        let set = move |connection: &Connection| {
            Ok(connection.prepare_cached(if seen == 0 { ADD } else { CHANGE })?.execute((
                user_id.as_str(),
                seen,
                &record,
            ))? > 0)
        };
        self.writer.write(Weight::ONE, move |batch| set(batch.connection())).await
    }

    async fn forget_preferences(&self, user_id: &UserId) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM preferences WHERE user_id = ?1";
        let user_id = user_id.clone();
        let forget =
            move |connection: &Connection| connection.prepare_cached(FORGET)?.execute([user_id.as_str()]).map(drop);
        self.writer.write(Weight::ONE, move |batch| forget(batch.connection())).await
    }
}

#[async_trait]
impl Secrets for SqliteStore {
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        const KEEP: &str = "INSERT INTO secrets (name, secret) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        const OF: &str = "SELECT secret FROM secrets WHERE name = ?1";
        let (name, fresh) = (name.to_owned(), fresh.to_vec());
        let keep = move |connection: &Connection| {
            connection.prepare_cached(KEEP)?.execute((&name, &fresh))?;
            connection.prepare_cached(OF)?.query_row([&name], |row| row.get(0))
        };
        self.writer.write(Weight::ONE, move |batch| keep(batch.connection())).await
    }
}

/// The preferences of a user, and how often they were changed.
pub(super) fn of(connection: &Connection, user_id: &UserId) -> rusqlite::Result<(Preferences, u64)> {
    const OF: &str = "SELECT record, version FROM preferences WHERE user_id = ?1";
    let found = connection.prepare_cached(OF)?.query_row([user_id.as_str()], read_preferences).optional()?;
    Ok(found.unwrap_or_default())
}

/// Adds the preferences of a user who has none, with their version.
pub(super) fn insert_preferences(
    connection: &Connection,
    user_id: &UserId,
    version: u64,
    preferences: &Preferences,
) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO preferences (user_id, version, record) VALUES (?1, ?2, ?3)";
    let unwritable = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let record = serde_json::to_string(preferences).map_err(unwritable)?;
    connection.prepare_cached(INSERT)?.execute((user_id.as_str(), version, record)).map(drop)
}

/// Reads preferences, and how often they were changed.
pub(super) fn read_preferences(row: &Row<'_>) -> rusqlite::Result<(Preferences, u64)> {
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error));
    Ok((serde_json::from_str(row.get_ref(0)?.as_str()?).map_err(wrong)?, row.get(1)?))
}
