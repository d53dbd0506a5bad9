//! Limits on how often a caller may send requests.

use campanile::server::{
    auth::Limits, http::HttpOptions, identity::Principal, limiter::Rate, listener::Peer, service::NotificationService,
    store::MemoryStore,
};

use super::Secured;
use crate::harness::{App, started};

fn rate(text: &str) -> Option<Rate> {
    Rate::parse(text).unwrap()
}

const LIST: &str = "/api/notifications/list";

#[tokio::test]
async fn each_key_and_each_user_has_a_limit_of_their_own() {
    let limits = Limits { key: rate("1/m:2"), user: rate("1/m:1"), ..Limits::default() };
    let server = Secured::with(limits, HttpOptions { allowed_hosts: None, ..HttpOptions::default() });
    let (key, other, ann, bob) =
        (server.key("read").await, server.key("read").await, server.token("ann"), server.token("bob"));
    let first = server.get(LIST, &key).await;
    assert_eq!(first.header("ratelimit-policy"), "\"key\";q=2;w=120");
    assert_eq!(first.header("ratelimit"), "\"key\";r=1;t=60");
    assert_eq!(server.get(LIST, &key).await.status, 200);
    let refused = server.get(LIST, &key).await;
    let problem = refused.problem(429, "too_many_requests");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((59..=61).contains(&wait), "{wait}");
    assert_eq!(problem["retry_after"], wait);
    assert_eq!(refused.header("ratelimit"), format!("\"key\";r=0;t={wait}"));
    assert_eq!(server.get(LIST, &other).await.status, 200);
    assert_eq!(server.get(LIST, &ann).await.status, 200);
    // Another token of the same user counts as the same user.
    assert_eq!(server.get(LIST, &server.token_for("ann", 99)).await.status, 429);
    assert_eq!(server.get(LIST, &bob).await.status, 200);
}

#[tokio::test]
async fn strangers_are_limited_by_their_address_and_known_callers_are_not() {
    let limits = Limits { address: rate("1/m:3"), ..Limits::default() };
    let options = HttpOptions {
        allowed_hosts: None,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..HttpOptions::default()
    };
    let server = Secured::with(limits, options);
    let key = server.key("read").await;
    let ask = async |client: &str, bearer: &str| {
        let mut request = axum::http::Request::builder()
            .uri(LIST)
            .header("x-forwarded-for", client)
            .header("authorization", format!("Bearer {bearer}"))
            .body(axum::body::Body::empty())
            .unwrap();
        request.extensions_mut().insert(Peer { address: "127.0.0.1:9".parse().ok(), is_encrypted: false });
        server.app.ask(request).await.status
    };
    assert_eq!(ask("203.0.113.1", &key).await, 200);
    for _ in 0..2 {
        assert_eq!(ask("203.0.113.1", "nonsense").await, 401);
    }
    assert_eq!(ask("203.0.113.1", "nonsense").await, 429);
    assert_eq!(ask("203.0.113.2", "nonsense").await, 401);
    // A known caller can continue, even from the same address.
    for _ in 0..9 {
        assert_eq!(ask("203.0.113.1", &key).await, 200);
    }
    assert_eq!(ask("203.0.113.1", &server.key("read").await).await, 429);
}

#[tokio::test]
async fn no_user_is_sent_more_than_they_can_take() {
    let service = NotificationService::new(MemoryStore::new(1000, started())).limit_recipients(rate("1/m:3"));
    let app = App::with(service.clone(), &HttpOptions::default());
    for _ in 0..3 {
        app.notify("ann", "hi").await;
    }
    let create = async |user: &str| {
        app.post_json("/api/notifications/create", &serde_json::json!({"user_id": user, "content": "hi"})).await
    };
    let refused = create("ann").await;
    refused.problem(429, "too_many_requests");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 50);
    assert_eq!(create("bob").await.status, 201);
    // A batch is sent to all recipients or to none, and never exceeds the burst of one.
    let batch = serde_json::json!({"user_ids": ["cem", "ann"], "content": "hi"});
    app.post_json("/api/notifications/batch", &batch).await.problem(429, "too_many_requests");
    // The refused batch used up nothing of the other recipients' limits.
    for _ in 0..3 {
        assert_eq!(create("cem").await.status, 201);
    }
    create("cem").await.problem(429, "too_many_requests");
    let many: Vec<_> = (0..4).map(|_| serde_json::json!({"user_id": "dan", "content": "hi"})).collect();
    let refused = app.post_json("/api/notifications/batch", &serde_json::json!({"notifications": many})).await;
    assert!(refused.problem(429, "too_many_requests")["retry_after"].is_null());
    for (user, sent) in [("cem", 3), ("dan", 0)] {
        let count = service.unread_count(&Principal::operator(), &crate::store::user(user)).await.unwrap();
        assert_eq!(count, sent);
    }
}

