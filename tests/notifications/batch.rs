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

/// Clients order by time and then by id: many notifications of a batch have the same microsecond.
#[tokio::test]
async fn ids_ascend_within_a_list() {
    let app = App::new();
    let notifications: Vec<_> = (0..500).map(|n| json!({"user_id": "ann", "content": n.to_string()})).collect();
    app.post_json(PATH, &json!({"notifications": notifications})).await;
    let list = app.get("/api/notifications/list?user_id=ann&limit=500").await.json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 500);
    assert!(ids.is_sorted_by(|newer, older| newer > older));
}

#[tokio::test]
async fn one_notification_is_sent_to_many_users() {
    let app = App::new();
    let body = json!({"user_ids": ["ann", "bob"], "content": "Down at noon", "category": "system", "title": "Notice"});
    let created = app.post_json(PATH, &body).await.json();
    // The recipients, without the contents.
    for (receipt, user_id) in created["notifications"].as_array().unwrap().iter().zip(["ann", "bob"]) {
        let fields: Vec<_> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((fields, &receipt["user_id"]), (vec!["id", "timestamp", "user_id"], &json!(user_id)));
    }
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
    answer.refused_field("user_ids");
    let each: Vec<_> = (0..1001).map(|n| json!({"user_id": n.to_string(), "content": "x"})).collect();
    app.post_json(PATH, &json!({"notifications": each})).await.refused_field("notifications");
    assert_eq!(total(&app).await, 0);
    assert_eq!(app.post_json(PATH, &json!({"user_ids": users(1000), "content": "x"})).await.status, 201);
    assert_eq!(total(&app).await, 1000);
}

#[tokio::test]
async fn one_that_is_wrong_is_named_and_none_is_created() {
    let app = App::new();
    let good = json!({"user_id": "ann", "content": "a"});
    let cases: [(Value, &str); 22] = [
        (
            json!({"notifications": [good, good, good, {"user_id": "ann", "content": {"a": 1}}]}),
            "notifications[3].content",
        ),
        (json!({"notifications": [good, {"user_id": ["x"], "content": "x"}]}), "notifications[1].user_id"),
        (json!({"notifications": [good, {"user_id": "ann", "content": "x", "data": []}]}), "notifications[1].data"),
        (json!({"notifications": [null]}), "notifications[0]"),
        (json!({"notifications": {}}), "notifications"),
        (json!({"user_ids": {"ann": 1}, "content": "x"}), "user_ids"),
        (json!({"user_ids": ["ann"], "content": 7}), "content"),
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

#[tokio::test]
async fn the_order_of_the_fields_makes_no_difference() {
    let app = App::new();
    for body in [
        r#"{"user_ids": ["ann", "bob"], "content": "x", "data": {"a": 1}}"#,
        r#"{"data": {"a": 1}, "content": "x", "user_ids": ["ann", "bob"]}"#,
        r#"{"content": "x", "user_ids": ["ann", "bob"], "data": {"a": 1}}"#,
    ] {
        assert_eq!(app.send(axum::http::Method::POST, PATH, Some(body)).await.status, 201, "{body}");
    }
    assert_eq!(total(&app).await, 6);
}

/// This used to cause a response of 218 MB: as many errors as fit into a body.
#[tokio::test]
async fn the_maximum_number_of_errors_gets_a_short_answer() {
    let app = App::new();
    for (item, field) in [("{}", "notifications"), ("7", "notifications"), ("\"\"", "user_ids"), ("[]", "user_ids")] {
        let count = 4_000_000 / (item.len() + 1);
        let body = format!("{{\"{field}\":[{}]}}", vec![item; count].join(","));
        let answer = app.send(axum::http::Method::POST, PATH, Some(&body)).await;
        answer.refused_field(field);
        let problem = answer.json();
        assert_eq!(problem["errors"].as_array().unwrap().len(), 20, "{item}");
        let more = problem["more_errors"].as_u64().unwrap();
        // A thousand notifications are read, each without up to two fields, and no more.
        assert!((900..2_000).contains(&more), "{more}");
        assert!(answer.body.len() < 4_096, "{}", answer.body.len());
    }
}

#[tokio::test]
async fn all_errors_of_each_are_reported_at_once() {
    let app = App::new();
    let body = json!({"notifications": [{"user_id": 7, "category": "NO"}, {"content": "x", "subtitle": "y"}]});
    let problem = app.post_json(PATH, &body).await.problem(422, "invalid_input");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    let expected = [
        "notifications[0].user_id",
        "notifications[0].content",
        "notifications[0].category",
        "notifications[1].subtitle",
        "notifications[1].user_id",
    ];
    assert_eq!(fields, expected);
}
