//! Which deliveries come of what happened. A function of what is known at that moment, without a clock or a store.

use std::time::Duration;

use uuid::Uuid;

use super::relevance::of_no_use;
use crate::{
    model::{Category, Channel, ContactAddress, ContactState, DeliveryId, DeliveryState, Notification, Timestamp},
    server::store::{
        contacts::KeptContact,
        outbox::{Entry, NewDelivery, Planned, Webhook},
    },
};

/// Why nothing is sent to a disabled endpoint.
pub(super) const DISABLED: &str = "webhook_disabled";

/// A user, as things stand when something is planned for them.
#[derive(Clone, Debug)]
pub(super) struct Addressee {
    /// Where they are reached.
    pub(super) contacts: Vec<KeptContact>,
    /// What they are to be told of, if it is still there.
    pub(super) notification: Option<Notification>,
    /// When that was looked up.
    pub(super) at: Timestamp,
}

/// The deliveries of an entry: one for each endpoint that wants it, and one for each contact of the user that a channel
/// reaches, whose lane this `lane` says. `id` makes their names.
pub(super) fn plan(
    entry: &Entry,
    webhooks: &[Webhook],
    addressee: Option<&Addressee>,
    lane: impl Fn(&ContactAddress) -> Option<String>,
    id: impl Fn() -> Uuid,
) -> Planned {
    let mut deliveries = to_webhooks(entry, webhooks, &id);
    if let Some(Addressee { contacts, notification: Some(notification), at }) = addressee {
        let to_contact = |contact: &KeptContact| {
            Some(to_contact(entry, contact, lane(&contact.address)?, decide(contact, notification, *at), id()))
        };
        deliveries.extend(contacts.iter().filter_map(to_contact));
    }
    Planned { entry: entry.seq, deliveries }
}

fn to_webhooks(entry: &Entry, webhooks: &[Webhook], id: impl Fn() -> Uuid) -> Vec<NewDelivery> {
    // An endpoint that was added since wants it, and none did when it happened.
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

/// What it says is decided when it is sent, so it has no bytes yet.
fn to_contact(entry: &Entry, contact: &KeptContact, lane: String, decision: Decision, id: Uuid) -> NewDelivery {
    let (state, reason) = match decision {
        Decision::Send => (DeliveryState::Ready, None),
        Decision::Not { state, reason } => (state, Some(reason.to_owned())),
    };
    NewDelivery {
        id: DeliveryId::new(id),
        notification_id: entry.notification_id,
        user_id: entry.user_id.clone(),
        channel: contact.address.channel(),
        target: contact.id.as_uuid(),
        lane,
        state,
        reason,
        wait: Duration::ZERO,
        payload: String::new(),
        expires_at: entry.expires_at,
    }
}

/// Whether a contact is told of a notification.
#[derive(Clone, Copy)]
enum Decision {
    Send,
    Not { state: DeliveryState, reason: &'static str },
}

fn decide(contact: &KeptContact, notification: &Notification, at: Timestamp) -> Decision {
    let skip = |reason| Decision::Not { state: DeliveryState::Skipped, reason };
    if let Some((state, reason)) = of_no_use(Some(notification), at) {
        return Decision::Not { state, reason };
    }
    match out_of_reach(contact.state) {
        Some(reason) => skip(reason),
        None if is_on_by_default(contact.address.channel(), &notification.category) => Decision::Send,
        None => skip("off_by_default"),
    }
}

/// Why nothing is sent to a contact that is in this state, if nothing is.
pub(super) fn out_of_reach(state: ContactState) -> Option<&'static str> {
    match state {
        ContactState::Active => None,
        ContactState::Suppressed => Some("contact_suppressed"),
        ContactState::Disabled => Some("contact_disabled"),
        ContactState::Dead => Some("contact_dead"),
    }
}

/// What holds for a user who said nothing: push for everything, and e-mail for alerts.
fn is_on_by_default(channel: Channel, category: &Category) -> bool {
    channel != Channel::Email || category.as_str() == "alert"
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Category, EventKind, Timestamp, UserId, Wanted, WebhookId};

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

    #[test]
    fn each_endpoint_that_wants_it_is_told_and_a_disabled_one_is_passed_over_with_a_reason() {
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
        };
        let all = Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() };
        let disabled = Webhook { disabled: Some("gone".to_owned()), ..webhook(3, all.clone()) };
        let webhooks = [webhook(1, all), webhook(2, Wanted::default()), disabled];
        let Planned { entry, deliveries } = plan(&entry, &webhooks, None, |_| None, || Uuid::from_u128(9));
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
