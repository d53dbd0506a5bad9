//! Forgetting a user.

use std::{ops::RangeInclusive, sync::Arc};

use async_trait::async_trait;
use tokio_postgres::types::ToSql;

use super::{
    PostgresStore,
    credentials::execute,
    row::{damaged, number, sql_number},
    write,
};
use crate::{
    model::UserId,
    server::{
        identity::Holder,
        store::{Forget, LOOKED_AT, StoreError},
    },
};

#[async_trait]
impl Forget for PostgresStore {
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError> {
        let (database, user_id) = (Arc::clone(&self.database), user_id.clone());
        self.write(async move { write::forget_notifications(&database, &user_id, most).await }).await
    }

    async fn newest_delivery(&self) -> Result<u64, StoreError> {
        const NEWEST: &str = "SELECT coalesce(max(seq), 0) FROM deliveries";
        number(&self.database.pool.query_one(NEWEST, &[]).await?, 0)
    }

    async fn forget_deliveries_about(
        &self,
        user_id: &UserId,
        places: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError> {
        const FORGET: &str = "SELECT functions.forget_deliveries($1, $2, $3, $4)";
        let [first, last] = [*places.start(), *places.end()].map(sql_number);
        let values: [&(dyn ToSql + Sync); 4] = [&user_id.as_str(), &first, &last, &sql_number(LOOKED_AT as u64)];
        let row = self.database.call_one(FORGET, &values).await?;
        let next = row.try_get::<_, Option<i64>>(0)?;
        next.map(|next| u64::try_from(next).map_err(damaged)).transpose()
    }

    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError> {
        const FORGET: &str = "DELETE FROM grants WHERE holder = $1 OR inbox = $2";
        let holder = Holder::User(user_id.clone()).to_text();
        let forgotten = execute(&self.database.pool, FORGET, &[&holder, &user_id.as_str()]).await?;
        Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
    }
}
