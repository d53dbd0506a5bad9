//! The outbox: events that are not planned yet, webhooks, and deliveries. Every rule of the traits here is a named test
//! of `tests/store/outbox.rs`.
//!
//! A store that knows of an endpoint writes, in the transaction of a change, one [`Entry`] for each event that an
//! endpoint wants. The planner makes deliveries out of entries, and the worker claims those that are due. The tables are
//! the truth; all who work on them may be stopped at any moment, and others go on.

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

/// Which notification is of no use to contacts any more after an event, and why.
pub(super) fn over(event: &Event) -> Option<(NotificationId, &'static str)> {
    match event {
        Event::Updated { notification, .. } if notification.is_read => Some((notification.id, "read")),
        Event::Deleted { id, .. } => Some((*id, "deleted")),
        _ => None,
    }
}

/// How a delivery ends whose notification is of no use any more, for this reason: one whose time is over expires.
pub(super) fn ends_as(expires_at: Option<Timestamp>, reason: &str, now: Timestamp) -> (DeliveryState, &str) {
    if expires_at.is_some_and(|end| end <= now) {
        (DeliveryState::Expired, "notification_expired")
    } else {
        (DeliveryState::Cancelled, reason)
    }
}

/// Something that happened and that an endpoint wants to be told of, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place among all entries.
    #[serde(skip)]
    pub seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// In whose inbox.
    pub user_id: UserId,
    /// Of what category the notification is, if it is about one.
    pub category: Option<Category>,
    /// Which notification it is about, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// When that notification expires.
    pub expires_at: Option<Timestamp>,
    /// When it happened.
    pub at: Timestamp,
    /// The event as its receivers read it, in JSON: `{"user_id", "modseq", "unread_count"}`, and `notification` or `id`.
    /// Empty where no endpoint wants it.
    pub data: String,
    /// Whether the user has contacts, which may want it too, or its sender asks for a channel by name. Where it is about no
    /// notification, [devices are told](Entry::is_count) how many are unread.
    #[serde(default)]
    pub to_contacts: bool,
    /// What its sender says of the ways on which the user is told.
    #[serde(default, skip_serializing_if = "Routing::is_silent")]
    pub routing: Routing,
}

impl Entry {
    /// Whether it has the devices of its user told how many are unread, and nothing else.
    #[must_use]
    pub fn is_count(&self) -> bool {
        self.to_contacts && self.notification_id.is_none()
    }
}

/// What becomes of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which entry, by its place.
    pub entry: i64,
    /// Its deliveries.
    pub deliveries: Vec<NewDelivery>,
}

/// How much may wait in one lane. What would be more is [`DeliveryState::Skipped`] as `backlog_full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many deliveries.
    pub deliveries: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// What is asked for when deliveries are claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What proves later that it was this claim.
    pub lease: Uuid,
    /// How long no other worker claims the same.
    pub lease_for: Duration,
    /// How many of each lane.
    pub room: usize,
    /// How many of these lanes, in place of that.
    pub rooms: HashMap<String, usize>,
}

/// A delivery that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery. This attempt is among its tries already.
    pub delivery: Delivery,
    /// Whether the claim before this one ended without a result: its server is gone, or was too slow.
    pub was_lost: bool,
    /// Whether its notification has expired.
    pub is_expired: bool,
}

/// What a delivery that was claimed comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which delivery.
    pub id: DeliveryId,
    /// The lease under which it was claimed.
    pub lease: Uuid,
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// Whether the attempt is not to count.
    pub refund: bool,
    /// What becomes of it.
    pub next: Next,
    /// Whether what was attempted worked, if anything was.
    pub worked: Option<bool>,
    /// For how long nothing of its lane is claimed, and why.
    pub pause: Option<(Duration, String)>,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is due again after so long, or at once.
    Again {
        /// How long it waits.
        wait: Duration,
    },
    /// A rule holds it for so long; then it is claimed, and judged, once more.
    Held {
        /// How long it waits.
        wait: Duration,
        /// Which rule.
        reason: String,
    },
    /// Nothing more: a state that [is over](DeliveryState::is_over), and why.
    Over {
        /// Where it stands for good.
        state: DeliveryState,
        /// Why.
        reason: Option<String>,
    },
}

