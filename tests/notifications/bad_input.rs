//! Every route against every kind of request that cannot be understood.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::json;

use crate::harness::App;

const ID: &str = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

/// Every route: method, path, and whether it takes a body.
const ROUTES: [(&str, &str, bool); 12] = [
    ("POST", "/api/notifications/create", true),
    ("GET", "/api/notifications/list", false),
    ("POST", "/api/notifications/mark-read/ann/0", false),
    ("GET", "/api/notifications/unread-count/ann", false),
    ("POST", "/api/notifications/mark-all-read/ann", false),
    ("POST", "/api/notifications/batch", true),
    ("GET", "/api/notifications/changes/ann", false),
    ("GET", "/api/notifications/stream/ann", false),
    ("GET", "/api/notifications/stream", false),
    ("GET", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", false),
    ("PATCH", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", true),
    ("DELETE", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", false),
];

fn with_body(method: &str, path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = content_type.into_iter().fold(request, |request, kind| request.header(header::CONTENT_TYPE, kind));
    request.body(body.into()).unwrap()
}

/// The table has every route that the description tells of.
#[test]
fn no_route_is_missing_here() {
    let description: serde_json::Value =
        serde_json::from_str(&campanile::server::http::openapi().to_json().unwrap()).unwrap();
    let mut described: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.starts_with("/api/notifications"))
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |m| format!("{m} {path}")))
        .collect();
    let mut tested: Vec<_> = ROUTES
        .iter()
        .map(|(method, path, _)| {
            let path = path.replace("/ann/0", "/{user_id}/{index}").replace("/ann", "/{user_id}").replace(ID, "{id}");
            format!("{} {path}", method.to_lowercase())
        })
        .collect();
    described.sort();
    tested.sort();
    assert_eq!(described, tested);
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let trailing = "{\"user_id\": \"ann\", \"content\": \"hi\", \"is_read\": true} trailing";
        for body in ["", "{", "nonsense", trailing] {
            app.ask(with_body(method, path, Some("application/json"), body)).await.problem(400, "bad_request");
        }
        app.ask(with_body(method, path, Some("application/json"), vec![b'{', 0xff, b'}']))
            .await
            .problem(400, "bad_request");
        let half_a_character = "{\"user_id\": \"\\ud800\", \"user_ids\": [], \"is_read\": \"\\ud800\"}";
        let answer = app.ask(with_body(method, path, Some("application/json"), half_a_character)).await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
        let deep = "{\"data\":".repeat(500);
        app.ask(with_body(method, path, Some("application/json"), deep)).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_body_that_is_json_and_no_object() {
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        for body in ["[]", "[\"ann\", \"hi\"]", "null", "\"x\"", "7", "true"] {
            app.ask(with_body(method, path, Some("application/json"), body)).await.refused_field("body");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_media_type() {
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
        ] {
            app.ask(with_body(method, path, kind, "{}")).await.problem(415, "unsupported_media_type");
        }
        let accepted = app.ask(with_body(method, path, Some("application/json; charset=utf-8"), "{}")).await;
        assert_ne!(accepted.status, 415);
    }
}

#[tokio::test]
async fn a_body_over_the_limit() {
    let app = App::new();
    let large = json!({"content": "x".repeat(5_000_000)}).to_string();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let answer = app.ask(with_body(method, path, Some("application/json"), large.clone())).await;
        answer.problem(413, "payload_too_large");
    }
}

#[tokio::test]
async fn a_field_given_twice() {
    let app = App::new();
    let body = "{\"user_id\": \"ann\", \"user_id\": \"bob\", \"content\": \"hi\"}";
    let answer = app.ask(with_body("POST", "/api/notifications/create", Some("application/json"), body)).await;
    answer.problem(422, "invalid_input");
}

#[tokio::test]
async fn a_method_that_the_route_does_not_take() {
    let app = App::new();
    let all = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    for (_, path, _) in ROUTES {
        let taken: Vec<_> = ROUTES.iter().filter(|route| route.1 == path).map(|route| route.0).collect();
        for method in all.iter().filter(|method| !taken.contains(&method.as_str())) {
            let answer = app.send(method.clone(), path, None).await;
            answer.problem(405, "method_not_allowed");
            for method in &taken {
                assert!(answer.header("allow").contains(method), "{path}: {}", answer.header("allow"));
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere() {
    let app = App::new();
    for path in [
        "/api",
        "/api/notifications",
        "/api/notifications/",
        "/api/notifications/list/",
        "/api/notifications/mark-read/ann",
        "/api/notifications/unread-count/",
        "/api/notifications/unread-count/a/b",
        "/api/nothing",
        "/api/ui/nothing",
        "/nothing",
        "/a/b/c",
    ] {
        app.get(path).await.problem(404, "not_found");
    }
    app.post("/api/notifications/").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_user_id_in_the_path_that_is_not_legal() {
    let app = App::new();
    let long = "x".repeat(129);
    for user_id in ["a%0Ab", "%00", "%7F", "%C2%85", &long] {
        app.get(&format!("/api/notifications/unread-count/{user_id}")).await.refused_field("user_id");
        app.get(&format!("/api/notifications/changes/{user_id}")).await.refused_field("user_id");
        app.get(&format!("/api/notifications/stream/{user_id}")).await.refused_field("user_id");
        app.post(&format!("/api/notifications/mark-all-read/{user_id}")).await.refused_field("user_id");
        app.post(&format!("/api/notifications/mark-read/{user_id}/0")).await.refused_field("user_id");
    }
    app.get("/api/notifications/unread-count/%FF").await.problem(400, "bad_request");
}

#[tokio::test]
async fn an_id_that_is_no_uuid() {
    let app = App::new();
    for id in ["7", "019a53707d3b7c4e9f1a5b8a1c2d3e4f", "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4g", "a%2Fb"] {
        for method in [Method::GET, Method::DELETE] {
            app.send(method, &format!("/api/notifications/{id}"), None).await.refused_field("id");
        }
        app.send(Method::PATCH, &format!("/api/notifications/{id}"), Some("{\"is_read\": true}"))
            .await
            .refused_field("id");
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_legal() {
    let app = App::new();
    for (parameter, values) in [
        ("limit", vec!["x", "-1", "1.5", "", "1e3", "%20"]),
        ("user_id", vec!["", "a%0Ab", "%00"]),
        ("category", vec!["", "Alert", "a%20b"]),
        ("unread", vec!["", "1", "yes", "TRUE"]),
        ("before", vec!["", "x", "-1", "9999999999999999999"]),
    ] {
        for value in values {
            app.get(&format!("/api/notifications/list?{parameter}={value}")).await.refused_field(parameter);
        }
    }
    for (parameter, values) in [("since", vec!["x", "-1", "", "1.5"]), ("limit", vec!["0", "x", "-1"])] {
        for value in values {
            app.get(&format!("/api/notifications/changes/ann?{parameter}={value}")).await.refused_field(parameter);
        }
    }
}

#[tokio::test]
async fn a_parameter_given_twice() {
    let app = App::new();
    app.get("/api/notifications/list?limit=1&limit=2").await.problem(400, "bad_request");
    app.get("/api/notifications/changes/ann?since=1&since=2").await.problem(400, "bad_request");
}
