//! Pushes that wait, and pushes that are not sent after that.

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Api, Browsers, PushService, service::IntoStatus, until};
use crate::delivery::A_WHILE;

#[tokio::test(flavor = "multi_thread")]
async fn after_an_hour_of_503_and_then_403_nothing_is_lost_and_all_are_subscribed() {
    let (browsers, (api, clock)) = (Browsers::start(), Api::with_clock());
    let service = PushService::answering(|_| 503.into_status()).await;
    for user_id in ["ann", "bob"] {
        api.subscribe(user_id, &service.endpoint(user_id), &browsers.subscribe(user_id)).await;
        api.create(user_id, json!({"content": format!("for {user_id}")})).await;
    }
    for attempt in 1..=4 {
        for user_id in ["ann", "bob"] {
            let delivery = api.until_tried(user_id, attempt).await;
            assert_eq!(delivery["state"], "ready", "{delivery}");
        }
        clock.forward(1_200);
    }
    service.answers(|_| 403.into_status());
    // The deliveries that are already on their way get the error; then all wait.
    let is_paused = async || {
        let channels = api.get("/api/channels").await;
        let webpush = channels.as_array().unwrap().iter().find(|one| one["channel"] == "webpush").unwrap();
        webpush["lanes"][0]["reason"] == "misconfigured"
    };
    until("paused", is_paused).await;
    sleep(A_WHILE).await;
    let tried = service.count();
    sleep(A_WHILE).await;
    assert_eq!(service.count(), tried, "it is tried although its lane is paused");
    for user_id in ["ann", "bob"] {
        assert_eq!(api.deliveries(user_id).await[0]["state"], "ready");
        assert_eq!(api.states(user_id).await, ["active"]);
    }
    service.answers(|_| 201.into_status());
    assert_eq!(api.ask(Method::POST, "/api/channels/webpush/resume", None).await.status, 204);
    for user_id in ["ann", "bob"] {
        api.until_is(user_id, "sent").await;
        let last = service.hits(user_id).pop().unwrap();
        let read = browsers.read(user_id, &last);
        assert_eq!(read["message"]["text"], format!("for {user_id}"));
        assert_eq!(api.states(user_id).await, ["active"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_a_new_one_after_six_hours() {
    let (browsers, (api, clock)) = (Browsers::start(), Api::with_clock());
    let service = PushService::start().await;
    api.subscribe("ann", &service.endpoint("ann"), &browsers.subscribe("ann")).await;
    let mut ends = Vec::new();
    for count in 1..=4 {
        api.create("ann", json!({})).await;
        let hit = service.until("ann", count).await.pop().unwrap();
        ends.push(browsers.read("ann", &hit)["claims"]["exp"].as_i64().unwrap());
        clock.forward(3 * 3_600 + 60);
    }
    assert_eq!((ends[0], ends[2]), (ends[1], ends[3]));
    assert!((6 * 3_600..7 * 3_600).contains(&(ends[2] - ends[0])), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_read_before_it_is_due_is_not_pushed() {
    let (browsers, (api, clock)) = (Browsers::start(), Api::with_clock());
    let service = PushService::start().await;
    let later = json!({"channels": {"push": {"if_unread_after": 600}}});
    let mut ids = Vec::new();
    for user_id in ["ann", "bob", "cleo"] {
        api.subscribe(user_id, &service.endpoint(user_id), &browsers.subscribe(user_id)).await;
        let preferred = api.ask(Method::PATCH, &format!("/api/preferences/{user_id}"), Some(&later)).await;
        assert_eq!(preferred.status, 200, "{}", preferred.text());
        ids.push(api.create(user_id, json!({})).await);
        api.until_is(user_id, "held").await;
    }
    let read = api.ask(Method::PATCH, &format!("/api/notifications/{}", ids[0]), Some(&json!({"is_read": true}))).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let read = api.ask(Method::POST, "/api/notifications/mark-all-read/bob", None).await;
    assert_eq!(read.status, 200, "{}", read.text());
    clock.forward(601);
    service.until("cleo", 1).await;
    sleep(A_WHILE).await;
    assert_eq!((service.hits("ann").len(), service.hits("bob").len()), (0, 0));
    for user_id in ["ann", "bob"] {
        let delivery = api.until_is(user_id, "cancelled").await;
        assert_eq!((&delivery["reason"], &delivery["attempts"]), (&json!("read"), &json!([])), "{delivery}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_another_user_signs_in_with_leaves_the_first() {
    let (browsers, (api, clock)) = (Browsers::start(), Api::with_clock());
    let service = PushService::answering(|_| 503.into_status()).await;
    let keys = browsers.subscribe("shared");
    api.subscribe("ann", &service.endpoint("shared"), &keys).await;
    api.create("ann", json!({"content": "a secret of ann"})).await;
    api.until_tried("ann", 1).await;
    service.answers(|_| 201.into_status());
    let moved = browsers.subscribe("shared");
    let contact = api.subscribe("bob", &service.endpoint("shared"), &moved).await;
    assert_eq!(api.get("/api/contacts/ann").await, json!([]));
    assert_eq!(api.get("/api/contacts/bob").await[0]["id"], contact["id"]);
    clock.forward(60);
    let ended = api.until("ann", "over", |delivery| delivery["state"] == "cancelled").await;
    assert_eq!(ended["attempts"].as_array().map(Vec::len), Some(1), "{ended}");
    api.create("ann", json!({"content": "another secret of ann"})).await;
    api.create("bob", json!({"content": "for bob"})).await;
    let hits = service.until("shared", 2).await;
    sleep(A_WHILE).await;
    assert_eq!(service.count(), 2);
    let read = browsers.read("shared", &hits[1]);
    assert_eq!((&read["message"]["text"], &read["message"]["unread_count"]), (&json!("for bob"), &json!(1)));
    let of_ann: Vec<Value> = api.deliveries("ann").await;
    assert!(of_ann.iter().all(|delivery| delivery["state"] != "sent"), "{of_ann:?}");
}
