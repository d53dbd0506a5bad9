//! The meaning of a relay's replies, at each step: the table of e-mail.

use std::{
    net::TcpListener,
    ops::Range,
    time::{Duration, Instant},
};

use axum::http::Method;
use campanile::server::config::{Settings, SettingsInput};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{relay::Relay, said};
use crate::{
    delivery::{A_WHILE, LONG, Place, each_store, new_file, seconds_between},
    postgres,
};

/// How long an attempt may take when the relay does not answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// The result of a delivery.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// Retried in a minute.
    Retry,
    /// Retried in an hour: the mailbox is full.
    RetryLate,
    /// No more mail to this address.
    ContactDead,
    /// This message is not sent, but others are.
    MessageBad,
    /// It may have arrived: retried in ten minutes.
    Ambiguous,
    /// No mail by this relay for five minutes.
    Misconfigured,
}

impl Fate {
    /// Checks the state of a delivery after one attempt.
    fn check(self, delivery: &Value, code: Option<u16>, case: &str) {
        let (state, reason, result, wait): (_, _, _, Range<f64>) = match self {
            Self::Retry => ("ready", None, "retry", 60.0..73.0),
            Self::RetryLate => ("ready", None, "retry", 3_600.0..3_601.0),
            Self::ContactDead => ("dead", Some("contact_dead"), "contact_dead", 0.0..1.0),
            Self::MessageBad => ("dead", Some("message_bad"), "message_bad", 0.0..1.0),
            Self::Ambiguous => ("ready", None, "ambiguous", 600.0..601.0),
            // Its lane waits.
            Self::Misconfigured => ("ready", None, "misconfigured", 0.0..1.0),
        };
        let attempts = delivery["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{case}: {delivery}");
        let attempt = &attempts[0];
        assert_eq!(delivery["state"], state, "{case}: {delivery}");
        assert_eq!(delivery.get("reason").and_then(Value::as_str), reason, "{case}: {delivery}");
        assert_eq!(attempt["result"], result, "{case}: {delivery}");
        assert_eq!(attempt.get("code").cloned(), code.map(Value::from), "{case}: {delivery}");
        assert_eq!(attempt["counted"], self != Self::Misconfigured, "{case}: {delivery}");
        if state == "ready" {
            let waits = seconds_between(&attempt["at"], &delivery["due_at"]);
            let took = Duration::from_millis(attempt["ms"].as_u64().unwrap()).as_secs_f64();
            // The wait starts after the attempt, unless the attempt ended by a timeout.
            let waits = if self == Self::Ambiguous { waits } else { waits - took };
            // The attempt is recorded a moment after it was made.
            assert!((wait.start - 0.1..wait.end + 1.0).contains(&waits), "{case}: {waits} {delivery}");
        }
    }
}

