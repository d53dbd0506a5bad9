//! The recipient and the notifications of a delivery at the moment of sending, or why it is not sent.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;

use super::{LOOKS_EVERY, Worker, lanes::Queued, results::as_before};
use crate::{
    model::{Category, Channel, Choice, DeliveryState, Notification, Preferences, Routing, Timestamp, Way},
    server::{
        causes::with_causes,
        channels::channel::{Addressed, Recipient},
        delivery::{
            plan::{is_unwanted, out_of_reach},
            relevance::{DELETED, of_no_use},
            rules::{
                Because, Decision, HeldFor,
                SkippedFor::{OffByCategory, OffByChannel},
                decide, quiet_until, value,
            },
            stores::DeliveryStores,
            unsubscribe::Ending,
        },
        store::{
            Profile, StoreError,
            contacts::KeptContact,
            outbox::{Delivery, Next},
        },
    },
};

/// How many notifications one message contains; more are only counted.
const MOST_TOLD: usize = 20;
/// How many of them are read at once.
const READ_AT_ONCE: usize = 8;

/// The notifications of a delivery.
#[derive(Default)]
struct About {
    /// The newest ones, newest first.
    notifications: Vec<Notification>,
    /// How many there are in all.
    total: u64,
    /// Their category, if they have the same.
    category: Option<Category>,
    /// Whether they have different ones.
    is_mixed: bool,
    /// Whether one of them is mandatory.
    is_mandatory: bool,
}

impl About {
    fn add(&mut self, notification: Notification, is_mandatory: bool) {
        self.total += 1;
        self.is_mandatory |= is_mandatory;
        match &self.category {
            None => self.category = Some(notification.category.clone()),
            Some(category) => self.is_mixed |= *category != notification.category,
        }
        self.notifications.push(notification);
    }
}

impl Worker {
    /// The present recipient of a delivery; or its next step, where it is not to be sent.
    pub(super) async fn recipient(&self, queued: &Queued) -> Result<Recipient, Next> {
        if let Some(webhook) = &queued.webhook {
            return Ok(Recipient::Webhook(Arc::clone(webhook)));
        }
        let addressed = self.judged(&queued.delivery).await?;
        // Silent messages and repeated attempts do not count against the rate of a contact.
        if queued.delivery.is_count() || queued.past.attempts > 0 {
            return Ok(Recipient::Contact(Box::new(addressed)));
        }
        match self.0.policy.count(addressed.contact.id, addressed.category.as_ref()) {
            Ok(()) => Ok(Recipient::Contact(Box::new(addressed))),
            Err(wait) => Err(Next::Held { wait, reason: "limit".to_owned() }),
        }
    }

