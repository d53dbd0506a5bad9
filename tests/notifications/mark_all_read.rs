//! `POST /api/notifications/mark-all-read/{user_id}`.

use axum::http::Method;
use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn it_says_how_many_it_marked() {
    let app = App::new();
    for content in ["a", "b"] {
        app.notify("ann", content).await;
    }
    app.notify("bob", "c").await;
    let path = "/api/notifications/mark-all-read/ann";
    assert_eq!(app.post(path).await.json(), json!({"ok": true, "marked": 2}));
    assert_eq!(app.post(path).await.json(), json!({"ok": true, "marked": 0}));
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 0);
    assert_eq!(app.get("/api/notifications/unread-count/bob").await.json()["unread_count"], 1);
}

#[tokio::test]
async fn later_notifications_stay_unread() {
    let app = App::new();
    for content in ["a", "b"] {
        app.notify("ann", content).await;
    }
    let listed = app.get("/api/notifications/list?user_id=ann").await;
    let seen = listed.header("campanile-modseq");
    app.notify("ann", "c").await;
    let path = format!("/api/notifications/mark-all-read/ann?up_to={seen}");
    assert_eq!(app.post(&path).await.json(), json!({"ok": true, "marked": 2}));
    assert_eq!(app.post(&path).await.json(), json!({"ok": true, "marked": 0}));
    let unread = app.get("/api/notifications/list?user_id=ann&unread=true").await.json();
    assert_eq!((unread.as_array().unwrap().len(), &unread[0]["content"]), (1, &json!("c")));
    let path = "/api/notifications/mark-all-read/ann?up_to=99999999999999999999999";
    assert_eq!(app.post(path).await.json()["marked"], 1);
}

#[tokio::test]
async fn only_a_category_is_marked() {
    let app = App::new();
    for category in ["alert", "message", "alert"] {
        let body = json!({"user_id": "ann", "content": "x", "category": category}).to_string();
        app.send(Method::POST, "/api/notifications/create", Some(&body)).await;
    }
    let path = "/api/notifications/mark-all-read/ann";
    assert_eq!(app.post(&format!("{path}?category=alert&up_to=0")).await.json()["marked"], 0);
    assert_eq!(app.post(&format!("{path}?category=alert")).await.json(), json!({"ok": true, "marked": 2}));
    let unread = app.get("/api/notifications/list?user_id=ann&unread=true").await.json();
    assert_eq!((unread.as_array().unwrap().len(), &unread[0]["category"]), (1, &json!("message")));
}

#[tokio::test]
async fn an_invalid_request_marks_nothing() {
    let app = App::new();
    app.notify("ann", "a").await;
    let path = "/api/notifications/mark-all-read/ann";
    for (query, field) in [
        ("up_to=-1", "up_to"),
        ("up_to=x", "up_to"),
        ("up_to=", "up_to"),
        ("up_to=1.0", "up_to"),
        ("category=No", "category"),
        ("category=", "category"),
        ("upto=1", "upto"),
        ("since=1", "since"),
    ] {
        app.post(&format!("{path}?{query}")).await.refused_field(field);
    }
    let refused = app.post(&format!("{path}?up_to=x&category=No")).await.problem(422, "invalid_input");
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2);
    app.post(&format!("{path}?up_to=1&up_to=2")).await.problem(400, "bad_request");
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 1);
}

/// Contents of a body would be ignored, and all notifications would be marked.
#[tokio::test]
async fn a_body_that_says_something_is_refused_and_one_that_says_nothing_is_not() {
    let app = App::new();
    app.notify("ann", "a").await;
    for path in ["/api/notifications/mark-all-read/ann", "/api/notifications/mark-read/ann/0"] {
        for body in ["{\"category\": \"alert\"}", "{\"x\":1}", "[]", "category=alert", "{", "{}{}", "nul"] {
            app.send(Method::POST, path, Some(body)).await.refused_field("body");
        }
        assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 1);
    }
    for body in ["", "{}", " { } ", "null", "\r\n"] {
        let id = app.notify("ann", "b").await;
        let marked = app.send(Method::POST, "/api/notifications/mark-all-read/ann", Some(body)).await;
        assert_eq!(marked.status, 200, "{body:?}");
        assert_eq!(app.get(&format!("/api/notifications/{id}")).await.json()["is_read"], true);
        assert_eq!(app.send(Method::POST, "/api/notifications/mark-read/ann/0", Some(body)).await.status, 200);
    }
}

#[tokio::test]
async fn an_unknown_user_has_nothing_to_mark() {
    let answer = App::new().post("/api/notifications/mark-all-read/nobody").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"ok": true, "marked": 0})));
}
