//! The results of claimed deliveries, and the health of lanes.

use std::time::Duration;

use campanile::{
    model::{Attempt, DeliveryState, Timestamp},
    server::store::outbox::{Health, MOST_ATTEMPTS, Next, Settlement},
};
use uuid::Uuid;

use super::{HOUR, Kept, a_moment, again, claim_for, contract, ids, new, now, over, settlement, uuid};

/// An attempt that is identified by its number.
fn attempt(number: u64) -> Attempt {
    Attempt {
        at: Timestamp::parse("2026-01-02T03:04:05.000007Z").unwrap(),
        result: "retry".to_owned(),
        code: Some(503),
        ms: number,
        counted: true,
        detail: Some("busy".to_owned()),
    }
}

/// Claims the only due delivery, and settles it like this, due again at once.
async fn tried(kept: &Kept, lane: &str, change: impl FnOnce(Settlement) -> Settlement) -> Health {
    let claim = claim_for(HOUR);
    let claimed = kept.claim(&claim).await;
    let claimed: Vec<_> = claimed.iter().filter(|claimed| claimed.delivery.lane == lane).collect();
    let [one] = claimed[..] else { panic!("one is due: {claimed:?}") };
    kept.settle(change(settlement(one.delivery.id, claim.lease, again(Duration::ZERO)))).await.unwrap()
}

fn worked(worked: bool) -> impl FnOnce(Settlement) -> Settlement {
    move |settlement| Settlement { worked: Some(worked), ..settlement }
}

fn paused(pause: Duration, why: &str) -> impl FnOnce(Settlement) -> Settlement {
    move |settlement| Settlement { pause: Some((pause, why.to_owned())), ..settlement }
}

/// Plans one delivery in each lane, and pauses them all for an hour.
async fn pause_each(kept: &Kept, lanes: &[&str]) {
    for lane in lanes {
        kept.add(new(lane)).await;
        tried(kept, lane, |settlement| paused(HOUR, "busy")(worked(false)(settlement))).await;
    }
}

/// The lanes that are paused, by name.
async fn paused_lanes(kept: &Kept) -> Vec<String> {
    let lanes = kept.deliveries.lanes().await.unwrap();
    lanes.into_iter().filter(|lane| lane.paused_until.is_some()).map(|lane| lane.lane).collect()
}