    /// The message for a contact, if it is to be sent now; or its next step.
    pub(super) async fn judged(&self, delivery: &Delivery) -> Result<Addressed, Next> {
        match self.addressed(delivery).await {
            Ok(judged) => judged,
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(cause = with_causes(&error), "a delivery could not be read; trying again");
                Err(as_before(delivery, LOOKS_EVERY))
            }
            Err(error) => {
                tracing::error!(cause = with_causes(&error), "a delivery cannot be read; giving it up");
                Err(over((DeliveryState::Dead, "unreadable")))
            }
        }
    }

    async fn addressed(&self, delivery: &Delivery) -> Result<Result<Addressed, Next>, StoreError> {
        let about = delivery.notification_id.filter(|_| !delivery.is_digest());
        // The last check before sending: a notification read after this may still arrive, once.
        let profile = self.0.stores.profiles.profile(&delivery.user_id, about).await?;
        let Profile { contacts, preferences, modseq, unread_count, notification } = profile;
        let Some(contact) = contacts.into_iter().find(|contact| contact.id.as_uuid() == delivery.target) else {
            return Ok(Err(over((DeliveryState::Cancelled, "contact_deleted"))));
        };
        if let Some(reason) = out_of_reach(contact.state) {
            return Ok(Err(over((DeliveryState::Skipped, reason))));
        }
        let about = if delivery.is_digest() {
            self.all_of(delivery, &preferences).await?
        } else if delivery.is_count() {
            // It is silent, so quiet hours and choices for categories do not apply.
            let off = || over((DeliveryState::Skipped, OffByChannel.as_str()));
            if is_unwanted(&preferences) { Err(off()) } else { Ok(About::default()) }
        } else {
            self.one_of(delivery, &preferences, notification)
        };
        let About { notifications, total, category, is_mixed, .. } = match about {
            Ok(about) => about,
            Err(next) => return Ok(Err(next)),
        };
        let category = category.filter(|_| !is_mixed);
        let is_mail = delivery.channel == Channel::Email;
        let unsubscribe = if is_mail { self.unsubscribe(&contact, category.as_ref()).await? } else { None };
        Ok(Ok(Addressed { contact, notifications, total, category, modseq, unread_count, unsubscribe }))
    }

    /// The notification of a delivery that is not a digest.
    fn one_of(
        &self,
        delivery: &Delivery,
        preferences: &Preferences,
        notification: Option<Notification>,
    ) -> Result<About, Next> {
        let now = self.0.clock.now();
        if let Some(end) = of_no_use(notification.as_ref(), now) {
            return Err(over(end));
        }
        let Some(notification) = notification else { return Err(over(DELETED)) };
        // An unreadable request counts as none.
        let routing: Routing = serde_json::from_str(&delivery.payload).unwrap_or_default();
        let rules = self.0.policy.rules();
        let (category, created) = (&notification.category, notification.timestamp.to_utc());
        let decision = decide(&routing, preferences, rules, category, delivery.channel, created, now.to_utc());
        match decision {
            Decision::Skip { reason } => Err(over((DeliveryState::Skipped, reason.as_str()))),
            Decision::Hold { until, why } if now.to_utc() < until => Err(held_until(until, now, why)),
            Decision::Hold { .. } | Decision::Send => {
                let mut about = About::default();
                about.add(notification, false);
                Ok(about)
            }
        }
    }

    /// The notifications of a digest, newest first. Its parts were judged when they joined it.
    async fn all_of(&self, digest: &Delivery, preferences: &Preferences) -> Result<Result<About, Next>, StoreError> {
        let DeliveryStores { inboxes, outbox, deliveries, .. } = &self.0.stores;
        let now = self.0.clock.now();
        let parts = outbox.parts(digest.id).await?;
        let (mut about, mut newest) = (About::default(), Vec::with_capacity(MOST_TOLD + READ_AT_ONCE));
        for some in parts.chunks(READ_AT_ONCE) {
            let found = try_join_all(some.iter().map(|part| inboxes.get(part.notification_id))).await?;
            for (part, found) in some.iter().zip(found) {
                match (of_no_use(found.as_ref(), now), found) {
                    (None, Some(notification)) => {
                        let rules = self.0.policy.rules();
                        match value(preferences, rules, &notification.category, Way::Email) {
                            // The user turned it off during an attempt.
                            (Choice::Off, because @ (Because::Category | Because::Channel)) => {
                                let reason = if because == Because::Category { OffByCategory } else { OffByChannel };
                                deliveries.cancel(part.id, reason.as_str(), now).await?;
                            }
                            (_, because) => {
                                about.add(notification, because == Because::Mandatory);
                                newest.extend(about.notifications.pop().map(|notification| (part.id, notification)));
                            }
                        }
                    }
                    (end, _) => {
                        let (_, reason) = end.unwrap_or(DELETED);
                        deliveries.cancel_about(&digest.user_id, &[part.notification_id], reason, now).await?;
                    }
                }
            }
            // Notifications of one time, as in a batch, were planned in their order. There may be very many of them.
            newest.sort_by_key(|(part, notification)| Reverse((notification.timestamp, *part)));
            newest.truncate(MOST_TOLD);
        }
        about.notifications = newest.into_iter().map(|(_, notification)| notification).collect();
        if about.total == 0 {
            return Ok(Err(over((DeliveryState::Cancelled, "nothing_left"))));
        }
        let is_quiet = preferences.quiet_hours.and_then(|hours| quiet_until(&hours, now.to_utc()));
        Ok(match is_quiet {
            Some(until) if !about.is_mandatory => Err(held_until(until, now, HeldFor::QuietHours)),
            _ => Ok(about),
        })
    }

    /// The page on which a user turns such messages off: those of the category, if they all have the same. None where
    /// it is mandatory.
    async fn unsubscribe(&self, to: &KeptContact, category: Option<&Category>) -> Result<Option<String>, StoreError> {
        let policy = &self.0.policy;
        if category.is_some_and(|category| policy.rules().mandatory.contains(category)) {
            return Ok(None);
        }
        let ending = Ending { user_id: to.user_id.clone(), category: category.cloned() };
        policy.unsubscribe().link(&ending).await
    }
}

fn over((state, reason): (DeliveryState, &str)) -> Next {
    Next::Over { state, reason: Some(reason.to_owned()) }
}

fn held_until(until: DateTime<Utc>, now: Timestamp, why: HeldFor) -> Next {
    let wait = (until - now.to_utc()).to_std().unwrap_or(Duration::ZERO);
    Next::Held { wait, reason: why.as_str().to_owned() }
}
