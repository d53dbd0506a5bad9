//! Listing, retrying and cancelling deliveries.

use async_trait::async_trait;
use uuid::Uuid;

use super::{delivery::Delivery, lane::Lane};
use crate::{
    model::{Channel, ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::StoreError,
};

/// What of all deliveries is asked for. What is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only deliveries about this notification.
    pub notification_id: Option<NotificationId>,
    /// Only deliveries about the inbox of this user.
    pub user_id: Option<UserId>,
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only deliveries by this channel.
    pub channel: Option<Channel>,
    /// To this contact or webhook.
    pub target: Option<Uuid>,
    /// Only deliveries decided at this time or later.
    pub since: Option<Timestamp>,
}

impl DeliveryFilter {
    /// Whether a delivery is asked for.
    #[must_use]
    pub fn admits(&self, delivery: &Delivery) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, is: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == is)
        }
        let is_of = self.notification_id.is_none_or(|id| delivery.notification_id == Some(id));
        is_of
            && is(self.user_id.as_ref(), &delivery.user_id)
            && is(self.state.as_ref(), &delivery.state)
            && is(self.channel.as_ref(), &delivery.channel)
            && is(self.target.as_ref(), &delivery.target)
            && self.since.is_none_or(|since| delivery.created_at >= since)
    }
}

/// Some deliveries, newest first, and where the next ones are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Ask for those before this place; `None` when there are no more.
    pub next: Option<u64>,
}

/// What those see and do who look after deliveries.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// Those that a filter admits, newest first, below a place. A page looks at so many as
    /// [`LOOKED_AT`](crate::server::store::LOOKED_AT) at most, and may be short and have a next one.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;

    /// One; `None` when there is none of that id.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError>;

    /// Cancels one that is not over, and returns whether it was not.
    async fn cancel(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Of which notifications of an inbox something waits to be sent to contacts, by id, after this one, at most so many.
    async fn awaited(
        &self,
        user_id: &UserId,
        after: Option<NotificationId>,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError>;

    /// Cancels what waits to be sent to contacts about these notifications of an inbox, and returns how many deliveries
    /// that were. What is leased is left to its claim.
    async fn cancel_about(
        &self,
        user_id: &UserId,
        ids: &[NotificationId],
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// Which contacts of a user are still [to be told how many are unread](Delivery::is_count), each once.
    async fn to_be_counted(&self, user_id: &UserId) -> Result<Vec<ContactId>, StoreError>;

    /// Ends deliveries of the lane of an endpoint that wait for an attempt, at most so many, with this state and reason,
    /// and returns how many those were. What is leased is left to its claim.
    async fn end_lane(
        &self,
        lane: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// Forgets how a lane does in which nothing waits.
    async fn forget_lane(&self, lane: &str) -> Result<(), StoreError>;

    /// Forgets lanes whose names begin with this and a colon, in which nothing waits, and of which nothing was noted after
    /// that moment: no attempt that worked, no first one that failed, and no pause that ends later. At most so many; returns
    /// how many those were.
    async fn forget_idle_lanes(&self, of: &str, idle_since: Timestamp, most: usize) -> Result<usize, StoreError>;

    /// Makes new deliveries, due at once, of the second of these ids, that repeat the first. One that is not over, was sent,
    /// or is repeated already, is passed over. Returns how many were made.
    async fn replay(&self, ids: &[(DeliveryId, DeliveryId)], now: Timestamp) -> Result<usize, StoreError>;

    /// Has those of these that are ready tried at once, and returns how many were to wait longer.
    async fn hasten(&self, ids: &[DeliveryId], now: Timestamp) -> Result<usize, StoreError>;

    /// Every lane of which something is known, by name.
    async fn lanes(&self) -> Result<Vec<Lane>, StoreError>;

    /// Ends the pauses of a lane, or of all whose names begin with this and a colon, and forgets how well it did.
    async fn resume(&self, lane: &str) -> Result<(), StoreError>;

    /// Forgets deliveries that ended at this moment or before, at most so many, and returns how many.
    async fn forget_deliveries(&self, ended_until: Timestamp, most: usize) -> Result<usize, StoreError>;
}
