//! `POST /api/notifications/batch`.

use serde_json::{Value, json};

use crate::harness::App;

const PATH: &str = "/api/notifications/batch";

async fn total(app: &App) -> usize {
    app.get("/api/notifications/list?limit=1000").await.json().as_array().unwrap().len()
}

#[tokio::test]
async fn a_list_is_created_in_its_order() {
    let app = App::new();
    let body = json!({"notifications": [
        {"user_id": "ann", "content": "a"}, {"user_id": "bob", "content": "b", "category": "alert"},
    ]});
    let answer = app.post_json(PATH, &body).await;
    assert_eq!(answer.status, 201);
    let created = answer.json();
    assert_eq!(created["notifications"][0]["content"], "a");
    assert_eq!(created["notifications"][1]["category"], "alert");
    assert_eq!(app.get("/api/notifications/list").await.json()[0]["content"], "b");
}

#[tokio::test]
async fn one_thing_is_told_to_many() {
    let app = App::new();
    let body = json!({"user_ids": ["ann", "bob"], "content": "Down at noon", "category": "system", "title": "Notice"});
    let created = app.post_json(PATH, &body).await.json();
    assert_eq!(created["notifications"].as_array().unwrap().len(), 2);
    for user_id in ["ann", "bob"] {
        let list = app.get(&format!("/api/notifications/list?user_id={user_id}")).await.json();
        assert_eq!((&list[0]["content"], &list[0]["title"]), (&json!("Down at noon"), &json!("Notice")));
    }
}

#[tokio::test]
async fn a_thousand_are_taken_and_one_more_is_not() {
    let app = App::new();
    let users = |count: usize| (0..count).map(|n| format!("u{n}")).collect::<Vec<_>>();
    let answer = app.post_json(PATH, &json!({"user_ids": users(1001), "content": "x"})).await;
    answer.refused_field("notifications");
    assert_eq!(total(&app).await, 0);
    assert_eq!(app.post_json(PATH, &json!({"user_ids": users(1000), "content": "x"})).await.status, 201);
    assert_eq!(total(&app).await, 1000);
}

#[tokio::test]
async fn one_that_is_wrong_is_named_and_none_is_created() {
    let app = App::new();
    let good = json!({"user_id": "ann", "content": "a"});
    let cases: [(Value, &str); 15] = [
        (json!({"notifications": [good, {"user_id": "ann", "content": " "}]}), "notifications[1].content"),
        (json!({"notifications": [good, {"user_id": "ann", "content": 5}]}), "notifications[1].content"),
        (json!({"notifications": [good, ["ann", "a"]]}), "notifications[1]"),
        (json!({"notifications": "x"}), "notifications"),
        (json!({"notifications": []}), "notifications"),
        (json!({"notifications": null}), "notifications"),
        (json!({"user_ids": ["ann", ""], "content": "x"}), "user_ids[1]"),
        (json!({"user_ids": ["ann", "ann"], "content": "x"}), "user_ids[1]"),
        (json!({"user_ids": ["ann", 7], "content": "x"}), "user_ids[1]"),
        (json!({"user_ids": [], "content": "x"}), "user_ids"),
        (json!({"user_ids": ["ann"]}), "content"),
        (json!({"user_ids": ["ann"], "content": "x", "notifications": [good]}), "body"),
        (json!({"notifications": [good], "content": "x"}), "body"),
        (json!({"user_ids": ["ann"], "content": "x", "user_id": "ann"}), "user_id"),
        (json!({}), "body"),
    ];
    for (body, field) in cases {
        app.post_json(PATH, &body).await.refused_field(field);
    }
    assert_eq!(total(&app).await, 0);
}
