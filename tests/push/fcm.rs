//! FCM, which answers as each test defines.

mod answers;
mod service;

use std::time::{Duration, Instant};

use axum::http::Method;
use campanile::server::config::{SettingsInput, Switch};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::service::{Fcm, Reply};
use crate::delivery::{A_WHILE, LONG, Place, each_store};

/// Registers a device for a user, and returns the contact.
async fn device(place: &Place, user_id: &str, token: &str) -> Value {
    let contact = json!({"channel": "fcm", "token": token, "kind": "token"});
    place.post(&format!("/api/contacts/{user_id}"), Some(&contact)).await.json()
}

/// Creates a notification for a user, and returns its id.
async fn tell(place: &Place, user_id: &str, mut fields: Value) -> String {
    fields["user_id"] = user_id.into();
    let created = place.post("/api/notifications/create", Some(&fields)).await.json();
    created["id"].as_str().unwrap().to_owned()
}

/// The deliveries to the devices of a user, newest first.
async fn deliveries(place: &Place, user_id: &str) -> Vec<Value> {
    let found = place.get(&format!("/api/deliveries?user_id={user_id}&channel=fcm&limit=1000")).await;
    found.as_array().unwrap().clone()
}

/// Waits until the newest delivery to the devices of a user meets the condition, and returns it.
async fn until(place: &Place, user_id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + LONG;
    loop {
        let newest = deliveries(place, user_id).await.into_iter().next().unwrap_or_default();
        if is_so(&newest) {
            return newest;
        }
        assert!(Instant::now() < until, "{user_id}: never {what}: {newest}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn until_is(place: &Place, user_id: &str, state: &str) -> Value {
    until(place, user_id, state, |delivery| delivery["state"] == state).await
}

/// Waits until an attempt of the newest delivery is recorded, and returns the delivery.
async fn until_tried(place: &Place, user_id: &str) -> Value {
    let is_tried = |delivery: &Value| {
        delivery["state"] != "leased" && delivery["attempts"].as_array().is_some_and(|made| !made.is_empty())
    };
    until(place, user_id, "tried", is_tried).await
}

/// The state of each contact of a user, the oldest first.
async fn contact_states(place: &Place, user_id: &str) -> Vec<String> {
    let contacts = place.get(&format!("/api/contacts/{user_id}")).await;
    let state = |contact: &Value| contact["state"].as_str().unwrap().to_owned();
    contacts.as_array().unwrap().iter().map(state).collect()
}

/// The lane of the project.
async fn lane(place: &Place) -> Value {
    let channels = place.get("/api/channels").await;
    let lanes = channels.as_array().unwrap().iter().find(|one| one["channel"] == "fcm").unwrap()["lanes"].clone();
    lanes.as_array().unwrap().iter().find(|lane| lane["lane"] == "fcm:shop-1").cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_pushed_to_a_device_with_all_that_the_reference_asks_for() {
    each_store(async |store| {
        let fcm = Fcm::good().await;
        let place = Place::start(&SettingsInput {
            public_url: Some("https://example.com/notify".to_owned()),
            app_name: Some("Bell Tower".to_owned()),
            ..fcm.said(&store)
        })
        .await;
        let contact = device(&place, "ann", "device:ann").await;
        tell(&place, "ann", json!({"content": "first"})).await;
        fcm.until(1).await;
        let id = tell(
            &place,
            "ann",
            json!({"content": "Größe 👍", "title": "Disk full", "category": "alert", "link": "/disks?a=1"}),
        )
        .await;
        let messages = fcm.until(2).await;
        let (plain, urgent) = (&messages[0].json["message"], &messages[1].json["message"]);
        assert_eq!(plain["notification"], json!({"title": "Bell Tower", "body": "first"}));
        assert_eq!((&plain["android"]["priority"], &plain["data"]["unread_count"]), (&json!("NORMAL"), &json!("1")));
        assert_eq!(urgent["token"], "device:ann");
        assert_eq!(urgent["notification"], json!({"title": "Disk full", "body": "Größe 👍"}));
        let modseq = &urgent["data"]["modseq"];
        let data = json!({
            "id": id, "category": "alert", "link": "https://example.com/disks?a=1", "modseq": modseq,
            "unread_count": "2",
        });
        assert_eq!(urgent["data"], data);
        assert!(modseq.as_str().unwrap().parse::<u64>().unwrap() >= 2, "{urgent}");
        let android = &urgent["android"];
        assert_eq!((&android["collapse_key"], &android["notification"]["tag"]), (&json!(id), &json!(id)), "{android}");
        assert_eq!((&android["priority"], &android["ttl"]), (&json!("HIGH"), &json!("86400s")));
        assert_eq!(urgent["apns"]["payload"]["aps"]["badge"], 2);
        let sent = until_is(&place, "ann", "sent").await;
        assert_eq!((&sent["contact"], &sent["attempts"][0]["code"]), (&contact["id"], &json!(200)), "{sent}");
        assert_eq!(fcm.asked(), 1);
        let lane = lane(&place).await;
        assert_eq!((&lane["state"], &lane["waiting"]), (&json!("open"), &json!(0)), "{lane}");
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_reached_by_its_id() {
    let fcm = Fcm::good().await;
    let place = Place::start(&fcm.said("memory:")).await;
    let contact = json!({"channel": "fcm", "token": "installation-1", "kind": "fid"});
    place.post("/api/contacts/ann", Some(&contact)).await;
    tell(&place, "ann", json!({"content": "x"})).await;
    let message = &fcm.until(1).await[0].json["message"];
    assert_eq!((&message["fid"], message.get("token")), (&json!("installation-1"), None));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sends_at_once_ask_for_one_token() {
    let fcm = Fcm::good().await;
    let place = Place::start(&fcm.said("memory:")).await;
    let users: Vec<_> = (0..25).map(|number| format!("user{number}")).collect();
    join_all(users.iter().map(async |user_id| {
        for number in 0..20 {
            device(&place, user_id, &format!("{user_id}:{number}")).await;
        }
    }))
    .await;
    join_all(users.iter().map(|user_id| tell(&place, user_id, json!({"content": "x"})))).await;
    let messages = fcm.until(500).await;
    assert_eq!(fcm.asked(), 1);
    assert!(messages.iter().all(|message| message.bearer == "ya29.0"));
    let mut devices: Vec<_> = messages.iter().map(|message| message.to().to_owned()).collect();
    devices.sort_unstable();
    devices.dedup();
    assert_eq!((messages.len(), devices.len()), (500, 500), "each device was told once");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_unregistered_is_dropped_and_no_other() {
    each_store(async |store| {
        let fcm = Fcm::start(|_, message| match message.to() {
            "gone" => Reply::error(404, "NOT_FOUND", "UNREGISTERED", &[]),
            _ => Reply::good(),
        })
        .await;
        let place = Place::start(&fcm.said(&store)).await;
        for token in ["first", "gone", "last"] {
            device(&place, "ann", token).await;
        }
        tell(&place, "ann", json!({"content": "x"})).await;
        fcm.until(3).await;
        let until = Instant::now() + LONG;
        while contact_states(&place, "ann").await != ["active", "dead", "active"] {
            assert!(Instant::now() < until, "{:?}", contact_states(&place, "ann").await);
            sleep(Duration::from_millis(10)).await;
        }
        tell(&place, "ann", json!({"content": "y"})).await;
        fcm.until(5).await;
        sleep(A_WHILE).await;
        let messages = fcm.messages();
        let told = |token: &str| messages.iter().filter(|message| message.to() == token).count();
        assert_eq!([told("first"), told("gone"), told("last")], [2, 1, 2]);
        // The app was installed again and got the same token.
        device(&place, "ann", "gone").await;
        assert_eq!(contact_states(&place, "ann").await, ["active", "active", "active"]);
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_emoji_is_cut_and_the_body_stays_within_its_limit() {
    let fcm = Fcm::good().await;
    let place = Place::start(&fcm.said("memory:")).await;
    let token = format!("{}:{}", "f".repeat(22), "A".repeat(140));
    device(&place, "ann", &token).await;
    let family = "👨‍👩‍👧‍👦";
    let texts = ["👍".repeat(16_384), family.repeat(2_340), "x\u{1}".repeat(8_192), "\"\\".repeat(8_192)];
    for (count, text) in (1..).zip(&texts) {
        let link = format!("https://example.com/{}", "a".repeat(1_900));
        tell(&place, "ann", json!({"content": text, "title": "👍".repeat(60), "link": link})).await;
        let message = fcm.until(count).await.pop().unwrap();
        assert!(message.bytes <= 4_096, "{}", message.bytes);
        let kept = message.text().strip_suffix('…').unwrap();
        assert!(text.starts_with(kept) && !kept.is_empty() && message.bytes > 3_900, "{}", message.bytes);
        assert!(!text.starts_with(family) || kept.len() % family.len() == 0, "it is cut within a family");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_read_before_it_is_due_is_not_pushed() {
    each_store(async |store| {
        let fcm = Fcm::good().await;
        let place = Place::start(&fcm.said(&store)).await;
        device(&place, "ann", "device:ann").await;
        let wants = json!({"channels": {"push": {"if_unread_after": 2}}});
        assert_eq!(place.ask(Method::PATCH, "/api/preferences/ann", Some(&wants)).await.status, 200);
        let id = tell(&place, "ann", json!({"content": "read"})).await;
        let unread = tell(&place, "ann", json!({"content": "unread"})).await;
        until_is(&place, "ann", "held").await;
        let path = format!("/api/notifications/{id}");
        assert_eq!(place.ask(Method::PATCH, &path, Some(&json!({"is_read": true}))).await.status, 200);
        let messages = fcm.until(1).await;
        sleep(A_WHILE).await;
        assert_eq!(fcm.messages().len(), 1);
        assert_eq!((messages[0].text(), &messages[0].json["message"]["data"]["id"]), ("unread", &json!(unread)));
        assert_eq!(messages[0].json["message"]["data"]["unread_count"], "1");
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_has_another_user_now_tells_the_first_nothing() {
    each_store(async |store| {
        let fcm = Fcm::good().await;
        let place = Place::start(&fcm.said(&store)).await;
        device(&place, "ann", "shared").await;
        tell(&place, "ann", json!({"content": "for ann"})).await;
        fcm.until(1).await;
        device(&place, "bob", "shared").await;
        assert_eq!(place.get("/api/contacts/ann").await, json!([]));
        tell(&place, "ann", json!({"content": "for ann"})).await;
        tell(&place, "bob", json!({"content": "for bob"})).await;
        let messages = fcm.until(2).await;
        sleep(A_WHILE).await;
        assert_eq!((messages[1].text(), fcm.messages().len()), ("for bob", 2));
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_elsewhere_updates_devices_silently() {
    each_store(async |store| {
        let fcm = Fcm::good().await;
        let place = Place::start(&SettingsInput { push_badge_sync: Some(Switch::On), ..fcm.said(&store) }).await;
        device(&place, "ann", "device:ann").await;
        let first = tell(&place, "ann", json!({"content": "one"})).await;
        tell(&place, "ann", json!({"content": "two"})).await;
        fcm.until(2).await;
        let path = format!("/api/notifications/{first}");
        assert_eq!(place.ask(Method::PATCH, &path, Some(&json!({"is_read": true}))).await.status, 200);
        let silent = &fcm.until(3).await[2].json["message"];
        assert_eq!((&silent["token"], silent.get("notification")), (&json!("device:ann"), None), "{silent}");
        assert_eq!((&silent["data"]["unread_count"], silent["data"].get("id")), (&json!("1"), None), "{silent}");
        let told = until_is(&place, "ann", "sent").await;
        assert_eq!(told.get("notification_id"), None, "{told}");
        // The next one waits for a minute.
        place.post("/api/notifications/mark-all-read/ann", None).await;
        sleep(2 * A_WHILE).await;
        assert_eq!(fcm.messages().len(), 3);
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_registered_by_one_user_does_not_stop_the_pushes_of_others() {
    let fcm = Fcm::start(|_, message| match message.to() {
        "device:ann" => Reply::good(),
        _ => Reply::error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", &[]),
    })
    .await;
    let place = Place::start(&fcm.said("memory:")).await;
    for user_id in ["ann", "bob", "cleo", "eve"] {
        device(&place, user_id, &format!("device:{user_id}")).await;
    }
    tell(&place, "ann", json!({"content": "x"})).await;
    until_is(&place, "ann", "sent").await;
    let refused = async |user_id: &str| {
        let id = tell(&place, user_id, json!({"content": "x"})).await;
        let is_tried = |delivery: &Value| {
            delivery["notification_id"] == id && delivery["state"] == "ready" && delivery["attempts"] != json!([])
        };
        let refused = until(&place, user_id, "tried", is_tried).await;
        let attempt = &refused["attempts"][0];
        assert_eq!((&attempt["result"], &attempt["counted"]), (&json!("misconfigured"), &json!(false)), "{refused}");
    };
    for _ in 0..3 {
        refused("eve").await;
    }
    assert_eq!(
        (&lane(&place).await["state"], contact_states(&place, "eve").await),
        (&json!("open"), vec!["active".to_owned()])
    );
    let second = tell(&place, "ann", json!({"content": "y"})).await;
    let is_second = |delivery: &Value| delivery["notification_id"] == second && delivery["state"] == "sent";
    until(&place, "ann", "sent", is_second).await;
    // Three refused users in a row affect the lane.
    refused("eve").await;
    refused("bob").await;
    assert_eq!(lane(&place).await["state"], "open");
    refused("cleo").await;
    assert_eq!(lane(&place).await["state"], "paused");
    place.stop().await;
}
