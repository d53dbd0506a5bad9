//! `POST /api/notifications/create`.

use serde_json::json;

use crate::harness::App;

const PATH: &str = "/api/notifications/create";

#[tokio::test]
async fn the_documents_request_gets_the_documents_answer() {
    let app = App::new();
    let body = json!({"user_id": "user_123", "content": "Your order has been shipped!"});
    let answer = app.post_json(PATH, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), "application/json");
    let created = answer.json();
    assert_eq!(created["user_id"], "user_123");
    assert_eq!(created["content"], "Your order has been shipped!");
    assert_eq!(created["is_read"], false);
    assert_eq!(created["category"], "message");
    let timestamp = created["timestamp"].as_str().unwrap();
    assert!(timestamp.len() == 27 && timestamp.ends_with('Z') && &timestamp[19..20] == ".", "{timestamp}");
    let fields: Vec<_> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["category", "content", "id", "is_read", "timestamp", "user_id"]);
}

#[tokio::test]
async fn location_leads_to_it() {
    let app = App::new();
    let answer = app.post_json(PATH, &json!({"user_id": "ann", "content": "hi"})).await;
    let found = app.get(answer.header("location")).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.json(), answer.json());
}

#[tokio::test]
async fn every_optional_field_comes_back() {
    let app = App::new();
    let body = json!({
        "user_id": "ann", "content": "Almost full", "category": "disk-alert_2", "title": "Disk",
        "link": "https://ops.example/disks?host=a#full", "data": {"free": 0.25, "nested": {"list": [1, null, "x"]}},
        "expires_at": "2030-01-31T13:00:00.5+01:00",
    });
    let created = app.post_json(PATH, &body).await.json();
    for field in ["category", "title", "link", "data"] {
        assert_eq!(created[field], body[field], "{field}");
    }
    assert_eq!(created["expires_at"], "2030-01-31T12:00:00.500000Z");
}

#[tokio::test]
async fn null_is_as_if_absent() {
    let app = App::new();
    let body = json!({"user_id": "ann", "content": "hi", "title": null, "category": null, "data": null});
    let answer = app.post_json(PATH, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["category"], "message");
    assert!(answer.json().get("title").is_none());
}

#[tokio::test]
async fn text_comes_back_as_it_was() {
    let app = App::new();
    let longest = "ü".repeat(16_384);
    for text in [
        "<script>alert(1)</script>",
        " padded ",
        "a\nb\tc\r\n",
        "مرحبا 👩‍👩‍👧‍👦 \u{202e}x",
        "\u{feff}bom",
        "\u{1}x",
        &longest,
    ] {
        let created = app.post_json(PATH, &json!({"user_id": "ann", "content": text})).await;
        assert_eq!(created.status, 201, "{text:?}");
        assert_eq!(created.json()["content"], text);
    }
    assert_eq!(app.get("/api/notifications/list?user_id=ann&limit=1").await.json()[0]["content"], longest);
}

#[tokio::test]
async fn odd_user_ids_are_users_of_their_own() {
    let app = App::new();
    let longest = "é".repeat(128);
    for (user_id, encoded) in [
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("a b+c", "a%20b%2Bc"),
        ("..", "%2E%2E"),
        ("日本 ☃", "%E6%97%A5%E6%9C%AC%20%E2%98%83"),
        ("?#&=", "%3F%23%26%3D"),
        (&longest, &"%C3%A9".repeat(128)),
    ] {
        let created = app.post_json(PATH, &json!({"user_id": user_id, "content": "hi"})).await;
        assert_eq!(created.json()["user_id"], user_id);
        let count = app.get(&format!("/api/notifications/unread-count/{encoded}")).await.json();
        assert_eq!(count, json!({"user_id": user_id, "unread_count": 1}));
        let listed = app.get(&format!("/api/notifications/list?user_id={encoded}")).await.json();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{user_id}");
    }
}

#[tokio::test]
async fn a_field_that_is_not_legal_is_named_and_nothing_is_created() {
    let app = App::new();
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({"user_id": "ann", "content": "hi"});
        body[field] = value;
        body
    };
    let cases = [
        ("user_id", json!("")),
        ("user_id", json!("x".repeat(129))),
        ("user_id", json!("a\nb")),
        ("user_id", json!("a\u{85}b")),
        ("user_id", json!(null)),
        ("user_id", json!(7)),
        ("content", json!("")),
        ("content", json!(" \n\t\u{2003}")),
        ("content", json!("x".repeat(16_385))),
        ("content", json!("a\u{0}b")),
        ("content", json!(["x"])),
        ("content", json!(true)),
        ("category", json!("")),
        ("category", json!("Alert")),
        ("category", json!("-alert")),
        ("category", json!("a".repeat(33))),
        ("category", json!(1)),
        ("title", json!(" ")),
        ("title", json!("x".repeat(201))),
        ("link", json!("javascript:alert(1)")),
        ("link", json!("//evil.example")),
        ("link", json!("https://")),
        ("link", json!("/a b")),
        ("link", json!("ftp://a.example/")),
        ("data", json!([1])),
        ("data", json!("x")),
        ("data", json!({"x": "y".repeat(16_384)})),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!("2030-02-30T00:00:00Z")),
        ("expires_at", json!("2030-01-01T00:00:00")),
        ("expires_at", json!(1_900_000_000)),
    ];
    for (field, value) in cases {
        app.post_json(PATH, &with(field, value)).await.refused_field(field);
    }
    assert_eq!(app.get("/api/notifications/list").await.json(), json!([]));
}

#[tokio::test]
async fn all_errors_are_reported_at_once() {
    let app = App::new();
    let problem = app.post_json(PATH, &json!({"category": "NO"})).await.problem(422, "invalid_input");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["user_id", "content", "category"]);
}
