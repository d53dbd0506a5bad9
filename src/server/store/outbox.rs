//! The outbox: events that are not planned yet, webhooks, and deliveries. Every rule of these traits is a named test of
//! `tests/store/outbox.rs`.
//!
//! A store that knows of a webhook writes, in the transaction of a change, one [`Entry`] for each event that a webhook
//! wants. The planner turns entries into deliveries, and the worker claims those that are due. The tables are the
//! truth; the planner and the worker may be stopped at any moment, and others go on.

mod deliveries;
mod delivery;
mod lane;
mod told;
mod webhook;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;
use crate::model::{
    Attempt, Category, DeliveryId, DeliveryState, Event, EventKind, NotificationId, Routing, Timestamp, UserId,
};

pub use self::{
    deliveries::{Deliveries, DeliveryFilter, DeliveryPage},
    delivery::{ANEW, DIGEST, Delivery, MOST_ATTEMPTS, NewDelivery, TOGETHER},
    lane::{Health, Lane, LaneMemory},
    webhook::{MOST_WEBHOOKS, Webhook, Webhooks, lane_of},
};
pub(super) use self::{lane::is_of_lane, told::Subscriptions};

/// The notification that is no longer of use to contacts after an event, and why.
pub(super) fn over(event: &Event) -> Option<(NotificationId, &'static str)> {
    match event {
        Event::Updated { notification, .. } if notification.is_read => Some((notification.id, "read")),
        Event::Deleted { id, .. } => Some((*id, "deleted")),
        _ => None,
    }
}

/// The state of a delivery whose notification is no longer of use, for this reason: if it has expired, so does the
/// delivery.
pub(super) fn ends_as(expires_at: Option<Timestamp>, reason: &str, now: Timestamp) -> (DeliveryState, &str) {
    if expires_at.is_some_and(|end| end <= now) {
        (DeliveryState::Expired, "notification_expired")
    } else {
        (DeliveryState::Cancelled, reason)
    }
}

/// An event that a webhook or contact wants, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place among all entries.
    #[serde(skip)]
    pub seq: i64,
    /// The kind of the event.
    pub kind: EventKind,
    /// The user who owns the inbox.
    pub user_id: UserId,
    /// The category of the notification, if the event is about one.
    pub category: Option<Category>,
    /// The notification, if the event is about one.
    pub notification_id: Option<NotificationId>,
    /// Time at which that notification expires.
    pub expires_at: Option<Timestamp>,
    /// Time of the event.
    pub at: Timestamp,
    /// The event as its receivers read it, in JSON: `{"user_id", "modseq", "unread_count"}`, and `notification` or
    /// `id`. Empty where no webhook wants it.
    pub data: String,
    /// Whether the user has contacts that may want it too, or its sender asks for a channel by name. If it is about no
    /// notification, devices receive the [unread count](Entry::is_count).
    #[serde(default)]
    pub to_contacts: bool,
    /// The sender's instructions for the channels to the user.
    #[serde(default, skip_serializing_if = "Routing::is_silent")]
    pub routing: Routing,
}

impl Entry {
    /// Whether it only sends the unread count to the user's devices.
    #[must_use]
    pub fn is_count(&self) -> bool {
        self.to_contacts && self.notification_id.is_none()
    }
}

/// The plan for one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The place of the entry.
    pub entry: i64,
    /// Its deliveries.
    pub deliveries: Vec<NewDelivery>,
}

/// The most that may wait in one lane. Further deliveries are [`DeliveryState::Skipped`] as `backlog_full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Number of deliveries.
    pub deliveries: u64,
    /// Size of these deliveries, in bytes.
    pub bytes: u64,
}

/// A worker's request for deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Identifies this claim when its result is stored.
    pub lease: Uuid,
    /// How long no other worker claims the same deliveries.
    pub lease_for: Duration,
    /// How many deliveries of each lane.
    pub room: usize,
    /// How many deliveries of these lanes, in place of `room`.
    pub rooms: HashMap<String, usize>,
}

/// A claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery. Its tries include this attempt already.
    pub delivery: Delivery,
    /// Whether the previous claim ended without a result: its server is gone, or was too slow.
    pub was_lost: bool,
    /// Whether its notification has expired.
    pub is_expired: bool,
}

