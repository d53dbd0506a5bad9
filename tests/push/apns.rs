//! Push to devices of Apple, through the whole server: a receiver answers as each test defines.

mod connections;
mod devices;
mod receiver;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::Method;
use campanile::{
    model::Timestamp,
    server::{
        clock::Clock,
        config::{Settings, SettingsInput},
        http::HttpOptions,
        service::NotificationService,
        store::MemoryStore,
    },
};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::receiver::Receiver;
use crate::{
    auth::TestClock,
    delivery::{A_WHILE, LONG, Place, said as plain},
    harness::{App, delivery_with, new_folder, started},
};

const TOPIC: &str = "com.example.app";

/// The settings of a server that pushes through a receiver.
fn said(receiver: &Receiver) -> SettingsInput {
    let file = new_folder().join("key.p8");
    std::fs::write(&file, receiver.key.serialize_pem()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    SettingsInput {
        apns_key: Some(file),
        apns_key_id: text("KEY1234567"),
        apns_team_id: text("TEAM123456"),
        apns_topic: text(TOPIC),
        apns_url: Some(receiver.url()),
        apns_sandbox_url: Some(format!("{}/sandbox", receiver.url())),
        limit_delivery: text("off"),
        ..plain("memory:")
    }
}

/// A server with a clock that the test moves, and its push service.
struct Site {
    app: App,
    clock: TestClock,
    receiver: Receiver,
}

/// The token of a device.
fn device(number: usize) -> String {
    format!("{number:064x}")
}

fn refusal(status: u16, reason: &str) -> Value {
    json!({"status": status, "body": json!({ "reason": reason }).to_string()})
}

impl Site {
    fn new() -> Self {
        Self::with(Receiver::start())
    }

    fn with(receiver: Receiver) -> Self {
        let said = said(&receiver);
        Self::told(receiver, &said)
    }

    fn told(receiver: Receiver, said: &SettingsInput) -> Self {
        let settings = Settings::from_input(said).unwrap();
        let (clock, store) = (TestClock::default(), Arc::new(MemoryStore::new(20_000, started())));
        let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), clock.clone());
        let delivery = delivery_with(&store, clock.clone(), service.tasks(), &settings.delivery);
        Self { app: App::with(service, &HttpOptions { delivery, ..HttpOptions::default() }), clock, receiver }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.app.post_json(path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    }

    async fn get(&self, path: &str) -> Vec<Value> {
        let answer = self.app.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    /// Registers a device for a user.
    async fn register(&self, user_id: &str, token: &str) -> Value {
        self.post(&format!("/api/contacts/{user_id}"), &json!({"channel": "apns", "token": token})).await
    }

    /// Creates a notification and returns its id.
    async fn notify(&self, user_id: &str, mut fields: Value) -> String {
        fields["user_id"] = user_id.into();
        fields["content"] = fields.get("content").cloned().unwrap_or_else(|| "x".into());
        self.post("/api/notifications/create", &fields).await["id"].as_str().unwrap().to_owned()
    }

    /// The state of the only contact of a user.
    async fn contact_state(&self, user_id: &str) -> String {
        let contacts = self.get(&format!("/api/contacts/{user_id}")).await;
        assert_eq!(contacts.len(), 1, "{contacts:?}");
        contacts[0]["state"].as_str().unwrap().to_owned()
    }

    async fn until_contact_is(&self, user_id: &str, state: &str) {
        let until = Instant::now() + LONG;
        while self.contact_state(user_id).await != state {
            assert!(Instant::now() < until, "never {state}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The deliveries of a user, newest first.
    async fn deliveries(&self, user_id: &str) -> Vec<Value> {
        self.get(&format!("/api/deliveries?user_id={user_id}&channel=apns")).await
    }

    /// Waits until the newest delivery of a user meets the condition, and returns it.
    async fn until(&self, user_id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LONG;
        loop {
            let newest = self.deliveries(user_id).await.into_iter().next().unwrap_or_default();
            if is_so(&newest) {
                return newest;
            }
            assert!(Instant::now() < until, "{user_id}: never {what}: {newest}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_state(&self, user_id: &str, state: &str) -> Value {
        self.until(user_id, state, |delivery| delivery["state"] == state).await
    }

    /// Waits until this many attempts of the newest delivery are recorded, and returns the delivery.
    async fn until_tried(&self, user_id: &str, times: usize) -> Value {
        let is_tried = |delivery: &Value| {
            delivery["state"] != "leased" && delivery["attempts"].as_array().is_some_and(|made| made.len() >= times)
        };
        self.until(user_id, "tried", is_tried).await
    }

    /// The lane of the production environment: its state and reason.
    async fn lane(&self) -> (String, Value) {
        let channels = self.get("/api/channels").await;
        let apns = channels.into_iter().find(|channel| channel["channel"] == "apns").unwrap();
        let lanes = apns["lanes"].as_array().unwrap();
        let lane = lanes.iter().find(|lane| lane["lane"] == "apns:TEAM123456:production").unwrap();
        (lane["state"].as_str().unwrap().to_owned(), lane["reason"].clone())
    }
}

/// The body of a request as it was received.
fn body(request: &Value) -> Value {
    serde_json::from_str(request["body"].as_str().unwrap()).unwrap()
}

/// The seconds from the last attempt of a delivery to its next one.
fn waits(delivery: &Value) -> f64 {
    let at = |moment: &Value| Timestamp::parse(moment.as_str().unwrap()).unwrap().to_utc();
    let last = delivery["attempts"].as_array().unwrap().last().unwrap();
    (at(&delivery["due_at"]) - at(&last["at"])).as_seconds_f64()
}

#[tokio::test]
async fn an_alert_arrives_with_everything_that_apple_wants_to_know() {
    let site = Site::new();
    site.register("ann", &device(1)).await;
    let sandbox = json!({"channel": "apns", "token": device(2), "environment": "sandbox", "topic": "com.example.beta"});
    site.post("/api/contacts/bob", &sandbox).await;
    let fields = json!({"title": "Fire", "content": "In the kitchen", "category": "alert", "link": "/x?y=1"});
    let id = site.notify("ann", fields).await;
    let began = site.clock.now().to_utc().timestamp();
    let request = site.receiver.until(1).await[0].clone();
    let delivery = site.until_state("ann", "sent").await;
    assert_eq!(delivery["attempts"][0]["code"], 200);
    let headers = &request["headers"];
    assert_eq!(request["path"], format!("/3/device/{}", device(1)));
    for (name, expected) in [
        (":method", "POST"),
        (":scheme", "http"),
        ("apns-id", delivery["id"].as_str().unwrap()),
        ("apns-collapse-id", &id),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-topic", TOPIC),
        ("content-type", "application/json"),
    ] {
        assert_eq!(headers[name], expected, "{name}");
    }
    let expires_in = headers["apns-expiration"].as_str().unwrap().parse::<i64>().unwrap() - began;
    assert!((86_390..=86_410).contains(&expires_in), "{expires_in}");
    let claims = &request["claims"];
    assert_eq!(["alg", "kid", "iss"].map(|name| &claims[name]), ["ES256", "KEY1234567", "TEAM123456"]);
    assert!((claims["iat"].as_i64().unwrap() - began).abs() < 10);
    let shown = body(&request);
    let alert = json!({"title": "Fire", "body": "In the kitchen"});
    assert_eq!(shown["aps"], json!({"alert": alert, "badge": 1, "thread-id": "alert", "sound": "default"}));
    assert_eq!((&shown["id"], &shown["category"], &shown["link"]), (&json!(id), &json!("alert"), &json!("/x?y=1")));
    assert!(shown["modseq"].as_u64().unwrap() > 0);

    // The other environment has its own URL and lane, but uses the same token.
    site.notify("bob", json!({"category": "message"})).await;
    let request = site.receiver.until(2).await[1].clone();
    assert_eq!(request["path"], format!("/sandbox/3/device/{}", device(2)));
    let headers = &request["headers"];
    assert_eq!((&headers["apns-topic"], &headers["apns-priority"]), (&json!("com.example.beta"), &json!("5")));
    assert_eq!(body(&request)["aps"]["alert"]["title"], "Campanile");
    assert_eq!(site.receiver.tokens(), 1);
    assert_eq!(site.lane().await, ("open".to_owned(), Value::Null));
}

#[tokio::test]
async fn each_refusal_has_the_effects_in_the_table() {
    // The response, the recorded result, and the states of the delivery, the contact and the lane.
    let rows = [
        (refusal(400, "BadDeviceToken"), "contact_dead", "dead", "disabled", "open"),
        (refusal(400, "DeviceTokenNotForTopic"), "contact_dead", "dead", "disabled", "open"),
        (refusal(400, "BadTopic"), "misconfigured", "ready", "active", "paused"),
        (refusal(400, "MissingTopic"), "misconfigured", "ready", "active", "paused"),
        (refusal(400, "TopicDisallowed"), "misconfigured", "ready", "active", "paused"),
        (refusal(400, "BadCollapseId"), "message_bad", "dead", "active", "open"),
        (json!({"status": 400, "body": "no JSON"}), "message_bad", "dead", "active", "open"),
        (refusal(403, "InvalidProviderToken"), "misconfigured", "ready", "active", "paused"),
        (refusal(403, "MissingProviderToken"), "misconfigured", "ready", "active", "paused"),
        (refusal(403, "Forbidden"), "misconfigured", "ready", "active", "paused"),
        (json!({"status": 403}), "misconfigured", "ready", "active", "paused"),
        (refusal(413, "PayloadTooLarge"), "message_bad", "dead", "active", "open"),
        (refusal(429, "TooManyRequests"), "retry", "ready", "active", "open"),
        (refusal(429, "TooManyProviderTokenUpdates"), "retry", "ready", "active", "open"),
        (refusal(500, "InternalServerError"), "retry", "ready", "active", "open"),
        (json!({"status": 502, "body": "<html>Bad Gateway</html>"}), "retry", "ready", "active", "open"),
        (refusal(503, "Shutdown"), "retry", "ready", "active", "open"),
        (json!({"status": 410, "body": "<html>Gone</html>"}), "retry", "ready", "active", "open"),
        (json!({"cut": true}), "retry", "ready", "active", "open"),
    ];
    for (answer, result, state, contact, lane) in rows {
        let site = Site::new();
        site.register("ann", &device(1)).await;
        site.receiver.answers(&device(1), std::slice::from_ref(&answer)).await;
        site.notify("ann", json!({})).await;
        let tried = site.until_tried("ann", 1).await;
        let attempt = &tried["attempts"][0];
        assert_eq!((&attempt["result"], &tried["state"]), (&json!(result), &json!(state)), "{answer}: {tried}");
        assert_eq!(attempt["counted"], result != "misconfigured", "{answer}: {tried}");
        assert!(!tried.to_string().contains(&device(1)), "{answer}: {tried}");
        site.until_contact_is("ann", contact).await;
        assert_eq!(site.lane().await.0, lane, "{answer}");
        let waits = waits(&tried);
        let status = answer["status"].as_u64().unwrap_or_default();
        match (result, status) {
            ("retry", 429) => assert!((60.0..73.0).contains(&waits), "{answer}: {waits}"),
            ("retry", 500..) => assert!((900.0..910.0).contains(&waits), "{answer}: {waits}"),
            ("retry", _) => assert!((10.0..13.0).contains(&waits), "{answer}: {waits}"),
            _ => {}
        }
        // Other devices still get pushes, unless their lane is paused.
        site.register("bob", &device(2)).await;
        site.notify("bob", json!({})).await;
        if lane == "open" {
            site.until_state("bob", "sent").await;
            assert_eq!(site.receiver.tokens(), 1, "{answer}");
        }
    }
}

#[tokio::test]
async fn nothing_is_too_long_for_apns() {
    let site = Site::new();
    site.register("ann", &device(1)).await;
    for (number, content) in
        ["\u{1F600}".repeat(16_384), "👩‍👩‍👧‍👦".repeat(2_340), "é\"\\\n".repeat(4_096)].iter().enumerate()
    {
        site.notify("ann", json!({"content": content, "title": "T".repeat(100)})).await;
        let request = site.receiver.until(number + 1).await[number].clone();
        let bytes = request["bytes"].as_u64().unwrap();
        assert!((4_000..=4_096).contains(&bytes), "{bytes}");
        let shown = body(&request)["aps"]["alert"]["body"].as_str().unwrap().to_owned();
        assert!(shown.ends_with('…') && content.starts_with(shown.trim_end_matches('…')), "{shown}");
    }
}

#[tokio::test]
async fn the_badge_is_the_present_count_and_read_notifications_are_not_pushed() {
    let site = Site::new();
    site.register("ann", &device(1)).await;
    let later = json!({"categories": {"message": {"push": {"if_unread_after": 600}}}});
    let patched = site.app.send(Method::PATCH, "/api/preferences/ann", Some(&later.to_string())).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(site.notify("ann", json!({"category": "message"})).await);
    }
    let read =
        site.app.send(Method::PATCH, &format!("/api/notifications/{}", ids[0]), Some(r#"{"is_read":true}"#)).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let deleted = site.app.send(Method::DELETE, &format!("/api/notifications/{}", ids[1]), None).await;
    assert!(deleted.status.is_success(), "{}", deleted.text());
    sleep(A_WHILE).await;
    assert_eq!(site.receiver.count("request"), 0);
    site.clock.forward(601);
    let requests = site.receiver.until(2).await;
    sleep(A_WHILE).await;
    assert_eq!(site.receiver.count("request"), 2);
    let told: HashSet<_> = requests.iter().map(|request| body(request)["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ids[2..].iter().cloned().collect());
    assert!(requests.iter().all(|request| body(request)["aps"]["badge"] == 2), "{requests:?}");
}

#[tokio::test]
async fn a_whole_server_pushes_according_to_its_settings() {
    let receiver = Receiver::start();
    let place = Place::start(&said(&receiver)).await;
    let contact = json!({"channel": "apns", "token": device(1), "topic": null});
    place.post("/api/contacts/ann", Some(&contact)).await;
    place.post("/api/notifications/create", Some(&json!({"user_id": "ann", "content": "x"}))).await;
    assert_eq!(receiver.until(1).await[0]["headers"]["apns-topic"], TOPIC);
    place.stop().await;
}