/// What is to be sent in one message: claimed deliveries of one lane to one contact that were held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The name of the digest.
    pub id: DeliveryId,
    /// The lease of the deliveries.
    pub lease: Uuid,
    /// The deliveries, at least one.
    pub claimed: Vec<DeliveryId>,
}

/// A part of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The delivery that it was.
    pub id: DeliveryId,
    /// Which notification it is about.
    pub notification_id: NotificationId,
}

/// Keeps what is to be sent, and hands it out to those who send. `now` is for stores without a clock of their own.
///
/// What waits to be sent to a contact ends in the transaction in which its notification is read, or taken away:
/// [`DeliveryState::Cancelled`] as `read` or `deleted`, or [`DeliveryState::Expired`]. What is leased at that moment is
/// left to its claim, and what goes to endpoints is not touched. Where everything is read by one change, no delivery is
/// looked at; see [`Deliveries::cancel_about`].
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// From now on there is a way to contacts: what is created for a user who has one leaves an entry.
    fn reach_contacts(&self);

    /// Leaves an entry beside any change: something that happened before is to be told. Its place is not looked at.
    async fn leave(&self, entry: &Entry) -> Result<(), StoreError>;

    /// The oldest entries that are not planned, at most so many.
    async fn unplanned(&self, most: usize) -> Result<Vec<Entry>, StoreError>;

    /// Puts deliveries in the place of their entries, and returns how many deliveries that were. An entry that is not
    /// there any more was planned by another server, and its deliveries are dropped.
    async fn plan(&self, planned: Vec<Planned>, backlog: Backlog, now: Timestamp) -> Result<usize, StoreError>;

    /// Claims deliveries that are due, of each lane that is not paused those that are due first. One whose lease ended is
    /// due again. One that was held keeps its reason while it is leased, and one that was ready has none. What is a part of
    /// a digest is not claimed.
    async fn claim(&self, claim: &Claim, now: Timestamp) -> Result<Vec<Claimed>, StoreError>;

    /// Has the leases of these deliveries end so much later than now. One that ended, and was claimed by others since, is
    /// passed over.
    async fn renew(
        &self,
        leased: Vec<(DeliveryId, Uuid)>,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Writes down what became of claimed deliveries, and returns for each how its lane does since; `None` where its
    /// lease had ended and another claim has it, or it is over: then nothing is written of it.
    ///
    /// What ends a digest ends its parts in the same way.
    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Option<Health>>, StoreError>;

    /// Makes digests, ready and due at once, and says of each whether it did. A digest is about what is claimed for it
    /// and all else of its lane to the same contact that is held and due, but for what is to be judged [`ANEW`]; and where
    /// one of the claimed is held as [`DIGEST`], about all that is held as that, whenever it is due. Those become parts of
    /// it, held, and are leased no more. What is not leased under that lease any more is passed over. Where that would be a
    /// single delivery, nothing is done.
    async fn bundle(&self, bundles: Vec<Bundle>, now: Timestamp) -> Result<Vec<bool>, StoreError>;

    /// The parts of a digest that are not over, the newest notification first.
    async fn parts(&self, digest: DeliveryId) -> Result<Vec<Part>, StoreError>;

    /// Has what is held for an inbox judged anew: it is held as [`ANEW`], due at once, and no part of a digest any more, but
    /// for one that is leased or was attempted: that may have arrived. At most so many; returns how many those were.
    async fn judge_anew(&self, user_id: &UserId, most: usize, now: Timestamp) -> Result<usize, StoreError>;

    /// Whether more important writes wait, so that what can be put off should be.
    fn is_pressed(&self) -> bool {
        false
    }
}
