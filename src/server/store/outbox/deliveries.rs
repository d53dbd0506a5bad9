//! Listing, retrying and cancelling deliveries.

use async_trait::async_trait;
use uuid::Uuid;

use super::{delivery::Delivery, lane::Lane};
use crate::{
    model::{Channel, ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::StoreError,
};

/// Selects deliveries. A field that is `None` selects all.
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
    /// Only deliveries to this contact or webhook.
    pub target: Option<Uuid>,
    /// Only deliveries decided at this time or later.
    pub since: Option<Timestamp>,
}

impl DeliveryFilter {
    /// Whether it selects a delivery.
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

/// Some deliveries, newest first, and the place of the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// The place before which the next page begins; `None` when there are no more.
    pub next: Option<u64>,
}

/// Shows deliveries to users and operators, and changes them at their request.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// The deliveries that a filter selects, newest first, below a place. A page examines at most
    /// [`LOOKED_AT`](crate::server::store::LOOKED_AT) deliveries, so it may be short and still have a next one.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;

    /// One delivery; `None` when none has this id.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError>;

    /// Cancels an unfinished delivery; `false` when it has ended already.
    async fn cancel(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Up to `most` notifications of an inbox about which deliveries to contacts wait, by id, after this one.
    async fn awaited(
        &self,
        user_id: &UserId,
        after: Option<NotificationId>,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError>;

    /// Cancels waiting deliveries to contacts about these notifications of an inbox, and returns their number. Leased
    /// ones are left to their claim.
    async fn cancel_about(
        &self,
        user_id: &UserId,
        ids: &[NotificationId],
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// The contacts of a user that are still to receive the [unread count](Delivery::is_count), each once.
    async fn to_be_counted(&self, user_id: &UserId) -> Result<Vec<ContactId>, StoreError>;

    /// Ends up to `most` deliveries of a webhook's lane that wait for an attempt, with this state and reason, and
    /// returns their number. Leased ones are left to their claim.
    async fn end_lane(
        &self,
        lane: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// Forgets the health and the pause of a lane in which nothing waits.
    async fn forget_lane(&self, lane: &str) -> Result<(), StoreError>;

    /// Forgets up to `most` lanes whose names begin with this and a colon, if nothing waits in them and nothing was
    /// recorded of them after that time: no attempt that succeeded, no first one that failed, and no pause that ends
    /// later. Returns their number.
    async fn forget_idle_lanes(&self, of: &str, idle_since: Timestamp, most: usize) -> Result<usize, StoreError>;

    /// Creates deliveries, due at once, that repeat others: of each pair, the second id repeats the first. A delivery
    /// that has not ended, was sent, or is repeated already, is ignored. Returns how many were created.
    async fn replay(&self, ids: &[(DeliveryId, DeliveryId)], now: Timestamp) -> Result<usize, StoreError>;

    /// Has these deliveries tried at once if they are ready, and returns how many would have waited longer.
    async fn hasten(&self, ids: &[DeliveryId], now: Timestamp) -> Result<usize, StoreError>;

    /// Every lane with deliveries or a recorded state, by name.
    async fn lanes(&self) -> Result<Vec<Lane>, StoreError>;

    /// Ends the pauses of a lane, or of all lanes whose names begin with this and a colon, and resets their health.
    async fn resume(&self, lane: &str) -> Result<(), StoreError>;

    /// Forgets up to `most` deliveries that ended at this time or earlier, and returns their number.
    async fn forget_deliveries(&self, ended_until: Timestamp, most: usize) -> Result<usize, StoreError>;
}
