//! `/api/contacts`, and `DELETE /api/users/{user_id}`; [`ageing`] has how long contacts stay, and
//! [`wrong`] what is refused.

mod ageing;
mod wrong;

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{Limit, Preferences, UserId},
    server::{
        auth::{
            AuthOptions, Authenticator, Limits,
            token::{KeySource, TokenOptions},
        },
        delivery::{Delivery, DeliveryOptions},
        http::HttpOptions,
        identity::Principal,
        secret::Secret,
        service::NotificationService,
        store::{MemoryStore, Wishes, contacts::MOST_CONTACTS},
        stores::Stores,
    },
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    auth::{Secured, TOKEN_SECRET, TestClock},
    harness::{Answer, App, started},
};

const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const UNKNOWN: &str = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

/// A server with delivery, on which every caller has to authenticate.
fn secured() -> Secured {
    secured_with_wishes().0
}

/// A server with delivery and authentication, and the preferences of its users.
fn secured_with_wishes() -> (Secured, Arc<dyn Wishes>) {
    let clock = TestClock::default();
    let Stores { inboxes, credentials, delivery } = Stores::of(MemoryStore::new(2000, started()));
    let tokens = TokenOptions {
        keys: KeySource::Secret(Secret::new(TOKEN_SECRET)),
        audience: vec!["campanile".to_owned()],
        issuer: None,
        algorithms: None,
        leeway: Duration::from_secs(30),
    };
    let auth = AuthOptions {
        tokens: Some(tokens),
        session_lifetime: TimeDelta::hours(12),
        limits: Limits::default(),
        max_streams: 3,
        log_addresses: false,
    };
    let auth = Authenticator::new(auth, Arc::clone(&credentials), clock.clone()).unwrap();
    let service = NotificationService::over(Arc::clone(&inboxes), clock.clone());
    let options = DeliveryOptions::default();
    let wishes = Arc::clone(&delivery.wishes);
    let delivery = Delivery::start(delivery, &options, Arc::new(clock.clone()), service.tasks()).unwrap();
    let options = HttpOptions {
        auth: Some(Arc::clone(&auth)),
        delivery: Some(delivery),
        allowed_hosts: None,
        ..HttpOptions::default()
    };
    (Secured { app: App::with(service, &options), options, auth, credentials, clock }, wishes)
}

async fn ask(server: &Secured, method: &str, path: &str, bearer: &str, body: Option<&Value>) -> Answer {
    let authorization = format!("Bearer {bearer}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let headers = if body.is_some() { &headers[..] } else { &headers[..1] };
    server.ask(method, path, headers, &body.map(Value::to_string).unwrap_or_default()).await
}

/// A caller with credentials.
struct Caller<'s> {
    server: &'s Secured,
    bearer: String,
}

impl Caller<'_> {
    async fn put(&self, user_id: &str, contact: &Value) -> Answer {
        ask(self.server, "POST", &format!("/api/contacts/{user_id}"), &self.bearer, Some(contact)).await
    }

    /// Adds a contact, and returns it.
    async fn add(&self, user_id: &str, contact: &Value) -> Value {
        let answer = self.put(user_id, contact).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    async fn get(&self, user_id: &str) -> Answer {
        ask(self.server, "GET", &format!("/api/contacts/{user_id}"), &self.bearer, None).await
    }

    async fn list(&self, user_id: &str) -> Vec<Value> {
        let answer = self.get(user_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    async fn delete(&self, user_id: &str, contact: &Value) -> Answer {
        let path = format!("/api/contacts/{user_id}/{}", contact["id"].as_str().unwrap());
        ask(self.server, "DELETE", &path, &self.bearer, None).await
    }

    async fn forget(&self, user_id: &str) -> Answer {
        ask(self.server, "DELETE", &format!("/api/users/{user_id}"), &self.bearer, None).await
    }
}

async fn key<'s>(server: &'s Secured, scopes: &str) -> Caller<'s> {
    Caller { server, bearer: server.key(scopes).await }
}

fn person<'s>(server: &'s Secured, user_id: &str) -> Caller<'s> {
    Caller { server, bearer: server.token(user_id) }
}

fn email(address: &str) -> Value {
    json!({"channel": "email", "address": address})
}

fn fcm(token: &str) -> Value {
    json!({"channel": "fcm", "token": token})
}

fn browser(endpoint: &str) -> Value {
    let keys = json!({"p256dh": P256DH, "auth": AUTH});
    json!({"channel": "webpush", "subscription": {"endpoint": endpoint, "expirationTime": null, "keys": keys}})
}

fn apns(token: &str) -> Value {
    json!({"channel": "apns", "token": token, "topic": "com.example.app"})
}

