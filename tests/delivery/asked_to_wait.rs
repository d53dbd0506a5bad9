//! Endpoints that ask the server to wait.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    A_WHILE, Place, each_store,
    receiver::{Receiver, Reply},
    said, seconds_between,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_429_pauses_the_lane_until_it_is_resumed() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let receiver = Receiver::start(|before, _| Reply::status(if before == 0 { 429 } else { 200 })).await;
        let other = Receiver::good().await;
        let hook = place.hook(&receiver, json!({})).await;
        place.hook(&other, json!({})).await;
        let first = place.notify("ann", "first").await;
        let failed = place.until_attempted(&hook).await;
        assert_eq!((&failed["state"], &failed["attempts"][0]["code"]), (&json!("ready"), &json!(429)));
        place.notify("ann", "second").await;
        other.until(2).await;
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 1, "its lane is paused");
        let webhook = place.webhook(&hook).await;
        assert_eq!((&webhook["state"], &webhook["reason"]), (&json!("paused"), &json!("asked_to_wait")), "{webhook}");
        let listed = place.get("/api/webhooks").await;
        assert_eq!((&listed[0]["state"], &listed[1]["state"]), (&json!("paused"), &json!("active")), "{listed}");
        let lane = place.lane(&hook).await;
        assert_eq!((&lane["state"], &lane["reason"]), (&json!("paused"), &json!("asked_to_wait")), "{lane}");
        assert_eq!((&lane["waiting"], &lane["in_flight"]), (&json!(2), &json!(0)), "{lane}");
        let wait = seconds_between(&failed["attempts"][0]["at"], &lane["paused_until"]);
        assert!((60.0..62.0).contains(&wait), "{wait}");

        assert_eq!(place.post("/api/channels/webhook/resume", None).await.status, 204);
        let hits = receiver.until(2).await;
        assert_eq!(hits[1].content(), "second", "the first waits for its own time");
        place.until_state(&hook, "sent").await;
        let webhook = place.webhook(&hook).await;
        assert_eq!((&webhook["state"], webhook.get("reason")), (&json!("active"), None), "{webhook}");
        let lane = place.lane(&hook).await;
        assert_eq!((&lane["state"], &lane["waiting"]), (&json!("open"), &json!(1)), "{lane}");
        assert!(lane.get("paused_until").is_none() && lane.get("reason").is_none(), "{lane}");
        let waiting = place.get(&format!("/api/deliveries?notification_id={first}&state=ready")).await;
        assert!((60.0..62.0).contains(&seconds_between(&waiting[0]["attempts"][0]["at"], &waiting[0]["due_at"])));
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_seconds_or_a_moment_is_at_most_a_day_and_garbage_is_ignored() {
    let place = Place::in_memory().await;
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(300));
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(300));
    // Status, `Retry-After`, and how long the lane is paused, if it is.
    let cases: [(u16, &str, Option<f64>); 13] = [
        (429, "120", Some(120.0)),
        (429, "1", Some(1.0)),
        (429, &*soon, Some(300.0)),
        (429, &*past, Some(60.0)),
        (429, "soon", Some(60.0)),
        (429, "1.5", Some(60.0)),
        (429, "999999999999999999999999", Some(86_400.0)),
        (429, "4294967296", Some(86_400.0)),
        (503, "200", Some(200.0)),
        (503, &*soon, Some(300.0)),
        (302, "200", Some(200.0)),
        (503, "soon", None),
        (503, "", None),
    ];
    let mut endpoints = Vec::new();
    for (status, retry_after, pause) in cases {
        let reply = Reply::status(status).header("retry-after", retry_after);
        let receiver = Receiver::start(move |_, _| reply.clone()).await;
        let hook = place.hook(&receiver, json!({})).await;
        endpoints.push((format!("{status} {retry_after}"), receiver, hook, pause));
    }
    place.notify("ann", "x").await;
    for (said, _receiver, hook, pause) in &endpoints {
        let delivery = place.until_attempted(hook).await;
        let (lane, at) = (place.lane(hook).await, &delivery["attempts"][0]["at"]);
        let due = seconds_between(at, &delivery["due_at"]);
        let until = lane.get("paused_until").map(|until: &Value| seconds_between(at, until));
        match pause {
            Some(pause) => {
                let wait = pause.max(5.0);
                // Times have whole seconds, and the schedule a jitter of up to a second.
                assert!((wait - 3.0..wait + 2.5).contains(&due), "{said}: due after {due}");
                assert!(due >= 5.0, "{said}: due after {due}");
                if *pause > 5.0 {
                    let until = until.unwrap_or_default();
                    assert!((pause - 3.0..pause + 2.5).contains(&until), "{said}: paused for {until}");
                    assert_eq!(place.webhook(hook).await["state"], "paused", "{said}");
                }
            }
            None => {
                assert!((5.0..6.5).contains(&due), "{said}: due after {due}");
                assert_eq!((until, &lane["state"]), (None, &json!("open")), "{said}");
            }
        }
    }
    place.stop().await;
}

/// Claimed deliveries that still wait in this server are not sent after all, and lose no attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_fast_endpoint_that_asks_to_wait_gets_only_requests_already_on_their_way() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let answer = |before, _: &_| match before {
            0..300 => Reply::status(200),
            _ => Reply::status(429).header("retry-after", "3600"),
        };
        let receiver = Receiver::start(answer).await;
        let hook = place.hook(&receiver, json!({})).await;
        place.notify_many("ann", 300).await;
        place.notify_many("bob", 300).await;
        receiver.until(301).await;
        sleep(A_WHILE).await;
        let count = receiver.count();
        assert!(count <= 300 + 4, "{count} came, four at once");
        let lane = place.lane(&hook).await;
        assert_eq!((&lane["state"], &lane["waiting"]), (&json!("paused"), &json!(300)), "{lane}");
        // Only deliveries that were sent have lost an attempt.
        let path = format!("/api/deliveries?webhook_id={}&state=ready&limit=1000", hook.id);
        let ready = place.get(&path).await;
        let ready = ready.as_array().unwrap();
        assert_eq!(ready.len(), 300);
        let tried = ready.iter().filter(|delivery| delivery["attempts"] != json!([])).count();
        assert!((1..=4).contains(&tried), "{tried}");
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_endpoint_that_answers_410_gets_only_requests_already_on_their_way() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let receiver = Receiver::start(|before, _| Reply::status(if before < 300 { 200 } else { 410 })).await;
        let hook = place.hook(&receiver, json!({})).await;
        place.notify_many("ann", 300).await;
        place.notify_many("bob", 300).await;
        receiver.until(301).await;
        sleep(A_WHILE).await;
        let count = receiver.count();
        assert!(count <= 300 + 4, "{count} came, four at once");
        assert_eq!(place.webhook(&hook).await["state"], "disabled");
        place.stop().await;
    })
    .await;
}
