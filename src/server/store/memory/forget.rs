//! Forgetting a user, in memory.

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

    async fn forget_deliveries_about(&self, user_id: &UserId, from: u64) -> Result<Option<u64>, StoreError> {
        Ok(self.leaving.forget_about(user_id, from))
    }

    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError> {
        Ok(self.known.forget_of(user_id))
    }
}
