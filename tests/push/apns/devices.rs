//! Which user owns a device, and which app it names.

use campanile::server::{clock::Clock, config::SettingsInput};
use serde_json::json;
use tokio::time::sleep;

use super::{Site, body, device, receiver::Receiver, refusal, said};
use crate::delivery::A_WHILE;

#[tokio::test]
async fn a_device_that_registered_again_after_it_was_gone_stays() {
    let site = Site::new();
    let millis = |site: &Site, ahead: i64| site.clock.now().as_micros() / 1_000 + ahead;
    let gone = |reason: &str, timestamp: i64| json!({"status": 410, "body": json!({"reason": reason, "timestamp": timestamp}).to_string()});
    for (number, reason) in [(1, "Unregistered"), (2, "ExpiredToken")] {
        let (user, token) = (format!("user{number}"), device(number));
        site.register(&user, &token).await;
        site.receiver.answers(&token, &[gone(reason, millis(&site, -1_000))]).await;
        site.notify(&user, json!({})).await;
        let tried = site.until_tried(&user, 1).await;
        assert_eq!(
            (&tried["attempts"][0]["result"], &tried["attempts"][0]["detail"]),
            (&json!("retry"), &json!(reason))
        );
        assert_eq!(site.contact_state(&user).await, "active");
        site.clock.forward(13);
        site.until_state(&user, "sent").await;
        // The device was registered before APNs noticed the removal of the app, so it is gone.
        site.receiver.answers(&token, &[gone(reason, millis(&site, -1_000))]).await;
        site.notify(&user, json!({})).await;
        let dead = site.until_state(&user, "dead").await;
        assert_eq!((&dead["reason"], &dead["attempts"][0]["code"]), (&json!("contact_dead"), &json!(410)));
        site.until_contact_is(&user, "dead").await;
    }
    // Other devices are not affected.
    site.register("bob", &device(9)).await;
    site.notify("bob", json!({})).await;
    site.until_state("bob", "sent").await;
    // When its app registers it again, it is active again.
    site.register("user1", &device(1)).await;
    assert_eq!(site.contact_state("user1").await, "active");
    site.notify("user1", json!({})).await;
    site.until_state("user1", "sent").await;
}

#[tokio::test]
async fn an_app_that_one_user_names_wrongly_stops_no_other_user() {
    let site = Site::new();
    let wrong = |number| json!({"channel": "apns", "token": device(number), "topic": "com.example.stranger"});
    for (number, status, reason, contact) in [
        (1, 400, "TopicDisallowed", "disabled"),
        (2, 400, "BadTopic", "disabled"),
        (3, 403, "InvalidProviderToken", "active"),
    ] {
        let user = format!("user{number}");
        site.post(&format!("/api/contacts/{user}"), &wrong(number)).await;
        site.receiver.answers(&device(number), &vec![refusal(status, reason); 9]).await;
        site.notify(&user, json!({})).await;
        site.until_tried(&user, 1).await;
        site.until_contact_is(&user, contact).await;
        assert_eq!(site.lane().await.0, "open", "{reason}");
    }
    site.register("ann", &device(7)).await;
    site.notify("ann", json!({})).await;
    site.until_state("ann", "sent").await;
}

#[tokio::test]
async fn a_device_that_moves_to_another_user_leaves_the_first() {
    let site = Site::new();
    site.register("ann", &device(1)).await;
    site.register("bob", &device(1).to_uppercase()).await;
    site.notify("ann", json!({"content": "for ann"})).await;
    site.notify("bob", json!({"content": "for bob"})).await;
    let requests = site.receiver.until(1).await;
    sleep(A_WHILE).await;
    assert_eq!(site.receiver.count("request"), 1);
    assert_eq!(body(&requests[0])["aps"]["alert"]["body"], "for bob");
    assert!(site.get("/api/contacts/ann").await.is_empty());
}

#[tokio::test]
async fn without_an_app_of_the_server_each_device_names_its_own() {
    let receiver = Receiver::start();
    let said = SettingsInput { apns_topic: None, ..said(&receiver) };
    let site = Site::told(receiver, &said);
    let nameless = json!({"channel": "apns", "token": device(1)});
    let refused = site.app.post_json("/api/contacts/ann", &nameless).await;
    refused.refused_field("topic");
    assert!(refused.text().contains("apns-topic"), "{}", refused.text());
    let wrong = json!({"channel": "apns", "token": device(1), "topic": "app"});
    Site::new().app.post_json("/api/contacts/ann", &wrong).await.refused_field("topic");
    site.post("/api/contacts/ann", &json!({"channel": "apns", "token": device(1), "topic": "a.b"})).await;
    site.notify("ann", json!({})).await;
    assert_eq!(site.receiver.until(1).await[0]["headers"]["apns-topic"], "a.b");
}
