//! `/api/contacts`, and `DELETE /api/users/{user_id}`.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use campanile::{
    model::{ContactId, ContactState, Limit, Preferences, UserId},
    server::{
        auth::{
            AuthOptions, Authenticator, Limits,
            token::{KeySource, TokenOptions},
        },
        clock::Clock,
        delivery::{Delivery, DeliveryOptions},
        http::HttpOptions,
        identity::Principal,
        secret::Secret,
        service::NotificationService,
        store::{Contacts, MemoryStore, Wishes, contacts::MOST_CONTACTS},
        stores::Stores,
    },
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    auth::{Secured, TOKEN_SECRET, TestClock},
    harness::{Answer, App, delivery_of, started},
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

/// Restarts the server over the same store at another time, and returns the remaining contacts of a user.
async fn left_of(store: &Arc<MemoryStore>, clock: &TestClock, user_id: &str) -> Vec<Value> {
    let service = NotificationService::over(Arc::<MemoryStore>::clone(store), clock.clone());
    let delivery = delivery_of(store, clock.clone(), service.tasks());
    let app = App::with(service, &HttpOptions { delivery, ..HttpOptions::default() });
    // Expired data is deleted at the start, and then each minute.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = app.get(&format!("/api/contacts/{user_id}")).await;
    answer.json().as_array().unwrap().clone()
}

