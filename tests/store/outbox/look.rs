//! Listing and managing deliveries.

use std::time::Duration;

use campanile::{
    model::{Channel, DeliveryId, DeliveryState, NotificationId},
    server::store::{
        LOOKED_AT,
        outbox::{DeliveryFilter, NewDelivery},
    },
};

use super::{HOUR, Kept, PLENTY, a_moment, contract, new, now, over, settlement, uuid, year};
use crate::store::user;

pub(super) fn id() -> DeliveryId {
    DeliveryId::new(uuid())
}

/// A filter for deliveries in this state.
fn in_state(state: DeliveryState) -> DeliveryFilter {
    DeliveryFilter { state: Some(state), ..DeliveryFilter::default() }
}

/// All deliveries that a filter admits, in pages of `limit`, and the number of pages.
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

/// Plans a delivery of this lane that a rule skips.
pub(super) async fn skipped(kept: &Kept, lane: &str) -> DeliveryId {
    kept.add(NewDelivery { state: DeliveryState::Skipped, reason: Some("off".to_owned()), ..new(lane) }).await
}

contract! {
    async fn deliveries_are_listed_newest_first(kept) {
        assert!(kept.all(&DeliveryFilter::default()).await.is_empty());
        let mut made = Vec::new();
        for lane in ["b", "a", "c", "a"] {
            // Their due times and states do not change their order.
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

    async fn each_filter_admits_only_its_matches(kept) {
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
        // New deliveries, and changes of state, move none of them.
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

    async fn a_match_behind_many_others_is_found(kept) {
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
}
