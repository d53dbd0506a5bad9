//! What is to leave the server: what happened and is not planned yet, who wants to be told, and what became of each
//! delivery. Every rule of the traits here is a named test of `tests/store/outbox.rs`.
//!
//! A store that knows of an endpoint writes, in the transaction of a change, one [`Entry`] for each event that an
//! endpoint wants. The planner makes deliveries out of entries, and the worker claims those that are due. The tables are
//! the truth; all who work on them may be stopped at any moment, and others go on.

mod told;

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;
use crate::{
    model::{
        Attempt, Category, Channel, ContactId, DeliveryId, DeliveryState, DeliveryView, Event, EventKind,
        NotificationId, Routing, Timestamp, UserId, Wanted, WebhookId,
    },
    server::clock::after,
};

pub(super) use told::Told;

/// Why a delivery is held that waits to be one message with others.
pub const DIGEST: &str = "digest";
/// Why a delivery is held that is due, for a moment: others to the same contact go with it.
pub const TOGETHER: &str = "together";
/// Why a delivery is held that is to be judged anew, since its user wants something else now.
pub const ANEW: &str = "judged_anew";
/// The most webhooks that there may be: each write looks at all of them.
pub const MOST_WEBHOOKS: usize = 1_000;
/// The most attempts of a delivery that are remembered; the first ones of a longer history are forgotten.
pub const MOST_ATTEMPTS: usize = 100;

/// A webhook as it is kept. `Debug` does not show its secrets, nor its URL, which may hold one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub id: WebhookId,
    /// Where events are posted to.
    pub url: String,
    /// What it wants to be told of.
    pub wanted: Wanted,
    /// What it is signed with, as `whsec_…`.
    pub secret: String,
    /// The secret before that, and until when it signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret: Option<(String, Timestamp)>,
    /// Why nothing is sent there, if it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// When it was made, or enabled for the last time.
    pub enabled_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was changed.
    pub version: u64,
}

impl Webhook {
    /// Its lane: an endpoint fails by itself.
    #[must_use]
    pub fn lane(&self) -> String {
        lane_of(self.id)
    }
}

/// The lane of a webhook.
#[must_use]
pub fn lane_of(id: WebhookId) -> String {
    format!("webhook:{id}")
}

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

/// Whether a lane is this one, or one of the channel of this name.
pub(super) fn is_of_lane(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// Keeps the endpoints of applications. What is written takes effect for the next write of a notification.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Adds one; `false`, and nothing is done, when there are [`MOST_WEBHOOKS`].
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// All of them, the oldest first.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// One; `None` when there is none of that id.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// Puts this in the place of what it was made of, with the next version; `false`, and nothing is done, when another
    /// caller changed it meanwhile, or it is gone.
    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// Takes one away; `false` when there is none of that id. What is still to be sent there is left to the worker.
    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError>;
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

/// A delivery that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Which notification it is about, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// Whose inbox it is about.
    pub user_id: UserId,
    /// Which way it goes.
    pub channel: Channel,
    /// The contact or webhook that it goes to.
    pub target: Uuid,
    /// What it fails together with.
    pub lane: String,
    /// [`DeliveryState::Ready`], [`DeliveryState::Held`], or one that [is over](DeliveryState::is_over).
    pub state: DeliveryState,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// How long it waits.
    pub wait: Duration,
    /// The bytes that are sent to an endpoint. To a contact, what the sender said of the ways on which the user is told,
    /// as JSON; empty where that is nothing.
    pub payload: String,
    /// When it is of no use any more, if nothing was attempted by then.
    pub expires_at: Option<Timestamp>,
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

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// Which notification it is about, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// Whose inbox it is about.
    pub user_id: UserId,
    /// Which way it goes.
    pub channel: Channel,
    /// The contact or webhook that it goes to.
    pub target: Uuid,
    /// What it fails together with.
    pub lane: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// When it is, or was last, to be sent; while it is [`DeliveryState::Leased`], when the lease ends.
    pub due_at: Timestamp,
    /// How many attempts were begun that count.
    pub tries: u32,
    /// What is known of them.
    pub attempts: Vec<Attempt>,
    /// As [`NewDelivery::payload`].
    pub payload: String,
    /// When it is of no use any more, if nothing was attempted by then.
    pub expires_at: Option<Timestamp>,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When nothing more became of it.
    pub ended_at: Option<Timestamp>,
    /// The delivery that this one repeats.
    pub replay_of: Option<DeliveryId>,
    /// Whether another one repeats it.
    pub is_replayed: bool,
    /// The digest that it is a part of. It is not claimed, and ends as that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<DeliveryId>,
}

