//! Bodies that are invalid, of every route that takes one.

use axum::{
    body::Body,
    http::{Method, header},
};
use campanile::server::http::HttpOptions;
use serde_json::json;

use super::{ID, ROUTES, with_body};
use crate::harness::App;

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
async fn a_field_given_twice() {
    let app = App::new();
    let body = "{\"user_id\": \"ann\", \"user_id\": \"bob\", \"content\": \"hi\"}";
    let answer = app.ask(with_body("POST", "/api/notifications/create", Some("application/json"), body)).await;
    answer.problem(422, "invalid_input");
}
