//! Every route against every kind of invalid request.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use campanile::server::http::HttpOptions;
use serde_json::json;

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

/// The announced length is enough: the server reads none of the body.
#[tokio::test]
async fn a_body_that_is_announced_as_over_the_limit() {
    struct Announced;
    impl axum::body::HttpBody for Announced {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            unreachable!("nothing is read")
        }
        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(5_000_000)
        }
    }
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let request = with_body(method, path, Some("application/json"), Body::new(Announced));
        app.ask(request).await.problem(413, "payload_too_large");
    }
}

#[tokio::test]
async fn a_body_that_is_compressed() {
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        for (encoding, is_taken) in [("gzip", false), ("br, gzip", false), ("", false), ("Identity", true)] {
            let mut request = with_body(method, path, Some("application/json"), "{}");
            request.headers_mut().insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
            let answer = app.ask(request).await;
            if is_taken {
                assert_ne!(answer.status, 415);
            } else {
                assert_eq!(answer.header("accept-encoding"), "identity");
                answer.problem(415, "unsupported_media_type");
            }
        }
        let other = app.ask(with_body(method, path, Some("text/plain"), "{}")).await;
        assert_eq!((other.status.as_u16(), other.header("accept-encoding")), (415, ""));
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_read_past() {
    let app = App::new();
    let body = "\u{feff}{\"user_id\": \"ann\", \"content\": \"\u{feff}\u{feff}hi\"}";
    let answer = app.ask(with_body("POST", "/api/notifications/create", Some("application/json"), body)).await;
    assert_eq!(answer.json()["content"], "\u{feff}\u{feff}hi");
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let twice = "\u{feff}\u{feff}{}";
        app.ask(with_body(method, path, Some("application/json"), twice)).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_body_that_is_deep() {
    let app = App::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        for (body, field) in [(deep.clone(), "body"), (format!("{{\"x\": {deep}}}"), "x")] {
            let answer = app.ask(with_body(method, path, Some("application/json"), body)).await;
            // All of a merge patch is read before any of it is checked.
            if path.contains("preferences") {
                answer.problem(400, "bad_request");
            } else {
                answer.refused_field(field);
            }
        }
    }
    let data = format!("{}{}", "{\"a\":".repeat(1_000), "1".to_owned() + &"}".repeat(1_000));
    let body = format!("{{\"user_id\": \"ann\", \"content\": \"hi\", \"data\": {data}}}");
    let answer = app.ask(with_body("POST", "/api/notifications/create", Some("application/json"), body)).await;
    answer.refused_field("data");
}

#[tokio::test]
async fn a_field_that_is_not_known() {
    let app = App::new();
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let answer = app.send(method.parse().unwrap(), path, Some("{\"nonsense\": 1}")).await;
        answer.refused_field("nonsense");
    }
    let paths = ["/api/notifications/create", "/api/notifications/batch"];
    for (path, body, field, right) in [
        (
            paths[0],
            r#"{"user_id": "ann", "content": "x", "expiresAt": "2030-01-01T00:00:00Z"}"#,
            "expiresAt",
            "expires_at",
        ),
        (paths[0], r#"{"userid": "ann", "content": "x"}"#, "userid", "user_id"),
        (paths[1], r#"{"user_ids": ["ann"], "content": "x", "expiresAt": null}"#, "expiresAt", "expires_at"),
        (paths[1], r#"{"notification": [], "user_ids": ["ann"], "content": "x"}"#, "notification", "notifications"),
        (
            paths[1],
            r#"{"notifications": [{"user_id": "ann", "content": "x"}, {"user_id": "ann", "content": "x", "subtitle": "x"}]}"#,
            "notifications[1].subtitle",
            "title",
        ),
    ] {
        let answer = app.send(Method::POST, path, Some(body)).await;
        answer.refused_field(field);
        let said = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(said.ends_with(&format!("did you mean `{right}`?")), "{said}");
    }
    let patch = format!("/api/notifications/{ID}");
    app.send(Method::PATCH, &patch, Some(r#"{"is_read": true, "isRead": true}"#)).await.refused_field("isRead");
    assert_eq!(app.get("/api/notifications/list").await.json(), json!([]));
    // The contents of `data` belong to the sender.
    let body = r#"{"user_id": "ann", "content": "x", "data": {"userid": 1}}"#;
    assert_eq!(app.send(Method::POST, paths[0], Some(body)).await.status, 201);
}

#[tokio::test]
async fn a_field_that_is_not_known_is_ignored_where_that_is_asked_for() {
    let options = HttpOptions { lenient: true, ..HttpOptions::default() };
    let app = App::with(App::new().service, &options);
    let item = r#"{"user_id": "ann", "content": "x", "expiresAt": "never", "extra": [1]}"#;
    assert_eq!(app.send(Method::POST, "/api/notifications/create", Some(item)).await.status, 201);
    let batch = format!("{{\"notifications\": [{item}]}}");
    assert_eq!(app.send(Method::POST, "/api/notifications/batch", Some(&batch)).await.status, 201);
    let patch = format!("/api/notifications/{ID}");
    app.send(Method::PATCH, &patch, Some(r#"{"is_read": true, "x": 1}"#)).await.refused_field("x");
    app.get("/api/notifications/list?userid=x").await.refused_field("userid");
}

/// However many errors there are, and however long their names are, the response is short.
#[tokio::test]
async fn a_large_number_of_errors_gets_a_short_answer() {
    let app = App::new();
    let name = "\u{1b}é".repeat(100_000);
    for (method, path, _) in ROUTES.into_iter().filter(|route| route.2) {
        let fields: Vec<_> = (0..50_000).map(|number| format!("\"x{number}\": 1")).collect();
        let answer = app.send(method.parse().unwrap(), path, Some(&format!("{{{}}}", fields.join(",")))).await;
        let problem = answer.problem(422, "invalid_input");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
        let more = problem["more_errors"].as_u64().unwrap();
        // Errors of a merge patch are counted up to a hundred.
        let counted = if path.contains("preferences") { 80..81 } else { 49_980..49_990 };
        assert!(counted.contains(&more), "{more}");
        assert!(answer.body.len() < 8_192, "{}", answer.body.len());
        let answer = app.send(method.parse().unwrap(), path, Some(&json!({&name: 1}).to_string())).await;
        answer.problem(422, "invalid_input");
        assert!(answer.body.len() < 2_048 && !answer.text().contains('\u{1b}'), "{}", answer.text());
    }
    let long = "x".repeat(1_000_000);
    for value in [json!(long), json!([long]), json!({&long: 1})] {
        for field in ["user_id", "content", "category", "title", "link", "data", "expires_at"] {
            let answer = app.post_json("/api/notifications/create", &json!({field: value})).await;
            assert!(answer.body.len() < 2_048, "{field}: {}", answer.text());
        }
    }
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
async fn a_field_given_twice() {
    let app = App::new();
    let body = "{\"user_id\": \"ann\", \"user_id\": \"bob\", \"content\": \"hi\"}";
    let answer = app.ask(with_body("POST", "/api/notifications/create", Some("application/json"), body)).await;
    answer.problem(422, "invalid_input");
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
