//! Users get no mail about notifications that they have read.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{relay::Relay, said};
use crate::delivery::{A_WHILE, Place, each_store};

async fn read(place: &Place, id: &str) {
    let path = format!("/api/notifications/{id}");
    assert_eq!(place.ask(Method::PATCH, &path, Some(&json!({"is_read": true}))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_read_before_its_mail_is_due_is_not_mailed() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        let users = ["read", "all", "deleted", "unread"];
        let mut ids = Vec::new();
        for user_id in users {
            place.contact(user_id, &format!("{user_id}@example.com")).await;
            place.prefer(user_id, json!({"categories": {"alert": {"email": {"if_unread_after": 2}}}})).await;
            ids.push(place.alert(user_id, json!({})).await);
        }
        for user_id in users {
            let held = place.until_mail_is(user_id, "held").await;
            assert_eq!(held["reason"], "if_unread_after", "{held}");
        }
        sleep(Duration::from_millis(700)).await;
        read(&place, &ids[0]).await;
        place.post("/api/notifications/mark-all-read/all", None).await;
        let path = format!("/api/notifications/{}", ids[2]);
        assert_eq!(place.ask(Method::DELETE, &path, None).await.status, 204);
        for (user_id, reason) in [("read", "read"), ("all", "read"), ("deleted", "deleted")] {
            let cancelled = &place.mails(user_id).await[0];
            assert_eq!(
                (&cancelled["state"], &cancelled["reason"]),
                (&json!("cancelled"), &json!(reason)),
                "{cancelled}"
            );
        }
        place.until_mail_is("unread", "sent").await;
        sleep(A_WHILE).await;
        let mails = relay.mails();
        assert_eq!(mails.iter().map(|mail| mail.to().to_owned()).collect::<Vec<_>>(), ["unread@example.com"]);
        place.stop().await;
    })
    .await;
}

/// At that time the mail is already being sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_read_while_its_mail_is_sent_arrives_at_most_once() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "message-late@example.com").await;
        let id = place.alert("ann", json!({})).await;
        relay.until(1).await;
        read(&place, &id).await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(relay.mails().len(), 1);
        let over = &place.mails("ann").await[0];
        assert!(over["state"] == "sent" || over["state"] == "cancelled", "{over}");
        place.stop().await;
    })
    .await;
}

/// A digest does not contain notifications that were read while they waited.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_contains_only_unread_notifications() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.prefer("ann", json!({"channels": {"email": {"if_unread_after": 2}}})).await;
        let contents: Vec<_> =
            (0..5).map(|number| json!({"user_id": "ann", "content": format!("note {number}")})).collect();
        let made = place.post("/api/notifications/batch", Some(&json!({"notifications": contents}))).await.json();
        let listed = place.get("/api/notifications/list?user_id=ann").await;
        for one in listed.as_array().unwrap() {
            if one["content"] != "note 1" && one["content"] != "note 3" {
                read(&place, one["id"].as_str().unwrap()).await;
            }
        }
        let mails = relay.until(1).await;
        let mail = &mails[0];
        assert_eq!(mail.header("Subject"), "2 new notifications from Campanile", "{made}");
        for number in 0..5 {
            let is_told = number == 1 || number == 3;
            assert_eq!(mail.text().contains(&format!("note {number}")), is_told, "{}", mail.text());
            assert_eq!(mail.html().contains(&format!("note {number}")), is_told);
        }
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        place.stop().await;
    })
    .await;
}
