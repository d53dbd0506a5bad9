//! `GET`, `PATCH`, `DELETE /api/notifications/{id}`.

use axum::http::Method;

use crate::harness::App;

const NONE: &str = "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

#[tokio::test]
async fn a_notification_is_marked_read_and_unread_and_deleted() {
    let app = App::new();
    let path = format!("/api/notifications/{}", app.notify("ann", "a").await);
    assert_eq!(app.get(&path).await.json()["content"], "a");
    for is_read in [true, true, false] {
        let body = format!("{{\"is_read\": {is_read}}}");
        let answer = app.send(Method::PATCH, &path, Some(&body)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["is_read"], is_read);
        assert_eq!(app.get(&path).await.json(), answer.json());
    }
    let deleted = app.send(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    app.get(&path).await.problem(404, "not_found");
    app.send(Method::DELETE, &path, None).await.problem(404, "not_found");
    assert_eq!(app.get("/api/notifications/unread-count/ann").await.json()["unread_count"], 0);
}

#[tokio::test]
async fn the_id_stays_when_new_ones_arrive() {
    let app = App::new();
    let path = format!("/api/notifications/{}", app.notify("ann", "first").await);
    app.notify("ann", "second").await;
    app.send(Method::PATCH, &path, Some("{\"is_read\": true}")).await;
    let list = app.get("/api/notifications/list?user_id=ann").await.json();
    assert_eq!((list[0]["is_read"].as_bool(), list[1]["is_read"].as_bool()), (Some(false), Some(true)));
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let app = App::new();
    app.get(NONE).await.problem(404, "not_found");
    app.send(Method::PATCH, NONE, Some("{\"is_read\": true}")).await.problem(404, "not_found");
    app.send(Method::DELETE, NONE, None).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_patch_without_a_legal_is_read_changes_nothing() {
    let app = App::new();
    let path = format!("/api/notifications/{}", app.notify("ann", "a").await);
    for body in ["{}", "{\"is_read\": null}", "{\"is_read\": \"true\"}", "{\"is_read\": 1}"] {
        app.send(Method::PATCH, &path, Some(body)).await.problem(422, "invalid_input");
    }
    assert_eq!(app.get(&path).await.json()["is_read"], false);
}
