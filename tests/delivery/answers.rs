//! The meaning of an endpoint's responses.

use axum::http::Method;
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    A_WHILE, Hook, LONG, Place, each_store,
    receiver::{Content, Receiver, Reply},
    said, seconds_between,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_2xx_is_success_whatever_comes_after_its_head() {
    let place = Place::in_memory().await;
    let replies = [
        Reply::status(200),
        Reply::status(201),
        Reply::status(204),
        Reply::status(299),
        Reply::status(200).header("retry-after", "3600"),
        Reply::with(200, Content::Text("thanks".to_owned())),
        Reply::with(200, Content::Huge(64 << 20)),
        Reply::with(200, Content::Drips),
    ];
    let place = &place;
    join_all(replies.map(async |reply| {
        let (said, began) = (format!("{reply:?}"), Instant::now());
        let status = reply.status;
        let receiver = Receiver::start(move |_, _| reply.clone()).await;
        let hook = place.hook(&receiver, json!({"user_id": receiver.url()})).await;
        place.notify(&receiver.url(), "x").await;
        let sent = place.until_state(&hook, "sent").await;
        let attempt = &sent["attempts"][0];
        assert_eq!((&attempt["code"], &attempt["counted"]), (&json!(status), &json!(true)), "{said}");
        assert_eq!(place.webhook(&hook).await["state"], "active");
        assert!(began.elapsed() < Duration::from_secs(4), "{said}: {:?}", began.elapsed());
    }))
    .await;
}

/// Checks that a delivery failed once and is retried after five or six seconds.
fn is_tried_again(delivery: &Value, code: Option<u16>) {
    assert_eq!(delivery["state"], "ready", "{delivery}");
    let attempt = &delivery["attempts"][0];
    assert_eq!((&attempt["result"], &attempt["counted"]), (&json!("retry"), &json!(true)), "{delivery}");
    assert_eq!(attempt.get("code").cloned(), code.map(Value::from), "{delivery}");
    assert!(attempt["detail"].as_str().unwrap_or_default().len() <= 512, "{delivery}");
    let wait = seconds_between(&attempt["at"], &delivery["due_at"]);
    let took = Duration::from_millis(attempt["ms"].as_u64().unwrap()).as_secs_f64();
    assert!((5.0..6.5).contains(&(wait - took)), "{wait} {delivery}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delivery_is_retried_after_five_seconds_with_the_same_id_and_a_new_timestamp() {
    let place = Place::in_memory().await;
    let elsewhere = Receiver::good().await;
    let away = elsewhere.url();
    let replies = [
        (Reply::status(302).header("location", &away), Some(302)),
        (Reply::status(307).header("location", &away), Some(307)),
        (Reply::status(308).header("location", &away), Some(308)),
        (Reply::status(304), Some(304)),
        (Reply::with(400, Content::Text("\u{1b}[31mno\0".to_owned())), Some(400)),
        (Reply::status(401), Some(401)),
        (Reply::status(404), Some(404)),
        (Reply::with(500, Content::Huge(1 << 20)), Some(500)),
        (Reply::status(503).header("retry-after", "soon"), Some(503)),
        (Reply::status(503).header("retry-after", "-1"), Some(503)),
        (Reply::status(503).header("retry-after", "0"), Some(503)),
        (Reply::with(200, Content::Closes), None),
        (Reply::with(200, Content::Garbage), None),
    ];
    let mut endpoints = Vec::new();
    for (reply, code) in replies {
        let answer = move |before, _: &_| if before == 0 { reply.clone() } else { Reply::status(200) };
        let receiver = Receiver::start(answer).await;
        let hook = place.hook(&receiver, json!({"user_id": "ann"})).await;
        endpoints.push((receiver, hook, code));
    }
    // No server listens at this one.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let (there, port) = (free.local_addr().unwrap().to_string(), free.local_addr().unwrap());
    drop(free);
    let refused = place.hook_to(&format!("http://{port}/hook"), json!({"user_id": "ann"})).await;
    place.notify("ann", "x").await;
    for (_, hook, code) in &endpoints {
        is_tried_again(&place.until_attempted(hook).await, *code);
        assert_eq!(place.webhook(hook).await["state"], "active");
    }
    is_tried_again(&place.until_attempted(&refused).await, None);
    endpoints.push((Receiver::start_at(&there, |_, _| Reply::status(200)).await, refused, None));

    for (number, (receiver, hook, code)) in endpoints.iter().enumerate() {
        let sent = place.until_state(hook, "sent").await;
        assert_eq!(sent["attempts"].as_array().unwrap().len(), 2, "{sent}");
        let hits = receiver.hits();
        assert!(hits.iter().all(|hit| hit.is_signed_with(&hook.secret) && hit.id() == sent["id"].as_str().unwrap()));
        if let [first, second] = &*hits {
            assert_eq!(first.body, second.body);
            assert!((4..=10).contains(&(second.timestamp() - first.timestamp())), "{first:?} {second:?}");
            assert!((5.0..10.0).contains(&(second.at - first.at).as_secs_f64()), "{:?}", second.at - first.at);
        } else {
            assert!(number == endpoints.len() - 1 && hits.len() == 1, "{code:?}: {hits:?}");
        }
    }
    assert_eq!(elsewhere.connections(), 0, "a redirect was followed");
    place.stop().await;
}

/// The slowest test here: it waits for the real deadline.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_has_failed_after_fifteen_seconds() {
    let place = Place::in_memory().await;
    let mut endpoints = Vec::new();
    for body in [Content::Hangs, Content::HeadDrips] {
        let reply = Reply::with(200, body);
        let receiver = Receiver::start(move |_, _| reply.clone()).await;
        let hook = place.hook(&receiver, json!({})).await;
        endpoints.push((receiver, hook));
    }
    place.notify("ann", "x").await;
    sleep(Duration::from_secs(13)).await;
    for (_, hook) in &endpoints {
        assert_eq!(place.until_state(hook, "leased").await["attempts"], json!([]));
        assert_eq!(place.lane(hook).await["in_flight"], 1);
    }
    for (receiver, hook) in &endpoints {
        let failed = place.until_attempted(hook).await;
        is_tried_again(&failed, None);
        let ms = failed["attempts"][0]["ms"].as_u64().unwrap();
        assert!((14_900..17_000).contains(&ms), "{ms}");
        assert_eq!(receiver.count(), 1);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_many_headers_is_an_answer() {
    let place = Place::in_memory().await;
    let reply = (0..300).fold(Reply::status(204), |reply, _| reply.header("x-many", "1"));
    let receiver = Receiver::start(move |_, _| reply.clone()).await;
    let hook = place.hook(&receiver, json!({})).await;
    place.notify("ann", "x").await;
    place.until_state(&hook, "sent").await;
    place.stop().await;
}

/// After repairing the receiver, an operator need not wait for the next attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_for_its_next_attempt_can_be_sent_at_once() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let receiver = Receiver::start(|before, _| Reply::status(if before < 2 { 500 } else { 204 })).await;
        let hook = place.hook(&receiver, json!({})).await;
        place.notify("ann", "x").await;
        let failed = place.until_attempted(&hook).await;
        let path = format!("/api/deliveries/{}/retry", failed["id"].as_str().unwrap());
        let hastened = place.post(&path, None).await.json();
        assert_eq!((&hastened["id"], hastened.get("replay_of")), (&failed["id"], None), "{hastened}");
        place.until(&hook, "ready", |found| found["attempts"].as_array().unwrap().len() == 2).await;
        let body = json!({"state": "ready", "webhook_id": hook.id});
        assert_eq!(place.post("/api/deliveries/retry", Some(&body)).await.json(), json!({"ok": true, "retried": 1}));
        let sent = place.until_state(&hook, "sent").await;
        assert_eq!((&sent["id"], sent["attempts"].as_array().unwrap().len()), (&failed["id"], 3));
        assert_eq!(receiver.count(), 3);
        place.stop().await;
    })
    .await;
}