async fn put(store: &Arc<MemoryStore>, clock: &TestClock, user_id: &str, contact: &Value) -> Answer {
    let service = NotificationService::over(Arc::<MemoryStore>::clone(store), clock.clone());
    let delivery = delivery_of(store, clock.clone(), service.tasks());
    let app = App::with(service, &HttpOptions { delivery, ..HttpOptions::default() });
    let answer = app.send(Method::POST, &format!("/api/contacts/{user_id}"), Some(&contact.to_string())).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    answer
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn an_fcm_contact_that_is_silent_for_270_days_is_dropped_and_one_that_is_registered_again_is_not() {
    let (store, clock) = (Arc::new(MemoryStore::new(10, started())), TestClock::default());
    let fcm = |token: &str| json!({"channel": "fcm", "token": token});
    let browser = json!({"channel": "webpush", "subscription": {
        "endpoint": "https://push.example/1", "keys": {"p256dh": P256DH, "auth": AUTH},
    }});
    for contact in [&fcm("silent-1"), &fcm("seen-100"), &browser] {
        put(&store, &clock, "ann", contact).await;
    }
    clock.forward(100 * DAY);
    assert_eq!(put(&store, &clock, "ann", &fcm("seen-100")).await.status, 200);
    clock.forward(170 * DAY - 60);
    assert_eq!(left_of(&store, &clock, "ann").await.len(), 3);
    clock.forward(120);
    let left = left_of(&store, &clock, "ann").await;
    let channels: Vec<_> = left.iter().map(|contact| &contact["channel"]).collect();
    assert_eq!(channels, ["fcm", "webpush"]);
    assert!(left[0]["address"].as_str().unwrap().ends_with("100"), "{left:?}");
    clock.forward(100 * DAY);
    assert_eq!(left_of(&store, &clock, "ann").await.len(), 1);
}

#[tokio::test]
async fn a_push_contact_that_is_dead_is_listed_for_seven_days() {
    let (store, clock) = (Arc::new(MemoryStore::new(10, started())), TestClock::default());
    let added = put(&store, &clock, "ann", &json!({"channel": "fcm", "token": "a"})).await.json();
    let id = ContactId::new(added["id"].as_str().unwrap().parse().unwrap());
    clock.forward(DAY);
    let (seen, now) = (started(), clock.now());
    assert!(!store.set_contact_state(id, ContactState::Dead, seen, now).await.unwrap());
    assert!(store.set_contact_state(id, ContactState::Dead, now, now).await.unwrap());
    clock.forward(7 * DAY - 60);
    let [dead] = &left_of(&store, &clock, "ann").await[..] else { panic!("one") };
    assert_eq!(dead["state"], "dead");
    clock.forward(120);
    assert!(left_of(&store, &clock, "ann").await.is_empty());
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
async fn a_wrong_body_names_its_field() {
    let server = secured();
    let app = key(&server, "contacts").await;
    let with = |of: Value, path: &str, value: Value| {
        let mut changed = of;
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let full =
        json!({"channel": "apns", "token": "0".repeat(64), "topic": "a.b", "environment": "sandbox", "label": "x"});
    let push = browser("https://push.example/1");
    let cases = [
        (json!({}), "channel"),
        (json!({"channel": null}), "channel"),
        (json!({"channel": 7}), "channel"),
        (json!({"channel": "webhook"}), "channel"),
        (json!({"channel": "Email", "address": "a@b.c"}), "channel"),
        (json!({"channel": "email"}), "address"),
        (email("ann"), "address"),
        (email(&format!("{}@example.com", "a".repeat(250))), "address"),
        (email("ann@example.com\r\nBcc: bob@example.com"), "address"),
        (json!({"channel": "email", "address": ["a@b.c"]}), "address"),
        (json!({"channel": "email", "address": "a@b.c", "token": "x"}), "token"),
        (json!({"channel": "email", "address": "a@b.c", "addresses": []}), "addresses"),
        (json!({"channel": "email", "address": "a@b.c", "label": "a\nb"}), "label"),
        (json!({"channel": "email", "address": "a@b.c", "label": "x".repeat(65)}), "label"),
        (json!({"channel": "email", "address": "a@b.c", "label": {}}), "label"),
        (json!({"channel": "webpush"}), "subscription"),
        (json!({"channel": "webpush", "subscription": "x"}), "subscription"),
        (json!({"channel": "webpush", "subscription": []}), "subscription"),
        (with(push.clone(), "/subscription", json!({})), "subscription.endpoint"),
        (with(push.clone(), "/subscription/endpoint", json!(null)), "subscription.endpoint"),
        (browser("http://push.example/1"), "subscription.endpoint"),
        (browser("https://127.0.0.1/1"), "subscription.endpoint"),
        (browser("https://[::1]/1"), "subscription.endpoint"),
        (browser("https://me:secret@push.example/"), "subscription.endpoint"),
        (browser("https://push.example/#1"), "subscription.endpoint"),
        (browser(&format!("https://push.example/{}", "a".repeat(2048))), "subscription.endpoint"),
        (browser("push"), "subscription.endpoint"),
        (with(push.clone(), "/subscription/expirationTime", json!("soon")), "subscription.expirationTime"),
        (with(push.clone(), "/subscription/keys", json!(null)), "subscription.keys"),
        (with(push.clone(), "/subscription/keys", json!(7)), "subscription.keys"),
        (with(push.clone(), "/subscription/keys/p256dh", json!(null)), "subscription.keys.p256dh"),
        (with(push.clone(), "/subscription/keys/p256dh", json!(AUTH)), "subscription.keys.p256dh"),
        (with(push.clone(), "/subscription/keys/auth", json!(P256DH)), "subscription.keys.auth"),
        (with(push.clone(), "/subscription/keys/auth", json!(16)), "subscription.keys.auth"),
        (json!({"channel": "fcm"}), "token"),
        (fcm(""), "token"),
        (fcm("a b"), "token"),
        (fcm(&"a".repeat(4097)), "token"),
        (json!({"channel": "fcm", "token": "x", "kind": "device"}), "kind"),
        (json!({"channel": "fcm", "token": "x", "topic": "a.b"}), "topic"),
        (apns("xyz"), "token"),
        (json!({"channel": "apns", "token": "0".repeat(64)}), "topic"),
        (apns(&"0".repeat(63)), "token"),
        (with(full.clone(), "/topic", json!("app")), "topic"),
        (with(full.clone(), "/topic", json!(null)), "topic"),
        (with(full.clone(), "/environment", json!("test")), "environment"),
        (with(full.clone(), "/label", json!(7)), "label"),
    ];
    for (body, field) in cases {
        let answer = app.put("ann", &body).await;
        let problem = answer.problem(422, "invalid_input");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert!(fields.contains(&json!(field)), "{body}: {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    // All errors are reported at once.
    let all = with(push.clone(), "/subscription", json!({"expirationTime": true, "keys": {"auth": 1}}));
    assert_eq!(app.put("ann", &all).await.json()["errors"].as_array().unwrap().len(), 4);
    app.put("ann", &json!([])).await.refused_field("body");
    app.put(&"a".repeat(129), &full).await.refused_field("user_id");
    let bearer = format!("Bearer {}", app.bearer);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.ask("POST", "/api/contacts/ann", &headers, "{").await.problem(400, "bad_request");
    server.ask("POST", "/api/contacts/ann", &headers[..1], "{}").await.problem(415, "unsupported_media_type");
    server.ask("GET", "/api/contacts/ann?limit=1", &headers[..1], "").await.refused_field("limit");
    assert!(app.list("ann").await.is_empty());
    // Additional fields of a browser's subscription are ignored.
    let more = json!({"endpoint": "https://push.example/1", "expirationTime": 1.5e12, "new": [1],
        "keys": {"p256dh": format!("{P256DH}="), "auth": AUTH, "new": 1}});
    app.add("ann", &json!({"channel": "webpush", "subscription": more, "label": null, "token": null})).await;
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
