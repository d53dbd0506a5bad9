//! The state of a lane, how it is ended, and when it is forgotten.

use std::time::Duration;

use campanile::{
    model::{Channel, ContactId, DeliveryId, DeliveryState},
    server::store::outbox::{Health, NewDelivery, Settlement},
};

use super::{
    HOUR, PLENTY, a_moment, again, claim_for, contract, look::skipped, new, now, over, settlement, uuid, year,
};
use crate::store::user;

contract! {
    async fn the_deliveries_of_a_lane_are_ended_in_steps_and_the_lane_can_be_forgotten(kept) {
        let other = kept.add(new("b")).await;
        let leased = kept.add(new("a")).await;
        let lease = kept.lease(leased).await;
        let later = kept.add(NewDelivery { wait: HOUR, ..new("a") }).await;
        let held = kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("a") }).await;
        let end = async |lane: &str, most| {
            kept.deliveries.end_lane(lane, DeliveryState::Cancelled, "gone 🎉", most, now()).await.unwrap()
        };
        assert_eq!((end("a", 1).await, kept.waiting("a").await), (1, 2));
        assert_eq!((end("a", 9).await, kept.waiting("a").await, end("a", 9).await), (1, 1, 0));
        kept.deliveries.forget_lane("a").await.unwrap();
        assert_eq!(kept.waiting("a").await, 1);
        for id in [later, held] {
            let ended = kept.delivery(id).await;
            assert_eq!((ended.state, ended.reason.as_deref()), (DeliveryState::Cancelled, Some("gone 🎉")));
            assert!(ended.ended_at.is_some());
        }
        // A leased delivery is left to its claim, and other lanes are unchanged.
        assert!(kept.settle(settlement(leased, lease, over(DeliveryState::Sent))).await.is_some());
        assert_eq!((end("a", 9).await, end("nothing", 9).await), (0, 0));
        for lane in ["a", "b", "nothing"] {
            kept.deliveries.forget_lane(lane).await.unwrap();
        }
        assert_eq!(kept.waiting("b").await, 1);
        assert!(kept.deliveries.lanes().await.unwrap().iter().all(|lane| lane.lane != "a"));
        assert!(!kept.delivery(other).await.state.is_over());
    }

    async fn a_lane_that_is_not_used_is_forgotten_and_no_other(kept) {
        let worked = |worked| move |settlement| Settlement { worked, ..settlement };
        let paused = |pause: Duration| move |settlement| Settlement {
            pause: Some((pause, "busy".to_owned())),
            ..settlement
        };
        let past = |lane: &'static str, change: Box<dyn Fn(Settlement) -> Settlement>| {
            let kept = kept.clone();
            async move {
                let id = kept.add(new(lane)).await;
                let lease = kept.lease(id).await;
                kept.settle(change(settlement(id, lease, over(DeliveryState::Dead)))).await.unwrap();
            }
        };
        for lane in ["webpush:https://a", "webpush:https://b", "webpush", "webpushy:c", "webpus:d", "fcm:e", "webpush;"] {
            past(lane, Box::new(worked(Some(true)))).await;
        }
        past("webpush:failed", Box::new(worked(Some(false)))).await;
        past("webpush:é🎉", Box::new(worked(None))).await;
        past("webpush:paused", Box::new(paused(HOUR))).await;
        kept.add(new("webpush:waits")).await;
        kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("webpush:held") }).await;
        let leased = kept.add(new("webpush:leased")).await;
        let lease = kept.lease(leased).await;
        let mut all: Vec<_> = kept.deliveries.lanes().await.unwrap().into_iter().map(|lane| lane.lane).collect();
        let forget = async |since, most| kept.deliveries.forget_idle_lanes("webpush", since, most).await.unwrap();
        let names = async || -> Vec<String> {
            kept.deliveries.lanes().await.unwrap().into_iter().map(|lane| lane.lane).collect()
        };
        // A lane without any recorded state has nothing to remember.
        assert_eq!(forget(year(2020), 10).await, 1);
        all.retain(|lane| lane != "webpush:é🎉");
        assert_eq!(names().await, all);
        // In several steps.
        a_moment().await;
        assert_eq!((forget(now(), 2).await, forget(now(), 2).await, forget(now(), 2).await), (2, 1, 0));
        all.retain(|lane| !["webpush:https://a", "webpush:https://b", "webpush:failed"].contains(&lane.as_str()));
        assert_eq!(names().await, all);
        // A claimed delivery of a lane that stays still ends, and a forgotten lane starts anew.
        assert!(kept.settle(settlement(leased, lease, over(DeliveryState::Sent))).await.is_some());
        let again = kept.add(new("webpush:https://a")).await;
        assert_eq!((kept.waiting("webpush:https://a").await, kept.lane("webpush:https://a").await.health), (1, Health::default()));
        kept.lease(again).await;
        assert_eq!(kept.waiting("webpush:waits").await, 1);
    }

    /// Lanes are forgotten all the time, and no delivery that is planned meanwhile is lost.
    async fn nothing_is_lost_in_a_lane_that_is_being_forgotten(kept) {
        let lanes = 12;
        let rounds = 40;
        let forgetting = {
            let kept = kept.clone();
            tokio::spawn(async move {
                loop {
                    kept.deliveries.forget_idle_lanes("webpush", year(2100), 100).await.unwrap();
                    // Without this pause, a busy machine's database would do nothing else, and planning would wait too
                    // long for its lock.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let mut sent = 0;
        for _ in 0..rounds {
            kept.plan_within(PLENTY, (0..lanes).map(|lane| new(&format!("webpush:{lane}"))).collect()).await;
            let claim = claim_for(HOUR);
            let claimed = kept.claim(&claim).await;
            let done = claimed.iter().map(|one| settlement(one.delivery.id, claim.lease, over(DeliveryState::Sent)));
            let settled = kept.outbox.settle(done.collect(), now()).await.unwrap();
            sent += settled.iter().flatten().count();
        }
        forgetting.abort();
        assert_eq!(sent, rounds * lanes);
    }

    async fn devices_with_a_waiting_count_are_known(kept) {
        let count = |of: &str, channel, state| NewDelivery {
            notification_id: None,
            user_id: user(of),
            channel,
            state,
            wait: if state == DeliveryState::Held { HOUR } else { Duration::ZERO },
            ..new(channel.as_str())
        };
        let phone = count("ann", Channel::Fcm, DeliveryState::Ready);
        let twice = NewDelivery { id: DeliveryId::new(uuid()), ..phone.clone() };
        let tablet = count("ann", Channel::Apns, DeliveryState::Held);
        let others = [
            count("bob", Channel::Fcm, DeliveryState::Ready),
            count("ann", Channel::Email, DeliveryState::Ready),
            count("ann", Channel::Webhook, DeliveryState::Ready),
            count("ann", Channel::Fcm, DeliveryState::Skipped),
            NewDelivery { channel: Channel::Fcm, ..new("fcm") },
        ];
        let about = others[4].notification_id;
        for delivery in [phone.clone(), twice.clone(), tablet.clone()].into_iter().chain(others) {
            kept.add(delivery).await;
        }
        let waiting = async || {
            let mut waiting = kept.deliveries.to_be_counted(&user("ann")).await.unwrap();
            waiting.sort_unstable();
            waiting
        };
        let named = |of: &[&NewDelivery]| {
            let mut names: Vec<_> = of.iter().map(|delivery| ContactId::new(delivery.target)).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(waiting().await, named(&[&phone, &tablet]));
        // Reading a notification cancels none of them.
        let awaited = kept.deliveries.awaited(&user("ann"), None, 10).await.unwrap();
        assert_eq!(awaited, about.into_iter().collect::<Vec<_>>());
        // A delivery that is being sent may already include the count; its result is not known yet.
        let lease = kept.lease(phone.id).await;
        assert_eq!(waiting().await, named(&[&phone, &tablet]));
        assert!(kept.settle(settlement(phone.id, lease, over(DeliveryState::Dead))).await.is_some());
        assert!(kept.deliveries.cancel(tablet.id, "gone", now()).await.unwrap());
        assert_eq!(waiting().await, named(&[&phone]));
        assert!(kept.deliveries.cancel(twice.id, "gone", now()).await.unwrap());
        assert_eq!(waiting().await, []);
        assert!(kept.deliveries.to_be_counted(&user("zoe")).await.unwrap().is_empty());
        // An ended count is useless, and replaces no others.
        let dead = kept.delivery(phone.id).await;
        assert!(dead.is_count() && !dead.is_digest() && !dead.may_be_replayed());
        assert_eq!(kept.deliveries.replay(&[(phone.id, DeliveryId::new(uuid()))], now()).await.unwrap(), 0);
    }

    async fn a_lane_says_how_many_are_not_over(kept) {
        assert!(kept.deliveries.lanes().await.unwrap().is_empty());
        let (a, b, c) = (kept.add(new("a")).await, kept.add(new("a")).await, kept.add(new("a")).await);
        kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("b") }).await;
        skipped(&kept, "a").await;
        assert_eq!((kept.waiting("a").await, kept.waiting("b").await), (3, 1));
        let claim = claim_for(HOUR);
        assert_eq!(kept.claim(&claim).await.len(), 3);
        assert_eq!(kept.waiting("a").await, 3);
        kept.settle(settlement(a, claim.lease, over(DeliveryState::Sent))).await;
        assert_eq!(kept.waiting("a").await, 2);
        kept.settle(settlement(a, claim.lease, over(DeliveryState::Sent))).await;
        kept.settle(settlement(b, claim.lease, again(HOUR))).await;
        assert_eq!(kept.waiting("a").await, 2);
        assert!(kept.deliveries.cancel(c, "gone", now()).await.unwrap());
        assert_eq!(kept.waiting("a").await, 1);
        assert!(kept.deliveries.cancel(b, "gone", now()).await.unwrap());
        assert_eq!((kept.waiting("a").await, kept.waiting("b").await), (0, 1));
        assert_eq!(kept.lane("a").await.oldest, None);
    }

    async fn a_lane_says_since_when_its_first_one_waits(kept) {
        let first = kept.add(new("a")).await;
        a_moment().await;
        let second = kept.add(new("a")).await;
        for id in [first, second] {
            assert_eq!(kept.lane("a").await.oldest, Some(kept.delivery(id).await.created_at));
            assert!(kept.deliveries.cancel(id, "gone", now()).await.unwrap());
        }
        assert_eq!(kept.lane("a").await.oldest, None);
    }

    async fn lanes_come_by_name(kept) {
        for lane in ["webhook:2", "email:b", "webhook:10", "Email:b", "é"] {
            kept.add(new(lane)).await;
        }
        let names: Vec<_> = kept.deliveries.lanes().await.unwrap().into_iter().map(|lane| lane.lane).collect();
        assert_eq!(names, ["Email:b", "email:b", "webhook:10", "webhook:2", "é"]);
    }

    async fn a_lane_in_which_nothing_waits_is_still_known_to_fail(kept) {
        let id = kept.add(new("a")).await;
        let lease = kept.lease(id).await;
        let dead = Settlement { worked: Some(false), ..settlement(id, lease, over(DeliveryState::Dead)) };
        let health = kept.settle(dead).await.unwrap();
        let lanes = kept.deliveries.lanes().await.unwrap();
        assert_eq!(
            lanes.iter().map(|lane| (lane.lane.as_str(), lane.waiting, lane.health)).collect::<Vec<_>>(),
            [("a", 0, health)]
        );
    }
}
