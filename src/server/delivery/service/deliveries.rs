//! The calls for deliveries and channels.

use std::collections::{HashMap, hash_map::Entry};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    model::{Channel, ContactId, ContactState, DeliveryId, DeliveryState, Timestamp, WebhookId},
    server::{
        delivery::{Delivery, relevance::of_no_use},
        identity::{Principal, Scope},
        service::ServiceError,
        store::outbox::{Delivery as StoredDelivery, DeliveryFilter, DeliveryPage, Lane},
    },
};

/// How many deliveries are retried in one step.
const RETRY_STEP: usize = 500;

/// A channel and its lanes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelView {
    /// Which one.
    pub channel: Channel,
    /// `set_up`, or `not_set_up`.
    pub state: &'static str,
    /// Its lanes, by name.
    pub lanes: Vec<LaneView>,
}

/// A lane: deliveries that wait and fail together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneView {
    /// Its name, such as `webhook:019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f`.
    pub lane: String,
    /// `open`, or `paused`.
    pub state: &'static str,
    /// Number of attempts that this server is making now.
    pub in_flight: usize,
    /// Number of unfinished deliveries.
    pub waiting: u64,
    /// Time at which the oldest due delivery was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub oldest: Option<Timestamp>,
    /// Time until which the lane is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub paused_until: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Time since which every attempt has failed; absent when the last one succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failing_since: Option<Timestamp>,
}

impl Delivery {
    /// Deliveries, newest first. For a user, those about their own inbox.
    ///
    /// # Errors
    /// When the caller may not see them.
    pub async fn deliveries(
        &self,
        principal: &Principal,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, ServiceError> {
        let inbox = filter.user_id.as_ref().or(principal.own_inbox());
        principal.may_in(Scope::Read, inbox)?;
        let filter = DeliveryFilter { user_id: inbox.cloned(), ..filter.clone() };
        let page = self.0.stores.deliveries.deliveries(&filter, before, limit).await?;
        let mut deliveries = Vec::with_capacity(page.deliveries.len());
        for delivery in page.deliveries {
            deliveries.push(self.judged(delivery).await?);
        }
        deliveries.retain(|delivery| filter.admits(delivery));
        Ok(DeliveryPage { deliveries, next: page.next })
    }

    /// A delivery in the state that its inbox implies: reading cancels one to a contact, though that may be stored a
    /// moment later.
    async fn judged(&self, delivery: StoredDelivery) -> Result<StoredDelivery, ServiceError> {
        let waits = matches!(delivery.state, DeliveryState::Held | DeliveryState::Ready);
        let about = delivery.notification_id.filter(|_| waits && delivery.channel != Channel::Webhook);
        let Some(id) = about else { return Ok(delivery) };
        let notification = self.0.stores.inboxes.get(id).await?;
        Ok(match of_no_use(notification.as_ref(), self.0.clock.now()) {
            Some((state, reason)) => StoredDelivery { state, reason: Some(reason.to_owned()), ..delivery },
            None => delivery,
        })
    }

    /// Sends a delivery that was given up again, as a new one; one that waits for its next attempt is tried at once.
    ///
    /// # Errors
    /// When the caller may not, none has this id, or it is held, being sent, was sent, or is sent again already.
    pub async fn retry(&self, principal: &Principal, id: DeliveryId) -> Result<StoredDelivery, ServiceError> {
        principal.may(Scope::Admin)?;
        let known = self.0.stores.deliveries.delivery(id).await?.ok_or_else(|| no_delivery(id))?;
        if let Some(why) = self.unreachable(known.channel, known.target).await? {
            return Err(ServiceError::Conflict(why.to_owned()));
        }
        if known.state == DeliveryState::Ready {
            self.0.stores.deliveries.hasten(&[id], self.0.clock.now()).await?;
            self.0.wake.notify_one();
            return self.0.stores.deliveries.delivery(id).await?.ok_or_else(|| no_delivery(id));
        }
        let new = DeliveryId::new(Uuid::now_v7());
        let made = self.0.stores.deliveries.replay(&[(id, new)], self.0.clock.now()).await?;
        let found = self.0.stores.deliveries.delivery(if made == 0 { id } else { new }).await?;
        let found = found.ok_or_else(|| no_delivery(id))?;
        if made == 0 {
            let why = match found.state {
                DeliveryState::Sent => "It was sent.",
                _ if found.is_replayed => "It is sent again already, by another delivery.",
                _ if found.is_digest() && found.state.is_over() => {
                    "It stood for several deliveries. Retry those, each by itself or all that were given up."
                }
                _ if found.is_count() && found.state.is_over() => {
                    "It told a device how many were unread. That is told again when it changes."
                }
                _ => "It is not over yet. Cancel it first.",
            };
            return Err(ServiceError::Conflict(why.to_owned()));
        }
        self.0.wake.notify_one();
        Ok(found)
    }

    /// Why nothing could be sent to a webhook or contact, if so.
    async fn unreachable(&self, channel: Channel, target: Uuid) -> Result<Option<&'static str>, ServiceError> {
        if channel == Channel::Webhook {
            return Ok(match self.0.stores.webhooks.webhook(WebhookId::new(target)).await? {
                Some(webhook) if webhook.disabled.is_none() => None,
                Some(_) => Some("Its webhook is disabled, so nothing would be sent. Enable that first."),
                None => Some("Its webhook was deleted."),
            });
        }
        Ok(match self.0.stores.contacts.contact(ContactId::new(target)).await? {
            _ if !self.0.policy.channel(channel).is_some() => Some("Its channel is not set up."),
            Some(contact) if contact.state == ContactState::Active => None,
            Some(_) => Some("Nothing is sent to its contact any more. Add that again first."),
            None => Some("Its contact was deleted."),
        })
    }

