//! Which deliveries fail together, and which do not.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::{
    Place, new_file,
    receiver::{Receiver, Reply},
    said,
};

/// The 99th percentile of the time from creation to arrival.
async fn p99(place: &Place, receiver: &Receiver) -> Duration {
    let mut took = Vec::new();
    for number in 0..60 {
        let (before, began) = (receiver.count(), Instant::now());
        place.notify("ann", &format!("note {number}")).await;
        let hits = receiver.until(before + 1).await;
        took.push(hits[before].at.saturating_duration_since(began));
        sleep(Duration::from_millis(1)).await;
    }
    took.sort();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_with_two_thousand_waiting_delays_no_other() {
    let place = Place::start(&said(&new_file())).await;
    let (good, bad) = (Receiver::good().await, Receiver::start(|_, _| Reply::hangs()).await);
    place.hook(&good, json!({"user_id": "ann"})).await;
    let hanging = place.hook(&bad, json!({"user_id": "bob"})).await;
    let alone = p99(&place, &good).await;
    place.notify_many("bob", 1_000).await;
    place.notify_many("bob", 1_000).await;
    bad.until(4).await;
    let began = Instant::now();
    while place.lane(&hanging).await["waiting"] != 2_000 {
        assert!(began.elapsed() < super::LONG, "{}", place.lane(&hanging).await);
        sleep(Duration::from_millis(5)).await;
    }
    let beside = p99(&place, &good).await;
    assert_eq!((place.lane(&hanging).await["in_flight"].as_u64(), bad.count()), (Some(4), 4));
    // This is a debug build beside other tests, so only a block is detected here; benchmarks measure the time.
    assert!(beside < 2 * alone.max(Duration::from_millis(100)), "{alone:?} alone, {beside:?} beside it");
    place.stop().await;
}
