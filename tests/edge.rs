//! Rules for every response: headers, hosts, other sites, time limits, panics.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Request, header},
};
use campanile::{
    model::{
        Changes, Cursor, Filter, Limit, Marked, MarkedBy, Marking, Notification, NotificationId, Overview, Page, UserId,
    },
    server::{
        http::{FrameAncestors, HttpOptions},
        service::NotificationService,
        store::{Announce, ChangeNumbers, Creation, Due, Once, Store, StoreError, Unmarked},
    },
};

use crate::harness::App;

/// A store in trouble: it hangs, panics, is unavailable or is damaged, depending on the inbox.
struct Troubled;

#[async_trait]
impl Store for Troubled {
    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError> {
        match user_id.as_str() {
            "hangs" => std::future::pending().await,
            "panics" => panic!("as the test wants it"),
            "away" => Err(StoreError::unavailable("connection refused by db.internal")),
            _ => Err(StoreError::failed("page 7 of secrets.db is torn")),
        }
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Err(StoreError::unavailable("connection refused by db.internal"))
    }
    async fn create(&self, _: &[Notification], _: Option<&Once>) -> Result<Creation, StoreError> {
        Err(StoreError::failed("disk full at /var/secrets.db"))
    }
    async fn once(&self, _: &Once) -> Result<Option<Creation>, StoreError> {
        Ok(None)
    }
    async fn list(&self, _: &Filter, _: Option<Cursor>, _: Limit) -> Result<Page, StoreError> {
        unreachable!()
    }
    async fn get(&self, _: NotificationId) -> Result<Option<Notification>, StoreError> {
        unreachable!()
    }
    async fn change_numbers(&self, _: NotificationId) -> Result<Option<ChangeNumbers>, StoreError> {
        unreachable!()
    }
    async fn set_read(
        &self,
        _: NotificationId,
        _: Option<&UserId>,
        _: bool,
    ) -> Result<Option<Notification>, StoreError> {
        unreachable!()
    }
    async fn set_read_each(
        &self,
        _: &[NotificationId],
        _: Option<&UserId>,
        _: bool,
    ) -> Result<Vec<Notification>, StoreError> {
        unreachable!()
    }
    async fn mark_read_at(&self, _: &UserId, _: u64) -> Result<Option<Notification>, StoreError> {
        unreachable!()
    }
    async fn mark_all_read(&self, _: &UserId, _: &Marking) -> Result<Marked, StoreError> {
        unreachable!()
    }
    async fn unmark(&self, _: &UserId, _: &MarkedBy, _: usize) -> Result<Unmarked, StoreError> {
        unreachable!()
    }
    async fn delete(&self, _: NotificationId, _: Option<&UserId>) -> Result<Option<Notification>, StoreError> {
        unreachable!()
    }
    async fn delete_each(&self, _: &[NotificationId], _: Option<&UserId>) -> Result<Vec<NotificationId>, StoreError> {
        unreachable!()
    }
    async fn changes(&self, _: &UserId, _: u64, _: Limit) -> Result<Changes, StoreError> {
        unreachable!()
    }
    async fn overview(&self, _: Option<&UserId>) -> Result<Overview, StoreError> {
        unreachable!()
    }
    async fn delete_due(&self, _: &Due) -> Result<usize, StoreError> {
        unreachable!()
    }
    async fn ends(&self, _: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError> {
        unreachable!()
    }
    fn announce_to(&self, _: Arc<dyn Announce>) {}
}

fn troubled() -> App {
    let options = HttpOptions { request_timeout: Duration::from_millis(50), ..HttpOptions::default() };
    App::with(NotificationService::new(Troubled), &options)
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let app = App::new();
    for path in ["/healthz", "/api/notifications/list", "/nothing", "/api/docs/", "/api/notifications/unread-count/%00"]
    {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
    assert_eq!(app.get("/api/notifications/list").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_page_is_shown_in_frames_of_listed_sites_alone() {
    const PAGE: &str = campanile::server::http::DASHBOARD_PATH;
    let framed = async |list: &[&str], path: &str| {
        let list: Vec<_> = list.iter().map(|text| (*text).to_owned()).collect();
        let frame_ancestors = FrameAncestors::parse(&list).unwrap();
        let app = App::with(App::bare().service, &HttpOptions { frame_ancestors, ..HttpOptions::default() });
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "iframe");
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        let policy = answer.header("content-security-policy").split("; ").last().unwrap().to_owned();
        assert_eq!(answer.header("content-security-policy").matches("frame-ancestors").count(), 1);
        (answer.status.as_u16(), policy, answer.header("x-frame-options").to_owned())
    };
    let told = |status: u16, who: &str, old: &str| (status, format!("frame-ancestors {who}"), old.to_owned());
    let portal = "https://portal.example";
    assert_eq!(framed(&[portal], PAGE).await, told(200, portal, ""));
    assert_eq!(framed(&["self", portal], "/api/docs/").await, told(200, "'self' https://portal.example", ""));
    assert_eq!(framed(&["self"], PAGE).await, told(200, "'self'", "SAMEORIGIN"));
    assert_eq!(framed(&["none"], PAGE).await, told(403, "'none'", "DENY"));
    // Responses other than pages cannot be framed either.
    assert_eq!(framed(&[portal], "/api/notifications/list").await.0, 403);
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let app = App::new();
    let request =
        |host: &str| Request::get("/api/notifications/list").header(header::HOST, host).body(Body::empty()).unwrap();
    let refused = app.ask(request("evil.example")).await.problem(421, "misdirected_request");
    let detail = refused["detail"].as_str().unwrap();
    assert!(["`evil.example`", "Host", "allowed-hosts"].iter().all(|name| detail.contains(name)), "{detail}");
    app.ask(request("evil.example:8000")).await.problem(421, "misdirected_request");
    assert_eq!(app.ask(request("[::1]:8000")).await.status, 200);
    let options = HttpOptions { allowed_hosts: Some(vec!["bell.example".to_owned()]), ..HttpOptions::default() };
    let named = App::with(app.service.clone(), &options);
    assert_eq!(named.ask(request("bell.example")).await.status, 200);
    named.ask(request("evil.example")).await.problem(421, "misdirected_request");
}

#[tokio::test]
async fn requests_started_by_another_site_are_refused_and_change_nothing() {
    let app = App::new();
    app.notify("ann", "a").await;
    let request = |name: &str, value: &str| {
        Request::post("/api/notifications/mark-all-read/ann")
            .header(header::HOST, "localhost:8000")
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    app.ask(request("sec-fetch-site", "cross-site")).await.problem(403, "forbidden");
    app.ask(request("origin", "https://evil.example")).await.problem(403, "forbidden");
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 1);
    assert_eq!(app.ask(request("sec-fetch-site", "same-origin")).await.status, 200);
    assert_eq!(app.ask(request("origin", "http://localhost:8000")).await.status, 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_gets_a_problem() {
    troubled().get("/api/notifications/unread-count/hangs").await.problem(408, "timeout");
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let problem = troubled().get("/api/notifications/unread-count/panics").await.problem(500, "internal");
    assert!(!problem.to_string().contains("as the test wants it"));
}

#[tokio::test]
async fn a_broken_store_is_a_problem_that_tells_nothing() {
    let problem = troubled().get("/api/notifications/unread-count/broken").await.problem(500, "internal");
    assert!(!problem.to_string().contains("secrets.db"));
    let body = serde_json::json!({"user_id": "ann", "content": "x"});
    let problem = troubled().post_json("/api/notifications/create", &body).await.problem(500, "internal");
    assert!(!problem.to_string().contains("secrets.db"));
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_a_time_to_come_back() {
    for path in ["/api/notifications/unread-count/away", "/readyz"] {
        let answer = troubled().get(path).await;
        let problem = answer.problem(503, "unavailable");
        assert!(!problem.to_string().contains("db.internal"));
        assert_eq!(answer.header("retry-after"), "2");
    }
}
