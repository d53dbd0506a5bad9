//! Requests by the shortcut, beside the same requests by their routes.

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use campanile::server::{
    http::{HttpOptions, HttpService, PublicUrl, router},
    identity::Principal,
    service::NotificationService,
    store::MemoryStore,
};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::harness::started;

type Answer = (StatusCode, HeaderMap, String);

async fn ask<S>(of: &S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = axum::response::Response, Error = std::convert::Infallible> + Clone,
{
    let (mut head, body) = of.clone().oneshot(request).await.unwrap().into_parts();
    // hyper adds it where axum did not.
    head.headers.remove(header::CONTENT_LENGTH);
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// The same answer without what differs between two notifications: id, with its place in the URL, and time.
fn of_any_notification((status, mut headers, body): Answer) -> Answer {
    let Ok(mut body) = serde_json::from_str::<serde_json::Value>(&body) else { return (status, headers, body) };
    if let Some(id) = body.as_object_mut().and_then(|body| body.remove("id")) {
        let location = headers.remove(header::LOCATION).unwrap();
        assert_eq!(location, format!("/api/notifications/{}", id.as_str().unwrap()));
        body.as_object_mut().unwrap().remove("timestamp").unwrap();
    }
    (status, headers, body.to_string())
}

#[tokio::test]
async fn the_shortcut_creates_as_the_route_does() {
    const GOOD: &str = r#"{"user_id": "ann", "content": "Hello"}"#;
    let (json, create) = (("content-type", "application/json"), "/api/notifications/create");
    let options = HttpOptions { max_body_bytes: 1000, ..HttpOptions::default() };
    let service = NotificationService::new(MemoryStore::new(1000, started()));
    let (routes, all) = (router(service.clone(), &options), HttpService::new(service, &options));
    for (status, query, body, headers) in [
        (201, "", GOOD, vec![json]),
        (201, "", GOOD, vec![json, ("idempotency-key", "7")]),
        (422, "", r#"{"user_id": "ann", "content": ""}"#, vec![json, ("idempotency-key", "7")]),
        (422, "", GOOD, vec![json, ("idempotency-key", "")]),
        (422, "?x=1", GOOD, vec![json]),
        (422, "", "{}", vec![json]),
        (400, "", "{", vec![json]),
        (400, "", "", vec![json]),
        (415, "", GOOD, vec![("content-type", "text/plain")]),
        (415, "", GOOD, vec![json, ("content-encoding", "gzip")]),
        (413, "", &" ".repeat(1001), vec![json]),
        (403, "", GOOD, vec![json, ("sec-fetch-site", "cross-site")]),
        (421, "", GOOD, vec![json, ("host", "evil.example")]),
    ] {
        let request = || {
            let is_foreign = headers.iter().any(|(name, _)| *name == "host");
            let mut request = Request::post(format!("{create}{query}"));
            if !is_foreign {
                request = request.header(header::HOST, "localhost");
            }
            for (name, value) in &headers {
                request = request.header(*name, *value);
            }
            request.body(Body::from(body.to_owned())).unwrap()
        };
        let short = of_any_notification(ask(&all, request()).await);
        assert_eq!(short.0, status, "{query} {body} {headers:?}");
        assert_eq!(short, of_any_notification(ask(&routes, request()).await), "{query} {body} {headers:?}");
    }
}

#[tokio::test]
async fn the_shortcut_answers_as_the_route_does() {
    let count = "/api/notifications/unread-count/";
    let list = "/api/notifications/list";
    let listed = HttpOptions { allowed_origins: vec!["https://app.example".to_owned()], ..HttpOptions::default() };
    let below = PublicUrl::parse("https://campanile.example/notify").unwrap();
    let below = HttpOptions { public_url: Some(below), allowed_hosts: None, ..HttpOptions::default() };
    for options in [HttpOptions::default(), listed, below] {
        let service = NotificationService::new(MemoryStore::new(1000, started()));
        for number in 0..60 {
            service.notify(&Principal::operator(), "ann", &number.to_string()).await.unwrap();
        }
        let routes = router(service.clone(), &options);
        let all = HttpService::new(service, &options);
        let mut seen = Vec::new();
        for path in
            ["ann", "bob", "b%6fb", "ann?x=1", "ann/", "a/b", "", &"x".repeat(200)].map(|of| format!("{count}{of}"))
        {
            seen.push((path, Vec::new()));
        }
        for query in [
            "",
            "?user_id=ann",
            "?user_id=ann&limit=2",
            "?limit=x",
            "?user_id=",
            "?user_id=ann&user_id=bob",
            "?usr=ann",
            "?q=%ff",
        ] {
            seen.push((format!("{list}{query}"), Vec::new()));
        }
        for more in [
            vec![("host", "evil.example")],
            vec![("origin", "https://app.example")],
            vec![("origin", "https://app.example"), ("sec-fetch-site", "cross-site")],
            vec![("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            vec![("authorization", "Bearer nothing")],
        ] {
            seen.push((format!("{count}ann"), more.clone()));
            seen.push((format!("{list}?user_id=ann"), more));
        }
        for (path, headers) in seen {
            let request = || {
                let mut request = Request::get(&path).header(header::HOST, "localhost");
                for (name, value) in &headers {
                    if *name == "host" {
                        request.headers_mut().unwrap().clear();
                    }
                    request = request.header(*name, *value);
                }
                request.body(Body::empty()).unwrap()
            };
            assert_eq!(ask(&all, request()).await, ask(&routes, request()).await, "{path} {headers:?}");
        }
    }
}
