//! Every route against every kind of invalid request; [`bodies`] has the bodies.

mod bodies;

use axum::{
    body::Body,
    http::{Method, Request, header},
};

use crate::harness::App;

const ID: &str = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

/// Every route: method, path, and whether it takes a body.
const ROUTES: [(&str, &str, bool); 33] = [
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
    ("GET", "/api/contacts/ann", false),
    ("POST", "/api/contacts/ann", true),
    ("DELETE", "/api/contacts/ann/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", false),
    ("GET", "/api/preferences/ann", false),
    ("PATCH", "/api/preferences/ann", true),
    ("DELETE", "/api/users/ann", false),
    ("GET", "/api/webhooks", false),
    ("POST", "/api/webhooks", true),
    ("GET", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", false),
    ("PATCH", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", true),
    ("DELETE", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", false),
    ("POST", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f/test", false),
    ("POST", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f/rotate-secret", false),
    ("POST", "/api/webhooks/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f/enable", false),
    ("GET", "/api/deliveries", false),
    ("POST", "/api/deliveries/retry", true),
    ("POST", "/api/deliveries/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f/retry", false),
    ("POST", "/api/deliveries/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f/cancel", false),
    ("GET", "/api/channels", false),
    ("POST", "/api/channels/webhook/resume", false),
    ("GET", "/api/push/key", false),
];
/// Other routes have separate tests: tickets, probes, streams over a WebSocket and links in mails.
const ELSEWHERE: [&str; 6] = ["/api/tickets", "/healthz", "/readyz", "/unsubscribe/{token}", "/ws", "/ws/{user_id}"];

fn with_body(method: &str, path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = content_type.into_iter().fold(request, |request, kind| request.header(header::CONTENT_TYPE, kind));
    request.body(body.into()).unwrap()
}

/// The table has every route of the API description.
#[test]
fn no_route_is_missing_here() {
    let description: serde_json::Value =
        serde_json::from_str(&campanile::server::http::openapi().to_json().unwrap()).unwrap();
    let mut described: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| !ELSEWHERE.contains(&path.as_str()))
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |m| format!("{m} {path}")))
        .collect();
    let mut tested: Vec<_> = ROUTES
        .iter()
        .map(|(method, path, _)| {
            let path = path.replace(ID, "{id}").replace("/ann/0", "/{user_id}/{index}").replace("/ann", "/{user_id}");
            let path = path.replace("channels/webhook", "channels/{channel}");
            format!("{} {path}", method.to_lowercase())
        })
        .collect();
    described.sort();
    tested.sort();
    assert_eq!(described, tested);
}

#[tokio::test]
async fn a_parameter_that_is_not_known() {
    let app = App::new();
    for (method, path, takes_body) in ROUTES {
        for (query, field) in [("?nonsense=1", "nonsense"), ("?a%20b", "a b"), ("?&%1B=x&&", "\\u{1b}")] {
            let body = takes_body.then_some("{\"is_read\": true}");
            app.send(method.parse().unwrap(), &format!("{path}{query}"), body).await.refused_field(field);
        }
        for query in ["?", "?&&"] {
            let request = with_body(method, &format!("{path}{query}"), Some("application/json"), "{}");
            let answer = app.ask_for_the_head(request).await;
            assert!(!answer.text().contains("There is no parameter `"), "{}", answer.text());
        }
    }
    app.post("/api/tickets?x=1").await.refused_field("x");
    app.get("/ws?since=1").await.refused_field("since");
    app.get("/ws/ann?sinc=1").await.refused_field("sinc");
    for (query, right) in [
        ("list?userid=x", "did you mean `user_id`?"),
        ("list?Limit=x", "did you mean `limit`?"),
        ("list?page=2", "The parameters are `user_id`, `limit`, `category`, `unread`, `q` and `before`."),
        ("changes/ann?from=2", "The parameters are `since` and `limit`."),
        ("unread-count/ann?limit=2", "this route takes none."),
    ] {
        let problem = app.get(&format!("/api/notifications/{query}")).await.problem(422, "invalid_input");
        let said = problem["errors"][0]["message"].as_str().unwrap();
        assert!(said.ends_with(right), "{said}");
    }
}

/// Every described parameter is accepted.
#[tokio::test]
async fn no_parameter_that_is_described_is_unknown() {
    let app = App::new();
    let description: serde_json::Value =
        serde_json::from_str(&campanile::server::http::openapi().to_json().unwrap()).unwrap();
    let mut seen = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
                let path = path
                    .replace("{user_id}", "ann")
                    .replace("{index}", "0")
                    .replace("{id}", ID)
                    .replace("{channel}", "webhook");
                let path = format!("{path}?{}=", parameter["name"].as_str().unwrap());
                let request = with_body(&method.to_uppercase(), &path, None, "");
                let answer = app.ask_for_the_head(request).await;
                assert!(!answer.text().contains("There is no parameter `"), "{path}: {}", answer.text());
                seen += 1;
            }
        }
    }
    assert!(seen >= 14, "{seen}");
}

#[tokio::test]
async fn an_idempotency_key_given_twice() {
    let app = App::new();
    let body = r#"{"user_id": "ann", "content": "hi"}"#;
    let mut request = with_body("POST", "/api/notifications/create", Some("application/json"), body);
    for key in ["one", "two"] {
        request.headers_mut().append("idempotency-key", key.parse().unwrap());
    }
    let problem = app.ask(request).await.problem(422, "invalid_input");
    assert_eq!(problem["errors"][0]["message"], "This header is given twice. Give it once.");
}

#[tokio::test]
async fn a_method_that_the_route_does_not_take() {
    let app = App::new();
    let all = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    for (_, path, _) in ROUTES {
        let taken: Vec<_> = ROUTES.iter().filter(|route| route.1 == path).map(|route| route.0).collect();
        for method in all.iter().filter(|method| !taken.contains(&method.as_str())) {
            let answer = app.send(method.clone(), path, None).await;
            let problem = answer.problem(405, "method_not_allowed");
            let detail = problem["detail"].as_str().unwrap();
            for method in &taken {
                assert!(answer.header("allow").contains(method), "{path}: {}", answer.header("allow"));
                assert!(detail.split_once("It takes ").unwrap().1.contains(method), "{detail}");
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

/// Such a path is not found, like one with an unknown UUID.
#[tokio::test]
async fn an_id_that_is_no_uuid() {
    let app = App::new();
    for id in ["nope", "7", "019a53707d3b7c4e9f1a5b8a1c2d3e4f", "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4g", "a%2Fb", ID] {
        for method in [Method::GET, Method::DELETE] {
            app.send(method, &format!("/api/notifications/{id}"), None).await.problem(404, "not_found");
        }
        app.send(Method::PATCH, &format!("/api/notifications/{id}"), Some("{\"is_read\": true}"))
            .await
            .problem(404, "not_found");
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
async fn a_query_that_is_no_text() {
    let app = App::new();
    app.notify("\u{fffd}", "theirs").await;
    for query in ["user_id=%ff", "q=%C3", "%80=1"] {
        app.get(&format!("/api/notifications/list?{query}")).await.problem(400, "bad_request");
    }
    assert_eq!(app.get("/api/notifications/list?user_id=%EF%BF%BD").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_parameter_given_twice() {
    let app = App::new();
    app.get("/api/notifications/list?limit=1&limit=2").await.problem(400, "bad_request");
    app.get("/api/notifications/changes/ann?since=1&since=2").await.problem(400, "bad_request");
}
