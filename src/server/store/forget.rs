//! Forgetting a user. Every rule of [`Forget`] is a named test of `tests/store/forget.rs`.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use super::StoreError;
use crate::model::UserId;

/// Removes all data about a user, in steps that are each little work. Every step may be repeated.
#[async_trait]
pub trait Forget: Send + Sync + 'static {
    /// Deletes up to `most` of the oldest notifications of an inbox, and returns their number. Each deletion is
    /// announced like any other, so the change numbers of the inbox go on.
    async fn forget_notifications(&self, user_id: &UserId, most: usize) -> Result<usize, StoreError>;

    /// The place of the newest delivery; 0 where there is none.
    async fn newest_delivery(&self) -> Result<u64, StoreError>;

    /// Forgets the deliveries about an inbox among those at these places, whatever their state, after examining up to
    /// [`LOOKED_AT`](super::LOOKED_AT) of them. Returns the place at which to go on; `None` after the last one. The
    /// result of a delivery that is being sent is not stored.
    async fn forget_deliveries_about(
        &self,
        user_id: &UserId,
        places: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError>;

    /// Removes the sessions and tickets of a user, and those of other callers that are valid only for that inbox, and
    /// returns their number.
    async fn forget_grants_of(&self, user_id: &UserId) -> Result<usize, StoreError>;
}
