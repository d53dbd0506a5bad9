//! A delivery: one message to one contact or endpoint, and its outcome.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    model::{Attempt, Channel, DeliveryId, DeliveryState, DeliveryView, NotificationId, Timestamp, UserId},
    server::clock::after,
};

/// The reason of a delivery that is held to go out with others in one message.
pub const DIGEST: &str = "digest";
/// The reason of a due delivery that is held for a moment: others to the same contact go with it.
pub const TOGETHER: &str = "together";
/// The reason of a held delivery that the rules are to judge again, since its user's preferences changed.
pub const ANEW: &str = "judged_anew";
/// The most attempts of a delivery that are remembered; the first ones of a longer history are forgotten.
pub const MOST_ATTEMPTS: usize = 100;

/// A delivery to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The notification, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Channel of the delivery.
    pub channel: Channel,
    /// The contact or webhook that it goes to.
    pub target: Uuid,
    /// The group of deliveries that it waits and fails with.
    pub lane: String,
    /// [`DeliveryState::Ready`], [`DeliveryState::Held`], or one that [is over](DeliveryState::is_over).
    pub state: DeliveryState,
    /// The reason, if it is not ready.
    pub reason: Option<String>,
    /// How long it waits.
    pub wait: Duration,
    /// The bytes to send to a webhook. For a contact, the sender's instructions for the channels, as JSON; empty where
    /// there are none.
    pub payload: String,
    /// Time from which it is no longer of use, if no attempt was made by then.
    pub expires_at: Option<Timestamp>,
}

/// A delivery as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The notification, if it is about one.
    pub notification_id: Option<NotificationId>,
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Channel of the delivery.
    pub channel: Channel,
    /// The contact or webhook that it goes to.
    pub target: Uuid,
    /// The group of deliveries that it waits and fails with.
    pub lane: String,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Reason for the state.
    pub reason: Option<String>,
    /// Time at which it is, or was last, to be sent; while it is [`DeliveryState::Leased`], the end of the lease.
    pub due_at: Timestamp,
    /// How many attempts that count were begun.
    pub tries: u32,
    /// The attempts that are remembered.
    pub attempts: Vec<Attempt>,
    /// As [`NewDelivery::payload`].
    pub payload: String,
    /// Time from which it is no longer of use, if no attempt was made by then.
    pub expires_at: Option<Timestamp>,
    /// Time at which it was decided.
    pub created_at: Timestamp,
    /// Time at which it ended.
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
    /// The stored delivery, created at this time.
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
    /// A new delivery with this id that repeats it, due at once. It does not expire, because a caller asked for it. A
    /// former part of a digest is to become one again, with the other parts.
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

    /// A digest with this id, to the same contact, due at once.
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

    /// Whether it stands for several others, which have it as their [`Self::via`]. Only e-mails do.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.channel == Channel::Email && self.notification_id.is_none()
    }

    /// Whether it only sends the unread count to a device.
    #[must_use]
    pub fn is_count(&self) -> bool {
        !matches!(self.channel, Channel::Email | Channel::Webhook) && self.notification_id.is_none()
    }

    /// Whether it may be repeated: it has ended, was not sent, and no other delivery repeats it. Of a digest, the parts
    /// may be; an old unread count is of no use.
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
