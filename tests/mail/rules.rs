//! When users get mail, and how many notifications are in one.

use campanile::server::config::SettingsInput;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{relay::Relay, said};
use crate::delivery::{A_WHILE, Place, batch, each_store, seconds_between};

/// Quiet hours that began an hour ago and end in an hour.
fn quiet_now() -> Value {
    let hours = |hours| (Utc::now() + TimeDelta::hours(hours)).format("%H:%M").to_string();
    json!({"zone": "UTC", "from": hours(-1), "to": hours(1)})
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_all_but_mandatory_mails() {
    each_store(async |store| {
        let relay = Relay::start();
        let mandatory_categories = Some(vec!["fire".to_owned()]);
        let place = Place::start(&SettingsInput { mandatory_categories, ..said(&store, &relay) }).await;
        place.contact("ann", "ann@example.com").await;
        // A mandatory category ignores even an "off" of the user.
        let wish = json!({"quiet_hours": quiet_now(), "categories": {"fire": {"email": "off"}}});
        let effective = place.prefer("ann", wish).await["effective"].clone();
        assert_eq!(effective["fire"]["email"], json!({"value": "on", "because": "mandatory"}));
        let alert = place.alert("ann", json!({})).await;
        let held = place.until_of(&alert, "held").await;
        assert_eq!(held["reason"], "quiet_hours", "{held}");
        let wait = seconds_between(&held["created_at"], &held["due_at"]);
        assert!((3_480.0..3_601.0).contains(&wait), "{wait}");
        let fire = place.create("ann", json!({"category": "fire"})).await;
        let sent = place.until_of(&fire, "sent").await;
        let mails = relay.until(1).await;
        assert_eq!(mails[0].header("Message-ID"), format!("<{}@example.org>", sent["id"].as_str().unwrap()));
        assert_eq!(mails[0].header("List-Id"), "Campanile <fire.example.org>");
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        // With different hours the quiet time is over.
        place.prefer("ann", json!({"quiet_hours": null})).await;
        place.until_of(&alert, "sent").await;
        relay.until(2).await;
        place.stop().await;
    })
    .await;
}

/// Mails that are due together become one mail, which shows the newest twenty and counts all.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one_mail() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.prefer("ann", json!({"channels": {"email": {"if_unread_after": 1}}})).await;
        place.post("/api/notifications/batch", Some(&batch("ann", 0..100))).await;
        let mails = relay.until(1).await;
        sleep(2 * A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        let mail = &mails[0];
        assert_eq!(mail.header("Subject"), "100 new notifications from Campanile");
        for number in 0..100 {
            let is_shown = mail.text().lines().any(|line| line == format!("note {number}"));
            assert_eq!(is_shown, number >= 80, "{number}: {}", mail.text());
        }
        assert!(mail.text().contains("The other 80 are in your inbox."), "{}", mail.text());
        let all = place.mails("ann").await;
        let (parts, digests): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.get("via").is_some());
        assert_eq!((parts.len(), digests.len()), (100, 1));
        assert!(all.iter().all(|one| one["state"] == "sent"));
        assert!(parts.iter().all(|one| one["via"] == digests[0]["id"]));
        assert_eq!(mail.header("Message-ID"), format!("<{}@example.org>", digests[0]["id"].as_str().unwrap()));
        place.stop().await;
    })
    .await;
}

/// When a failed digest is sent again, its contents are the same, even if there are new notifications.
#[tokio::test(flavor = "multi_thread")]
async fn the_contents_of_a_digest_are_fixed_when_it_is_first_sent() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.prefer("ann", json!({"channels": {"email": {"if_unread_after": 1}}})).await;
        relay.does(&json!({"message": "451 4.3.0 later"})).await;
        place.post("/api/notifications/batch", Some(&batch("ann", 0..3))).await;
        relay.until(1).await;
        let is_tried =
            |all: &[Value]| all.iter().find(|one| one.get("via").is_none() && one["attempts"] != json!([])).cloned();
        let digest = loop {
            if let Some(digest) = is_tried(&place.mails("ann").await).filter(|one| one["state"] == "ready") {
                break digest;
            }
            sleep(std::time::Duration::from_millis(10)).await;
        };
        relay.does(&json!({})).await;
        place.post("/api/notifications/batch", Some(&batch("ann", 3..5))).await;
        relay.until(2).await;
        place.post(&format!("/api/deliveries/{}/retry", digest["id"].as_str().unwrap()), None).await;
        let mails = relay.until(3).await;
        let subjects: Vec<_> = mails.iter().map(|mail| mail.header("Subject").split(' ').next().unwrap()).collect();
        assert_eq!(subjects, ["3", "2", "3"]);
        assert_eq!(mails[0].header("Message-ID"), mails[2].header("Message-ID"));
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 3);
        assert!(place.mails("ann").await.iter().all(|one| one["state"] == "sent"));
        place.stop().await;
    })
    .await;
}

/// An hour is too long for a test: this checks that the digest waits, and that a mail which the sender asks for does
/// not.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_waits_for_an_hour_and_a_requested_mail_does_not() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.prefer("ann", json!({"digest": {"email": "1h"}})).await;
        let first = place.alert("ann", json!({})).await;
        let held = place.until_of(&first, "held").await;
        assert_eq!(held["reason"], "digest", "{held}");
        let wait = seconds_between(&held["created_at"], &held["due_at"]);
        assert!((3_590.0..3_601.0).contains(&wait), "{wait}");
        let asked = place.create("ann", json!({"send_email": true})).await;
        place.until_of(&asked, "sent").await;
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        // Without a digest the mail is sent at once.
        place.prefer("ann", json!({"digest": {"email": "off"}})).await;
        relay.until(2).await;
        place.until_of(&first, "sent").await;
        place.stop().await;
    })
    .await;
}

/// Mails over the limit of an address wait, and are not lost.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_not_flooded() {
    each_store(async |store| {
        let relay = Relay::start();
        let limit_delivery = Some("30/h:3".to_owned());
        let place = Place::start(&SettingsInput { limit_delivery, ..said(&store, &relay) }).await;
        for user_id in ["ann", "bob"] {
            place.contact(user_id, &format!("{user_id}@example.com")).await;
        }
        for _ in 0..6 {
            place.alert("ann", json!({})).await;
        }
        place.alert("bob", json!({})).await;
        relay.until(4).await;
        place.until_mail_is("bob", "sent").await;
        sleep(A_WHILE).await;
        assert_eq!(relay.mails_to("ann@example.com").len(), 3);
        let held: Vec<_> = place.mails("ann").await.into_iter().filter(|one| one["state"] != "sent").collect();
        assert_eq!(held.len(), 3);
        for one in held {
            assert_eq!(
                (&one["state"], &one["reason"], &one["attempts"]),
                (&json!("held"), &json!("limit"), &json!([]))
            );
        }
        place.stop().await;
    })
    .await;
}
