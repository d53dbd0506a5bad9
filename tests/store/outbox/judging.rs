//! Which deliveries a rule holds, and when they are checked again.

use std::{collections::BTreeSet, time::Duration};

use campanile::{
    model::{Channel, DeliveryState},
    server::store::outbox::{NewDelivery, Settlement},
};

use super::{
    HOUR, a_moment, again, claim_for, contract,
    digests::{digest, held, held_for, judge, later, parts, set},
    settlement, uuid,
};
use crate::store::user;

contract! {
    async fn a_held_delivery_is_claimed_after_its_wait_with_the_reason(kept) {
        let plain = NewDelivery { state: DeliveryState::Ready, reason: None, ..held(uuid(), "") };
        let id = kept.add(plain).await;
        let claimed = kept.claim(&claim_for(Duration::ZERO)).await;
        assert_eq!(claimed[0].delivery.reason, None);
        a_moment().await;
        let lease = kept.lease(id).await;
        let before = kept.delivery(id).await.due_at;
        assert!(kept.settle(settlement(id, lease, held_for(2 * HOUR, "quiet_hours"))).await.is_some());
        let waits = kept.delivery(id).await;
        assert_eq!((waits.state, waits.reason.as_deref()), (DeliveryState::Held, Some("quiet_hours")));
        assert_eq!((waits.ended_at, waits.tries), (None, 2));
        let wait = waits.due_at.as_micros() - before.as_micros();
        assert!((3_540_000_000..3_660_000_000).contains(&wait), "the lease was an hour: {wait}");
        assert!(kept.claimed().await.is_empty());
        assert_eq!(kept.waiting("email").await, 1);
        assert_eq!(judge(&kept, "ann", 9).await, 1);
        // No matter how often its claim is lost.
        for was_lost in [false, true, true] {
            a_moment().await;
            let claimed = kept.claim(&claim_for(Duration::ZERO)).await;
            let [claimed] = &claimed[..] else { panic!("it is due: {claimed:?}") };
            assert_eq!((claimed.delivery.reason.as_deref(), claimed.was_lost), (Some("judged_anew"), was_lost));
            assert_eq!(claimed.delivery.state, DeliveryState::Leased);
        }
        a_moment().await;
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, again(Duration::ZERO))).await.is_some());
        assert_eq!(kept.delivery(id).await.reason, None);
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, held_for(Duration::ZERO, "limit"))).await.is_some());
        assert_eq!(kept.delivery(id).await.reason.as_deref(), Some("limit"));
    }

    async fn judging_again_makes_held_deliveries_due_and_frees_the_parts_of_digests(kept) {
        let quiet = kept.add(later(uuid(), "quiet_hours")).await;
        let bobs = kept.add(NewDelivery { user_id: user("bob"), ..later(uuid(), "quiet_hours") }).await;
        let ready = kept.add(NewDelivery { state: DeliveryState::Ready, ..later(uuid(), "") }).await;
        let hook = NewDelivery { channel: Channel::Webhook, ..later(uuid(), "quiet_hours") };
        let hook = kept.add(hook).await;
        let (id, all) = digest(&kept, 2).await;
        let due = kept.add(held(uuid(), "together")).await;
        a_moment().await;
        assert_eq!(judge(&kept, "carl", 9).await, 0);
        assert_eq!(judge(&kept, "ann", 9).await, 3);
        assert_eq!(judge(&kept, "ann", 9).await, 0);
        assert!(parts(&kept, id).await.is_empty());
        assert_eq!(kept.waiting("email").await, 8);
        let freed = kept.delivery(all[0]).await;
        assert_eq!((freed.state, freed.reason.as_deref(), freed.via), (DeliveryState::Held, Some("judged_anew"), None));
        a_moment().await;
        let claimed: BTreeSet<_> = kept.claimed().await.into_iter().collect();
        assert_eq!(claimed, set([quiet, id, all[0], all[1], due]));
        for waits in [bobs, ready, hook] {
            assert!(kept.delivery(waits).await.state != DeliveryState::Leased);
        }
    }

    async fn a_delivery_that_is_being_sent_is_not_judged_again(kept) {
        let (id, all) = digest(&kept, 2).await;
        let lease = kept.lease(id).await;
        let single = kept.add(held(uuid(), "quiet_hours")).await;
        kept.lease(single).await;
        assert_eq!(judge(&kept, "ann", 9).await, 0);
        assert_eq!(parts(&kept, id).await, all.iter().copied().collect());
        // A digest that waits for a rule is no longer being sent; its parts are checked individually.
        let waits = Settlement { refund: true, ..settlement(id, lease, held_for(HOUR, "quiet_hours")) };
        assert!(kept.settle(waits).await.is_some());
        assert_eq!(judge(&kept, "ann", 9).await, 2);
        assert!(parts(&kept, id).await.is_empty());
        a_moment().await;
        assert_eq!(kept.claimed().await.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
    }

    async fn a_digest_that_was_attempted_keeps_its_parts(kept) {
        let (id, all) = digest(&kept, 2).await;
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, again(HOUR))).await.is_some());
        assert_eq!(judge(&kept, "ann", 9).await, 0);
        assert_eq!(parts(&kept, id).await, all.iter().copied().collect());
    }

    async fn at_most_as_many_are_judged_anew_as_asked(kept) {
        for _ in 0..5 {
            kept.add(later(uuid(), "quiet_hours")).await;
        }
        for (most, judged) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
            assert_eq!(judge(&kept, "ann", most).await, judged);
        }
    }
}
