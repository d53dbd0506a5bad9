//! Delivery over the wire: a receiver on loopback answers as each test defines, and checks every request with the
//! library of Standard Webhooks.

mod answers;
mod asked_to_wait;
mod events;
mod lanes;
mod processes;
mod reach;
mod receiver;
mod rights;
mod signing;

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use campanile::{
    model::Timestamp,
    server::{
        config::{Settings, SettingsInput},
        run::Campanile,
    },
};
use futures_util::future::join_all;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;

use self::receiver::Receiver;
use crate::{
    harness::{Answer, new_folder},
    postgres,
};

/// How long a test waits for an expected event.
pub(crate) const LONG: Duration = Duration::from_secs(10);
/// How long a test waits to see that nothing happens: longer than the interval of planner and worker.
pub(crate) const A_WHILE: Duration = Duration::from_millis(1_300);

/// A whole server in this process, used without a socket.
pub(crate) struct Place(Campanile);

/// A webhook of a server.
#[derive(Clone)]
struct Hook {
    id: String,
    secret: String,
}

/// The settings of a server that may send to loopback.
pub(crate) fn said(store: &str) -> SettingsInput {
    let webhook_allow = Some(vec!["127.0.0.0/8".to_owned()]);
    SettingsInput { store: Some(store.to_owned()), webhook_allow, ..SettingsInput::default() }
}

/// The URL of a new SQLite file.
pub(crate) fn new_file() -> String {
    format!("sqlite:{}", new_folder().join("campanile.db").display())
}

/// Runs the test with a new store of each kind, all at once.
pub(crate) async fn each_store(test: impl AsyncFn(String)) {
    let stores = ["memory:".to_owned(), new_file(), postgres::new_database().await];
    join_all(stores.map(|store| test(store))).await;
}

impl Place {
    pub(crate) async fn start(said: &SettingsInput) -> Self {
        Self::start_with(&Settings::from_input(said).unwrap()).await
    }

    pub(crate) async fn start_with(settings: &Settings) -> Self {
        Self(Campanile::start(settings).await.unwrap())
    }

    pub(crate) async fn in_memory() -> Self {
        Self::start(&said("memory:")).await
    }

    pub(crate) fn router(&self) -> axum::Router {
        self.0.router()
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }

    pub(crate) async fn ask_as(
        &self,
        bearer: Option<&str>,
        method: Method,
        path: &str,
        json: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = match json {
            Some(json) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        let (parts, body) = self.router().oneshot(request.unwrap()).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, json: Option<&Value>) -> Answer {
        self.ask_as(None, method, path, json).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Sends a POST that must succeed.
    pub(crate) async fn post(&self, path: &str, json: Option<&Value>) -> Answer {
        let answer = self.ask(Method::POST, path, json).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer
    }

    /// Adds a webhook for a URL.
    async fn hook_to(&self, url: &str, mut wanted: Value) -> Hook {
        wanted["url"] = url.into();
        let added = self.post("/api/webhooks", Some(&wanted)).await.json();
        let text = |field: &str| added[field].as_str().unwrap().to_owned();
        Hook { id: text("id"), secret: text("secret") }
    }

    /// Adds a webhook for a receiver.
    async fn hook(&self, receiver: &Receiver, wanted: Value) -> Hook {
        self.hook_to(&receiver.url(), wanted).await
    }

    /// Creates a notification and returns its id.
    async fn notify(&self, user_id: &str, content: &str) -> String {
        let body = json!({"user_id": user_id, "content": content});
        let created = self.post("/api/notifications/create", Some(&body)).await.json();
        created["id"].as_str().unwrap().to_owned()
    }

    /// Creates this many notifications at once.
    async fn notify_many(&self, user_id: &str, count: usize) {
        self.post("/api/notifications/batch", Some(&batch(user_id, 0..count))).await;
    }

    /// The deliveries of a webhook, newest first.
    async fn deliveries(&self, hook: &Hook) -> Vec<Value> {
        let found = self.get(&format!("/api/deliveries?webhook_id={}&limit=1000", hook.id)).await;
        found.as_array().unwrap().clone()
    }

    /// Waits until the newest delivery of a webhook meets the condition, and returns it.
    async fn until(&self, hook: &Hook, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LONG;
        loop {
            let newest = self.deliveries(hook).await.into_iter().next().unwrap_or_default();
            if is_so(&newest) {
                return newest;
            }
            assert!(Instant::now() < until, "never {what}: {newest}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_state(&self, hook: &Hook, state: &str) -> Value {
        self.until(hook, state, |delivery| delivery["state"] == state).await
    }

    /// Waits until an attempt of the newest delivery is recorded, and returns the delivery.
    async fn until_attempted(&self, hook: &Hook) -> Value {
        self.until(hook, "attempted", |delivery| {
            delivery["state"] != "leased" && delivery["attempts"].as_array().is_some_and(|made| !made.is_empty())
        })
        .await
    }

    async fn webhook(&self, hook: &Hook) -> Value {
        self.get(&format!("/api/webhooks/{}", hook.id)).await
    }

    /// The lane of a webhook, as in `GET /api/channels`.
    async fn lane(&self, hook: &Hook) -> Value {
        let channels = self.get("/api/channels").await;
        let webhook = channels.as_array().unwrap().iter().find(|channel| channel["channel"] == "webhook").unwrap();
        assert_eq!(webhook["state"], "set_up");
        let name = format!("webhook:{}", hook.id);
        webhook["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == *name).unwrap().clone()
    }
}

/// The body of a batch: a notification for each of these numbers.
pub(crate) fn batch(user_id: &str, numbers: std::ops::Range<usize>) -> Value {
    let one = |number| json!({"user_id": user_id, "content": format!("note {number}")});
    json!({ "notifications": numbers.map(one).collect::<Vec<_>>() })
}

/// The seconds between two timestamps in text form.
pub(crate) fn seconds_between(earlier: &Value, later: &Value) -> f64 {
    let at = |moment: &Value| Timestamp::parse(moment.as_str().unwrap()).unwrap().to_utc();
    (at(later) - at(earlier)).as_seconds_f64()
}
