//! Preferences of users, and the server's own keys.

use async_trait::async_trait;

use super::{
    PostgresStore,
    credentials::execute,
    row::{damaged, number, sql_number},
};
use crate::{
    model::{Preferences, UserId},
    server::store::{Profiles, Secrets, StoreError, Wishes},
};

#[async_trait]
impl Wishes for PostgresStore {
    async fn preferences(&self, user_id: &UserId) -> Result<(Preferences, u64), StoreError> {
        const OF: &str = "SELECT record, version FROM preferences WHERE user_id = $1";
        let Some(row) = self.database.pool.query_opt(OF, &[&user_id.as_str()]).await? else {
            return Ok(Default::default());
        };
        Ok((serde_json::from_str(row.try_get(0)?).map_err(damaged)?, number(&row, 1)?))
    }

    async fn set_preferences(
        &self,
        user_id: &UserId,
        preferences: &Preferences,
        seen: u64,
    ) -> Result<bool, StoreError> {
        const ADD: &str = "INSERT INTO preferences (user_id, version, record) VALUES ($1, $2::bigint + 1, $3)
            ON CONFLICT (user_id) DO NOTHING";
        const CHANGE: &str =
            "UPDATE preferences SET version = $2::bigint + 1, record = $3 WHERE user_id = $1 AND version = $2";
        let record = written(preferences)?;
        let (set, seen) = (if seen == 0 { ADD } else { CHANGE }, sql_number(seen));
        Ok(execute(&self.database.pool, set, &[&user_id.as_str(), &seen, &record]).await? > 0)
    }

    async fn forget_preferences(&self, user_id: &UserId) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM preferences WHERE user_id = $1";
        execute(&self.database.pool, FORGET, &[&user_id.as_str()]).await.map(drop)
    }
}

/// The preferences as a row has them.
pub(super) fn written(preferences: &Preferences) -> Result<String, StoreError> {
    let unwritable = |error| StoreError::failed("preferences cannot be written").because(error);
    serde_json::to_string(preferences).map_err(unwritable)
}

impl Profiles for PostgresStore {}

#[async_trait]
impl Secrets for PostgresStore {
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        const KEEP: &str = "INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        const OF: &str = "SELECT secret FROM secrets WHERE name = $1";
        execute(&self.database.pool, KEEP, &[&name, &fresh]).await?;
        Ok(self.database.pool.query_one(OF, &[&name]).await?.try_get(0)?)
    }
}