contract! {
    async fn a_delivery_to_retry_is_ready_after_its_wait(kept) {
        let id = kept.add(new("webhook:1")).await;
        let lease = kept.lease(id).await;
        assert_eq!(kept.settle(settlement(id, lease, again(Duration::ZERO))).await, Some(Health::default()));
        let ready = kept.delivery(id).await;
        assert_eq!((ready.state, ready.tries, ready.ended_at), (DeliveryState::Ready, 1, None));
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, again(HOUR))).await.is_some());
        let waits = kept.delivery(id).await;
        assert_eq!((waits.state, waits.tries, waits.ended_at), (DeliveryState::Ready, 2, None));
        let wait = waits.due_at.as_micros() - ready.due_at.as_micros();
        assert!((3_600_000_000..3_660_000_000).contains(&wait), "{wait}");
        assert!(kept.claimed().await.is_empty());
        assert_eq!(kept.waiting("webhook:1").await, 1);
    }

    async fn a_finished_delivery_is_no_longer_claimed(kept) {
        for state in DeliveryState::ALL.iter().copied().filter(|state| state.is_over()) {
            for reason in [None, Some("said 'no' 🎉".to_owned())] {
                let id = kept.add(new("webhook:1")).await;
                let lease = kept.lease(id).await;
                let next = Next::Over { state, reason: reason.clone() };
                assert!(kept.settle(settlement(id, lease, next)).await.is_some());
                let ended = kept.delivery(id).await;
                assert_eq!((ended.state, ended.reason, ended.tries), (state, reason, 1));
                assert!(ended.ended_at.unwrap() >= ended.created_at);
                assert!(kept.claimed().await.is_empty());
            }
        }
        assert_eq!(kept.waiting("webhook:1").await, 0);
    }

    async fn a_delivery_finished_after_its_lease_is_no_longer_claimed(kept) {
        let id = kept.add(new("webhook:1")).await;
        let claim = claim_for(Duration::ZERO);
        assert_eq!(ids(&kept.claim(&claim).await), [id]);
        a_moment().await;
        // Its lease has ended, but no other claim has it.
        assert!(kept.settle(settlement(id, claim.lease, over(DeliveryState::Sent))).await.is_some());
        a_moment().await;
        assert!(kept.claimed().await.is_empty());
        assert_eq!(kept.delivery(id).await.state, DeliveryState::Sent);
    }

    async fn attempts_are_kept_as_they_were_and_in_order(kept) {
        let id = kept.add(new("webhook:1")).await;
        let odd = Attempt {
            at: Timestamp::parse("2026-01-02T03:04:05.123456Z").unwrap(),
            result: "ambiguous".to_owned(),
            code: None,
            ms: 0,
            counted: false,
            detail: Some("{\"é\":'🎉\u{2028}\u{1}\\u0000\n%'}".to_owned()),
        };
        let silent = Attempt { detail: None, code: Some(599), ms: 86_400_000, ..attempt(0) };
        let all = [attempt(1), odd, silent, attempt(0), attempt(2)];
        for some in [&all[..2], &all[2..2], &all[2..3], &all[3..]] {
            tried(&kept, "webhook:1", |settlement| Settlement { attempts: some.to_vec(), ..settlement }).await;
            a_moment().await;
        }
        assert_eq!(kept.delivery(id).await.attempts, all);
        let claimed = kept.claim(&claim_for(HOUR)).await;
        assert_eq!(claimed[0].delivery.attempts, all);
    }

    async fn the_first_attempts_of_a_long_history_are_forgotten(kept) {
        let id = kept.add(new("webhook:1")).await;
        let all: Vec<_> = (0..2 * MOST_ATTEMPTS as u64).map(attempt).collect();
        for (some, known) in [(0..60, 0..60), (60..100, 0..100), (100..101, 1..101), (101..200, 100..200)] {
            let attempts = all[some].to_vec();
            tried(&kept, "webhook:1", |settlement| Settlement { attempts, ..settlement }).await;
            assert_eq!(kept.delivery(id).await.attempts, all[known]);
            a_moment().await;
        }
        let attempts = [attempt(999)].into_iter().chain(all).collect::<Vec<_>>();
        let newest = attempts[attempts.len() - MOST_ATTEMPTS..].to_vec();
        tried(&kept, "webhook:1", |settlement| Settlement { attempts, ..settlement }).await;
        assert_eq!(kept.delivery(id).await.attempts, newest);
    }

    async fn an_attempt_that_is_not_to_count_is_given_back(kept) {
        let id = kept.add(new("webhook:1")).await;
        for (refund, tries) in [(true, 0), (false, 1), (true, 1), (false, 2)] {
            tried(&kept, "webhook:1", |settlement| Settlement { refund, attempts: vec![attempt(1)], ..settlement })
                .await;
            let delivery = kept.delivery(id).await;
            assert_eq!(delivery.tries, tries);
            a_moment().await;
        }
        assert_eq!(kept.delivery(id).await.attempts.len(), 4);
    }

    async fn a_settlement_of_another_lease_writes_nothing(kept) {
        let id = kept.add(new("webhook:1")).await;
        let lost = claim_for(Duration::ZERO);
        assert_eq!(ids(&kept.claim(&lost).await), [id]);
        a_moment().await;
        let lease = kept.lease(id).await;
        let before = (kept.delivery(id).await, kept.lane("webhook:1").await);
        for wrong in [lost.lease, uuid(), Uuid::nil()] {
            for next in [over(DeliveryState::Sent), again(Duration::ZERO)] {
                let said = Settlement {
                    attempts: vec![attempt(1)],
                    refund: true,
                    worked: Some(false),
                    pause: Some((HOUR, "busy".to_owned())),
                    ..settlement(id, wrong, next)
                };
                assert_eq!(kept.settle(said).await, None);
            }
        }
        assert_eq!((kept.delivery(id).await, kept.lane("webhook:1").await), before);
        assert!(kept.settle(settlement(id, lease, over(DeliveryState::Sent))).await.is_some());
    }

    async fn a_lease_settles_once(kept) {
        let (again_one, over_one) = (kept.add(new("webhook:1")).await, kept.add(new("webhook:1")).await);
        for (id, next) in [(again_one, again(HOUR)), (over_one, over(DeliveryState::Dead))] {
            let lease = kept.lease(id).await;
            assert!(kept.settle(settlement(id, lease, next)).await.is_some());
            let before = kept.delivery(id).await;
            let second = Settlement {
                attempts: vec![attempt(1)],
                worked: Some(true),
                ..settlement(id, lease, over(DeliveryState::Sent))
            };
            assert_eq!(kept.settle(second).await, None);
            assert_eq!(kept.delivery(id).await, before);
            // The first claim has both.
            if id == again_one {
                assert!(kept.settle(settlement(over_one, lease, again(Duration::ZERO))).await.is_some());
            }
        }
        assert_eq!(kept.lane("webhook:1").await.health, Health::default());
    }

    async fn a_settlement_without_a_claim_writes_nothing(kept) {
        let id = kept.add(new("webhook:1")).await;
        let before = kept.delivery(id).await;
        for lease in [uuid(), Uuid::nil()] {
            assert_eq!(kept.settle(settlement(id, lease, over(DeliveryState::Sent))).await, None);
        }
        assert_eq!(kept.delivery(id).await, before);
        let unknown = new("webhook:1").id;
        assert_eq!(kept.settle(settlement(unknown, uuid(), over(DeliveryState::Sent))).await, None);
        assert_eq!(kept.claimed().await, [id]);
    }

    async fn several_are_settled_in_one_call_and_answered_in_their_order(kept) {
        let (a, b, c) = (kept.add(new("a")).await, kept.add(new("b")).await, kept.add(new("c")).await);
        let claim = claim_for(HOUR);
        assert_eq!(kept.claim(&claim).await.len(), 3);
        let of = |id, worked| Settlement { worked, ..settlement(id, claim.lease, over(DeliveryState::Sent)) };
        let wrong = settlement(b, uuid(), over(DeliveryState::Dead));
        let settlements = vec![of(c, Some(false)), wrong, of(a, None), of(b, Some(true))];
        let settled = kept.outbox.settle(settlements, now()).await.unwrap();
        let failures: Vec<_> = settled.iter().map(|health| health.map(|health| health.failures)).collect();
        assert_eq!(failures, [Some(1), None, Some(0), Some(0)]);
        let worked_at: Vec<_> = settled.iter().flatten().map(|health| health.worked_at.is_some()).collect();
        assert_eq!(worked_at, [false, false, true]);
        assert_eq!(kept.delivery(b).await.state, DeliveryState::Sent);
        assert!(kept.outbox.settle(vec![], now()).await.unwrap().is_empty());
    }

    async fn several_of_one_lane_in_one_call_all_count(kept) {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(kept.add(new("a")).await);
        }
        let claim = claim_for(HOUR);
        assert_eq!(kept.claim(&claim).await.len(), 3);
        let failed = |id| Settlement { worked: Some(false), ..settlement(id, claim.lease, over(DeliveryState::Dead)) };
        let settled = kept.outbox.settle(all.into_iter().map(failed).collect(), now()).await.unwrap();
        assert_eq!(settled.last().unwrap().unwrap().failures, 3);
        assert_eq!(kept.lane("a").await.health.failures, 3);
        assert_eq!(kept.waiting("a").await, 0);
    }

    async fn the_health_of_a_lane_counts_failures_since_it_worked(kept) {
        kept.add(new("a")).await;
        let first = tried(&kept, "a", worked(false)).await;
        assert_eq!((first.failures, first.worked_at), (1, None));
        assert!(first.failing_since.is_some());
        a_moment().await;
        let second = tried(&kept, "a", worked(false)).await;
        assert_eq!(second, Health { failures: 2, ..first });
        a_moment().await;
        // Without an attempt the health does not change.
        assert_eq!(tried(&kept, "a", |settlement| settlement).await, second);
        a_moment().await;
        let well = tried(&kept, "a", worked(true)).await;
        assert_eq!((well.failures, well.failing_since), (0, None));
        assert!(well.worked_at > first.failing_since);
        assert_eq!(kept.lane("a").await.health, well);
        a_moment().await;
        let third = tried(&kept, "a", worked(false)).await;
        assert_eq!((third.failures, third.worked_at), (1, well.worked_at));
        assert!(third.failing_since > well.worked_at);
        assert_eq!(kept.lane("b").await.health, Health::default());
    }

    async fn nothing_of_a_lane_that_is_paused_is_claimed(kept) {
        kept.add(new("a")).await;
        tried(&kept, "a", paused(HOUR, "429 'slow' 🐢")).await;
        kept.add(new("a")).await;
        let other = kept.add(new("a:b")).await;
        a_moment().await;
        assert_eq!(kept.claimed().await, [other]);
        let lane = kept.lane("a").await;
        assert_eq!((lane.waiting, lane.reason.as_deref()), (2, Some("429 'slow' 🐢")));
        let left = lane.paused_until.unwrap().as_micros() - now().as_micros();
        assert!((3_540_000_000..=3_600_000_000).contains(&left), "{left}");
        assert_eq!(kept.lane("a:b").await.paused_until, None);
    }

    async fn a_lease_of_a_lane_that_is_paused_meanwhile_still_settles(kept) {
        let (first, second) = (kept.add(new("a")).await, kept.add(new("a")).await);
        let claim = claim_for(HOUR);
        assert_eq!(kept.claim(&claim).await.len(), 2);
        let pause = Settlement {
            pause: Some((HOUR, "busy".to_owned())),
            ..settlement(first, claim.lease, again(Duration::ZERO))
        };
        assert!(kept.settle(pause).await.is_some());
        assert!(kept.settle(settlement(second, claim.lease, over(DeliveryState::Sent))).await.is_some());
        // A settlement without a pause does not end an existing one.
        assert_eq!(paused_lanes(&kept).await, ["a"]);
    }

    async fn a_pause_that_is_over_keeps_nothing_back(kept) {
        let id = kept.add(new("a")).await;
        tried(&kept, "a", paused(Duration::ZERO, "busy")).await;
        a_moment().await;
        assert_eq!(kept.claimed().await, [id]);
    }

    async fn a_lane_is_resumed_by_its_name(kept) {
        pause_each(&kept, &["webhook:1", "webhook:12", "webhook:2"]).await;
        kept.deliveries.resume("webhook:1").await.unwrap();
        assert_eq!(paused_lanes(&kept).await, ["webhook:12", "webhook:2"]);
        let lane = kept.lane("webhook:1").await;
        assert_eq!((lane.waiting, lane.reason, lane.health), (1, None, Health::default()));
        assert_eq!(kept.lane("webhook:12").await.health.failures, 1);
        let claimed = kept.claim(&claim_for(HOUR)).await;
        assert_eq!(claimed.iter().map(|claimed| claimed.delivery.lane.as_str()).collect::<Vec<_>>(), ["webhook:1"]);
        kept.deliveries.resume("unknown").await.unwrap();
    }

    async fn lanes_are_resumed_by_the_begin_of_their_names(kept) {
        let alike = ["ema:l", "email", "email:a", "email:b:c", "email_x:d", "emailx:a", "mail:email:a"];
        pause_each(&kept, &alike).await;
        kept.deliveries.resume("email").await.unwrap();
        assert_eq!(paused_lanes(&kept).await, ["ema:l", "email_x:d", "emailx:a", "mail:email:a"]);
        assert_eq!(kept.lane("email:b:c").await.health, Health::default());
        assert_eq!(kept.lane("emailx:a").await.health.failures, 1);
    }

    async fn no_sign_in_the_name_of_a_lane_means_more_than_itself(kept) {
        pause_each(&kept, &["Ab:1", "a%:1", "a\\b:1", "a_b:1", "ab:1", "axb:1", "é🎉:1"]).await;
        for wrong in ["%", "_", "", "a", "*", "a*", "[a]b", "AB", "ab:", "ab:1:"] {
            kept.deliveries.resume(wrong).await.unwrap();
        }
        assert_eq!(paused_lanes(&kept).await, ["Ab:1", "a%:1", "a\\b:1", "a_b:1", "ab:1", "axb:1", "é🎉:1"]);
        for lane in ["a_b", "a\\b", "a%", "é🎉"] {
            kept.deliveries.resume(lane).await.unwrap();
        }
        assert_eq!(paused_lanes(&kept).await, ["Ab:1", "ab:1", "axb:1"]);
    }
}
