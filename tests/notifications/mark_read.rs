//! `POST /api/notifications/mark-read/{user_id}/{index}`.

use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn marking_answers_as_in_the_document_also_when_repeated() {
    let app = App::new();
    app.notify("user_123", "a").await;
    app.notify("user_123", "b").await;
    for _ in 0..2 {
        let answer = app.post("/api/notifications/mark-read/user_123/0").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({"ok": true, "message": "Notification marked as read"}));
        let list = app.get("/api/notifications/list?user_id=user_123").await.json();
        assert_eq!((&list[0]["is_read"], &list[1]["is_read"]), (&json!(true), &json!(false)));
        let count = app.get("/api/notifications/unread-count/user_123").await.json();
        assert_eq!(count["unread_count"], 1);
    }
}

#[tokio::test]
async fn the_index_is_the_place_in_that_users_list() {
    let app = App::new();
    for (user_id, content) in [("ann", "a"), ("bob", "x"), ("ann", "b"), ("bob", "y")] {
        app.notify(user_id, content).await;
    }
    app.post("/api/notifications/mark-read/ann/1").await;
    let all = app.get("/api/notifications/list").await.json();
    let read: Vec<_> = all.as_array().unwrap().iter().filter(|n| n["is_read"] == true).collect();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0]["content"], "a");
}

#[tokio::test]
async fn out_of_range_and_unknown_users_are_not_found_and_not_ok() {
    let app = App::new();
    app.notify("ann", "a").await;
    for path in ["ann/1", "ann/99999999999999999999999", "nobody/0"] {
        let problem = app.post(&format!("/api/notifications/mark-read/{path}")).await.problem(404, "not_found");
        assert_eq!(problem["ok"], false, "{path}");
    }
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 1);
}

#[tokio::test]
async fn an_index_that_is_no_number_is_refused() {
    let app = App::new();
    for index in ["x", "-1", "1.0", "%20", "0x1", "+1"] {
        app.post(&format!("/api/notifications/mark-read/ann/{index}")).await.refused_field("index");
    }
}
