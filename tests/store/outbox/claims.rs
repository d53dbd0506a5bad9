//! Which deliveries are claimed, and when.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use campanile::{
    model::{DeliveryId, DeliveryState},
    server::store::outbox::{Claim, Delivery, DeliveryFilter, NewDelivery},
};

use super::{HOUR, Kept, PLENTY, a_moment, again, claim_for, contract, ids, new, now, over, settlement, year};

/// Plans this many deliveries of a lane that are due at once.
async fn fill(kept: &Kept, lane: &str, count: usize) {
    kept.plan_within(PLENTY, (0..count).map(|_| new(lane)).collect()).await;
}

/// The number of deliveries of each lane that a claim returns.
async fn share(kept: &Kept, claim: &Claim) -> BTreeMap<String, usize> {
    let mut share = BTreeMap::new();
    for claimed in kept.claim(claim).await {
        *share.entry(claimed.delivery.lane).or_default() += 1;
    }
    share
}

fn shares<const N: usize>(of: [(&str, usize); N]) -> BTreeMap<String, usize> {
    of.into_iter().map(|(lane, count)| (lane.to_owned(), count)).collect()
}

contract! {
    async fn only_due_deliveries_are_claimed(kept) {
        assert!(kept.claimed().await.is_empty());
        let due = kept.add(new("webhook:1")).await;
        kept.add(NewDelivery { wait: HOUR, ..new("webhook:1") }).await;
        kept.add(NewDelivery { wait: HOUR, state: DeliveryState::Held, ..new("webhook:1") }).await;
        assert_eq!(kept.claimed().await, [due]);
    }

    async fn one_that_is_held_is_claimed_when_its_moment_has_come(kept) {
        let held = NewDelivery { state: DeliveryState::Held, reason: Some("digest".to_owned()), ..new("email:1") };
        let id = kept.add(held).await;
        assert_eq!(kept.claimed().await, [id]);
        assert_eq!(kept.delivery(id).await.state, DeliveryState::Leased);
    }

    async fn a_claimed_delivery_is_leased_and_complete(kept) {
        let new = NewDelivery {
            payload: "{\"é\":\"🎉\u{2028}\"}".to_owned(),
            expires_at: Some(year(2200)),
            ..new("webhook:1")
        };
        let id = kept.add(new).await;
        let before = kept.delivery(id).await;
        let [claimed] = &kept.claim(&claim_for(HOUR)).await[..] else { panic!("there is one") };
        assert_eq!((claimed.was_lost, claimed.is_expired), (false, false));
        assert_eq!((claimed.delivery.state, claimed.delivery.tries), (DeliveryState::Leased, 1));
        assert_eq!(claimed.delivery, kept.delivery(id).await);
        let lease = claimed.delivery.due_at.as_micros() - before.due_at.as_micros();
        assert!((3_600_000_000..3_660_000_000).contains(&lease), "{lease}");
        let leased = Delivery {
            state: DeliveryState::Leased,
            tries: 1,
            due_at: claimed.delivery.due_at,
            reason: claimed.delivery.reason.clone(),
            ..before
        };
        assert_eq!(claimed.delivery, leased);
    }

    async fn those_that_are_due_first_are_claimed_first(kept) {
        let mut made = Vec::new();
        for millis in [30, 10, 40, 0, 20] {
            let wait = Duration::from_millis(millis);
            made.push(kept.add(NewDelivery { wait, ..new("webhook:1") }).await);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The duration of each step shifts the times, so the expected order is that of the times that the store
        // assigned.
        let mut expected = Vec::new();
        for id in made {
            expected.push((kept.delivery(id).await.due_at, id));
        }
        expected.sort();
        let mut claimed = Vec::new();
        for room in [1, 2, 1, 1] {
            claimed.push(ids(&kept.claim(&Claim { room, ..claim_for(HOUR) }).await));
        }
        claimed[1].sort_by_key(|id| expected.iter().position(|(_, of)| of == id));
        assert_eq!(claimed.concat(), expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    }

    async fn each_lane_gives_at_most_as_many_as_there_is_room(kept) {
        for lane in ["a", "b", "c", "d"] {
            fill(&kept, lane, 4).await;
        }
        let rooms =
            HashMap::from([("b".to_owned(), 1), ("c".to_owned(), 0), ("d".to_owned(), 9), ("none".to_owned(), 5)]);
        let claim = Claim { room: 2, rooms, ..claim_for(HOUR) };
        assert_eq!(share(&kept, &claim).await, shares([("a", 2), ("b", 1), ("d", 4)]));
        let others = Claim { room: 0, rooms: HashMap::from([("c".to_owned(), 3)]), ..claim_for(HOUR) };
        assert_eq!(share(&kept, &others).await, shares([("c", 3)]));
        assert!(share(&kept, &Claim { room: 0, ..claim_for(HOUR) }).await.is_empty());
        assert_eq!(share(&kept, &claim_for(HOUR)).await, shares([("a", 2), ("b", 3), ("c", 1)]));
    }

    async fn claimed_deliveries_take_no_room_of_the_next_claim(kept) {
        fill(&kept, "a", 5).await;
        for count in [2, 2, 1] {
            assert_eq!(share(&kept, &Claim { room: 2, ..claim_for(HOUR) }).await, shares([("a", count)]));
        }
    }

    async fn a_lane_with_thousands_starves_no_other(kept) {
        for _ in 0..3 {
            fill(&kept, "loud", 1000).await;
        }
        a_moment().await;
        fill(&kept, "quiet", 1).await;
        let claim = Claim { room: 3, ..claim_for(HOUR) };
        assert_eq!(share(&kept, &claim).await, shares([("loud", 3), ("quiet", 1)]));
        fill(&kept, "quiet", 4).await;
        let claim = Claim { room: 3, rooms: HashMap::from([("loud".to_owned(), 0)]), ..claim_for(HOUR) };
        assert_eq!(share(&kept, &claim).await, shares([("quiet", 3)]));
    }

    async fn all_of_many_lanes_have_their_share(kept) {
        let lanes: Vec<_> = (0..200).map(|number| format!("webhook:{number}")).collect();
        kept.plan_within(PLENTY, lanes.iter().flat_map(|lane| [new(lane), new(lane)]).collect()).await;
        for _ in 0..2 {
            let share = share(&kept, &Claim { room: 1, ..claim_for(HOUR) }).await;
            assert_eq!((share.len(), share.values().sum::<usize>()), (200, 200));
        }
        assert!(kept.claimed().await.is_empty());
    }

    async fn claimed_deliveries_are_not_claimed_again_during_their_lease(kept) {
        let id = kept.add(new("webhook:1")).await;
        assert_eq!(kept.claimed().await, [id]);
        a_moment().await;
        assert!(kept.claimed().await.is_empty());
        assert_eq!(kept.delivery(id).await.tries, 1);
    }

    async fn lost_deliveries_are_claimed_again_after_their_lease(kept) {
        let id = kept.add(new("webhook:1")).await;
        for tries in 1..=3 {
            let claimed = kept.claim(&claim_for(Duration::ZERO)).await;
            assert_eq!(ids(&claimed), [id]);
            assert_eq!((claimed[0].was_lost, claimed[0].delivery.tries), (tries > 1, tries));
            a_moment().await;
        }
        assert_eq!(kept.waiting("webhook:1").await, 1);
    }

    async fn a_delivery_that_is_due_again_was_not_lost(kept) {
        let id = kept.add(new("webhook:1")).await;
        for tries in 1..=3 {
            let claim = claim_for(HOUR);
            let claimed = kept.claim(&claim).await;
            assert_eq!(ids(&claimed), [id]);
            assert_eq!((claimed[0].was_lost, claimed[0].delivery.tries), (false, tries));
            assert!(kept.settle(settlement(id, claim.lease, again(Duration::ZERO))).await.is_some());
            a_moment().await;
        }
    }

    async fn claimers_at_once_never_get_the_same(kept) {
        for lane in 0..10 {
            fill(&kept, &format!("webhook:{lane}"), 50).await;
        }
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let mut mine: Vec<DeliveryId> = Vec::new();
                    loop {
                        let some = ids(&kept.claim(&Claim { room: 3, ..claim_for(HOUR) }).await);
                        if some.is_empty() {
                            return mine;
                        }
                        mine.extend(some);
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all.extend(kept.claimed().await);
        assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (500, 500));
    }

    async fn planners_claimers_and_settlers_at_once_send_each_once(kept) {
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let mut sent = 0;
                    for round in 0..25 {
                        if round < 20 {
                            fill(&kept, &format!("lane:{}", (number + round) % 3), 5).await;
                        }
                        let claim = claim_for(HOUR);
                        let claimed = ids(&kept.claim(&claim).await);
                        let settlements =
                            claimed.iter().map(|id| settlement(*id, claim.lease, over(DeliveryState::Sent)));
                        let settled = kept.outbox.settle(settlements.collect(), now()).await.unwrap();
                        assert!(settled.iter().all(Option::is_some));
                        sent += settled.len();
                    }
                    sent
                })
            })
            .collect();
        let mut sent = 0;
        for task in tasks {
            sent += task.await.unwrap();
        }
        let rest = kept.claimed().await.len();
        let planned = kept.all(&DeliveryFilter::default()).await.len();
        assert_eq!((sent + rest, planned), (400, 400));
        let waiting: u64 = kept.deliveries.lanes().await.unwrap().iter().map(|lane| lane.waiting).sum();
        assert_eq!(waiting, rest as u64);
    }

    async fn a_claim_says_whether_the_notification_has_expired(kept) {
        for (expires_at, is_expired) in [(Some(year(2020)), true), (Some(year(2200)), false), (None, false)] {
            let id = kept.add(NewDelivery { expires_at, ..new("webhook:1") }).await;
            let [claimed] = &kept.claim(&claim_for(HOUR)).await[..] else { panic!("there is one") };
            assert_eq!((claimed.delivery.id, claimed.is_expired), (id, is_expired));
        }
    }
}