#[tokio::test]
async fn a_contact_is_added_renewed_listed_and_deleted() {
    let server = secured();
    let app = key(&server, "contacts").await;
    let secret = "dQw4w9WgXcQ:APA91b-the-tail";
    let mut added = Vec::new();
    for (contact, address) in [
        (email("Ann@EXAMPLE.com"), "Ann@example.com"),
        (browser("https://push.example/send/0123456789"), "23456789"),
        (json!({"channel": "fcm", "token": secret, "kind": "fid", "label": "Phone"}), "the-tail"),
        (json!({"channel": "apns", "token": "AB".repeat(32), "topic": "a.b", "environment": "sandbox"}), "abababab"),
    ] {
        let answer = app.add("ann", &contact).await;
        assert_eq!((&answer["channel"], answer["address"].as_str()), (&contact["channel"], Some(address)));
        assert_eq!((&answer["state"], &answer["label"]), (&json!("active"), &contact["label"]));
        assert_eq!(answer["created_at"], answer["last_seen_at"]);
        server.clock.forward(1);
        let mut again = contact.clone();
        again["label"] = json!("Renewed");
        let renewed = app.put("ann", &again).await;
        assert_eq!(renewed.status, 200);
        let renewed = renewed.json();
        assert_eq!((&renewed["id"], &renewed["created_at"]), (&answer["id"], &answer["created_at"]));
        assert_eq!(renewed["label"], "Renewed");
        assert!(renewed["last_seen_at"].as_str() > answer["last_seen_at"].as_str());
        added.push(renewed);
    }
    let listed = app.get("ann").await;
    assert!(!listed.text().contains(&secret[..12]) && !listed.text().contains("push.example"), "{}", listed.text());
    assert_eq!(listed.json(), json!(added));
    for contact in &added {
        assert_eq!(app.delete("bob", contact).await.status, 404);
        assert_eq!(app.delete("ann", contact).await.status, 204);
        app.delete("ann", contact).await.problem(404, "not_found");
    }
    assert!(app.list("ann").await.is_empty());
    app.delete("ann", &json!({"id": UNKNOWN})).await.problem(404, "not_found");
    app.delete("ann", &json!({"id": "7"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_device_moves_and_an_e_mail_address_is_shared() {
    let server = secured();
    let app = key(&server, "admin").await;
    app.add("ann", &fcm("token")).await;
    app.add("ann", &email("home@example.com")).await;
    app.add("bob", &fcm("token")).await;
    app.add("bob", &email("home@example.com")).await;
    let channels = |contacts: Vec<Value>| contacts.iter().map(|one| one["channel"].clone()).collect::<Vec<_>>();
    assert_eq!(channels(app.list("ann").await), ["email"]);
    assert_eq!(channels(app.list("bob").await), ["fcm", "email"]);
}

#[tokio::test]
async fn each_key_has_the_permissions_of_its_scope() {
    // The statuses for reading, adding and deleting.
    for (scopes, expected) in [
        ("admin", [200, 201, 204]),
        ("contacts", [200, 201, 204]),
        ("read", [200, 403, 403]),
        ("send", [403; 3]),
        ("mark", [403; 3]),
        ("send,read,mark", [200, 403, 403]),
    ] {
        for contact in [email("a@example.com"), fcm("token")] {
            let server = secured();
            let (caller, admin) = (key(&server, scopes).await, key(&server, "admin").await);
            let known = admin.add("ann", &fcm("known")).await;
            let (get, put) = (caller.get("ann").await, caller.put("ann", &contact).await);
            let delete = caller.delete("ann", &known).await;
            let found = [get.status, put.status, delete.status].map(|status| status.as_u16());
            assert_eq!(found, expected, "{scopes}");
        }
    }
    let server = secured();
    let nothing = [("content-type", "application/json")];
    server.ask("GET", "/api/contacts/ann", &[], "").await.problem(401, "unauthenticated");
    server.ask("POST", "/api/contacts/ann", &nothing, "{}").await.problem(401, "unauthenticated");
    server.ask("DELETE", &format!("/api/contacts/ann/{UNKNOWN}"), &[], "").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_user_manages_own_devices_and_no_e_mail_address() {
    let server = secured();
    let (admin, ann, bob) = (key(&server, "admin").await, person(&server, "ann"), person(&server, "bob"));
    let mail = admin.add("ann", &email("ann@example.com")).await;
    for device in [browser("https://push.example/1"), fcm("token"), apns(&"0".repeat(64))] {
        ann.add("ann", &device).await;
        let added = ann.put("ann", &device).await;
        assert_eq!(added.status, 200);
        let added = added.json();
        bob.put("ann", &device).await.problem(403, "forbidden");
        bob.delete("ann", &added).await.problem(403, "forbidden");
        assert_eq!(bob.delete("bob", &added).await.status, 404);
        assert_eq!(ann.list("ann").await, [mail.clone(), added.clone()]);
        assert_eq!(ann.delete("ann", &added).await.status, 204);
    }
    bob.get("ann").await.problem(403, "forbidden");
    for refused in [ann.put("ann", &email("ann@example.org")).await, ann.delete("ann", &mail).await] {
        let problem = refused.problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("The application sets e-mail addresses"), "{problem}");
    }
    // A user cannot renew a known address either.
    ann.put("ann", &email("ann@example.com")).await.problem(403, "forbidden");
    assert_eq!(admin.list("ann").await, [mail]);
    ann.forget("ann").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_user_has_at_most_twenty_contacts() {
    let server = secured();
    let app = key(&server, "contacts").await;
    for number in 0..MOST_CONTACTS {
        server.clock.forward(1);
        app.add("ann", &fcm(&format!("token-{number:02}"))).await;
    }
    app.put("ann", &email("ann@example.com")).await.refused_field("address");
    server.clock.forward(1);
    assert_eq!(app.put("ann", &fcm("token-00")).await.status, 200);
    app.add("ann", &fcm("one-more")).await;
    let shown: Vec<_> = app.list("ann").await.iter().map(|one| one["address"].clone()).collect();
    assert_eq!((shown.len(), &shown[0], &shown[1]), (MOST_CONTACTS, &json!("token-00"), &json!("token-02")));
    for number in 0..MOST_CONTACTS {
        app.add("bob", &email(&format!("{number}@example.com"))).await;
    }
    app.put("bob", &fcm("token")).await.refused_field("channel");
    app.put("bob", &email("more@example.com")).await.refused_field("address");
}

#[tokio::test]
async fn without_delivery_there_are_no_contacts() {
    let app = App::bare();
    app.get("/api/contacts/ann").await.problem(503, "unavailable");
}

#[tokio::test]
async fn a_user_is_forgotten() {
    let (server, wishes) = secured_with_wishes();
    let (admin, reader) = (key(&server, "admin").await, key(&server, "read").await);
    let operator = Principal::operator();
    let ann = UserId::parse("ann").unwrap();
    for number in 0..1100 {
        server.app.notify("ann", &number.to_string()).await;
    }
    let stays = server.app.notify("bob", "stays").await;
    admin.add("ann", &email("ann@example.com")).await;
    admin.add("ann", &fcm("anns")).await;
    let bobs = admin.add("bob", &fcm("bobs")).await;
    let wanted = Preferences::default().merge(&json!({"channels": {"email": "off"}})).unwrap();
    for user_id in ["ann", "bob"] {
        assert!(wishes.set_preferences(&UserId::parse(user_id).unwrap(), &wanted, 0).await.unwrap());
    }
    let cookie = server.cookie(&server.token("ann")).await;
    let ticket = ask(&server, "POST", "/api/tickets", &server.token("ann"), None).await;
    assert_eq!(ticket.status, 201, "{}", ticket.text());
    let before = server.app.service.changes(&operator, &ann, u64::MAX, Limit::new(1)).await.unwrap();

    for scopes in ["contacts", "send,read,mark,contacts"] {
        key(&server, scopes).await.forget("ann").await.problem(403, "forbidden");
    }
    server.ask("DELETE", "/api/users/ann", &[], "").await.problem(401, "unauthenticated");
    for _ in 0..2 {
        let forgotten = admin.forget("ann").await;
        assert_eq!((forgotten.status.as_u16(), forgotten.body.len()), (204, 0), "{}", forgotten.text());
        assert_eq!(reader.list("ann").await.len(), 0);
        assert_eq!(wishes.preferences(&ann).await.unwrap(), (Preferences::default(), 0));
        let list = server.get("/api/notifications/list?user_id=ann", &reader.bearer).await;
        assert_eq!(list.json(), json!([]));
        let changes = server.app.service.changes(&operator, &ann, before.modseq, Limit::new(1000));
        let changes = changes.await.unwrap();
        assert!(changes.events.len() == 1000 && changes.more, "each deletion takes a number");
        assert_eq!(changes.events[0].modseq(), before.modseq + 1);
    }
    // The session has ended, and the ticket opens no stream.
    let shown = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    server.clock.forward(60);
    server.ask("GET", "/api/notifications/list", &shown, "").await.problem(401, "unauthenticated");
    let ticket = ticket.json()["ticket"].as_str().unwrap().to_owned();
    let stream = server.ask("GET", &format!("/api/notifications/stream/ann?ticket={ticket}"), &[], "").await;
    stream.problem(401, "unauthenticated");
    // Other users' data is unchanged.
    assert_eq!(server.get(&format!("/api/notifications/{stays}"), &reader.bearer).await.status, 200);
    assert_eq!(reader.list("bob").await, [bobs]);
    assert_eq!(wishes.preferences(&UserId::parse("bob").unwrap()).await.unwrap(), (wanted, 1));
    admin.forget(&"a".repeat(129)).await.refused_field("user_id");
    assert_eq!(admin.forget("never%20was").await.status, 204);
}
