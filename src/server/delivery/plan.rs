//! Decides which deliveries follow from an event. Pure, without a clock or a store.

use std::time::Duration;

use uuid::Uuid;

use super::{
    policy::Policy,
    relevance::of_no_use,
    rules::{Decision, Rules, decide},
};
use crate::{
    model::{
        Channel, Choice, ContactId, ContactState, DeliveryId, DeliveryState, Notification, Preferences, Routing,
        Timestamp, Way,
    },
    server::store::{
        contacts::KeptContact,
        outbox::{Entry, NewDelivery, Planned, Webhook},
    },
};

/// The reason why nothing is sent to a disabled webhook.
pub(super) const DISABLED: &str = "webhook_disabled";

/// A user at the time of planning.
#[derive(Clone, Debug)]
pub(super) struct Addressee {
    /// The contacts of the user.
    pub(super) contacts: Vec<KeptContact>,
    /// The notification, if it still exists.
    pub(super) notification: Option<Notification>,
    /// For an update of the unread count: the devices that have one waiting already.
    pub(super) to_be_counted: Vec<ContactId>,
    /// The preferences of the user.
    pub(super) preferences: Preferences,
    /// Time at which this was read.
    pub(super) at: Timestamp,
}

/// The deliveries of an entry: one for each webhook that wants it, and one for each contact of the user that a channel
/// reaches; of an update of the unread count, one for each device that has none waiting already. If the sender asks for
/// a channel that is not set up, or for which the user has no contact, one delivery records that. `id` makes their ids.
pub(super) fn plan(
    entry: &Entry,
    webhooks: &[Webhook],
    addressee: Option<&Addressee>,
    policy: &Policy,
    id: impl Fn() -> Uuid,
) -> Planned {
    let mut deliveries = to_webhooks(entry, webhooks, &id);
    if let Some(Addressee { contacts, preferences, to_be_counted, .. }) = addressee.filter(|_| entry.is_count()) {
        let fate = Fate { state: DeliveryState::Ready, reason: None, wait: Duration::ZERO };
        for (contact, lane) in devices(contacts, preferences, policy) {
            // A waiting update carries the count at the time of sending.
            if !to_be_counted.contains(&contact.id) {
                let to = (contact.address.channel(), contact.id.as_uuid(), lane);
                deliveries.push(to_contact(entry, to, fate, id()));
            }
        }
    }
    if let Some(Addressee { contacts, notification: Some(notification), preferences, at, .. }) = addressee {
        for contact in contacts {
            let channel = contact.address.channel();
            let Some(lane) = policy.lane(&contact.address) else { continue };
            let fate = fate(entry, contact, notification, preferences, policy.rules(), *at);
            deliveries.push(to_contact(entry, (channel, contact.id.as_uuid(), lane), fate, id()));
        }
        for channel in asked_for(&entry.routing) {
            let is_set_up = policy.channel(channel).is_some();
            if is_set_up && contacts.iter().any(|contact| contact.address.channel() == channel) {
                continue;
            }
            let reason = if is_set_up { "no_contact" } else { "not_set_up" };
            let fate = Fate { state: DeliveryState::Skipped, reason: Some(reason), wait: Duration::ZERO };
            deliveries.push(to_contact(entry, (channel, Uuid::nil(), channel.to_string()), fate, id()));
        }
    }
    Planned { entry: entry.seq, deliveries }
}

/// The channels that a sender names, each once.
fn asked_for(routing: &Routing) -> impl Iterator<Item = Channel> {
    let named = routing.channels.as_deref();
    let email = Some(Channel::Email)
        .filter(|email| routing.send_email == Some(true) && named.is_none_or(|named| named.contains(email)));
    let is_wanted = |channel: &Channel| *channel != Channel::Email || routing.send_email.is_none();
    named.unwrap_or_default().iter().copied().filter(is_wanted).chain(email)
}