impl NewDelivery {
    /// As it is kept when it is made at this moment.
    pub(in crate::server) fn made(self, now: Timestamp) -> Delivery {
        let Self { id, notification_id, user_id, channel, target, lane, state, reason, wait, payload, expires_at } =
            self;
        Delivery {
            id,
            notification_id,
            user_id,
            channel,
            target,
            lane,
            state,
            reason,
            due_at: after(now, wait),
            tries: 0,
            attempts: Vec::new(),
            payload,
            expires_at,
            created_at: now,
            ended_at: state.is_over().then_some(now),
            replay_of: None,
            is_replayed: false,
            via: None,
        }
    }
}

impl Delivery {
    /// A new one of this name that repeats it, due at once. It does not expire: it was asked for. What was a part of a
    /// digest is to become one again, with the others of it.
    pub(super) fn again(&self, id: DeliveryId, now: Timestamp) -> Self {
        let was_in_digest = self.via.is_some();
        Self {
            id,
            state: if was_in_digest { DeliveryState::Held } else { DeliveryState::Ready },
            reason: was_in_digest.then(|| TOGETHER.to_owned()),
            due_at: now,
            tries: 0,
            attempts: Vec::new(),
            expires_at: None,
            created_at: now,
            ended_at: None,
            replay_of: Some(self.id),
            is_replayed: false,
            via: None,
            ..self.clone()
        }
    }

    /// A digest of this name, to the same contact, due at once.
    pub(super) fn digest(&self, id: DeliveryId, now: Timestamp) -> Self {
        let new = NewDelivery {
            id,
            notification_id: None,
            user_id: self.user_id.clone(),
            channel: self.channel,
            target: self.target,
            lane: self.lane.clone(),
            state: DeliveryState::Ready,
            reason: None,
            wait: Duration::ZERO,
            payload: String::new(),
            expires_at: None,
        };
        new.made(now)
    }

    /// Whether it stands for several others, which have it as their [`Self::via`]. Only mails do.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.channel == Channel::Email && self.notification_id.is_none()
    }

    /// Whether it tells a device how many are unread, and nothing else.
    #[must_use]
    pub fn is_count(&self) -> bool {
        !matches!(self.channel, Channel::Email | Channel::Webhook) && self.notification_id.is_none()
    }

    /// Whether it may be repeated: it is over, was not sent, and no other one repeats it. Of a digest, the parts are; what
    /// told how many were unread is of no use any more.
    #[must_use]
    pub fn may_be_replayed(&self) -> bool {
        self.state.may_be_repeated() && !self.is_replayed && !self.is_digest() && !self.is_count()
    }

    /// As callers see it.
    #[must_use]
    pub fn view(self) -> DeliveryView {
        let Self { id, notification_id, user_id, channel, target, state, reason, due_at, attempts, .. } = self;
        let (created_at, replay_of, via) = (self.created_at, self.replay_of, self.via);
        DeliveryView {
            id,
            notification_id,
            user_id,
            channel,
            contact: Some(target).filter(|target| !target.is_nil()),
            state,
            reason,
            due_at,
            attempts,
            created_at,
            replay_of,
            via,
        }
    }
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

/// How well a lane does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How many attempts failed since the last one that worked.
    pub failures: u64,
    /// When the first of these was.
    pub failing_since: Option<Timestamp>,
    /// When an attempt worked for the last time.
    pub worked_at: Option<Timestamp>,
}

/// What is remembered of a lane, beside what waits in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneMemory {
    /// Its name.
    pub lane: String,
    /// Until when nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How well it does.
    pub health: Health,
}

/// A lane in which something waits, or of which something is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub lane: String,
    /// How many deliveries are not over.
    pub waiting: u64,
    /// When the oldest of those that are due first was decided.
    pub oldest: Option<Timestamp>,
    /// Until when nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How well it does.
    pub health: Health,
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

/// What of all deliveries is asked for. What is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// About this notification.
    pub notification_id: Option<NotificationId>,
    /// About the inbox of this user.
    pub user_id: Option<UserId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// By this channel.
    pub channel: Option<Channel>,
    /// To this contact or webhook.
    pub target: Option<Uuid>,
    /// Decided at this moment or later.
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
    /// [`LOOKED_AT`](super::LOOKED_AT) at most, and may be short and have a next one.
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
