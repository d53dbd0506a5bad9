//! Forgetting a user, in memory.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    model::UserId,
    server::store::{Forget, StoreError},
};

#[async_trait]
impl Forget for MemoryStore {
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError> {
        Ok(self.change(|shelf| shelf.forget(user_id, most)))
    }

    async fn newest_delivery(&self) -> Result<u64, StoreError> {
        Ok(self.leaving.newest())
    }

    async fn forget_deliveries_about(
        &self,
        user_id: &UserId,
        places: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError> {
        Ok(self.leaving.forget_about(user_id, places))
    }

    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError> {
        Ok(self.known.forget_of(user_id))
    }
}
