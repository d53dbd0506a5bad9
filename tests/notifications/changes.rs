//! `GET /api/notifications/changes/{user_id}`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::App;

async fn changes(app: &App, query: &str) -> Value {
    let answer = app.get(&format!("/api/notifications/changes/ann{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn types(changes: &Value) -> Vec<&str> {
    changes["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_kind_of_change_is_returned_in_order() {
    let app = App::new();
    let a = app.notify("ann", "a").await;
    let b = app.notify("ann", "b").await;
    let since = changes(&app, "").await["modseq"].as_u64().unwrap();
    app.notify("ann", "c").await;
    app.post("/api/notifications/mark-all-read/ann").await;
    app.send(Method::PATCH, &format!("/api/notifications/{a}"), Some("{\"is_read\": false}")).await;
    app.send(Method::DELETE, &format!("/api/notifications/{b}"), None).await;
    let told = changes(&app, &format!("?since={since}")).await;
    assert_eq!(types(&told), ["created", "all_read", "updated", "deleted"]);
    assert_eq!(told["events"][2]["notification"]["id"], json!(a));
    assert_eq!(told["events"][3]["id"], json!(b));
    for event in told["events"].as_array().unwrap() {
        assert_eq!(event["unread_count"], 1, "all carry the present count");
    }
    assert_eq!((&told["modseq"], &told["unread_count"]), (&json!(since + 4), &json!(1)));
    assert_eq!((&told["more"], &told["reset"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn a_limit_pages_through_them() {
    let app = App::new();
    for content in ["a", "b", "c"] {
        app.notify("ann", content).await;
    }
    let first = changes(&app, "?since=0&limit=2").await;
    assert_eq!((types(&first).len(), &first["more"]), (2, &json!(true)));
    let second = changes(&app, &format!("?since={}&limit=2", first["modseq"])).await;
    assert_eq!((types(&second).len(), &second["more"]), (1, &json!(false)));
}

#[tokio::test]
async fn a_position_of_another_time_is_reset() {
    let app = App::new();
    app.notify("ann", "a").await;
    for since in ["1", "999999999999999", "99999999999999999999999"] {
        let told = changes(&app, &format!("?since={since}")).await;
        assert_eq!((&told["reset"], types(&told).len()), (&json!(true), 0), "{since}");
    }
    assert_eq!(changes(&app, "?since=0").await["reset"], false);
}

#[tokio::test]
async fn an_unknown_inbox_has_no_changes() {
    let told = changes(&App::new(), "").await;
    assert_eq!((types(&told).len(), &told["unread_count"], &told["reset"]), (0, &json!(0), &json!(false)));
}
