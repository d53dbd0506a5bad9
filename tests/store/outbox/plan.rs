//! The deliveries that are planned for entries.

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{Channel, DeliveryId, DeliveryState, NotificationId, Wanted},
    server::store::outbox::{Backlog, DeliveryFilter, NewDelivery, Planned},
};

use super::{HOUR, Kept, PLENTY, contract, new, now, over, settlement, uuid, year};
use crate::store::{send, user};

/// The states of these deliveries, in order.
async fn states(kept: &Kept, ids: &[DeliveryId]) -> Vec<DeliveryState> {
    let mut states = Vec::new();
    for id in ids {
        states.push(kept.delivery(*id).await.state);
    }
    states
}

/// A delivery of this lane with this payload.
fn with(lane: &str, payload: &str) -> NewDelivery {
    NewDelivery { payload: payload.to_owned(), ..new(lane) }
}

contract! {
    async fn deliveries_take_the_place_of_their_entry(kept) {
        kept.listen(Wanted::default()).await;
        for content in ["a", "b", "c"] {
            send(&*kept.inboxes, "ann", content).await;
        }
        let entries = kept.unplanned().await;
        let (one, two, three) = (new("webhook:1"), new("webhook:2"), new("webhook:1"));
        let first = [&one, &two, &three].map(|delivery| delivery.id);
        let planned = vec![
            Planned { entry: entries[0].seq, deliveries: vec![one, two] },
            Planned { entry: entries[2].seq, deliveries: vec![three] },
        ];
        assert_eq!(kept.outbox.plan(planned, PLENTY, now()).await.unwrap(), 3);
        assert_eq!(kept.unplanned().await, entries[1..2]);
        assert_eq!(kept.all(&DeliveryFilter::default()).await.len(), 3);
        assert_eq!(states(&kept, &first).await, [DeliveryState::Ready; 3]);
    }

    async fn a_planned_delivery_is_stored_unchanged(kept) {
        let full = NewDelivery {
            notification_id: Some(NotificationId::new(uuid())),
            user_id: user("Zoë's \"🎉\" % \\"),
            channel: Channel::Email,
            lane: "email:exämple.org".to_owned(),
            state: DeliveryState::Held,
            reason: Some("quiet 'hours' 🌙".to_owned()),
            wait: HOUR,
            payload: "{\"a\":1,\"a\":\"é🎉\u{2028} \\u0000 \\\\\",\n \"e\":1e400}".to_owned(),
            expires_at: Some(year(2200)),
            ..new("")
        };
        let plain = NewDelivery { notification_id: None, payload: String::new(), ..new("webhook:1") };
        for delivery in [full, plain] {
            kept.add(delivery.clone()).await;
            let there = kept.delivery(delivery.id).await;
            let NewDelivery {
                id,
                notification_id,
                user_id,
                channel,
                target,
                lane,
                state,
                reason,
                wait,
                payload,
                expires_at,
            } = delivery;
            assert_eq!((there.id, there.notification_id, there.user_id.clone()), (id, notification_id, user_id));
            assert_eq!((there.channel, there.target, there.lane.clone()), (channel, target, lane));
            assert_eq!((there.state, there.reason.clone()), (state, reason));
            assert_eq!((there.payload.clone(), there.expires_at), (payload, expires_at));
            assert_eq!((there.tries, &there.attempts[..], there.ended_at), (0, &[][..], None));
            assert_eq!((there.replay_of, there.is_replayed), (None, false));
            let waits = there.due_at.as_micros() - there.created_at.as_micros();
            assert_eq!(u128::from(waits.unsigned_abs()), wait.as_micros());
            assert!((there.created_at.as_micros() - now().as_micros()).abs() < 60_000_000);
        }
    }

    async fn each_channel_is_kept(kept) {
        for channel in Channel::ALL {
            let id = kept.add(NewDelivery { channel: *channel, ..new("lane") }).await;
            assert_eq!(kept.delivery(id).await.channel, *channel);
        }
    }

    async fn an_entry_of_which_nothing_is_made_is_gone_too(kept) {
        assert_eq!(kept.plan_within(PLENTY, vec![]).await, 0);
        assert!(kept.unplanned().await.is_empty());
        assert_eq!(kept.outbox.plan(vec![], PLENTY, now()).await.unwrap(), 0);
    }

    async fn an_entry_that_is_planned_twice_has_its_deliveries_once(kept) {
        let entry = kept.entry().await;
        let (mine, of_another) = (new("webhook:1"), new("webhook:1"));
        let (kept_one, dropped) = (mine.id, of_another.id);
        for (delivery, made) in [(mine, 1), (of_another, 0)] {
            let planned = vec![Planned { entry, deliveries: vec![delivery] }];
            assert_eq!(kept.outbox.plan(planned, PLENTY, now()).await.unwrap(), made);
        }
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [kept_one]);
        assert_eq!(kept.deliveries.delivery(dropped).await.unwrap(), None);
        assert_eq!(kept.waiting("webhook:1").await, 1);
    }

    async fn concurrent_plans_of_the_same_entries_create_each_delivery_once(kept) {
        kept.listen(Wanted::default()).await;
        for _ in 0..20 {
            send(&*kept.inboxes, "ann", "x").await;
        }
        let entries: Vec<_> = kept.unplanned().await.iter().map(|entry| entry.seq).collect();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (outbox, mut entries) = (Arc::clone(&kept.outbox), entries.clone());
                // In mixed order, and some in separate calls.
                entries.rotate_left(task * 2);
                tokio::spawn(async move {
                    let mut made = 0;
                    for some in entries.chunks(7) {
                        let planned = some.iter().map(|&entry| Planned { entry, deliveries: vec![new("a"), new("b")] });
                        made += outbox.plan(planned.collect(), PLENTY, now()).await.unwrap();
                    }
                    made
                })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += task.await.unwrap();
        }
        assert_eq!(made, 40);
        assert_eq!(kept.all(&DeliveryFilter::default()).await.len(), 40);
        assert_eq!((kept.waiting("a").await, kept.waiting("b").await), (20, 20));
        assert!(kept.unplanned().await.is_empty());
    }

    async fn a_delivery_for_an_entry_that_is_not_there_is_dropped(kept) {
        let entry = kept.entry().await;
        let (mine, lost) = (new("webhook:1"), new("webhook:1"));
        let (kept_one, dropped) = (mine.id, lost.id);
        let planned =
            vec![Planned { entry: i64::MAX, deliveries: vec![lost] }, Planned { entry, deliveries: vec![mine] }];
        assert_eq!(kept.outbox.plan(planned, PLENTY, now()).await.unwrap(), 1);
        assert_eq!(kept.deliveries.delivery(dropped).await.unwrap(), None);
        assert_eq!(kept.claimed().await, [kept_one]);
    }

    async fn one_that_a_rule_keeps_from_being_sent_is_over_at_once(kept) {
        let reason = Some("category_off".to_owned());
        let id =
            kept.add(NewDelivery { state: DeliveryState::Skipped, reason: reason.clone(), ..new("webhook:1") }).await;
        let skipped = kept.delivery(id).await;
        assert_eq!((skipped.state, skipped.reason), (DeliveryState::Skipped, reason));
        assert!(skipped.ended_at.is_some());
        assert_eq!(kept.waiting("webhook:1").await, 0);
        assert!(kept.claimed().await.is_empty());
        assert!(!kept.deliveries.cancel(id, "late", now()).await.unwrap());
    }

    async fn deliveries_beyond_the_backlog_are_skipped(kept) {
        let backlog = Backlog { deliveries: 2, ..PLENTY };
        let deliveries = vec![new("full"), new("full"), new("full"), new("other"), new("full")];
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        kept.plan_within(backlog, deliveries).await;
        let (ready, skipped) = (DeliveryState::Ready, DeliveryState::Skipped);
        assert_eq!(states(&kept, &ids).await, [ready, ready, skipped, ready, skipped]);
        let over = kept.delivery(ids[2]).await;
        assert_eq!((over.reason.as_deref(), over.ended_at.is_some()), (Some("backlog_full"), true));
        assert_eq!((kept.waiting("full").await, kept.waiting("other").await), (2, 1));
        // Existing deliveries count as well.
        let more = new("full");
        let id = more.id;
        kept.plan_within(backlog, vec![more]).await;
        assert_eq!(states(&kept, &[id]).await, [skipped]);
    }

    async fn entries_that_are_planned_together_share_the_backlog(kept) {
        kept.listen(Wanted::default()).await;
        for _ in 0..3 {
            send(&*kept.inboxes, "ann", "x").await;
        }
        let entries = kept.unplanned().await;
        let planned = entries.iter().map(|entry| Planned { entry: entry.seq, deliveries: vec![new("full")] });
        kept.outbox.plan(planned.collect(), Backlog { deliveries: 2, ..PLENTY }, now()).await.unwrap();
        assert_eq!(kept.waiting("full").await, 2);
        let skipped = DeliveryFilter { state: Some(DeliveryState::Skipped), ..DeliveryFilter::default() };
        assert_eq!(kept.all(&skipped).await.len(), 1);
        assert!(kept.unplanned().await.is_empty());
    }

    async fn the_backlog_is_counted_in_bytes_too(kept) {
        let backlog = Backlog { bytes: 25, ..PLENTY };
        let (ready, skipped) = (DeliveryState::Ready, DeliveryState::Skipped);
        // Ten bytes each, whatever their characters are.
        for (payload, state) in [
            ("0123456789", ready),
            ("ééééé", ready),
            ("🎉01🎉", skipped),
            ("012345", skipped),
            ("01234", ready),
            ("0", skipped),
        ] {
            let delivery = with("full", payload);
            let id = delivery.id;
            kept.plan_within(backlog, vec![delivery]).await;
            assert_eq!(states(&kept, &[id]).await, [state], "{payload}");
            if state == skipped {
                assert_eq!(kept.delivery(id).await.reason.as_deref(), Some("backlog_full"));
            }
        }
        assert_eq!(kept.waiting("full").await, 3);
    }

    async fn skipped_deliveries_take_no_place_in_the_backlog(kept) {
        let skip = || NewDelivery { state: DeliveryState::Skipped, reason: Some("off".to_owned()), ..new("full") };
        let deliveries = vec![skip(), new("full"), skip(), new("full")];
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        kept.plan_within(Backlog { deliveries: 1, ..PLENTY }, deliveries).await;
        let (ready, skipped) = (DeliveryState::Ready, DeliveryState::Skipped);
        assert_eq!(states(&kept, &ids).await, [skipped, ready, skipped, skipped]);
        for (id, reason) in ids.into_iter().zip([Some("off"), None, Some("off"), Some("backlog_full")]) {
            assert_eq!(kept.delivery(id).await.reason.as_deref(), reason);
        }
    }

    async fn held_and_leased_deliveries_fill_the_backlog_and_finished_ones_do_not(kept) {
        let backlog = Backlog { deliveries: 2, bytes: 20 };
        let state_of = async |delivery: NewDelivery| {
            let id = delivery.id;
            kept.plan_within(backlog, vec![delivery]).await;
            kept.delivery(id).await.state
        };
        let (leased, held) = (with("full", "0123456789"), with("full", "0123456789"));
        let id = leased.id;
        assert_eq!(state_of(leased).await, DeliveryState::Ready);
        let lease = kept.lease(id).await;
        let held = NewDelivery { state: DeliveryState::Held, wait: Duration::from_secs(60), ..held };
        let held_id = held.id;
        assert_eq!(state_of(held).await, DeliveryState::Held);
        assert_eq!(state_of(with("full", "0")).await, DeliveryState::Skipped);
        kept.settle(settlement(id, lease, over(DeliveryState::Sent))).await;
        assert_eq!(state_of(with("full", "01234567890")).await, DeliveryState::Skipped);
        assert_eq!(state_of(with("full", "0123456789")).await, DeliveryState::Ready);
        assert_eq!(state_of(with("full", "")).await, DeliveryState::Skipped);
        assert!(kept.deliveries.cancel(held_id, "gone", now()).await.unwrap());
        assert_eq!(state_of(with("full", "0123456789")).await, DeliveryState::Ready);
    }
}
