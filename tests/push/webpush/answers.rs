//! The effects of every response on a push and its browser.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Api, Browsers, PushService, said, service::IntoStatus, until};
use crate::delivery::{A_WHILE, Place};

/// A status, a body, `Retry-After`; the result, the states of the delivery and the contact, and why the lane waits.
type Row = (u16, &'static str, &'static str, &'static str, &'static str, &'static str, Value);

fn rows() -> Vec<Row> {
    let paused = || json!("misconfigured");
    let asked = || json!("asked_to_wait");
    let no = || Value::Null;
    vec![
        (200, "", "", "sent", "sent", "active", no()),
        (201, "", "", "sent", "sent", "active", no()),
        (202, "", "", "sent", "sent", "active", no()),
        (204, "", "", "sent", "sent", "active", no()),
        (404, "", "", "contact_dead", "dead", "dead", no()),
        (410, "", "", "contact_dead", "dead", "dead", no()),
        (401, "", "", "misconfigured", "ready", "active", paused()),
        (403, "", "", "misconfigured", "ready", "active", paused()),
        (403, r#"{"reason":"BadJwtToken"}"#, "", "misconfigured", "ready", "active", paused()),
        (403, r#"{"reason":"VapidPkHashMismatch"}"#, "", "contact_dead", "dead", "dead", no()),
        (400, r#"{"reason":"VapidPkHashMismatch"}"#, "", "contact_dead", "dead", "dead", no()),
        (400, "", "", "message_bad", "dead", "active", no()),
        (413, "", "", "message_bad", "dead", "active", no()),
        (405, "", "", "message_bad", "dead", "active", no()),
        (429, "", "", "retry", "ready", "active", no()),
        (429, "", "120", "retry", "ready", "active", asked()),
        (500, "", "", "retry", "ready", "active", no()),
        (502, "<html>Bad Gateway</html>", "", "retry", "ready", "active", no()),
        (503, "", "", "retry", "ready", "active", no()),
        (503, "", "3600", "retry", "ready", "active", asked()),
        (503, "", "soon", "retry", "ready", "active", no()),
        (301, "", "", "retry", "ready", "active", no()),
        (308, "", "", "retry", "ready", "active", no()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_the_effects_in_the_table() {
    let (browsers, place) = (Browsers::start(), Place::start(&said("memory:")).await);
    let (browsers, api) = (&browsers, &Api::of(&place));
    join_all(rows().into_iter().enumerate().map(|(number, row)| async move {
        let (status, body, retry_after, result, state, contact, paused) = row;
        // Each push service is a separate lane.
        let elsewhere = PushService::start().await;
        let location = elsewhere.endpoint("elsewhere");
        let service = PushService::answering(move |_| {
            let mut answer = (StatusCode::from_u16(status).unwrap(), body).into_response();
            if !retry_after.is_empty() {
                answer.headers_mut().insert(header::RETRY_AFTER, retry_after.parse().unwrap());
            }
            if answer.status().is_redirection() {
                answer.headers_mut().insert(header::LOCATION, location.parse().unwrap());
            }
            answer
        })
        .await;
        let user_id = format!("user-{number}");
        api.subscribe(&user_id, &service.endpoint("a"), &browsers.subscribe(&user_id)).await;
        api.create(&user_id, json!({})).await;
        let delivery = api.until_tried(&user_id, 1).await;
        let what = format!("{status} {body} {retry_after}: {delivery}");
        assert_eq!(delivery["state"], state, "{what}");
        let attempt = &delivery["attempts"][0];
        assert_eq!((&attempt["result"], &attempt["code"]), (&json!(result), &json!(status)), "{what}");
        assert_eq!(attempt["counted"], result != "misconfigured", "{what}");
        let detail = if body.is_empty() || status == 204 { Value::Null } else { body.into() };
        assert_eq!(attempt["detail"], detail, "{what}");
        assert_eq!(api.states(&user_id).await, [contact], "{what}");
        let channels = api.get("/api/channels").await;
        let lanes =
            channels.as_array().unwrap().iter().find(|one| one["channel"] == "webpush").unwrap()["lanes"].clone();
        let lane = format!("webpush:{}", service.origin);
        let lane = lanes.as_array().unwrap().iter().find(|one| one["lane"] == *lane).cloned().unwrap_or_default();
        assert_eq!(lane["reason"], paused, "{what}");
        assert_eq!(elsewhere.count(), 0, "it was led elsewhere");
    }))
    .await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_service_that_does_not_answer_is_tried_again() {
    let (browsers, place) = (Browsers::start(), Place::start(&said("memory:")).await);
    let api = Api::of(&place);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    api.subscribe("ann", &format!("http://{closed}/push/secret-of-ann"), &browsers.subscribe("ann")).await;
    api.create("ann", json!({})).await;
    let delivery = api.until_tried("ann", 1).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["result"]), (&json!("ready"), &json!("retry")));
    assert!(!delivery.to_string().contains("secret-of-ann"), "{delivery}");
    assert_eq!(api.states("ann").await, ["active"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_gone_takes_no_other_with_it() {
    let browsers = Browsers::start();
    let gone = |path: &str| path.ends_with("/tablet");
    let service = PushService::answering(move |hit| if gone(&hit.path) { 410 } else { 201 }.into_status()).await;
    let place = Place::start(&said("memory:")).await;
    let api = Api::of(&place);
    for (user_id, name) in [("ann", "phone"), ("ann", "tablet"), ("ann", "desktop"), ("bob", "bob")] {
        api.subscribe(user_id, &service.endpoint(name), &browsers.subscribe(name)).await;
    }
    let all = json!({"user_ids": ["ann", "bob"], "content": "x"});
    api.post("/api/notifications/batch", &all).await;
    for name in ["phone", "tablet", "desktop", "bob"] {
        service.until(name, 1).await;
    }
    until("dead", async || api.states("ann").await == ["active", "dead", "active"]).await;
    api.post("/api/notifications/batch", &all).await;
    for name in ["phone", "desktop", "bob"] {
        service.until(name, 2).await;
    }
    sleep(A_WHILE).await;
    assert_eq!(["phone", "tablet", "desktop", "bob"].map(|name| service.hits(name).len()), [2, 1, 2, 2]);
    assert_eq!(api.states("bob").await, ["active"]);
    // A browser that subscribes again gets pushes again.
    service.answers(|_| 201.into_status());
    api.subscribe("ann", &service.endpoint("tablet"), &browsers.subscribe("tablet")).await;
    api.post("/api/notifications/batch", &all).await;
    let hit = service.until("tablet", 2).await.remove(1);
    assert_eq!(browsers.read("tablet", &hit)["message"]["text"], "x");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_shows_neither_endpoint_nor_token() {
    let browsers = Browsers::start();
    let service = PushService::answering(|hit| {
        let told = format!("no {} with {}\u{1b}[31m{}", hit.path, hit.header("authorization"), "x".repeat(9_000));
        (StatusCode::BAD_REQUEST, told).into_response()
    })
    .await;
    let place = Place::start(&said("memory:")).await;
    let api = Api::of(&place);
    api.subscribe("ann", &service.endpoint("secret-of-ann"), &browsers.subscribe("ann")).await;
    api.create("ann", json!({})).await;
    let delivery = api.until_is("ann", "dead").await;
    let detail = delivery["attempts"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("no ") && detail.len() <= 512 && !detail.contains('\u{1b}'), "{detail}");
    let token = service.hits("secret-of-ann")[0].header("authorization")[8..40].to_owned();
    let shown = delivery.to_string() + &api.get("/api/channels").await.to_string();
    assert!(!shown.contains("secret-of-ann") && !shown.contains(&token), "{shown}");
    place.stop().await;
}
