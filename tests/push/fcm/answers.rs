//! The effects of FCM's responses on a delivery, its device and its lane.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    contact_states, deliveries, device, lane,
    service::{Fcm, Reply, token},
    tell, until_is, until_tried,
};
use crate::delivery::{A_WHILE, Place, seconds_between};

/// A response and its effects.
struct Row {
    name: &'static str,
    reply: Reply,
    result: &'static str,
    state: &'static str,
    contact: &'static str,
    /// How long the lane is paused.
    pause: Option<f64>,
    /// The minimum time until the next attempt.
    wait: Option<f64>,
}

fn row(name: &'static str, reply: Reply, result: &'static str) -> Row {
    let (state, contact) = match result {
        "sent" => ("sent", "active"),
        "contact_dead" => ("dead", "dead"),
        "message_bad" => ("dead", "active"),
        _ => ("ready", "active"),
    };
    Row { name, reply, result, state, contact, pause: None, wait: None }
}

fn later(name: &'static str, reply: Reply, wait: f64) -> Row {
    let pause = Some(wait).filter(|wait| *wait > 10.0);
    Row { wait: Some(wait), pause, ..row(name, reply, "retry") }
}

fn closed(name: &'static str, reply: Reply) -> Row {
    Row { pause: Some(300.0), ..row(name, reply, "misconfigured") }
}

fn field(name: &str) -> Value {
    let violation = json!({ "field": name, "description": "Invalid" });
    json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] })
}

