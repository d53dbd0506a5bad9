//! Web Push, from a whole server to a push service on loopback, where a browser reads it with other libraries than the
//! server's.

mod answers;
mod browser;
mod key;
mod service;
mod timing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};
use campanile::{
    model::Timestamp,
    server::{
        channels::WebPushOptions, config::SettingsInput, delivery::DeliveryOptions, http::HttpOptions,
        service::NotificationService, store::MemoryStore,
    },
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;

use self::{browser::Browsers, service::PushService};
use crate::{
    auth::TestClock,
    delivery::{self, LONG, Place, each_store},
    harness::{Answer, delivery_with, started},
};

const CONTACT: &str = "mailto:you@example.com";

/// The settings of a server that pushes to browsers.
fn said(store: &str) -> SettingsInput {
    SettingsInput { push_contact: Some(CONTACT.to_owned()), ..delivery::said(store) }
}

/// Waits until the condition is met.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so().await {
        assert!(Instant::now() < until, "never {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A server, used through its API.
#[derive(Clone)]
struct Api(Router);

impl Api {
    fn of(place: &Place) -> Self {
        Self(place.router())
    }

    /// A server in memory with a clock that the test moves.
    fn with_clock() -> (Self, TestClock) {
        let (clock, store) = (TestClock::default(), Arc::new(MemoryStore::new(1_000, started())));
        let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), clock.clone());
        let options = DeliveryOptions {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            webpush: Some(WebPushOptions { contact: CONTACT.to_owned(), key: None }),
            per_contact: None,
            ..DeliveryOptions::default()
        };
        let delivery = delivery_with(&store, clock.clone(), service.tasks(), &options);
        let options = HttpOptions { delivery, ..HttpOptions::default() };
        (Self(campanile::server::http::router(service, &options)), clock)
    }

    async fn ask(&self, method: Method, path: &str, json: Option<&Value>) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let request = match json {
            Some(json) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        let (parts, body) = self.0.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    async fn post(&self, path: &str, json: &Value) -> Value {
        let answer = self.ask(Method::POST, path, Some(json)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    }

    /// Registers a subscription with an endpoint for a user, and returns the contact.
    async fn subscribe(&self, user_id: &str, endpoint: &str, keys: &Value) -> Value {
        let subscription = json!({"endpoint": endpoint, "expirationTime": null, "keys": keys});
        let contact = json!({"channel": "webpush", "subscription": subscription});
        self.post(&format!("/api/contacts/{user_id}"), &contact).await
    }

    /// Creates a notification and returns its id.
    async fn create(&self, user_id: &str, mut fields: Value) -> String {
        fields["user_id"] = user_id.into();
        if fields["content"].is_null() {
            fields["content"] = "x".into();
        }
        self.post("/api/notifications/create", &fields).await["id"].as_str().unwrap().to_owned()
    }

    /// The deliveries of a user to browsers, newest first.
    async fn deliveries(&self, user_id: &str) -> Vec<Value> {
        let found = self.get(&format!("/api/deliveries?user_id={user_id}&channel=webpush&limit=1000")).await;
        found.as_array().unwrap().clone()
    }

    /// Waits until the newest delivery of a user to a browser meets the condition, and returns it.
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

    async fn until_is(&self, user_id: &str, state: &str) -> Value {
        self.until(user_id, state, |delivery| delivery["state"] == state).await
    }

    /// Waits until this many attempts of the newest delivery are recorded, and returns the delivery.
    async fn until_tried(&self, user_id: &str, count: usize) -> Value {
        let is_so = |delivery: &Value| {
            delivery["state"] != "leased" && delivery["attempts"].as_array().is_some_and(|made| made.len() >= count)
        };
        self.until(user_id, "tried", is_so).await
    }

    /// The states of the contacts of a user, the oldest first.
    async fn states(&self, user_id: &str) -> Vec<String> {
        let contacts = self.get(&format!("/api/contacts/{user_id}")).await;
        contacts.as_array().unwrap().iter().map(|contact| contact["state"].as_str().unwrap().to_owned()).collect()
    }

    async fn key(&self) -> String {
        self.get("/api/push/key").await["key"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_reads_the_push_and_its_push_service_verifies_the_sender() {
    each_store(async |store| {
        let (browsers, service) = (Browsers::start(), PushService::start().await);
        let place = Place::start(&said(&store)).await;
        let api = Api::of(&place);
        api.subscribe("ann", &service.endpoint("ann"), &browsers.subscribe("ann")).await;
        let fields =
            json!({"title": "Order 7", "content": "It is on its way.", "link": "/orders/7", "category": "update"});
        let id = api.create("ann", fields).await;
        let hit = service.until("ann", 1).await.remove(0);
        let read = browsers.read("ann", &hit);
        let expected = json!({
            "title": "Order 7", "text": "It is on its way.", "link": "/orders/7", "id": id, "category": "update",
            "modseq": read["message"]["modseq"], "unread_count": 1,
        });
        assert_eq!(read["message"], expected);
        let changes = api.get("/api/notifications/changes/ann").await;
        assert_eq!(read["message"]["modseq"], changes["modseq"], "{changes}");
        assert_eq!((&read["size"], &read["records"]), (&4_096.into(), &1.into()));
        assert_eq!(hit.method, "POST");
        for (name, value) in
            [("content-encoding", "aes128gcm"), ("content-type", "application/octet-stream"), ("urgency", "normal")]
        {
            assert_eq!(hit.header(name), value);
        }
        // The clock may have advanced by a second.
        assert!((86_390..=86_400).contains(&hit.header("ttl").parse::<u32>().unwrap()));
        let topic = hit.header("topic");
        assert!(topic.len() <= 32 && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(read["head"], json!({"typ": "JWT", "alg": "ES256"}));
        let port = service.origin.rsplit(':').next().unwrap();
        assert_eq!(read["claims"]["aud"], format!("http://127.0.0.1:{port}"));
        assert_eq!(read["claims"]["sub"], CONTACT);
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let left = read["claims"]["exp"].as_i64().unwrap() - now;
        assert!((11 * 3_600..=12 * 3_600).contains(&left), "{left}");
        assert_eq!(read["key"], *api.key().await);

        // The next push has the same token, but its own salt and key; an alert is urgent.
        api.create("ann", json!({"category": "alert"})).await;
        let next = service.until("ann", 2).await.remove(1);
        let also = browsers.read("ann", &next);
        assert_eq!(also["message"]["title"], "Campanile");
        assert_eq!((&also["message"]["link"], &also["message"]["unread_count"]), (&Value::Null, &2.into()));
        assert_eq!(next.header("urgency"), "high");
        assert_eq!(next.header("authorization"), hit.header("authorization"));
        assert!(also["message"]["modseq"].as_u64() > read["message"]["modseq"].as_u64());
        assert_ne!(next.header("topic"), topic);
        assert!(also["salt"] != read["salt"] && also["sender"] != read["sender"], "{also} {read}");
        assert!(also["sender"] != read["key"]);
        api.until_is("ann", "sent").await;
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_of_a_push_ends_when_the_notification_expires() {
    let (browsers, service, place) =
        (Browsers::start(), PushService::start().await, Place::start(&said("memory:")).await);
    let api = Api::of(&place);
    api.subscribe("ann", &service.endpoint("ann"), &browsers.subscribe("ann")).await;
    let end = Timestamp::new(chrono::Utc::now() + chrono::TimeDelta::seconds(600));
    api.create("ann", json!({"expires_at": end.to_string()})).await;
    let hit = service.until("ann", 1).await.remove(0);
    assert!((580..=600).contains(&hit.header("ttl").parse::<u32>().unwrap()), "{}", hit.header("ttl"));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_texts_are_cut_between_two_characters() {
    let (browsers, service, place) =
        (Browsers::start(), PushService::start().await, Place::start(&said("memory:")).await);
    let api = Api::of(&place);
    let family = "👩‍👩‍👧‍👦";
    for (number, text) in
        ["😀".repeat(16_384), family.repeat(16_384 / 7), "\"".repeat(16_384), "e\u{301}".repeat(8_192)]
            .iter()
            .enumerate()
    {
        let name = format!("user-{number}");
        api.subscribe(&name, &service.endpoint(&name), &browsers.subscribe(&name)).await;
        let link = format!("https://example.com/{}", "a".repeat(1_000));
        let id = api.create(&name, json!({"content": text, "title": "T".repeat(120), "link": link})).await;
        let hit = service.until(&name, 1).await.remove(0);
        let read = browsers.read(&name, &hit);
        let shown = read["message"]["text"].as_str().unwrap().strip_suffix('…').unwrap();
        assert!(text.starts_with(shown) && !shown.is_empty());
        let bytes = read["bytes"].as_u64().unwrap();
        assert!((2_500..=2_600).contains(&bytes), "{bytes}");
        assert!(hit.body.len() < 4_096, "{}", hit.body.len());
        assert_eq!(read["records"], 1);
        if *text == family.repeat(16_384 / 7) {
            assert_eq!(shown.len() % family.len(), 0);
        }
        assert_eq!((&read["message"]["id"], &read["message"]["link"]), (&id.into(), &link.into()));
    }
    place.stop().await;
}
