//! Which deliveries come of what happened. A function of what is known at that moment, without a clock or a store.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    model::{Channel, DeliveryId, DeliveryState},
    server::store::outbox::{Entry, NewDelivery, Planned, Webhook},
};

/// Why nothing is sent to a disabled endpoint.
pub(super) const DISABLED: &str = "webhook_disabled";

/// The deliveries of an entry: one for each endpoint that wants it. `id` makes their names.
pub(super) fn plan(entry: Entry, webhooks: &[Webhook], id: impl Fn() -> Uuid) -> Planned {
    let Entry { seq, kind, user_id, category, notification_id, expires_at, at, data } = entry;
    let wants = |webhook: &&Webhook| webhook.wanted.takes(kind, category.as_ref(), &user_id);
    let payload = || format!(r#"{{"type":"{kind}","timestamp":"{at}","data":{data}}}"#);
    let deliveries = webhooks.iter().filter(wants).map(|webhook| {
        let is_disabled = webhook.disabled.is_some();
        NewDelivery {
            id: DeliveryId::new(id()),
            notification_id,
            user_id: user_id.clone(),
            channel: Channel::Webhook,
            target: webhook.id.as_uuid(),
            lane: webhook.lane(),
            state: if is_disabled { DeliveryState::Skipped } else { DeliveryState::Ready },
            reason: is_disabled.then(|| DISABLED.to_owned()),
            wait: Duration::ZERO,
            payload: payload(),
            expires_at,
        }
    });
    Planned { entry: seq, deliveries: deliveries.collect() }
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
        };
        let all = Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() };
        let disabled = Webhook { disabled: Some("gone".to_owned()), ..webhook(3, all.clone()) };
        let webhooks = [webhook(1, all), webhook(2, Wanted::default()), disabled];
        let Planned { entry, deliveries } = plan(entry, &webhooks, || Uuid::from_u128(9));
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
