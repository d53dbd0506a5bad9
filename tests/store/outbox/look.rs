//! What those see and do who look after deliveries.

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{Channel, ContactId, DeliveryId, DeliveryState, NotificationId},
    server::store::{
        LOOKED_AT,
        outbox::{DeliveryFilter, Health, NewDelivery, Next, Settlement},
    },
};

use super::{HOUR, Kept, PLENTY, a_moment, again, claim_for, contract, ids, new, now, over, settlement, uuid, year};
use crate::store::user;

fn id() -> DeliveryId {
    DeliveryId::new(uuid())
}

/// Of all deliveries those in this state.
fn in_state(state: DeliveryState) -> DeliveryFilter {
    DeliveryFilter { state: Some(state), ..DeliveryFilter::default() }
}

/// Everything a filter admits, in pages of so many, and how many pages these were.
async fn pages(kept: &Kept, filter: &DeliveryFilter, limit: usize) -> (Vec<DeliveryId>, usize) {
    let (mut seen, mut count, mut before) = (Vec::new(), 0, None);
    loop {
        let page = kept.deliveries.deliveries(filter, before, limit).await.unwrap();
        assert!(page.deliveries.len() <= limit);
        seen.extend(page.deliveries.iter().map(|delivery| delivery.id));
        count += 1;
        if page.next.is_none() {
            return (seen, count);
        }
        before = page.next;
    }
}

/// Plans one of this lane that a rule keeps from being sent.
async fn skipped(kept: &Kept, lane: &str) -> DeliveryId {
    kept.add(NewDelivery { state: DeliveryState::Skipped, reason: Some("off".to_owned()), ..new(lane) }).await
}

