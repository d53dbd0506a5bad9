//! The channels that a sender asks for, and the resulting deliveries.

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{relay::Relay, said};
use crate::delivery::{self, A_WHILE, Place, each_store};

/// The state and reason of each delivery about a notification, by channel: `email sent`, `fcm skipped no_contact`.
async fn fates(place: &Place, id: &str, count: usize) -> Vec<String> {
    let mut tries = 0..500;
    loop {
        let found = place.get(&format!("/api/deliveries?notification_id={id}")).await;
        let found = found.as_array().unwrap();
        let is_over = |one: &Value| !matches!(one["state"].as_str(), Some("ready" | "leased"));
        if (found.len() >= count && found.iter().all(is_over)) || tries.next().is_none() {
            let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let mut fates: Vec<_> = found
                .iter()
                .map(|one| ["channel", "state", "reason"].map(|name| word(one, name)).join(" ").trim_end().to_owned())
                .collect();
            fates.sort();
            return fates;
        }
        sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_excludes_the_user_decides_and_the_sender_may_add() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&said(&store, &relay)).await;
        for user_id in ["ann", "off", "muted", "both"] {
            place.contact(user_id, &format!("{user_id}@example.com")).await;
        }
        place.prefer("off", json!({"channels": {"email": "off"}})).await;
        place.prefer("muted", json!({"categories": {"alert": {"email": "off"}, "message": {"email": "off"}}})).await;
        let wish = json!({"channels": {"email": "off"}, "categories": {"message": {"email": "on"}}});
        place.prefer("both", wish).await;
        let skipped = |reason: &str| vec![format!("email skipped {reason}")];
        let sent = || vec!["email sent".to_owned()];
        let cases = [
            ("ann", json!({}), skipped("off_by_default")),
            ("ann", json!({"category": "alert"}), sent()),
            ("ann", json!({"send_email": true}), sent()),
            ("ann", json!({"send_email": null}), skipped("off_by_default")),
            ("ann", json!({"send_email": false, "category": "alert"}), skipped("sender_no_email")),
            ("ann", json!({"channels": [], "category": "alert"}), skipped("sender_channels")),
            ("ann", json!({"channels": [], "send_email": true}), skipped("sender_channels")),
            ("ann", json!({"channels": null, "category": "alert"}), sent()),
            ("ann", json!({"channels": ["email"]}), skipped("off_by_default")),
            ("ann", json!({"channels": ["email"], "category": "alert"}), sent()),
            ("ann", json!({"channels": ["email"], "send_email": true}), sent()),
            (
                "ann",
                json!({"channels": ["email"], "send_email": false, "category": "alert"}),
                skipped("sender_no_email"),
            ),
            (
                "ann",
                json!({"channels": ["fcm"], "category": "alert"}),
                vec!["email skipped sender_channels".to_owned(), "fcm skipped not_set_up".to_owned()],
            ),
            (
                "ann",
                json!({"channels": ["fcm", "email", "apns"], "category": "alert"}),
                vec![
                    "apns skipped not_set_up".to_owned(),
                    "email sent".to_owned(),
                    "fcm skipped not_set_up".to_owned(),
                ],
            ),
            ("off", json!({"category": "alert"}), skipped("off_by_channel")),
            ("off", json!({"send_email": true}), skipped("off_by_channel")),
            ("off", json!({"send_email": true, "channels": ["email"], "category": "alert"}), skipped("off_by_channel")),
            ("muted", json!({"category": "alert"}), skipped("off_by_category")),
            ("muted", json!({"send_email": true}), skipped("off_by_category")),
            ("muted", json!({"send_email": true, "category": "update"}), sent()),
            ("both", json!({}), sent()),
            ("both", json!({"category": "alert"}), skipped("off_by_channel")),
            ("unreached", json!({"send_email": true}), skipped("no_contact")),
            ("unreached", json!({"channels": ["email"]}), skipped("no_contact")),
            ("unreached", json!({"channels": ["webpush"]}), vec!["webpush skipped not_set_up".to_owned()]),
        ];
        let mut mailed = 0;
        for (user_id, fields, expected) in cases {
            let case = format!("{user_id} {fields}");
            let id = place.create(user_id, fields).await;
            assert_eq!(fates(&place, &id, expected.len()).await, expected, "{case}");
            mailed += usize::from(expected.iter().any(|fate| fate == "email sent"));
        }
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), mailed);
        place.stop().await;
    })
    .await;
}

