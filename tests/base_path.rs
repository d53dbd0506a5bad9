//! `--public-url` with a path: every route works with and without the base path, for gateways that remove it. The
//! browser's side is in `end2end/tests/base-path.spec.ts`.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
    routing::get,
};
use campanile::{
    app::Address,
    server::{
        clock::SystemClock,
        config::{Settings, SettingsInput},
        http::{HttpOptions, PublicUrl},
        run::Campanile,
        service::NotificationService,
        store::MemoryStore,
    },
};
use serde_json::json;
use tower::ServiceExt;

use crate::harness::{App, started};

fn below(url: &str) -> App {
    let public_url = Some(PublicUrl::parse(url).unwrap());
    let options = HttpOptions { public_url, allowed_hosts: None, ..HttpOptions::default() };
    App::with(NotificationService::with_clock(MemoryStore::new(9, started()), SystemClock), &options)
}

#[tokio::test]
async fn answers_say_where_things_are_for_the_client() {
    let app = below("https://example.com/a/notify");
    for given in ["/a/notify", ""] {
        for _ in 0..2 {
            let created = app
                .post_json(&format!("{given}/api/notifications/create"), &json!({"user_id": "ann", "content": "x"}))
                .await;
            let id = created.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(created.header("location"), format!("/a/notify/api/notifications/{id}"));
        }
        let listed = app.get(&format!("{given}/api/notifications/list?user_id=ann&limit=1")).await;
        let link = listed.header("link");
        assert!(link.starts_with("</a/notify/api/notifications/list?user_id=ann&limit=1&before="), "{link}");
        let led = app.get(&format!("{given}/")).await;
        assert_eq!(led.header("location"), format!("/a/notify{}", Address::PATH));
        let page = app.get(&format!("{given}{}?user_id=ann", Address::PATH)).await.text();
        assert!(page.contains(&format!("href=\"/a/notify{}?user_id=ann", Address::PATH)), "{page}");
        assert!(page.contains("action=\"/a/notify/api/ui/mark\""), "{page}");
        for (at, _) in page.match_indices("=\"/") {
            let path = &page[at + 2..];
            // The path of the cookie is the base itself.
            let is_ours = path.starts_with("/a/notify/") || path.starts_with("/a/notify\"");
            assert!(is_ours, "{}", &page[at..(at + 80).min(page.len())]);
        }
        let description = app.get(&format!("{given}/api/openapi.json")).await.json();
        assert_eq!(description["servers"], json!([{"url": "/a/notify"}]));
    }
    assert_eq!(app.get("/a/notify").await.status, 307);
    app.get("/a/notifying/api/notifications/list").await.problem(404, "not_found");
    app.get("/a/notify/a/notify/api/notifications/list").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_page_of_the_public_url_is_our_own() {
    let app = below("https://example.com/notify");
    for (host, origin, status) in [
        // Behind a gateway that sends another host name.
        ("localhost:8000", "https://example.com", 200),
        ("localhost:8000", "https://example.com:444", 403),
        ("localhost:8000", "http://example.com", 403),
        ("localhost:8000", "http://localhost:8000", 200),
        ("example.com", "https://example.com", 200),
        // An attacker on the network may have created that page.
        ("example.com", "http://example.com", 403),
        ("example.com:8000", "http://example.com:8000", 403),
    ] {
        let request = Request::builder().method(Method::POST).uri("/api/notifications/mark-all-read/ann");
        let request = request.header(header::HOST, host).header(header::ORIGIN, origin);
        assert_eq!(app.ask(request.body(Body::empty()).unwrap()).await.status, status, "{host} {origin}");
    }
}

#[tokio::test]
async fn a_program_that_embeds_it_keeps_its_own_routes() {
    let said = |url: &str| SettingsInput {
        store: Some("memory:".to_owned()),
        public_url: Some(url.to_owned()),
        ..SettingsInput::default()
    };
    let settings = Settings::from_input(&said("https://example.com/notify")).unwrap();
    let campanile = Campanile::start(&settings).await.unwrap();
    let router = campanile.router().merge(Router::new().route("/shop", get(|| async { "open" })));
    for (path, status) in [("/shop", 200), ("/notify/healthz", 200), ("/healthz", 200), ("/notify/shop", 404)] {
        let request = Request::get(path).header(header::HOST, "example.com").body(Body::empty()).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status, "{path}");
    }
    campanile.stop().await;
}
