//! Which deliveries are forgotten, and when.

use campanile::{
    model::DeliveryState,
    server::store::outbox::{DeliveryFilter, NewDelivery},
};

use super::{
    HOUR, a_moment, contract,
    look::{id, skipped},
    new, now, year,
};

contract! {
    async fn only_deliveries_that_ended_by_then_are_forgotten(kept) {
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

    async fn a_repeat_outlives_its_original(kept) {
        let (old, fresh) = (skipped(&kept, "a").await, id());
        assert_eq!(kept.deliveries.replay(&[(old, fresh)], now()).await.unwrap(), 1);
        assert_eq!(kept.deliveries.forget_deliveries(year(2200), 10).await.unwrap(), 1);
        assert_eq!(kept.all(&DeliveryFilter::default()).await, [fresh]);
        assert_eq!(kept.delivery(fresh).await.replay_of, Some(old));
        assert_eq!(kept.claimed().await, [fresh]);
    }
}