/// If a sender asks for no channel and no user has a contact, no entry is stored.
#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_asked_for_and_no_user_is_reached_nothing_is_kept() {
    each_store(async |store| {
        let relay = Relay::start();
        for with_mail in [true, false] {
            let place = Place::start(&if with_mail { said(&store, &relay) } else { delivery::said(&store) }).await;
            for fields in [
                json!({}),
                json!({"category": "alert"}),
                json!({"send_email": false}),
                json!({"channels": []}),
                json!({"channels": ["email"], "send_email": false}),
            ] {
                place.create("unreached", fields).await;
            }
            sleep(A_WHILE).await;
            assert_eq!(place.get("/api/deliveries?user_id=unreached").await, json!([]), "{with_mail}");
            place.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_relay_says_that_it_has_none() {
    each_store(async |store| {
        let place = Place::start(&delivery::said(&store)).await;
        place.contact("ann", "ann@example.com").await;
        for user_id in ["ann", "bob"] {
            for fields in [json!({"send_email": true}), json!({"channels": ["email"]})] {
                let case = format!("{user_id} {fields}");
                let id = place.create(user_id, fields).await;
                assert_eq!(fates(&place, &id, 1).await, ["email skipped not_set_up"], "{case}");
            }
        }
        let channels = place.get("/api/channels").await;
        let email = channels.as_array().unwrap().iter().find(|one| one["channel"] == "email").unwrap();
        assert_eq!(email["state"], "not_set_up");
        let effective = place.preferences("ann").await["effective"].clone();
        assert_eq!(effective["alert"]["email"], json!({"value": "off", "because": "not_set_up"}));
        place.stop().await;
    })
    .await;
}

/// The sender's choice of channels is not part of the notification.
#[tokio::test(flavor = "multi_thread")]
async fn routing_fields_do_not_change_the_answer() {
    let relay = Relay::start();
    let place = Place::start(&said("memory:", &relay)).await;
    place.contact("ann", "ann@example.com").await;
    let shape = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let create = async |extra: Value| {
        let mut body = json!({"user_id": "ann", "content": "x"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        place.post("/api/notifications/create", Some(&body)).await
    };
    let plain = create(json!({})).await;
    for extra in [
        json!({"send_email": true}),
        json!({"send_email": false}),
        json!({"channels": []}),
        json!({"channels": ["email", "fcm"], "send_email": true}),
    ] {
        let answer = create(extra.clone()).await;
        assert_eq!((answer.status, shape(&answer.json())), (plain.status, shape(&plain.json())), "{extra}");
    }
    let listed = place.get("/api/notifications/list?user_id=ann").await;
    assert!(listed.as_array().unwrap().iter().all(|one| shape(one) == shape(&listed[0])), "{listed}");
    for (fields, place_of_it) in [
        (json!({"send_email": "yes"}), "send_email"),
        (json!({"send_email": 1}), "send_email"),
        (json!({"channels": "email"}), "channels"),
        (json!({"channels": ["pigeon"]}), "channels"),
        (json!({"channels": ["webhook"]}), "channels"),
        (json!({"channels": ["email", "email"]}), "channels"),
        (json!({"channels": [1]}), "channels"),
    ] {
        let mut body = json!({"user_id": "ann", "content": "x"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let refused = place.ask(Method::POST, "/api/notifications/create", Some(&body)).await;
        let problem = refused.problem(422, "invalid_input");
        let field = problem["errors"][0]["field"].as_str().unwrap();
        assert!(field.starts_with(place_of_it), "{fields}: {problem}");
    }
    place.stop().await;
}

/// In a batch, channels can be given for each notification or for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_routing_for_each_notification_or_for_all() {
    let relay = Relay::start();
    let place = Place::start(&said("memory:", &relay)).await;
    for user_id in ["ann", "bob"] {
        place.contact(user_id, &format!("{user_id}@example.com")).await;
    }
    let each = json!({"notifications": [
        {"user_id": "ann", "content": "1", "send_email": true},
        {"user_id": "bob", "content": "2", "category": "alert", "channels": []},
        {"user_id": "bob", "content": "3", "category": "alert"},
    ]});
    place.post("/api/notifications/batch", Some(&each)).await;
    let all = json!({"user_ids": ["ann", "bob"], "content": "4", "send_email": true});
    place.post("/api/notifications/batch", Some(&all)).await;
    relay.until(4).await;
    sleep(A_WHILE).await;
    let mut mails: Vec<_> =
        relay.mails().iter().map(|mail| format!("{} {}", mail.to(), mail.header("Subject"))).collect();
    mails.sort();
    assert_eq!(mails, ["ann@example.com 1", "ann@example.com 4", "bob@example.com 3", "bob@example.com 4"]);
    place.stop().await;
}