/// Waits until the contact of a user is in a state, which is recorded a moment after the delivery.
async fn until_contact_is(place: &Place, user_id: &str, state: &str) {
    let until = Instant::now() + LONG;
    loop {
        let contacts = place.get(&format!("/api/contacts/{user_id}")).await;
        if contacts[0]["state"] == state {
            return;
        }
        assert!(Instant::now() < until, "{user_id} is never {state}: {contacts}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A reply about one address or one message does not affect others: all of them at once, by one server.
#[tokio::test(flavor = "multi_thread")]
async fn replies_about_a_recipient_or_a_message() {
    use Fate::{Ambiguous, ContactDead, MessageBad, Retry, RetryLate};
    let cases = [
        ("rcpt-421", Some(421), Retry),
        ("rcpt-450-4.2.1", Some(450), Retry),
        ("rcpt-451-4.7.1", Some(451), Retry),
        ("rcpt-452-4.2.2", Some(452), RetryLate),
        ("rcpt-550-5.1.1", Some(550), ContactDead),
        ("rcpt-551-5.1.6", Some(551), ContactDead),
        ("rcpt-553-5.1.3", Some(553), ContactDead),
        ("rcpt-550-5.1.10", Some(550), ContactDead),
        // A refusal by a policy about this server is not about the address.
        ("rcpt-550-5.7.1", Some(550), MessageBad),
        ("rcpt-552-5.2.2", Some(552), RetryLate),
        ("rcpt-550-5.2.2", Some(550), RetryLate),
        ("rcpt-552-5.3.4", Some(552), MessageBad),
        ("rcpt-554-5.3.4", Some(554), MessageBad),
        ("rcpt-close", None, Retry),
        ("rcpt-silent", None, Retry),
        ("data-421", Some(421), Retry),
        ("data-451-4.3.0", Some(451), Retry),
        ("data-554-5.5.1", Some(554), MessageBad),
        ("data-close", None, Retry),
        ("data-silent", None, Retry),
        ("message-421", Some(421), Retry),
        ("message-451-4.7.1", Some(451), Retry),
        ("message-452", Some(452), Retry),
        ("message-552-5.2.2", Some(552), RetryLate),
        ("message-552-5.3.4", Some(552), MessageBad),
        ("message-554", Some(554), MessageBad),
        ("message-554-5.6.0", Some(554), MessageBad),
        ("message-550-5.7.1", Some(550), MessageBad),
        ("message-close", None, Ambiguous),
        ("message-silent", None, Ambiguous),
    ];
    let relay = Relay::start();
    let mut settings = Settings::from_input(&said("memory:", &relay)).unwrap();
    // Ten minutes are too long for a test.
    settings.delivery.mail.as_mut().unwrap().takes_within = Duration::from_secs(4);
    let place = Place::start_with(&settings).await;
    for (name, ..) in cases {
        place.contact(name, &format!("{name}@example.com")).await;
        place.alert(name, json!({})).await;
    }
    let (place, relay) = (&place, &relay);
    join_all(cases.map(async |(name, code, fate)| {
        fate.check(&place.until_tried(name, PATIENCE).await, code, name);
        // A message that was refused before its text is not sent.
        let came = relay.mails_to(&format!("{name}@example.com")).len();
        assert_eq!(came, usize::from(name.starts_with("message")), "{name}");
        let state = if fate == ContactDead { "suppressed" } else { "active" };
        until_contact_is(place, name, state).await;
    }))
    .await;
    let lane = place.mail_lane().await;
    assert_eq!((&lane["state"], &lane["in_flight"]), (&json!("open"), &json!(0)), "{lane}");
    // And the relay still accepts mail for others.
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({})).await;
    place.until_mail_is("ann", "sent").await;
}

/// Replies before the first recipient are about this server or about the relay itself.
#[tokio::test(flavor = "multi_thread")]
async fn replies_before_the_first_recipient() {
    use Fate::{Misconfigured, Retry};
    let relay = Relay::start();
    for (script, code, fate) in [
        (json!({"greeting": "421 4.3.2 too busy"}), Some(421), Retry),
        (json!({"greeting": "554 5.7.1 no mail from you"}), Some(554), Misconfigured),
        (json!({"greeting": "close"}), None, Retry),
        (json!({"ehlo": "421 4.3.2 not now"}), Some(421), Retry),
        (json!({"ehlo": "451 4.3.0 not now"}), Some(451), Retry),
        (json!({"ehlo": "550 5.7.1 who are you"}), Some(550), Misconfigured),
        (json!({"ehlo": "close"}), None, Retry),
        (json!({"mail": "421 4.3.2 not now"}), Some(421), Retry),
        (json!({"mail": "451 4.3.0 not now"}), Some(451), Retry),
        (json!({"mail": "452 4.3.1 full"}), Some(452), Retry),
        (json!({"mail": "530 5.7.0 sign in"}), Some(530), Misconfigured),
        (json!({"mail": "535 5.7.8 who are you"}), Some(535), Misconfigured),
        (json!({"mail": "550 5.7.1 not from there"}), Some(550), Misconfigured),
        (json!({"mail": "553 5.1.8 not from there"}), Some(553), Misconfigured),
        (json!({"mail": "close"}), None, Retry),
        (json!({"rcpt": "530 5.7.0 sign in"}), Some(530), Misconfigured),
        (json!({"rcpt": "550 5.7.8 sign in"}), Some(550), Misconfigured),
        (json!({"message": "535 5.7.8 sign in"}), Some(535), Misconfigured),
    ] {
        relay.does(&script).await;
        let place = Place::start(&said("memory:", &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        let case = script.to_string();
        let tried = place.until_tried("ann", LONG).await;
        fate.check(&tried, code, &case);
        let lane = place.mail_lane().await;
        if fate == Misconfigured {
            assert_eq!(
                (&lane["state"], &lane["reason"]),
                (&json!("paused"), &json!("misconfigured")),
                "{case}: {lane}"
            );
            let until = seconds_between(&tried["attempts"][0]["at"], &lane["paused_until"]);
            assert!((299.0..302.0).contains(&until), "{case}: {until}");
        } else {
            assert_eq!(lane["state"], "open", "{case}: {lane}");
        }
        assert_eq!(place.get("/api/contacts/ann").await[0]["state"], "active", "{case}");
        place.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_not_there_or_says_nothing_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("smtp://{}", free.local_addr().unwrap());
    drop(free);
    let relays = [Relay::start(), Relay::start(), Relay::start()];
    for (relay, step) in relays.iter().zip(["greeting", "ehlo", "mail"]) {
        relay.does(&json!({step: "silent"})).await;
    }
    let urls =
        relays.each_ref().map(Relay::url).into_iter().chain([closed, "smtp://nowhere.invalid?tls=off".to_owned()]);
    let relays = &relays;
    join_all(urls.map(async |url| {
        let place = Place::start(&SettingsInput { smtp: Some(url.clone()), ..said("memory:", &relays[0]) }).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        Fate::Retry.check(&place.until_tried("ann", PATIENCE).await, None, &url);
        place.stop().await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_logs_in_at_a_relay_that_asks_for_it() {
    let relay = Relay::start_with(&["--auth", "me:a secret"]);
    let start = async |user: &str| {
        let url = relay.url().replace("smtp://", &format!("smtp://{user}"));
        let place = Place::start(&SettingsInput { smtp: Some(url), ..said("memory:", &relay) }).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        place
    };
    for (user, code) in [("", 530), ("me:wrong@", 535), ("you:a%20secret@", 535)] {
        let place = start(user).await;
        let tried = place.until_tried("ann", LONG).await;
        Fate::Misconfigured.check(&tried, Some(code), user);
        let told = tried.to_string() + &place.get("/api/channels").await.to_string();
        assert!(!told.contains("wrong") && !told.contains("secret"), "{told}");
        place.stop().await;
    }
    let place = start("me:a%20secret@").await;
    place.until_mail_is("ann", "sent").await;
    assert_eq!(relay.mails().len(), 1);
    place.stop().await;
    relay.does(&json!({"auth": "454 4.7.0 ask me later"})).await;
    let place = start("me:a%20secret@").await;
    Fate::Retry.check(&place.until_tried("ann", LONG).await, Some(454), "later");
    place.stop().await;
}

/// While the relay refuses the login, one delivery tries and all others wait; when an operator resumes it, all are
/// sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_does_not_let_us_in_is_left_alone_until_it_is_resumed() {
    each_store(async |store| {
        let relay = Relay::start();
        relay.does(&json!({"mail": "530 5.7.0 sign in"})).await;
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.contact("bob", "bob@example.com").await;
        place.alert("ann", json!({})).await;
        let tried = place.until_tried("ann", LONG).await;
        Fate::Misconfigured.check(&tried, Some(530), "paused");
        let asked = relay.count("mail");
        place.alert("bob", json!({})).await;
        sleep(A_WHILE).await;
        let waiting = &place.mails("bob").await[0];
        assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("ready"), &json!([])), "{waiting}");
        assert_eq!(relay.count("mail"), asked);
        let contact = place.get("/api/contacts/ann").await;
        assert_eq!(contact[0]["state"], "active");
        relay.does(&json!({})).await;
        assert_eq!(place.ask(Method::POST, "/api/channels/email/resume", None).await.status, 204);
        place.until_mail_is("ann", "sent").await;
        place.until_mail_is("bob", "sent").await;
        assert_eq!(place.mail_lane().await["state"], "open");
        assert_eq!(relay.mails().len(), 2);
        place.stop().await;
    })
    .await;
}

/// After correcting the settings, an operator restarts the server, and need not wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_relay_is_retried_at_once_after_a_change_of_settings() {
    for store in [new_file(), postgres::new_database().await] {
        let relay = Relay::start_with(&["--auth", "me:secret"]);
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        Fate::Misconfigured.check(&place.until_tried("ann", LONG).await, Some(530), &store);
        place.stop().await;
        let url = relay.url().replace("smtp://", "smtp://me:secret@");
        let place = Place::start(&SettingsInput { smtp: Some(url), ..said(&store, &relay) }).await;
        let sent = place.until_mail_is("ann", "sent").await;
        assert_eq!(sent["attempts"].as_array().unwrap().len(), 2, "{sent}");
        place.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_gets_nothing_until_it_is_set_anew() {
    each_store(async |store| {
        let relay = Relay::start();
        relay.does(&json!({"rcpt": "550 5.1.1 no such user"})).await;
        let place = Place::start(&said(&store, &relay)).await;
        let contact = place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        let dead = place.until_mail_is("ann", "dead").await;
        Fate::ContactDead.check(&dead, Some(550), &store);
        assert_eq!(dead["attempts"][0]["detail"], "5.1.1 no such user", "{dead}");
        until_contact_is(&place, "ann", "suppressed").await;
        relay.does(&json!({})).await;
        place.alert("ann", json!({})).await;
        let skipped = place.until_mail_is("ann", "skipped").await;
        assert_eq!(skipped["reason"], "contact_suppressed", "{skipped}");
        // A retry by hand is refused too.
        let path = format!("/api/deliveries/{}/retry", dead["id"].as_str().unwrap());
        place.ask(Method::POST, &path, None).await.problem(409, "conflict");
        assert_eq!(relay.mails().len(), 0);
        let again = place.contact("ann", "ann@example.com").await;
        assert_eq!((&again["id"], &again["state"]), (&contact["id"], &json!("active")));
        until_contact_is(&place, "ann", "active").await;
        place.alert("ann", json!({})).await;
        place.until_mail_is("ann", "sent").await;
        assert_eq!(place.post(&path, None).await.json()["replay_of"], dead["id"]);
        relay.until(2).await;
        place.stop().await;
    })
    .await;
}

/// A message that may have arrived is not resent at once, and keeps its `Message-ID`, so that mail programs recognise
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_may_have_arrived_is_sent_again_as_the_same_message() {
    each_store(async |store| {
        let relay = Relay::start();
        relay.does(&json!({"message": "close"})).await;
        let place = Place::start(&said(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({"title": "Same"})).await;
        let tried = place.until_tried("ann", LONG).await;
        Fate::Ambiguous.check(&tried, None, &store);
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        relay.does(&json!({})).await;
        let path = format!("/api/deliveries/{}/retry", tried["id"].as_str().unwrap());
        assert_eq!(place.post(&path, None).await.json()["id"], tried["id"]);
        let sent = place.until_mail_is("ann", "sent").await;
        assert_eq!((&sent["id"], sent["attempts"].as_array().unwrap().len()), (&tried["id"], 2));
        let mails = relay.until(2).await;
        assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
        assert_eq!(mails[0].header("Message-ID"), format!("<{}@example.org>", sent["id"].as_str().unwrap()));
        place.stop().await;
    })
    .await;
}

/// A connection is used again; if the relay has closed it meanwhile, the message is sent over a new one at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_relay_has_closed_meanwhile_is_no_failure() {
    let relay = Relay::start();
    let place = Place::start(&said("memory:", &relay)).await;
    place.contact("ann", "ann@example.com").await;
    for _ in 0..3 {
        let id = place.alert("ann", json!({})).await;
        place.until_of(&id, "sent").await;
    }
    assert_eq!(relay.count("connection"), 1);
    for how in ["close all", "421 4.4.2 idle for too long"] {
        let before = relay.count("connection");
        relay.does(&json!({"idle": how})).await;
        let id = place.alert("ann", json!({})).await;
        let sent = place.until_of(&id, "sent").await;
        assert_eq!(sent["attempts"].as_array().unwrap().len(), 1, "{how}: {sent}");
        assert_eq!(relay.count("connection"), before + 1, "{how}");
    }
    place.stop().await;
}
