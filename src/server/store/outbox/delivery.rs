//! A delivery: one message to one contact or endpoint, and its outcome.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    model::{Attempt, Channel, DeliveryId, DeliveryState, DeliveryView, NotificationId, Timestamp, UserId},
    server::clock::after,
};

/// Why a delivery is held that waits to be one message with others.
pub const DIGEST: &str = "digest";
/// Why a delivery is held that is due, for a moment: others to the same contact go with it.
pub const TOGETHER: &str = "together";
/// Why a delivery is held that is to be judged anew, since its user wants something else now.
pub const ANEW: &str = "judged_anew";
/// The most attempts of a delivery that are remembered; the first ones of a longer history are forgotten.
pub const MOST_ATTEMPTS: usize = 100;

/// A delivery that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Which notification it is about, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Channel of the delivery.
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

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// Which notification it is about, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Channel of the delivery.
    pub channel: Channel,
    /// The contact or webhook that it goes to.
    pub target: Uuid,
    /// What it fails together with.
    pub lane: String,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Reason for the state.
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
    /// Time at which it was decided.
    pub created_at: Timestamp,
    /// When nothing more became of it.
    pub ended_at: Option<Timestamp>,
    /// Id of the delivery that this one repeats.
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
    pub(in crate::server::store) fn again(&self, id: DeliveryId, now: Timestamp) -> Self {
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
    pub(in crate::server::store) fn digest(&self, id: DeliveryId, now: Timestamp) -> Self {
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