fn rows() -> Vec<Row> {
    let error = Reply::error;
    let plain = |status: u16, canonical: &str| {
        let error = json!({ "code": status, "message": "no", "status": canonical });
        Reply::new(status, json!({ "error": error }).to_string())
    };
    let argument = |name: &str| error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", &[field(name)]);
    let quota = || error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", &[]);
    vec![
        row("sent", Reply::good(), "sent"),
        row("unregistered", error(404, "NOT_FOUND", "UNREGISTERED", &[]), "contact_dead"),
        closed("wrong project", plain(404, "NOT_FOUND")),
        closed("no project", Reply::html(404)),
        row("no token", argument("message.token"), "contact_dead"),
        row("no ttl", argument("message.android.ttl"), "message_bad"),
        row("no argument", error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", &[]), "message_bad"),
        row("other sender", error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", &[]), "contact_dead"),
        closed("apple", error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", &[])),
        closed("not let in", plain(401, "UNAUTHENTICATED")),
        closed("not let in by a gateway", Reply::html(401)),
        closed("no right", plain(403, "PERMISSION_DENIED")),
        later("quota", quota(), 60.0),
        later("quota for so long", quota().header("retry-after", "200"), 200.0),
        later("429", Reply::html(429), 60.0),
        later("internal", error(500, "INTERNAL", "INTERNAL", &[]), 10.0),
        later("gateway", Reply::html(502), 10.0),
        later("empty", Reply::new(500, ""), 10.0),
        later("half a body", Reply::new(503, r#"{"error": {"details": [{"errorCode": "UNREG"#), 10.0),
        later("unavailable", error(503, "UNAVAILABLE", "UNAVAILABLE", &[]), 10.0),
        later("unavailable for a while", Reply::html(503).header("retry-after", "90"), 90.0),
        later("unavailable for a moment", Reply::html(503).header("retry-after", "2"), 10.0),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_the_effects_in_the_table() {
    for some in rows().chunks(4) {
        join_all(some.iter().map(does)).await;
    }
}

async fn does(row: &Row) {
    let Row { name, reply, result, state, contact, pause, wait } = row;
    let answer = reply.clone();
    let fcm = Fcm::start(move |_, _| answer.clone()).await;
    let place = Place::start(&fcm.said("memory:")).await;
    device(&place, "ann", "device:ann").await;
    tell(&place, "ann", json!({"content": "x"})).await;
    let tried = until_tried(&place, "ann").await;
    let attempt = &tried["attempts"][0];
    assert_eq!((&attempt["result"], &attempt["code"]), (&json!(result), &json!(reply.status)), "{name}: {tried}");
    assert_eq!(tried["state"], *state, "{name}: {tried}");
    assert_eq!(attempt["counted"], *result != "misconfigured", "{name}: {tried}");
    sleep(Duration::from_millis(50)).await;
    assert_eq!(contact_states(&place, "ann").await, [*contact], "{name}");
    let lane = lane(&place).await;
    let paused = lane.get("paused_until").map(|until| seconds_between(&attempt["at"], until));
    match pause {
        Some(pause) => {
            let paused = paused.unwrap_or_default();
            assert!((pause - 1.0..pause + 2.5).contains(&paused), "{name}: {paused}, {lane}");
        }
        // A response that asks for less than the usual wait pauses the lane for less.
        None => assert!(paused.is_none_or(|paused| paused < 5.0), "{name}: {lane}"),
    }
    if let Some(wait) = wait {
        let due = seconds_between(&attempt["at"], &tried["due_at"]);
        assert!((wait - 0.1..wait + 3.0).contains(&due), "{name}: due after {due}");
    }
    // A refused token is replaced once.
    let is_refused = reply.status == 401 && *name != "apple";
    let expected = if is_refused { (2, 2) } else { (1, 1) };
    assert_eq!((fcm.asked(), fcm.messages().len()), expected, "{name}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_taken_any_more_is_made_anew_and_the_message_is_sent() {
    let fcm = Fcm::start(|_, message| match message.bearer.as_str() {
        "ya29.0" if message.text() != "first" => Reply::html(401),
        _ => Reply::good(),
    })
    .await;
    let place = Place::start(&fcm.said("memory:")).await;
    device(&place, "ann", "device:ann").await;
    tell(&place, "ann", json!({"content": "first"})).await;
    until_is(&place, "ann", "sent").await;
    let body = crate::delivery::batch("ann", 0..40);
    place.post("/api/notifications/batch", Some(&body)).await;
    let is_sent = |messages: &[super::service::Message]| messages.iter().filter(|one| one.bearer == "ya29.1").count();
    let until = std::time::Instant::now() + crate::delivery::LONG;
    while is_sent(&fcm.messages()) < 40 {
        assert!(std::time::Instant::now() < until, "{}", fcm.messages().len());
        sleep(Duration::from_millis(10)).await;
    }
    // Messages already on their way used the old token too, and all together requested one new token.
    assert_eq!((fcm.asked(), is_sent(&fcm.messages())), (2, 40));
    let sent = until_is(&place, "ann", "sent").await;
    assert_eq!(sent["attempts"].as_array().map(Vec::len), Some(1), "{sent}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_sent_and_all_waiting_deliveries_get_the_error() {
    let refused = || Reply::new(400, r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#);
    for (reply, result, state) in [(refused(), "misconfigured", "paused"), (Reply::html(503), "retry", "open")] {
        let fcm = Fcm::start_with(|_, _| Reply::good(), move |_, _| reply.clone()).await;
        let place = Place::start(&fcm.said("memory:")).await;
        for number in 0..20 {
            device(&place, "ann", &format!("device:{number}")).await;
        }
        tell(&place, "ann", json!({"content": "x"})).await;
        sleep(A_WHILE).await;
        let tried: Vec<_> =
            deliveries(&place, "ann").await.into_iter().filter(|one| one["attempts"] != json!([])).collect();
        assert!(!tried.is_empty());
        for attempt in tried.iter().map(|one| &one["attempts"][0]) {
            let detail = attempt["detail"].as_str().unwrap();
            assert!(detail.starts_with("no access token: ") && !detail.contains("eyJ"), "{detail}");
            assert_eq!(attempt["result"], result, "{attempt}");
        }
        // Deliveries that were about to be sent when the lane was paused may each get the error.
        let most = if result == "misconfigured" { 4 } else { 1 };
        assert!(fcm.messages().is_empty() && (1..=most).contains(&fcm.asked()), "{result}: {}", fcm.asked());
        let lane = lane(&place).await;
        assert_eq!(lane["state"], state, "{lane}");
        assert!(contact_states(&place, "ann").await.iter().all(|state| state == "active"));
        place.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_account_is_let_in_a_lane_that_is_resumed_goes_on() {
    let answer = |before, _: &String| if before == 0 { Reply::html(403) } else { token(before) };
    let fcm = Fcm::start_with(|_, _| Reply::good(), answer).await;
    let place = Place::start(&fcm.said("memory:")).await;
    device(&place, "ann", "device:ann").await;
    tell(&place, "ann", json!({"content": "x"})).await;
    until_tried(&place, "ann").await;
    assert_eq!(place.post("/api/channels/fcm/resume", None).await.status, 204);
    until_is(&place, "ann", "sent").await;
    assert_eq!(fcm.messages()[0].bearer, "ya29.1");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_comes_back_in_an_answer_is_not_kept() {
    let secret = "device-0123456789:APA91b0123456789_abc";
    let fcm = Fcm::start(move |_, message| {
        let said = format!("{} for {} \u{1b}[31m{}", message.bearer, message.to(), "x".repeat(100_000));
        Reply::new(500, said)
    })
    .await;
    let place = Place::start(&fcm.said("memory:")).await;
    device(&place, "ann", secret).await;
    tell(&place, "ann", json!({"content": "x"})).await;
    let tried = until_tried(&place, "ann").await;
    let detail = tried["attempts"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("… for …  [31mxxx") && detail.len() <= 512, "{detail}");
    assert!(!tried.to_string().contains("APA91b"), "{tried}");
    place.stop().await;
}