    /// Sends again all deliveries that a filter selects and whose webhooks or contacts are active, as [`Self::retry`]
    /// does, and returns their number.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn retry_all(&self, principal: &Principal, filter: &DeliveryFilter) -> Result<u64, ServiceError> {
        principal.may(Scope::Admin)?;
        let (mut before, mut retried) = (None, 0);
        let mut is_told = HashMap::new();
        loop {
            let page = self.0.stores.deliveries.deliveries(filter, before, RETRY_STEP).await?;
            let (mut ids, mut waiting) = (Vec::new(), Vec::new());
            for delivery in &page.deliveries {
                let waits = delivery.state == DeliveryState::Ready;
                if !waits && !delivery.may_be_replayed() {
                    continue;
                }
                let is_told = match is_told.entry(delivery.target) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(place) => {
                        *place.insert(self.unreachable(delivery.channel, delivery.target).await?.is_none())
                    }
                };
                if is_told && waits {
                    waiting.push(delivery.id);
                } else if is_told {
                    ids.push((delivery.id, DeliveryId::new(Uuid::now_v7())));
                }
            }
            let now = self.0.clock.now();
            if !ids.is_empty() {
                retried += self.0.stores.deliveries.replay(&ids, now).await? as u64;
            }
            if !waiting.is_empty() {
                retried += self.0.stores.deliveries.hasten(&waiting, now).await? as u64;
            }
            self.0.wake.notify_one();
            before = page.next;
            if before.is_none() {
                return Ok(retried);
            }
        }
    }

    /// Cancels an unfinished delivery, and returns it.
    ///
    /// # Errors
    /// When the caller may not, none has this id, or it has ended.
    pub async fn cancel(&self, principal: &Principal, id: DeliveryId) -> Result<StoredDelivery, ServiceError> {
        principal.may(Scope::Admin)?;
        let is_cancelled = self.0.stores.deliveries.cancel(id, "by_hand", self.0.clock.now()).await?;
        let found = self.0.stores.deliveries.delivery(id).await?.ok_or_else(|| no_delivery(id))?;
        if is_cancelled {
            Ok(found)
        } else {
            Err(ServiceError::Conflict(format!("This delivery has ended: it is {}.", found.state)))
        }
    }

    /// Every channel, and its lanes.
    ///
    /// # Errors
    /// When the caller may not see them.
    pub async fn channels(&self, principal: &Principal) -> Result<Vec<ChannelView>, ServiceError> {
        principal.may(Scope::Admin)?;
        let (now, lanes, in_flight) =
            (self.0.clock.now(), self.0.stores.deliveries.lanes().await?, self.0.worker.in_flight());
        let view = |lane: &Lane| {
            let paused_until = lane.paused_until.filter(|until| now < *until);
            LaneView {
                lane: lane.lane.clone(),
                state: if paused_until.is_some() { "paused" } else { "open" },
                in_flight: in_flight.get(&lane.lane).copied().unwrap_or(0),
                waiting: lane.waiting,
                oldest: lane.oldest,
                paused_until,
                reason: paused_until.and(lane.reason.clone()),
                failing_since: lane.health.failing_since,
            }
        };
        let of = |channel: Channel| {
            let is_of = |lane: &&Lane| lane.lane.split(':').next() == Some(channel.as_str());
            let state = if self.0.policy.channel(channel).is_some() { "set_up" } else { "not_set_up" };
            ChannelView { channel, state, lanes: lanes.iter().filter(is_of).map(view).collect() }
        };
        Ok(Channel::ALL.iter().copied().map(of).collect())
    }

    /// Ends the pauses of all lanes of a channel.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn resume(&self, principal: &Principal, channel: Channel) -> Result<(), ServiceError> {
        principal.may(Scope::Admin)?;
        self.0.stores.deliveries.resume(channel.as_str()).await?;
        self.0.wake.notify_one();
        Ok(())
    }
}

fn no_delivery(id: DeliveryId) -> ServiceError {
    ServiceError::NotFound(format!("There is no delivery {id}; those that are over are forgotten after some days."))
}