/// At the gate, a batch counts as one request; for later requests, it counts by its size.
#[tokio::test]
async fn the_size_of_a_request_counts_too() {
    let limits = Limits { key: rate("1/h:10"), ..Limits::default() };
    let server = Secured::with(limits, HttpOptions { allowed_hosts: None, ..HttpOptions::default() });
    let send = async |key: &str, path: &str, body: &str| {
        let key = format!("Bearer {key}");
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        server.ask("POST", &format!("/api/notifications/{path}"), &headers, body).await
    };
    let users: Vec<_> = (0..100).map(|number| format!("\"u{number}\"")).collect();
    let many = format!("{{\"user_ids\": [{}], \"content\": \"x\"}}", users.join(","));
    let large = format!("{{\"user_ids\": [{}], \"content\": \"{}\"}}", users[..8].join(","), "x".repeat(16_384));
    // A hundred notifications count as ten more requests, and 128 KiB as two.
    for (body, path, asked) in [
        (many.as_str(), "batch", 1),
        (&large, "batch", 4),
        ("{\"user_id\": \"ann\", \"content\": \"x\"}", "create", 10),
    ] {
        let key = server.key("send").await;
        for _ in 0..asked {
            assert_eq!(send(&key, path, body).await.status, 201, "{path}");
        }
        let refused = send(&key, path, body).await;
        refused.problem(429, "too_many_requests");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 4 * 3_600);
    }
}

/// A replay is answered before any limit is checked, even when the limit is reached.
#[tokio::test]
async fn replays_are_not_counted() {
    let service = NotificationService::new(MemoryStore::new(1000, started())).limit_recipients(rate("1/m:3"));
    let app = App::with(service, &HttpOptions::default());
    let send = async |key: &str, user: &str| {
        let request = axum::http::Request::post("/api/notifications/create")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(axum::body::Body::from(format!("{{\"user_id\": \"{user}\", \"content\": \"hi\"}}")));
        app.ask(request.unwrap()).await
    };
    let first = send("a", "ann").await.json();
    for _ in 0..5 {
        assert_eq!(send("a", "ann").await.json(), first);
    }
    for key in ["b", "c"] {
        assert_eq!(send(key, "ann").await.status, 201);
    }
    send("d", "ann").await.problem(429, "too_many_requests");
    assert_eq!(send("a", "ann").await.json(), first);
    send("a", "bob").await.problem(422, "invalid_input");
    let count = app.get("/api/notifications/unread-count/ann").await.json();
    assert_eq!(count["unread_count"], 3);
}

#[tokio::test]
async fn a_refused_request_changes_nothing() {
    let limits = Limits { key: rate("1/h:1"), ..Limits::default() };
    let server = Secured::with(limits, HttpOptions { allowed_hosts: None, ..HttpOptions::default() });
    let key = format!("Bearer {}", server.key("send").await);
    let headers = [("authorization", &*key), ("content-type", "application/json")];
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let body = r#"{"user_id":"ann","content":"hi"}"#;
        statuses.push(server.ask("POST", "/api/notifications/create", &headers, body).await.status.as_u16());
    }
    assert_eq!(statuses, [201, 429, 429]);
    let count = server.app.service.unread_count(&Principal::operator(), &crate::store::user("ann")).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_large_request_and_a_large_answer_count_as_several() {
    let limits = Limits { key: Rate::parse("1/m:50").unwrap(), ..Limits::default() };
    let server = Secured::with(limits, HttpOptions { allowed_hosts: None, ..HttpOptions::default() });
    let left = |answer: &crate::harness::Answer| {
        answer.header("ratelimit").split(';').find_map(|part| part.strip_prefix("r=")?.parse::<u32>().ok()).unwrap()
    };
    let post = async |key: &str, path: &str, body: &str| {
        let headers = [("authorization", key), ("content-type", "application/json")];
        server.ask("POST", path, &headers, body).await
    };
    let users: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    let announcement = serde_json::json!({"user_ids": users, "content": "x".repeat(1_000)}).to_string();
    let key = format!("Bearer {}", server.key("send,read").await);
    assert_eq!(post(&key, "/api/notifications/batch", &announcement).await.status, 201);
    // 200 notifications count as 20 more requests, and 200 times 2 KB as six more.
    let one = r#"{"user_id":"ann","content":"hi"}"#;
    let after = left(&post(&key, "/api/notifications/create", one).await);
    assert!((20..=24).contains(&after), "{after}");

    for number in 0..20 {
        let content = format!("{number}{}", "x".repeat(16_000));
        server.app.notify("bob", &content).await;
    }
    let reader = server.key("read").await;
    assert_eq!(server.get("/api/notifications/list?user_id=bob", &reader).await.status, 200);
    let after = left(&server.get("/api/notifications/unread-count/bob", &reader).await);
    assert_eq!(after, 50 - 1 - 4 - 1, "320 KB are four more");
}
