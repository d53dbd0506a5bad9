//! Which events are sent, and their contents.

use std::time::{Duration, Instant};

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{A_WHILE, Hook, LONG, Place, each_store, receiver::Receiver, said, seconds_between};

const ALL: [&str; 4] = ["notification.created", "notification.updated", "notification.deleted", "inbox.all_read"];

fn all() -> Value {
    json!({ "events": ALL })
}

/// Checks that the newest of this many requests is an event with exactly this data, and returns its time.
async fn the_event(receiver: &Receiver, hook: &Hook, count: usize, kind: &str, data: &Value) -> Value {
    let hits = receiver.until(count).await;
    let hit = &hits[count - 1];
    assert_eq!(hit.request, "POST /hook HTTP/1.1");
    assert_eq!(hit.header("content-type"), "application/json");
    assert!(hit.is_signed_with(&hook.secret), "{hit:?}");
    let event = hit.json();
    assert_eq!(event, json!({"type": kind, "timestamp": event["timestamp"], "data": data}));
    let ids: std::collections::HashSet<_> = hits.iter().map(|hit| hit.id()).collect();
    assert_eq!(ids.len(), count, "an id comes twice");
    event["timestamp"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_arrives_once_signed_and_as_documented() {
    each_store(async |store| {
        let place = Place::start(&said(&store)).await;
        let receiver = Receiver::good().await;
        let hook = place.hook(&receiver, all()).await;
        let body = json!({
            "user_id": "ann", "content": "Ünïcode \u{1F514} \"quoted\" \u{2028}", "title": "a title", "category": "alert",
            "link": "/orders/7", "data": {"order": 7, "nested": [null, 1.5]},
        });
        let created = place.post("/api/notifications/create", Some(&body)).await.json();
        let path = format!("/api/notifications/{}", created["id"].as_str().unwrap());
        let notification = place.get(&path).await;
        // Change numbers of a store in memory do not begin at 1.
        let listed = place.ask(Method::GET, "/api/notifications/list?user_id=ann", None).await;
        let first: u64 = listed.header("campanile-modseq").parse().unwrap();
        let data = json!({"user_id": "ann", "modseq": first, "unread_count": 1, "notification": notification});
        let at = the_event(&receiver, &hook, 1, "notification.created", &data).await;
        assert_eq!(at, notification["timestamp"]);

        let answer = place.ask(Method::PATCH, &path, Some(&json!({"is_read": true}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let notification = place.get(&path).await;
        assert_eq!(notification["is_read"], true);
        let data = json!({"user_id": "ann", "modseq": first + 1, "unread_count": 0, "notification": notification});
        let updated_at = the_event(&receiver, &hook, 2, "notification.updated", &data).await;
        assert!(seconds_between(&at, &updated_at) > 0.0);

        let second = place.notify("ann", "x").await;
        receiver.until(3).await;
        place.post("/api/notifications/mark-all-read/ann", None).await;
        let data = json!({"user_id": "ann", "modseq": first + 3, "unread_count": 0});
        let read_at = the_event(&receiver, &hook, 4, "inbox.all_read", &data).await;
        assert!(seconds_between(&updated_at, &read_at) > 0.0);

        let path = format!("/api/notifications/{second}");
        assert_eq!(place.ask(Method::DELETE, &path, None).await.status, 204);
        let data = json!({"user_id": "ann", "modseq": first + 4, "unread_count": 0, "id": second});
        the_event(&receiver, &hook, 5, "notification.deleted", &data).await;

        // No event is sent for a request that changes nothing.
        place.post("/api/notifications/mark-all-read/ann", None).await;
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 5);
        let deliveries = place.deliveries(&hook).await;
        assert_eq!(deliveries.len(), 5);
        for (delivery, hit) in deliveries.iter().rev().zip(receiver.hits()) {
            assert_eq!((&delivery["state"], delivery["id"].as_str()), (&json!("sent"), Some(hit.id())));
            let attempts = &delivery["attempts"];
            assert_eq!(attempts.as_array().unwrap().len(), 1);
            assert_eq!((&attempts[0]["result"], &attempts[0]["code"]), (&json!("sent"), &json!(204)));
        }
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_only_events_that_its_filter_admits() {
    let place = Place::in_memory().await;
    let filters = [
        (json!({}), vec!["ann alert", "ann social", "bob alert"]),
        (json!({"user_id": "bob"}), vec!["bob alert"]),
        (json!({"categories": ["social"]}), vec!["ann social"]),
        (json!({"categories": ["alert", "social"], "user_id": "ann"}), vec!["ann alert", "ann social"]),
        (json!({"categories": ["message"]}), vec![]),
        (json!({"events": ["notification.updated"]}), vec!["bob alert"]),
    ];
    let mut endpoints = Vec::new();
    for (filter, expected) in filters {
        let receiver = Receiver::good().await;
        place.hook(&receiver, filter.clone()).await;
        endpoints.push((receiver, filter, expected));
    }
    let mut last = String::new();
    for (user_id, category) in [("ann", "alert"), ("ann", "social"), ("bob", "alert")] {
        let content = format!("{user_id} {category}");
        let body = json!({"user_id": user_id, "content": content, "category": category});
        last = place.post("/api/notifications/create", Some(&body)).await.json()["id"].as_str().unwrap().to_owned();
    }
    place.ask(Method::PATCH, &format!("/api/notifications/{last}"), Some(&json!({"is_read": true}))).await;
    sleep(A_WHILE).await;
    for (receiver, filter, expected) in endpoints {
        let mut contents: Vec<_> = receiver.hits().iter().map(|hit| hit.content()).collect();
        contents.sort();
        assert_eq!(contents, expected, "{filter}");
    }
    place.stop().await;
}

/// A deleted notification can no longer be read, so the event has the state at the commit.
#[tokio::test(flavor = "multi_thread")]
async fn notifications_deleted_before_planning_still_cause_their_events() {
    each_store(async |store| {
        let place = Place::start(&SettingsInput { window: Some(1), ..said(&store) }).await;
        let receiver = Receiver::good().await;
        let hook = place.hook(&receiver, all()).await;
        // A batch is one commit: when it is planned, only its last notification remains.
        place.notify_many("ann", 20).await;
        let hits = receiver.until(39).await;
        let of_kind = |kind: &str| hits.iter().filter(|hit| hit.json()["type"] == kind).collect::<Vec<_>>();
        let mut contents: Vec<_> = of_kind(ALL[0]).iter().map(|hit| hit.content()).collect();
        contents.sort_by_key(|content| content.split(' ').nth(1).unwrap().parse::<usize>().unwrap());
        assert_eq!(contents, (0..20).map(|number| format!("note {number}")).collect::<Vec<_>>());
        let id_of = |value: &Value| value.as_str().unwrap().to_owned();
        let mut created: Vec<_> =
            of_kind(ALL[0]).iter().map(|hit| id_of(&hit.json()["data"]["notification"]["id"])).collect();
        let mut deleted: Vec<_> = of_kind(ALL[2]).iter().map(|hit| id_of(&hit.json()["data"]["id"])).collect();
        let left = place.get("/api/notifications/list?user_id=ann").await;
        deleted.push(id_of(&left[0]["id"]));
        created.sort();
        deleted.sort();
        assert_eq!(created, deleted);
        assert!(hits.iter().all(|hit| hit.is_signed_with(&hook.secret)));

        // And deleted by a request before it is planned.
        let path = format!("/api/notifications/{}", place.notify("bob", "soon gone").await);
        assert_eq!(place.ask(Method::DELETE, &path, None).await.status, 204);
        let began = Instant::now();
        let kinds = loop {
            // In memory the window covers all users, so a notification of ann left it too.
            let hits = receiver.hits();
            let bobs = hits.iter().map(|hit| hit.json()).filter(|event| event["data"]["user_id"] == "bob");
            let kinds: Vec<_> = bobs.map(|event| event["type"].as_str().unwrap().to_owned()).collect();
            if kinds.len() >= 2 {
                break kinds;
            }
            assert!(began.elapsed() < LONG, "{kinds:?}");
            sleep(Duration::from_millis(10)).await;
        };
        assert!(kinds.contains(&ALL[0].to_owned()) && kinds.contains(&ALL[2].to_owned()), "{kinds:?}");
        place.stop().await;
    })
    .await;
}