fn to_webhooks(entry: &Entry, webhooks: &[Webhook], id: impl Fn() -> Uuid) -> Vec<NewDelivery> {
    // A webhook that wants it was added since; there was none at the time of the event.
    if entry.data.is_empty() {
        return Vec::new();
    }
    let Entry { kind, at, data, .. } = entry;
    let wants = |webhook: &&Webhook| webhook.wanted.takes(*kind, entry.category.as_ref(), &entry.user_id);
    let to_webhook = |webhook: &Webhook| {
        let is_disabled = webhook.disabled.is_some();
        NewDelivery {
            id: DeliveryId::new(id()),
            notification_id: entry.notification_id,
            user_id: entry.user_id.clone(),
            channel: Channel::Webhook,
            target: webhook.id.as_uuid(),
            lane: webhook.lane(),
            state: if is_disabled { DeliveryState::Skipped } else { DeliveryState::Ready },
            reason: is_disabled.then(|| DISABLED.to_owned()),
            wait: Duration::ZERO,
            payload: format!(r#"{{"type":"{kind}","timestamp":"{at}","data":{data}}}"#),
            expires_at: entry.expires_at,
        }
    };
    webhooks.iter().filter(wants).map(to_webhook).collect()
}

/// Its text is written at the time of sending, so it stores only the sender's instructions.
fn to_contact(entry: &Entry, (channel, target, lane): (Channel, Uuid, String), fate: Fate, id: Uuid) -> NewDelivery {
    let Fate { state, reason, wait } = fate;
    let routing = Some(&entry.routing).filter(|routing| !routing.is_silent());
    NewDelivery {
        id: DeliveryId::new(id),
        notification_id: entry.notification_id,
        user_id: entry.user_id.clone(),
        channel,
        target,
        lane,
        state,
        reason: reason.map(str::to_owned),
        wait,
        // It consists of words, so this cannot fail.
        payload: routing.and_then(|routing| serde_json::to_string(routing).ok()).unwrap_or_default(),
        expires_at: entry.expires_at,
    }
}

/// The first state of a delivery to a contact.
#[derive(Clone, Copy)]
struct Fate {
    state: DeliveryState,
    reason: Option<&'static str>,
    wait: Duration,
}

fn fate(
    entry: &Entry,
    contact: &KeptContact,
    notification: &Notification,
    preferences: &Preferences,
    rules: &Rules,
    at: Timestamp,
) -> Fate {
    let over = |state, reason| Fate { state, reason: Some(reason), wait: Duration::ZERO };
    if let Some((state, reason)) = of_no_use(Some(notification), at) {
        return over(state, reason);
    }
    if let Some(reason) = out_of_reach(contact.state) {
        return over(DeliveryState::Skipped, reason);
    }
    let (channel, now) = (contact.address.channel(), at.to_utc());
    let (category, created) = (&notification.category, notification.timestamp.to_utc());
    match decide(&entry.routing, preferences, rules, category, channel, created, now) {
        Decision::Send => Fate { state: DeliveryState::Ready, reason: None, wait: Duration::ZERO },
        Decision::Skip { reason } => over(DeliveryState::Skipped, reason.as_str()),
        Decision::Hold { until, why } => {
            let wait = (until - now).to_std().unwrap_or_default();
            Fate { state: DeliveryState::Held, reason: Some(why.as_str()), wait }
        }
    }
}

/// The contacts of a user that get the unread count silently, with their lanes: devices. A browser requires that each
/// push is visible to the user.
pub(super) fn devices<'c>(
    contacts: &'c [KeptContact],
    preferences: &Preferences,
    policy: &Policy,
) -> Vec<(&'c KeptContact, String)> {
    if is_unwanted(preferences) {
        return Vec::new();
    }
    let is_told = |contact: &&KeptContact| {
        matches!(contact.address.channel(), Channel::Fcm | Channel::Apns) && contact.state == ContactState::Active
    };
    let told = contacts.iter().filter(is_told);
    told.filter_map(|contact| Some((contact, policy.lane(&contact.address)?))).collect()
}

/// Whether a user turned all pushes off.
pub(super) fn is_unwanted(preferences: &Preferences) -> bool {
    preferences.channels.of(Way::Push) == Some(Choice::Off)
}

/// Why nothing is sent to a contact in this state, if nothing is.
pub(super) fn out_of_reach(state: ContactState) -> Option<&'static str> {
    match state {
        ContactState::Active => None,
        ContactState::Suppressed => Some("contact_suppressed"),
        ContactState::Disabled => Some("contact_disabled"),
        ContactState::Dead => Some("contact_dead"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Category, EventKind, Timestamp, UserId, Wanted, WebhookId},
        server::{channels::channel::Channels, delivery::unsubscribe::Unsubscribe, store::MemoryStore},
    };

    pub(in crate::server::delivery) fn webhook(number: u128, wanted: Wanted) -> Webhook {
        let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        Webhook {
            id: WebhookId::new(Uuid::from_u128(number)),
            url: "https://example.com/hook".to_owned(),
            wanted,
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            old_secret: None,
            disabled: None,
            enabled_at: at,
            created_at: at,
            version: 0,
        }
    }

    /// A policy without a channel that reaches users.
    fn policy() -> Policy {
        let store = MemoryStore::new(1, Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let unsubscribe = Unsubscribe::new(Arc::new(store), None);
        Policy::new(Channels::new(), Rules::default(), None, unsubscribe)
    }

    #[test]
    fn each_endpoint_that_wants_an_event_receives_it_and_a_disabled_one_is_skipped_with_a_reason() {
        let entry = Entry {
            seq: 7,
            kind: EventKind::Deleted,
            user_id: UserId::parse("ann").unwrap(),
            category: Some(Category::parse("alert").unwrap()),
            notification_id: None,
            expires_at: None,
            at: Timestamp::parse("2026-01-01T00:00:01Z").unwrap(),
            data: r#"{"user_id":"ann"}"#.to_owned(),
            to_contacts: false,
            routing: Routing::default(),
        };
        let all = Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() };
        let disabled = Webhook { disabled: Some("gone".to_owned()), ..webhook(3, all.clone()) };
        let webhooks = [webhook(1, all), webhook(2, Wanted::default()), disabled];
        let Planned { entry, deliveries } = plan(&entry, &webhooks, None, &policy(), || Uuid::from_u128(9));
        let found: Vec<_> = deliveries
            .iter()
            .map(|delivery| (delivery.target.as_u128(), delivery.state, delivery.reason.as_deref()))
            .collect();
        assert_eq!(entry, 7);
        assert_eq!(found, [(1, DeliveryState::Ready, None), (3, DeliveryState::Skipped, Some(DISABLED))]);
        assert_eq!(deliveries[0].lane, "webhook:00000000-0000-0000-0000-000000000001");
        assert_eq!(
            deliveries[0].payload,
            r#"{"type":"notification.deleted","timestamp":"2026-01-01T00:00:01.000000Z","data":{"user_id":"ann"}}"#
        );
    }
}
