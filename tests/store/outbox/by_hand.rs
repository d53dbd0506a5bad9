//! Manual actions on a delivery: try it at once, cancel it, or repeat it.

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{Channel, DeliveryState},
    server::store::outbox::{DeliveryFilter, NewDelivery, Next, Settlement},
};

use super::{
    HOUR, a_moment, again, claim_for, contract, ids,
    look::{id, skipped},
    new, now, over, settlement,
};
use crate::store::user;

contract! {
    async fn a_waiting_delivery_can_be_tried_at_once(kept) {
        let ready = kept.add(new("a")).await;
        let waits = kept.add(NewDelivery { wait: HOUR, ..new("a") }).await;
        let held = kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("a") }).await;
        let other = kept.add(NewDelivery { wait: HOUR, ..new("a") }).await;
        let over = skipped(&kept, "a").await;
        let unknown = new("a").id;
        let ids = [ready, waits, held, over, unknown];
        assert_eq!(kept.deliveries.hasten(&ids, now()).await.unwrap(), 1);
        assert_eq!(kept.deliveries.hasten(&ids, now()).await.unwrap(), 0);
        a_moment().await;
        assert_eq!(kept.claimed().await, [ready, waits]);
        assert_eq!(kept.waiting("a").await, 4);
        // A delivery that is being sent is left to its claim.
        assert_eq!(kept.deliveries.hasten(&[waits], now()).await.unwrap(), 0);
        assert_eq!(kept.delivery(held).await.state, DeliveryState::Held);
        assert_eq!(kept.delivery(other).await.tries, 0);
    }

    async fn unfinished_deliveries_can_be_cancelled(kept) {
        let ready = kept.add(new("a")).await;
        let waits = kept.add(NewDelivery { wait: HOUR, ..new("a") }).await;
        let held = kept
            .add(NewDelivery { wait: HOUR, state: DeliveryState::Held, reason: Some("quiet".to_owned()), ..new("a") })
            .await;
        let other = kept.add(NewDelivery { wait: HOUR, ..new("a") }).await;
        for (id, left) in [(ready, 3), (waits, 2), (held, 1)] {
            assert!(kept.deliveries.cancel(id, "contact 'gone' 🎉", now()).await.unwrap());
            let cancelled = kept.delivery(id).await;
            assert_eq!(
                (cancelled.state, cancelled.reason.as_deref()),
                (DeliveryState::Cancelled, Some("contact 'gone' 🎉"))
            );
            assert!(cancelled.ended_at.is_some());
            assert!(!kept.deliveries.cancel(id, "again", now()).await.unwrap());
            assert_eq!(kept.delivery(id).await, cancelled);
            assert_eq!(kept.waiting("a").await, left);
        }
        assert!(kept.claimed().await.is_empty());
        assert_eq!(kept.delivery(other).await.state, DeliveryState::Ready);
    }

    async fn one_that_is_cancelled_while_it_is_sent_stays_cancelled(kept) {
        for lease_for in [HOUR, Duration::ZERO] {
            let id = kept.add(new("a")).await;
            let claim = claim_for(lease_for);
            assert_eq!(ids(&kept.claim(&claim).await), [id]);
            assert!(kept.deliveries.cancel(id, "gone", now()).await.unwrap());
            let cancelled = kept.delivery(id).await;
            assert_eq!((cancelled.state, kept.waiting("a").await), (DeliveryState::Cancelled, 0));
            for next in [over(DeliveryState::Sent), again(Duration::ZERO)] {
                let said = Settlement { worked: Some(false), ..settlement(id, claim.lease, next) };
                assert_eq!(kept.settle(said).await, None);
            }
            a_moment().await;
            assert!(kept.claimed().await.is_empty());
            assert_eq!(kept.delivery(id).await, cancelled);
            assert_eq!((kept.waiting("a").await, kept.lane("a").await.health.failures), (0, 0));
        }
    }

    async fn finished_deliveries_cannot_be_cancelled(kept) {
        for state in DeliveryState::ALL.iter().copied().filter(|state| state.is_over()) {
            let id = kept.ended(new("a"), state).await;
            let before = kept.delivery(id).await;
            assert!(!kept.deliveries.cancel(id, "late", now()).await.unwrap());
            assert_eq!(kept.delivery(id).await, before);
        }
        assert!(!kept.deliveries.cancel(id(), "unknown", now()).await.unwrap());
        assert_eq!(kept.waiting("a").await, 0);
    }

    async fn of_a_concurrent_cancel_and_settle_one_succeeds(kept) {
        for _ in 0..20 {
            let id = kept.add(new("a")).await;
            let lease = kept.lease(id).await;
            let (cancels, settles) = (kept.clone(), kept.clone());
            let cancels = tokio::spawn(async move { cancels.deliveries.cancel(id, "gone", now()).await.unwrap() });
            let settles =
                tokio::spawn(async move { settles.settle(settlement(id, lease, over(DeliveryState::Sent))).await });
            let (cancelled, settled) = (cancels.await.unwrap(), settles.await.unwrap().is_some());
            assert!(cancelled != settled);
            let state = if cancelled { DeliveryState::Cancelled } else { DeliveryState::Sent };
            assert_eq!((kept.delivery(id).await.state, kept.waiting("a").await), (state, 0));
        }
    }

    async fn dead_and_skipped_deliveries_are_sent_again(kept) {
        let full = NewDelivery {
            user_id: user("Zoë's \"🎉\" % \\"),
            channel: Channel::Email,
            payload: "{\"a\":1,\"a\":\"é🎉\u{2028}\",\n \"e\":1e400}".to_owned(),
            ..new("email:1")
        };
        let dead = kept.add(full).await;
        let lease = kept.lease(dead).await;
        kept.settle(settlement(dead, lease, Next::Over { state: DeliveryState::Dead, reason: Some("410".to_owned()) }))
            .await;
        for old in [dead, skipped(&kept, "webhook:1").await] {
            let (before, fresh) = (kept.delivery(old).await, id());
            assert_eq!(kept.deliveries.replay(&[(old, fresh)], now()).await.unwrap(), 1);
            let replay = kept.delivery(fresh).await;
            assert_eq!((replay.replay_of, replay.is_replayed, replay.state), (Some(old), false, DeliveryState::Ready));
            assert_eq!((replay.tries, &replay.attempts[..]), (0, &[][..]));
            assert_eq!((replay.reason.clone(), replay.ended_at), (None, None));
            assert_eq!(
                (replay.notification_id, replay.user_id.clone()),
                (before.notification_id, before.user_id.clone())
            );
            assert_eq!((replay.channel, replay.target), (before.channel, before.target));
            assert_eq!((replay.lane.clone(), replay.payload.clone()), (before.lane.clone(), before.payload.clone()));
            assert!(replay.created_at >= before.created_at);
            assert_eq!(kept.waiting(&replay.lane).await, 1);
            let mut after = before;
            after.is_replayed = true;
            assert_eq!(kept.delivery(old).await, after);
            assert_eq!(kept.all(&DeliveryFilter::default()).await[0], fresh);
            assert_eq!(kept.claimed().await, [fresh]);
        }
    }

    async fn one_is_repeated_once(kept) {
        let old = skipped(&kept, "a").await;
        let (first, second, third) = (id(), id(), id());
        assert_eq!(kept.deliveries.replay(&[(old, first), (old, second)], now()).await.unwrap(), 1);
        assert_eq!(kept.deliveries.replay(&[(old, third)], now()).await.unwrap(), 0);
        assert_eq!(kept.deliveries.delivery(third).await.unwrap(), None);
        assert_eq!(kept.all(&DeliveryFilter::default()).await.len(), 2);
        assert_eq!(kept.waiting("a").await, 1);
        // Also when the second one has ended, which can then be repeated itself.
        let [fresh] = kept.claimed().await[..] else { panic!("there is one") };
        assert!(kept.deliveries.cancel(fresh, "gone", now()).await.unwrap());
        assert_eq!(kept.deliveries.replay(&[(old, third)], now()).await.unwrap(), 0);
        assert_eq!(kept.waiting("a").await, 0);
    }

    async fn a_repetition_that_died_is_repeated_itself(kept) {
        let (old, second, third) = (skipped(&kept, "a").await, id(), id());
        assert_eq!(kept.deliveries.replay(&[(old, second)], now()).await.unwrap(), 1);
        let lease = kept.lease(second).await;
        kept.settle(settlement(second, lease, over(DeliveryState::Dead))).await;
        assert_eq!(kept.deliveries.replay(&[(old, id()), (second, third)], now()).await.unwrap(), 1);
        assert_eq!(kept.delivery(third).await.replay_of, Some(second));
        assert!(kept.delivery(second).await.is_replayed);
    }

    async fn unfinished_deliveries_are_not_repeated(kept) {
        let leased = kept.add(new("a")).await;
        kept.lease(leased).await;
        let ready = kept.add(new("a")).await;
        let held = kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("a") }).await;
        let over = skipped(&kept, "a").await;
        let asked = [leased, ready, held, id(), over].map(|old| (old, id()));
        assert_eq!(kept.deliveries.replay(&asked, now()).await.unwrap(), 1);
        assert_eq!(kept.delivery(asked[4].1).await.replay_of, Some(over));
        for (old, fresh) in &asked[..3] {
            assert!(!kept.delivery(*old).await.is_replayed);
            assert_eq!(kept.deliveries.delivery(*fresh).await.unwrap(), None);
        }
        assert_eq!(kept.deliveries.replay(&[], now()).await.unwrap(), 0);
    }

    async fn sent_deliveries_are_not_repeated(kept) {
        let old = kept.ended(new("a"), DeliveryState::Sent).await;
        assert_eq!(kept.deliveries.replay(&[(old, id())], now()).await.unwrap(), 0);
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [old]);
        assert!(!kept.delivery(old).await.is_replayed);
    }

    async fn many_concurrent_repeats_create_one_delivery(kept) {
        let mut old = Vec::new();
        for _ in 0..10 {
            old.push(skipped(&kept, "a").await);
        }
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (deliveries, mut asked) = (Arc::clone(&kept.deliveries), old.clone());
                asked.rotate_left(task);
                let asked: Vec<_> = asked.into_iter().map(|old| (old, id())).collect();
                tokio::spawn(async move { deliveries.replay(&asked, now()).await.unwrap() })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += task.await.unwrap();
        }
        assert_eq!((made, kept.waiting("a").await), (10, 10));
    }
}
