//! Who may see deliveries, and who may change them. Every route with every right is in `tests/auth/matrix.rs`.

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::{Value, json};

use super::{Place, new_file, receiver::Receiver, said};
use crate::{
    auth::{TOKEN_SECRET, signed},
    command::make_key,
};

#[tokio::test(flavor = "multi_thread")]
async fn users_see_their_own_deliveries_readers_all_and_only_admins_move_them() {
    let store = new_file();
    let [admin, read, send] = ["admin", "read", "send"].map(|scope| make_key(&store, scope));
    let exp = chrono::Utc::now().timestamp() + 600;
    let ann = signed(&json!({"sub": "ann", "aud": "campanile", "exp": exp}));
    let place = Place::start(&SettingsInput {
        jwt_secret: Some(TOKEN_SECRET.to_owned()),
        jwt_audience: Some(vec!["campanile".to_owned()]),
        ..said(&store)
    })
    .await;
    let receiver = Receiver::good().await;
    let body = json!({ "url": receiver.url() });
    assert_eq!(place.ask_as(Some(&admin), Method::POST, "/api/webhooks", Some(&body)).await.status, 201);
    for user_id in ["ann", "bob"] {
        let body = json!({"user_id": user_id, "content": "x"});
        assert_eq!(place.ask_as(Some(&send), Method::POST, "/api/notifications/create", Some(&body)).await.status, 201);
    }
    receiver.until(2).await;
    let users = |answer: &crate::harness::Answer| {
        let mut users: Vec<_> =
            answer.json().as_array().unwrap().iter().map(|one: &Value| one["user_id"].to_string()).collect();
        users.sort();
        users.join(" ")
    };
    let list = |bearer: String, query: &'static str| {
        let place = &place;
        async move { place.ask_as(Some(&bearer), Method::GET, &format!("/api/deliveries{query}"), None).await }
    };
    assert_eq!(users(&list(ann.clone(), "").await), r#""ann""#);
    assert_eq!(users(&list(ann.clone(), "?user_id=ann").await), r#""ann""#);
    list(ann.clone(), "?user_id=bob").await.problem(403, "forbidden");
    assert_eq!(users(&list(read.clone(), "").await), r#""ann" "bob""#);
    assert_eq!(users(&list(admin.clone(), "").await), r#""ann" "bob""#);
    list(send.clone(), "").await.problem(403, "forbidden");
    let id = list(ann.clone(), "").await.json()[0]["id"].as_str().unwrap().to_owned();
    let many = json!({"state": "dead"});
    for (path, body) in [
        (format!("/api/deliveries/{id}/retry"), None),
        (format!("/api/deliveries/{id}/cancel"), None),
        ("/api/deliveries/retry".to_owned(), Some(&many)),
        ("/api/channels/webhook/resume".to_owned(), None),
    ] {
        for bearer in [&ann, &read, &send] {
            place.ask_as(Some(bearer), Method::POST, &path, body).await.problem(403, "forbidden");
        }
        let status = place.ask_as(Some(&admin), Method::POST, &path, body).await.status;
        assert!(matches!(status.as_u16(), 200 | 204 | 409), "{path}: {status}");
    }
    place.stop().await;
}
