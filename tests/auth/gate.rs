//! The checks before a byte of the body is read, and the limits on how much is read.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use campanile::server::{auth::Limits, http::HttpOptions, limiter::Rate};
use futures_util::stream;

use super::Secured;
use crate::harness::{Answer, App};

fn open() -> HttpOptions {
    HttpOptions { allowed_hosts: None, ..HttpOptions::default() }
}

/// A body that fails the test when the server reads it.
fn untouchable() -> Body {
    Body::from_stream(stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
        panic!("the body is read before it is known who sends it")
    }))
}

async fn ask(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", "campanile.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.ask(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_caller_without_permission_is_refused_before_the_body_is_read() {
    let server = Secured::with(Limits { key: Rate::parse("1/h:1").unwrap(), ..Limits::default() }, open());
    let read = format!("Bearer {}", server.key("read").await);
    let user = format!("Bearer {}", server.token("ann"));
    for path in ["/api/notifications/create", "/api/notifications/batch", "/api/ui/send"] {
        let json = ("content-type", "application/json");
        ask(&server.app, "POST", path, &[json], untouchable()).await.problem(401, "unauthenticated");
        let nonsense = [json, ("authorization", "Bearer nonsense")];
        ask(&server.app, "POST", path, &nonsense, untouchable()).await.problem(401, "unauthenticated");
        let user = [json, ("authorization", &*user)];
        ask(&server.app, "POST", path, &user, untouchable()).await.problem(403, "forbidden");
    }
    let read = [("authorization", &*read)];
    ask(&server.app, "POST", "/api/notifications/create", &read, untouchable()).await.problem(403, "forbidden");
    // The one request that is allowed per hour was used.
    ask(&server.app, "POST", "/api/notifications/create", &read, untouchable()).await.problem(429, "too_many_requests");
    for (method, path) in
        [("PATCH", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f"), ("POST", "/api/tickets")]
    {
        ask(&server.app, method, path, &[], untouchable()).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_attempt_to_sign_in_too_often_is_refused_before_its_form_is_read() {
    let server = Secured::with(Limits { login: Rate::parse("1/h:1").unwrap(), ..Limits::default() }, open());
    server.refused(&server.log_in("nonsense", &[]).await, "invalid").await;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let answer = ask(&server.app, "POST", "/login", &form, untouchable()).await;
    assert!(server.refused(&answer, "3600").await.contains("Too many attempts. Try again in 60 minutes."));
}

#[tokio::test]
async fn another_site_is_refused_before_the_body_is_read() {
    let app = App::new();
    let headers = [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("content-type", "application/json")];
    let request = Request::post("/api/notifications/create");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.ask(request.body(untouchable()).unwrap()).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_stranger_sends_a_form_and_nothing_larger() {
    let server = Secured::new();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let large = Body::from(format!("secret={}", "x".repeat(70_000)));
    ask(&server.app, "POST", "/login", &form, large).await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn bodies_and_answers_have_one_budget_and_give_it_back() {
    let options = HttpOptions { max_memory: 100_000, ..HttpOptions::default() };
    let app = App::new();
    let app = App::with(app.service.clone(), &options);
    let body = |length: usize| serde_json::json!({"user_id": "ann", "content": "x".repeat(length)});
    let over = serde_json::json!({"user_id": "ann", "content": "x", "data": {"x": "y".repeat(120_000)}});
    let refused = app.post_json("/api/notifications/create", &over).await;
    refused.problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "2");
    for _ in 0..20 {
        assert_eq!(app.post_json("/api/notifications/create", &body(10_000)).await.status, 201);
    }
    app.get("/api/notifications/list?user_id=ann").await.problem(503, "unavailable");
    assert_eq!(app.get("/api/notifications/list?user_id=ann&limit=3").await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let options = HttpOptions { request_timeout: Duration::from_millis(50), ..HttpOptions::default() };
    let app = App::with(App::new().service, &options);
    let half = stream::unfold(true, |first| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"{\"user_id\":")), false))
    });
    let request = Request::post("/api/notifications/create").header("host", "localhost");
    let request = request.header("content-type", "application/json").body(Body::from_stream(Box::pin(half)));
    app.ask(request.unwrap()).await.problem(408, "timeout");
}