async fn retry_skipped(place: &Place, hook: &Hook) -> Value {
    let body = json!({"state": "skipped", "webhook_id": hook.id});
    place.post("/api/deliveries/retry", Some(&body)).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_410_disables_a_webhook_and_missed_deliveries_are_sent_on_request() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let receiver = Receiver::start(|before, _| Reply::status(if before == 0 { 410 } else { 200 })).await;
        let hook = place.hook(&receiver, json!({})).await;
        place.notify("ann", "first").await;
        let dead = place.until_state(&hook, "dead").await;
        assert_eq!(dead["reason"], "contact_dead");
        assert_eq!(dead["attempts"][0]["result"], "contact_dead");
        let began = Instant::now();
        while place.webhook(&hook).await["state"] != "disabled" {
            assert!(began.elapsed() < LONG);
        }
        let webhook = place.webhook(&hook).await;
        assert_eq!(webhook["reason"], "gone", "{webhook}");
        assert_eq!(place.get("/api/webhooks").await[0]["state"], "disabled");
        for content in ["second", "third"] {
            let id = place.notify("ann", content).await;
            let skipped = place.until(&hook, "skipped", |found| found["notification_id"] == *id).await;
            assert_eq!((&skipped["state"], &skipped["reason"]), (&json!("skipped"), &json!("webhook_disabled")));
        }
        // While the webhook is disabled, none is retried, and a single retry reports the reason.
        assert_eq!(retry_skipped(&place, &hook).await, json!({"ok": true, "retried": 0}));
        let path = format!("/api/deliveries/{}/retry", dead["id"].as_str().unwrap());
        assert_eq!(place.ask(Method::POST, &path, None).await.status, 409);
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 1);
        let enabled = place.post(&format!("/api/webhooks/{}/enable", hook.id), None).await.json();
        assert_eq!((&enabled["state"], enabled.get("reason")), (&json!("active"), None));
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 1, "enabling replays nothing by itself");
        assert_eq!(retry_skipped(&place, &hook).await, json!({"ok": true, "retried": 2}));
        let hits = receiver.until(3).await;
        let mut contents: Vec<_> = hits[1..].iter().map(super::receiver::Hit::content).collect();
        contents.sort();
        assert_eq!(contents, ["second", "third"]);
        assert!(hits.iter().all(|hit| hit.is_signed_with(&hook.secret)));
        assert_eq!(retry_skipped(&place, &hook).await, json!({"ok": true, "retried": 0}));
        place.notify("ann", "fourth").await;
        assert_eq!(receiver.until(4).await[3].content(), "fourth");
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 4);
        place.stop().await;
    })
    .await;
}
