//! Where notifications are kept.
//!
//! One trait that speaks the domain. A back end is a file beside this one; every rule that it must
//! keep is a named test of the contract suite in `tests/store_contract.rs`, which runs against
//! every back end.

pub mod memory;

use async_trait::async_trait;

use crate::model::{Changes, Cursor, Filter, Limit, Notification, NotificationId, Overview, Page, Timestamp, UserId};

pub use memory::MemoryStore;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or is overloaded at present; what was asked may be tried again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It is broken; trying again does not help.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Keeps notifications, one inbox a user, and numbers every change to an inbox.
///
/// What holds for every implementation:
///
/// - A change takes the next change number (`modseq`) of its inbox, without gaps and in the order
///   in which the changes become visible. What changes nothing takes none.
/// - The unread count is part of the change: whoever sees one sees the other.
/// - Newest first is the order of acceptance, whatever the clock says.
/// - A write is over when the future is: what was answered is kept, as far as the store keeps
///   anything.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds all of these in this order, or none. What that pushes out of the window is deleted in
    /// the same step.
    async fn create(&self, notifications: &[Notification]) -> Result<(), StoreError>;

    /// One page of what meets the filter, newest first, starting after `before`.
    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError>;

    /// One notification; `None` when there is none of that name.
    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError>;

    /// Marks one notification read or unread and returns it as it is then; `None` when there is
    /// none of that name.
    async fn set_read(&self, id: NotificationId, is_read: bool) -> Result<Option<Notification>, StoreError>;

    /// Marks the notification read that is at this place of the inbox, counted from 0 at the
    /// newest, and returns it; `None` when there is nothing at that place.
    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError>;

    /// Marks the whole inbox read in one change, and returns how many were unread.
    async fn mark_all_read(&self, user_id: &UserId) -> Result<u64, StoreError>;

    /// Deletes one notification and returns it; `None` when there was none of that name.
    async fn delete(&self, id: NotificationId) -> Result<Option<Notification>, StoreError>;

    /// How many notifications of the inbox are unread; 0 for an inbox that does not exist.
    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError>;

    /// What changed in the inbox after the change number `since`, at most `limit` events.
    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError>;

    /// What is in one inbox, or in all of them.
    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError>;

    /// Deletes at most `limit` of the notifications that expired at `now` or before, and returns
    /// how many they were.
    async fn delete_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Whether it can serve.
    async fn ready(&self) -> Result<(), StoreError>;
}
