//! `GET /api/notifications/unread-count/{user_id}`.

use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn it_counts_unread_notifications() {
    let app = App::new();
    for content in ["a", "b", "c"] {
        app.notify("user_123", content).await;
    }
    let path = "/api/notifications/unread-count/user_123";
    assert_eq!(app.get(path).await.json(), json!({"user_id": "user_123", "unread_count": 3}));
    app.post("/api/notifications/mark-read/user_123/2").await;
    assert_eq!(app.get(path).await.json(), json!({"user_id": "user_123", "unread_count": 2}));
}

#[tokio::test]
async fn a_user_without_an_inbox_has_none() {
    let answer = App::new().get("/api/notifications/unread-count/nobody").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"user_id": "nobody", "unread_count": 0})));
}

#[tokio::test]
async fn notifications_beyond_the_window_are_not_counted() {
    let app = App::with_window(2);
    for content in ["a", "b", "c"] {
        app.notify("ann", content).await;
    }
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 2);
}
