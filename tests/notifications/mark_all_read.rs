//! `POST /api/notifications/mark-all-read/{user_id}`.

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
async fn an_unknown_user_has_nothing_to_mark() {
    let answer = App::new().post("/api/notifications/mark-all-read/nobody").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"ok": true, "marked": 0})));
}
