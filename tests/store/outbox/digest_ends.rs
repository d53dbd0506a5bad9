//! How a digest ends, and its parts with it.

use campanile::{
    model::{DeliveryId, DeliveryState},
    server::store::outbox::{Backlog, NewDelivery, Next},
};

use super::{
    PLENTY, a_moment, contract,
    digests::{about, bundle, digest, digest_of, held, later, parts, set, waiting},
    now, over, send, settlement, uuid,
};
use crate::store::user;

contract! {
    async fn the_parts_of_a_digest_end_like_the_digest(kept) {
        kept.add(later(uuid(), "quiet_hours")).await;
        let other = digest(&kept, 2).await;
        for state in DeliveryState::ALL.iter().copied().filter(|state| state.is_over()) {
            for reason in [None, Some("said 'no' 🎉".to_owned())] {
                let (id, all) = digest(&kept, 3).await;
                assert_eq!(kept.waiting("email").await, 4 + 4);
                let lease = kept.lease(id).await;
                let next = Next::Over { state, reason: reason.clone() };
                assert!(kept.settle(settlement(id, lease, next)).await.is_some());
                let digest = kept.delivery(id).await;
                for part in all {
                    let part = kept.delivery(part).await;
                    assert_eq!((part.state, &part.reason, part.ended_at), (state, &reason, digest.ended_at));
                    assert_eq!((part.via, part.tries), (Some(id), 0));
                }
                assert!(digest.ended_at.is_some() && parts(&kept, id).await.is_empty());
                assert_eq!(kept.waiting("email").await, 4);
            }
        }
        assert_eq!(parts(&kept, other.0).await, other.1.into_iter().collect());
    }

    async fn parts_free_their_share_of_the_backlog(kept) {
        let (settled, _) = digest(&kept, 3).await;
        let lease = kept.lease(settled).await;
        let (cancelled, _) = digest(&kept, 2).await;
        let fits = async |bytes| {
            let (one, backlog) = (later(uuid(), "quiet_hours"), Backlog { bytes, ..PLENTY });
            let id = one.id;
            kept.plan_within(backlog, vec![one]).await;
            kept.deliveries.cancel(id, "by_hand", now()).await.unwrap()
        };
        // Each part has ten bytes, and the digest itself has none.
        assert!(!fits(59).await && fits(60).await);
        assert!(kept.settle(settlement(settled, lease, over(DeliveryState::Dead))).await.is_some());
        assert!(!fits(29).await && fits(30).await);
        assert!(kept.deliveries.cancel(cancelled, "by_hand", now()).await.unwrap());
        assert!(!fits(9).await && fits(10).await);
        assert_eq!(kept.waiting("email").await, 0);
    }

    async fn a_digest_of_which_all_is_read_is_there_to_be_ended(kept) {
        let target = uuid();
        let all = [send(&*kept.inboxes, "ann", "x").await, send(&*kept.inboxes, "ann", "y").await];
        let (id, _) = digest_of(&kept, all.iter().map(|one| about(one, held(target, "together"))).collect()).await;
        let both = all.each_ref().map(|one| one.id);
        assert_eq!(kept.deliveries.cancel_about(&user("ann"), &both, "read", now()).await.unwrap(), 2);
        assert!(parts(&kept, id).await.is_empty());
        assert_eq!(waiting(&kept).await, 1);
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, over(DeliveryState::Cancelled))).await.is_some());
        assert_eq!(waiting(&kept).await, 0);
    }

    async fn cancelling_a_digest_by_hand_ends_its_parts(kept) {
        for is_leased in [false, true] {
            let (id, all) = digest(&kept, 3).await;
            if is_leased {
                kept.lease(id).await;
            }
            // Cancelling one part removes only that part.
            assert!(kept.deliveries.cancel(all[0], "not_wanted", now()).await.unwrap());
            assert_eq!(parts(&kept, id).await, set([all[1], all[2]]));
            assert_eq!(kept.waiting("email").await, 3);
            assert!(kept.deliveries.cancel(id, "by_hand", now()).await.unwrap());
            assert!(!kept.deliveries.cancel(id, "by_hand", now()).await.unwrap());
            let digest = kept.delivery(id).await;
            for part in [all[1], all[2]] {
                let part = kept.delivery(part).await;
                assert_eq!((part.state, part.ended_at), (DeliveryState::Cancelled, digest.ended_at));
                assert_eq!(part.reason.as_deref(), Some("by_hand"));
            }
            assert_eq!(kept.delivery(all[0]).await.reason.as_deref(), Some("not_wanted"));
            assert_eq!(kept.waiting("email").await, 0);
        }
    }

    async fn of_a_digest_that_died_the_parts_are_repeated_together(kept) {
        let (id, all) = digest(&kept, 2).await;
        let lease = kept.lease(id).await;
        assert!(kept.settle(settlement(id, lease, over(DeliveryState::Dead))).await.is_some());
        assert!(!kept.delivery(id).await.may_be_replayed() && kept.delivery(all[0]).await.may_be_replayed());
        let news = [(); 3].map(|()| DeliveryId::new(uuid()));
        let asked = [(id, news[0]), (all[0], news[1]), (all[1], news[2])];
        assert_eq!(kept.deliveries.replay(&asked, now()).await.unwrap(), 2);
        assert_eq!(kept.deliveries.replay(&asked, now()).await.unwrap(), 0);
        assert!(kept.deliveries.delivery(news[0]).await.unwrap().is_none());
        assert!(!kept.delivery(id).await.is_replayed && kept.delivery(all[0]).await.is_replayed);
        for (old, new) in &asked[1..] {
            let (old, new) = (kept.delivery(*old).await, kept.delivery(*new).await);
            assert_eq!((new.state, new.reason.as_deref()), (DeliveryState::Held, Some("together")));
            assert_eq!((new.via, new.replay_of, new.tries), (None, Some(old.id), 0));
            assert_eq!((new.notification_id, new.target, new.due_at), (old.notification_id, old.target, new.created_at));
        }
        assert_eq!(kept.waiting("email").await, 2);
        a_moment().await;
        let lease = kept.lease(news[1]).await;
        let id = bundle(&kept, lease, &[news[1]]).await;
        assert_eq!(id, None, "both are claimed");
        let id = bundle(&kept, lease, &news[1..]).await.unwrap();
        assert_eq!(parts(&kept, id).await, set([news[1], news[2]]));
        // A delivery that was once sent alone is again sent alone.
        let alone = NewDelivery { reason: None, state: DeliveryState::Ready, ..held(uuid(), "") };
        let (alone, again) = (kept.ended(alone, DeliveryState::Dead).await, DeliveryId::new(uuid()));
        assert_eq!(kept.deliveries.replay(&[(alone, again)], now()).await.unwrap(), 1);
        assert_eq!(kept.delivery(again).await.state, DeliveryState::Ready);
    }
}
