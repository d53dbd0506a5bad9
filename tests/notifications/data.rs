//! `data` comes back as the text that was sent, wherever a notification is returned.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use campanile::app::{Address, Snapshot};
use serde_json::json;

use crate::harness::{Answer, App};

/// Text that a JSON parser would change: numbers beyond its types, notations of numbers, the order of names, a repeated
/// name, and escapes.
const DATA: &str =
    r#"{"big":18446744073709551616,"huge":1e400,"long":7.887233511355131e+211,"one":1.0,"b":-0,"a":1,"a":"\u00e9\/é"}"#;

async fn app_with_one() -> (App, Answer) {
    let app = App::new();
    let spaced = DATA.replace(',', " ,\n\t").replace(':', " : ");
    let body = format!(r#"{{"user_id": "ann", "content": "hi", "data": {spaced} }}"#);
    let answer = app.send(Method::POST, "/api/notifications/create", Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (app, answer)
}

fn assert_shown(answer: &Answer) {
    assert!(answer.text().contains(&format!("\"data\":{DATA}")), "{}", answer.text());
}

#[tokio::test]
async fn create_returns_data() {
    assert_shown(&app_with_one().await.1);
}

#[tokio::test]
async fn get_and_patch_return_data() {
    let (app, created) = app_with_one().await;
    let path = format!("/api/notifications/{}", created.header("location").rsplit('/').next().unwrap());
    assert_shown(&app.get(&path).await);
    assert_shown(&app.send(Method::PATCH, &path, Some(r#"{"is_read": true}"#)).await);
    assert_shown(&app.get(&path).await);
}

#[tokio::test]
async fn list_returns_data() {
    let (app, _) = app_with_one().await;
    assert_shown(&app.get("/api/notifications/list").await);
    assert_shown(&app.get("/api/notifications/list?user_id=ann&q=HI").await);
}

#[tokio::test]
async fn changes_return_data() {
    let (app, _) = app_with_one().await;
    assert_shown(&app.get("/api/notifications/changes/ann?since=0").await);
}

#[tokio::test]
async fn the_dashboard_page_contains_data() {
    let (app, _) = app_with_one().await;
    assert_shown(&app.get(Address::PATH).await);
}

#[tokio::test]
async fn the_snapshot_of_the_dashboard_returns_data() {
    let (app, _) = app_with_one().await;
    let request = Request::post("/api/ui/snapshot")
        .header(header::HOST, "localhost:8000")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Body::from("user_id=ann&unread=false&limit=50"));
    let answer = app.ask(request.unwrap()).await;
    assert_shown(&answer);
    let read: Snapshot = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(read.page.notifications[0].data.as_ref().unwrap().as_str(), DATA);
}

/// 16 KiB of a number that prints longer once it is parsed: an earlier version accepted it, and then could not read its
/// inbox.
#[tokio::test]
async fn data_accepted_at_the_limit_is_returned() {
    let app = App::new();
    let number = "7.887233511355131e+211";
    let mut data = format!("{{\"x\":{number},\"pad\":\"\"}}");
    data.insert_str(data.len() - 2, &"x".repeat(16 * 1024 - data.len()));
    let body = format!(r#"{{"user_id": "ann", "content": "hi", "data": {data}}}"#);
    assert_eq!(app.send(Method::POST, "/api/notifications/create", Some(&body)).await.status, 201);
    for path in ["/api/notifications/list", "/api/notifications/list?user_id=ann", Address::PATH] {
        let answer = app.get(path).await;
        assert!(answer.status == 200 && answer.text().contains(&data), "{path}");
    }
    let one_more = body.replace("\"pad\":\"", "\"pad\":\"x");
    app.send(Method::POST, "/api/notifications/create", Some(&one_more)).await.refused_field("data");
}

#[tokio::test]
async fn data_over_32_levels_deep_is_refused() {
    let app = App::new();
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let body = |data: &str| format!(r#"{{"user_id": "ann", "content": "hi", "data": {data}}}"#);
    for depth in [33, 126, 127, 128, 129, 5_000] {
        let answer = app.send(Method::POST, "/api/notifications/create", Some(&body(&nested(depth)))).await;
        answer.refused_field("data");
    }
    let answer = app.send(Method::POST, "/api/notifications/create", Some(&body(&nested(32)))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    app.send(Method::POST, "/api/notifications/create", Some(&body(r#"{"a":"\ud800"}"#))).await.refused_field("data");
    assert_eq!(
        app.get("/api/notifications/unread-count/ann").await.json(),
        json!({"user_id": "ann", "unread_count": 1})
    );
}
