//! Mail, sent to a relay that is a separate process.

mod hostile;
mod one;
mod preferences;
mod processes;
mod reading;
mod relay;
mod replies;
mod routing;
mod rules;
mod unsubscribe;

use std::time::{Duration, Instant};

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::{Value, json};
use tokio::time::sleep;

pub(crate) use self::relay::Relay;
use crate::delivery::{self, LONG, Place};

/// The settings of a server that sends mail by a relay.
fn said(store: &str, relay: &Relay) -> SettingsInput {
    SettingsInput {
        smtp: Some(relay.url()),
        mail_from: Some("Bell Tower <notify@example.org>".to_owned()),
        ..delivery::said(store)
    }
}

impl Place {
    /// Adds an address of a user, and returns the contact.
    async fn contact(&self, user_id: &str, address: &str) -> Value {
        let contact = json!({"channel": "email", "address": address});
        self.post(&format!("/api/contacts/{user_id}"), Some(&contact)).await.json()
    }

    /// Creates a notification and returns its id.
    async fn create(&self, user_id: &str, mut fields: Value) -> String {
        fields["user_id"] = user_id.into();
        fields["content"] = fields.get("content").cloned().unwrap_or_else(|| "x".into());
        let created = self.post("/api/notifications/create", Some(&fields)).await.json();
        created["id"].as_str().unwrap().to_owned()
    }

    /// Creates an alert, which is mailed to users by default, and returns its id.
    async fn alert(&self, user_id: &str, mut fields: Value) -> String {
        fields["category"] = "alert".into();
        self.create(user_id, fields).await
    }

    /// Changes the preferences of a user.
    async fn prefer(&self, user_id: &str, patch: Value) -> Value {
        let path = format!("/api/preferences/{user_id}");
        let answer = self.ask(Method::PATCH, &path, Some(&patch)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The preferences of a user, including the effective ones.
    async fn preferences(&self, user_id: &str) -> Value {
        self.get(&format!("/api/preferences/{user_id}")).await
    }

    /// The deliveries of a user by mail, newest first.
    async fn mails(&self, user_id: &str) -> Vec<Value> {
        let found = self.get(&format!("/api/deliveries?user_id={user_id}&channel=email&limit=1000")).await;
        found.as_array().unwrap().clone()
    }

    /// Waits until the newest delivery of a user by mail meets the condition, and returns it.
    async fn until_mail(&self, user_id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_mail_within(LONG, user_id, what, is_so).await
    }

    async fn until_mail_within(
        &self,
        longest: Duration,
        user_id: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + longest;
        loop {
            let newest = self.mails(user_id).await.into_iter().next().unwrap_or_default();
            if is_so(&newest) {
                return newest;
            }
            assert!(Instant::now() < until, "{user_id}: never {what}: {newest}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_mail_is(&self, user_id: &str, state: &str) -> Value {
        self.until_mail(user_id, state, |delivery| delivery["state"] == state).await
    }

    /// Waits until an attempt of the newest delivery by mail is recorded, and returns the delivery.
    async fn until_tried(&self, user_id: &str, longest: Duration) -> Value {
        let is_tried = |delivery: &Value| {
            delivery["state"] != "leased" && delivery["attempts"].as_array().is_some_and(|made| !made.is_empty())
        };
        self.until_mail_within(longest, user_id, "tried", is_tried).await
    }

    /// The newest delivery by mail about a notification, once it is in a state.
    async fn until_of(&self, id: &str, state: &str) -> Value {
        let until = Instant::now() + LONG;
        loop {
            let found = self.get(&format!("/api/deliveries?notification_id={id}&channel=email")).await[0].clone();
            if found["state"] == state {
                return found;
            }
            assert!(Instant::now() < until, "never {state}: {found}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The lane of mail, as in `GET /api/channels`.
    async fn mail_lane(&self) -> Value {
        let channels = self.get("/api/channels").await;
        channels.as_array().unwrap().iter().find(|one| one["channel"] == "email").unwrap()["lanes"][0].clone()
    }
}
