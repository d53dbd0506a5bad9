//! Forgetting a user. Every rule of [`Forget`] is a named test of `tests/store/forget.rs`.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use super::StoreError;
use crate::model::UserId;

/// Takes away what is kept of a user, in steps of which each is little work. All of it may be done again.
#[async_trait]
pub trait Forget: Send + Sync + 'static {
    /// Deletes the oldest notifications of an inbox, at most so many, and returns how many those were. Each is told of
    /// as any deletion is, so the change numbers of the inbox go on.
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError>;

    /// The place of the newest delivery; 0 where there is none.
    async fn newest_delivery(&self) -> Result<u64, StoreError>;

    /// Forgets what is about an inbox among the deliveries at these places, of which it looks at
    /// [`LOOKED_AT`](super::LOOKED_AT), whatever their state, and returns at which place to go on; `None` when those were
    /// the last. What comes of one that is being sent is not written down.
    async fn forget_deliveries_about(
        &self,
        user_id: &UserId,
        places: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError>;

    /// Takes away the sessions and tickets of a user, and those of others that are good for that inbox only, and
    /// returns how many those were.
    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError>;
}