contract! {
    async fn what_waits_in_a_lane_is_ended_a_step_at_a_time_and_the_lane_can_be_forgotten(kept) {
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
        // What is leased is left to its claim, and what is in other lanes is left alone.
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
        // Of one in which nothing was ever noted, there is nothing to remember.
        assert_eq!(forget(year(2020), 10).await, 1);
        all.retain(|lane| lane != "webpush:é🎉");
        assert_eq!(names().await, all);
        // One after the other.
        a_moment().await;
        assert_eq!((forget(now(), 2).await, forget(now(), 2).await, forget(now(), 2).await), (2, 1, 0));
        all.retain(|lane| !["webpush:https://a", "webpush:https://b", "webpush:failed"].contains(&lane.as_str()));
        assert_eq!(names().await, all);
        // What was claimed of one that is kept still ends, and a lane that is forgotten begins anew.
        assert!(kept.settle(settlement(leased, lease, over(DeliveryState::Sent))).await.is_some());
        let again = kept.add(new("webpush:https://a")).await;
        assert_eq!((kept.waiting("webpush:https://a").await, kept.lane("webpush:https://a").await.health), (1, Health::default()));
        kept.lease(again).await;
        assert_eq!(kept.waiting("webpush:waits").await, 1);
    }

    /// Lanes are forgotten all the time, and nothing that is planned meanwhile is lost.
    async fn nothing_is_lost_in_a_lane_that_is_being_forgotten(kept) {
        let lanes = 12;
        let rounds = 40;
        let forgetting = {
            let kept = kept.clone();
            tokio::spawn(async move {
                loop {
                    kept.deliveries.forget_idle_lanes("webpush", year(2100), 100).await.unwrap();
                    tokio::task::yield_now().await;
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

    async fn the_devices_that_are_still_to_be_told_a_count_are_known(kept) {
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
        // Reading has nothing to cancel of them.
        let awaited = kept.deliveries.awaited(&user("ann"), None, 10).await.unwrap();
        assert_eq!(awaited, about.into_iter().collect::<Vec<_>>());
        // One that is being sent may have been counted already; what becomes of it is not known yet.
        let lease = kept.lease(phone.id).await;
        assert_eq!(waiting().await, named(&[&phone, &tablet]));
        assert!(kept.settle(settlement(phone.id, lease, over(DeliveryState::Dead))).await.is_some());
        assert!(kept.deliveries.cancel(tablet.id, "gone", now()).await.unwrap());
        assert_eq!(waiting().await, named(&[&phone]));
        assert!(kept.deliveries.cancel(twice.id, "gone", now()).await.unwrap());
        assert_eq!(waiting().await, []);
        assert!(kept.deliveries.to_be_counted(&user("zoe")).await.unwrap().is_empty());
        // It is of no use any more, and stands for no others.
        let dead = kept.delivery(phone.id).await;
        assert!(dead.is_count() && !dead.is_digest() && !dead.may_be_replayed());
        assert_eq!(kept.deliveries.replay(&[(phone.id, DeliveryId::new(uuid()))], now()).await.unwrap(), 0);
    }

    async fn what_waits_can_be_tried_at_once(kept) {
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
        // What is being sent is left to its claim.
        assert_eq!(kept.deliveries.hasten(&[waits], now()).await.unwrap(), 0);
        assert_eq!(kept.delivery(held).await.state, DeliveryState::Held);
        assert_eq!(kept.delivery(other).await.tries, 0);
    }

    async fn what_is_not_over_can_be_cancelled(kept) {
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

    async fn what_is_over_cannot_be_cancelled(kept) {
        for state in DeliveryState::ALL.iter().copied().filter(|state| state.is_over()) {
            let id = kept.ended(new("a"), state).await;
            let before = kept.delivery(id).await;
            assert!(!kept.deliveries.cancel(id, "late", now()).await.unwrap());
            assert_eq!(kept.delivery(id).await, before);
        }
        assert!(!kept.deliveries.cancel(id(), "unknown", now()).await.unwrap());
        assert_eq!(kept.waiting("a").await, 0);
    }

    async fn of_who_cancels_and_who_settles_at_once_one_did_it(kept) {
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

    async fn what_died_or_was_skipped_is_sent_anew(kept) {
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
        // Also when the second one has ended, which can itself be repeated.
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

    async fn what_is_not_over_is_not_repeated(kept) {
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

    async fn what_was_sent_is_not_repeated(kept) {
        let old = kept.ended(new("a"), DeliveryState::Sent).await;
        assert_eq!(kept.deliveries.replay(&[(old, id())], now()).await.unwrap(), 0);
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [old]);
        assert!(!kept.delivery(old).await.is_replayed);
    }

    async fn many_who_repeat_the_same_at_once_make_it_once(kept) {
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

    async fn deliveries_are_listed_newest_first(kept) {
        assert!(kept.all(&DeliveryFilter::default()).await.is_empty());
        let mut made = Vec::new();
        for lane in ["b", "a", "c", "a"] {
            // When they are due, and what becomes of them, moves none.
            made.push(
                kept.add(NewDelivery { wait: if lane == "a" { HOUR } else { Duration::ZERO }, ..new(lane) }).await,
            );
        }
        kept.deliveries.cancel(made[1], "gone", now()).await.unwrap();
        kept.claimed().await;
        made.reverse();
        assert_eq!(kept.all(&DeliveryFilter::default()).await, made);
        let page = kept.deliveries.deliveries(&DeliveryFilter::default(), None, 10).await.unwrap();
        for delivery in page.deliveries {
            assert_eq!(kept.delivery(delivery.id).await, delivery);
        }
    }

    async fn an_unknown_delivery_is_nothing(kept) {
        kept.add(new("a")).await;
        assert_eq!(kept.deliveries.delivery(id()).await.unwrap(), None);
    }

    async fn each_filter_admits_what_it_names(kept) {
        let about = NotificationId::new(uuid());
        let target = uuid();
        let plain = kept.add(NewDelivery { notification_id: None, ..new("a") }).await;
        let of_one = kept.add(NewDelivery { notification_id: Some(about), ..new("a") }).await;
        let bobs = kept.add(NewDelivery { user_id: user("bob"), ..new("a") }).await;
        a_moment().await;
        let mail = kept.add(NewDelivery { channel: Channel::Email, ..new("a") }).await;
        let targeted = kept.add(NewDelivery { target, ..new("a") }).await;
        let off = skipped(&kept, "a").await;
        let none = DeliveryFilter::default();
        let since = kept.delivery(mail).await.created_at;
        let all = [off, targeted, mail, bobs, of_one, plain];
        let cases = [
            (none.clone(), all.to_vec()),
            (DeliveryFilter { notification_id: Some(about), ..none.clone() }, vec![of_one]),
            (DeliveryFilter { notification_id: Some(NotificationId::new(uuid())), ..none.clone() }, vec![]),
            (DeliveryFilter { user_id: Some(user("bob")), ..none.clone() }, vec![bobs]),
            (DeliveryFilter { user_id: Some(user("Bob")), ..none.clone() }, vec![]),
            (in_state(DeliveryState::Skipped), vec![off]),
            (in_state(DeliveryState::Ready), all[1..].to_vec()),
            (in_state(DeliveryState::Sent), vec![]),
            (DeliveryFilter { channel: Some(Channel::Email), ..none.clone() }, vec![mail]),
            (DeliveryFilter { channel: Some(Channel::Apns), ..none.clone() }, vec![]),
            (DeliveryFilter { target: Some(target), ..none.clone() }, vec![targeted]),
            (DeliveryFilter { since: Some(since), ..none.clone() }, all[..3].to_vec()),
            (DeliveryFilter { since: Some(year(2020)), ..none.clone() }, all.to_vec()),
            (DeliveryFilter { since: Some(year(2200)), ..none.clone() }, vec![]),
            (
                DeliveryFilter {
                    user_id: Some(user("ann")),
                    channel: Some(Channel::Webhook),
                    since: Some(since),
                    ..none.clone()
                },
                vec![off, targeted],
            ),
            (DeliveryFilter { user_id: Some(user("bob")), channel: Some(Channel::Email), ..none }, vec![]),
        ];
        for (filter, expected) in cases {
            assert_eq!(kept.all(&filter).await, expected, "{filter:?}");
            assert_eq!(pages(&kept, &filter, 1).await.0, expected, "{filter:?}");
        }
    }

    async fn a_state_is_asked_for_as_it_is_now(kept) {
        let id = kept.add(new("a")).await;
        assert_eq!(kept.all(&in_state(DeliveryState::Ready)).await, [id]);
        let lease = kept.lease(id).await;
        assert_eq!(kept.all(&in_state(DeliveryState::Leased)).await, [id]);
        kept.settle(settlement(id, lease, over(DeliveryState::Dead))).await;
        assert_eq!(kept.all(&in_state(DeliveryState::Dead)).await, [id]);
        assert!(kept.all(&in_state(DeliveryState::Leased)).await.is_empty());
    }

    async fn pages_of_deliveries_follow_each_other_without_hole_or_repeat(kept) {
        let mut made = Vec::new();
        for number in 0..7 {
            made.push(kept.add(new("a")).await);
            kept.add(NewDelivery { user_id: user("bob"), ..new(&number.to_string()) }).await;
        }
        made.reverse();
        let anns = DeliveryFilter { user_id: Some(user("ann")), ..DeliveryFilter::default() };
        let first = kept.deliveries.deliveries(&anns, None, 3).await.unwrap();
        assert_eq!(first.deliveries.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), made[..3]);
        // What is new, or moves on, moves nothing.
        kept.add(new("a")).await;
        kept.claimed().await;
        let second = kept.deliveries.deliveries(&anns, first.next, 3).await.unwrap();
        assert_eq!(second.deliveries.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), made[3..6]);
        let third = kept.deliveries.deliveries(&anns, second.next, 3).await.unwrap();
        assert_eq!(third.deliveries.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), made[6..]);
        assert_eq!(third.next, None);
    }

    async fn deliveries_of_one_call_are_paged_one_by_one(kept) {
        let deliveries: Vec<_> = (0..10).map(|_| new("a")).collect();
        let mut made: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        kept.plan_within(PLENTY, deliveries).await;
        let (mut seen, _) = pages(&kept, &DeliveryFilter::default(), 3).await;
        seen.sort();
        made.sort();
        assert_eq!(seen, made);
    }

    async fn the_last_page_of_deliveries_has_no_next_even_when_it_is_full(kept) {
        for _ in 0..4 {
            kept.add(new("a")).await;
        }
        assert_eq!(pages(&kept, &DeliveryFilter::default(), 2).await.1, 2);
        assert_eq!(pages(&kept, &DeliveryFilter::default(), 4).await.1, 1);
    }

    async fn what_is_behind_much_that_is_not_asked_for_is_found(kept) {
        let bobs = kept.add(NewDelivery { user_id: user("bob"), ..new("a") }).await;
        for _ in 0..LOOKED_AT / 1000 {
            kept.plan_within(PLENTY, (0..1000).map(|_| new("a")).collect()).await;
        }
        let filter = DeliveryFilter {
            user_id: Some(user("bob")),
            channel: Some(Channel::Webhook),
            since: Some(year(2020)),
            ..in_state(DeliveryState::Ready)
        };
        let (found, count) = pages(&kept, &filter, 50).await;
        assert_eq!(found, [bobs]);
        assert!(count <= 2);
        assert_eq!(kept.waiting("a").await, LOOKED_AT as u64 + 1);
    }

    async fn what_ended_by_then_is_forgotten_and_nothing_else(kept) {
        let first = kept.ended(new("a"), DeliveryState::Sent).await;
        a_moment().await;
        let second = skipped(&kept, "a").await;
        a_moment().await;
        let third = kept.ended(new("a"), DeliveryState::Dead).await;
        let open = kept.add(new("a")).await;
        let held = kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("a") }).await;
        assert_eq!(kept.claimed().await, [open]);
        assert_eq!(kept.deliveries.forget_deliveries(year(2020), 10).await.unwrap(), 0);
        let until = kept.delivery(second).await.ended_at.unwrap();
        assert_eq!(kept.deliveries.forget_deliveries(until, 10).await.unwrap(), 2);
        assert_eq!(kept.deliveries.forget_deliveries(until, 10).await.unwrap(), 0);
        for gone in [first, second] {
            assert_eq!(kept.deliveries.delivery(gone).await.unwrap(), None);
        }
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [held, open, third]);
        assert_eq!(kept.deliveries.forget_deliveries(year(2200), 10).await.unwrap(), 1);
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [held, open]);
        assert_eq!(kept.waiting("a").await, 2);
    }

    async fn at_most_so_many_are_forgotten_at_once(kept) {
        for _ in 0..5 {
            skipped(&kept, "a").await;
        }
        for (most, forgotten) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
            assert_eq!(kept.deliveries.forget_deliveries(year(2200), most).await.unwrap(), forgotten);
        }
        assert!(kept.all(&DeliveryFilter::default()).await.is_empty());
    }

    async fn a_repetition_outlives_what_it_repeats(kept) {
        let (old, fresh) = (skipped(&kept, "a").await, id());
        assert_eq!(kept.deliveries.replay(&[(old, fresh)], now()).await.unwrap(), 1);
        assert_eq!(kept.deliveries.forget_deliveries(year(2200), 10).await.unwrap(), 1);
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [fresh]);
        assert_eq!(kept.delivery(fresh).await.replay_of, Some(old));
        assert_eq!(kept.claimed().await, [fresh]);
    }
}