/// The result of a claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The delivery.
    pub id: DeliveryId,
    /// The lease under which it was claimed.
    pub lease: Uuid,
    /// The attempts that were made.
    pub attempts: Vec<Attempt>,
    /// Whether the attempt does not count.
    pub refund: bool,
    /// The next step.
    pub next: Next,
    /// Whether the attempt succeeded, if there was one.
    pub worked: Option<bool>,
    /// How long nothing of its lane is claimed, and why.
    pub pause: Option<(Duration, String)>,
}

/// The next step of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is due again after a wait, or at once.
    Again {
        /// How long it waits.
        wait: Duration,
    },
    /// A rule holds it; after the wait it is claimed and judged again.
    Held {
        /// How long it waits.
        wait: Duration,
        /// The rule.
        reason: String,
    },
    /// It has ended: a state that [is over](DeliveryState::is_over), and why.
    Over {
        /// The final state.
        state: DeliveryState,
        /// The reason.
        reason: Option<String>,
    },
}

/// Claimed deliveries of one lane to one contact that were held, to be sent in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The id of the digest.
    pub id: DeliveryId,
    /// The lease of the deliveries.
    pub lease: Uuid,
    /// The deliveries, at least one.
    pub claimed: Vec<DeliveryId>,
}

/// A part of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The id of the delivery.
    pub id: DeliveryId,
    /// The notification.
    pub notification_id: NotificationId,
}

/// Stores deliveries, and hands them to the workers that send them. `now` is for stores without a clock of their own.
///
/// A waiting delivery to a contact ends in the transaction in which its notification is read or removed:
/// [`DeliveryState::Cancelled`] as `read` or `deleted`, or [`DeliveryState::Expired`]. Deliveries leased at that moment
/// are left to their claim, and those to webhooks are not touched. Where one change reads everything, no delivery is
/// examined; see [`Deliveries::cancel_about`].
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// From now on a channel to contacts is set up: a notification for a user who has a contact leaves an entry.
    fn reach_contacts(&self);

    /// Adds an entry without a change: an event that happened before is to be sent. Its place is ignored.
    async fn leave(&self, entry: &Entry) -> Result<(), StoreError>;

    /// Up to `most` of the oldest entries that are not planned.
    async fn unplanned(&self, most: usize) -> Result<Vec<Entry>, StoreError>;

    /// Replaces entries by their deliveries, and returns the number of deliveries. If an entry is gone, another server
    /// has planned it, and its deliveries are dropped.
    async fn plan(&self, planned: Vec<Planned>, backlog: Backlog, now: Timestamp) -> Result<usize, StoreError>;

    /// Claims due deliveries, from each lane that is not paused those that are due first. A delivery whose lease ended
    /// is due again. A held one keeps its reason while it is leased, and a ready one has none. Parts of a digest are
    /// not claimed.
    async fn claim(&self, claim: &Claim, now: Timestamp) -> Result<Vec<Claimed>, StoreError>;

    /// Extends the leases of these deliveries to `lease_for` from now. A lease that ended, and whose delivery another
    /// worker has claimed since, is ignored.
    async fn renew(
        &self,
        leased: Vec<(DeliveryId, Uuid)>,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Stores the results of claimed deliveries, and returns the new health of each one's lane; `None` where its lease
    /// had ended and another claim has the delivery, or the delivery has ended: then nothing is stored.
    ///
    /// The end of a digest ends its parts in the same way.
    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Option<Health>>, StoreError>;

    /// Creates digests, ready and due at once, and returns for each whether it was created. A digest contains the
    /// deliveries claimed for it, and all others of its lane to the same contact that are held and due, except those
    /// held as [`ANEW`]; where one of the claimed is held as [`DIGEST`], it also contains all that are held as that,
    /// whenever they are due. Those become its parts, held, and lose their leases. Claimed deliveries that have lost
    /// this lease are ignored. If a single delivery remains, nothing is done.
    async fn bundle(&self, bundles: Vec<Bundle>, now: Timestamp) -> Result<Vec<bool>, StoreError>;

    /// The unfinished parts of a digest, the newest notification first.
    async fn parts(&self, digest: DeliveryId) -> Result<Vec<Part>, StoreError>;

    /// Has the rules judge up to `most` held deliveries of an inbox again: they are held as [`ANEW`], due at once, and
    /// no longer parts of a digest. A delivery that is leased or was attempted is left alone: it may have arrived.
    /// Returns how many were changed.
    async fn judge_anew(&self, user_id: &UserId, most: usize, now: Timestamp) -> Result<usize, StoreError>;

    /// Whether more important writes wait, so that work that can wait should.
    fn is_pressed(&self) -> bool {
        false
    }
}
