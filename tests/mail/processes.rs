//! Servers that are stopped or killed, or that run together, and the mail that is still sent.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::relay::Relay;
use crate::{
    client::Client,
    command::Server,
    delivery::{A_WHILE, LONG, new_file},
    postgres,
};

fn start(store: &str, relay: &Relay) -> Server {
    Server::start(&["--smtp", &relay.url(), "--mail-from", "notify@example.org", "--store", store, "--log", "warn"])
}

/// Sends a POST that must succeed.
fn post(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = Client::connect(&server.address).unwrap().post(path, &[], body).unwrap();
    assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
    answer
}

fn contact(server: &Server, user_id: &str, address: &str) {
    post(server, &format!("/api/contacts/{user_id}"), &json!({"channel": "email", "address": address}));
}

fn alert(server: &Server, user_id: &str) {
    let body = json!({"user_id": user_id, "content": "x", "category": "alert"});
    post(server, "/api/notifications/create", &body);
}

fn deliveries(server: &Server, query: &str) -> Vec<Value> {
    let (_, found) = Client::connect(&server.address).unwrap().get(&format!("/api/deliveries?limit=1000{query}"));
    found.as_array().unwrap().clone()
}

/// Waits until this many deliveries are sent, and returns them.
async fn until_sent(server: &Server, count: usize, longest: Duration) -> Vec<Value> {
    let until = Instant::now() + longest;
    loop {
        let found = deliveries(server, "&state=sent");
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < until, "{} of {count} are sent: {:?}", found.len(), deliveries(server, ""));
        sleep(Duration::from_millis(20)).await;
    }
}

/// How often each message arrived, by its `Message-ID`.
fn by_name(relay: &Relay) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    relay.mails().iter().for_each(|mail| *counts.entry(mail.header("Message-ID").to_owned()).or_default() += 1);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_waits_for_the_reply_to_a_sent_message() {
    for store in [new_file(), postgres::new_database().await] {
        let relay = Relay::start();
        let server = start(&store, &relay);
        contact(&server, "ann", "message-late@example.com");
        alert(&server, "ann");
        relay.until(1).await;
        assert_eq!(relay.count("accepted"), 0);
        let (stopped, log) = server.stop("-TERM");
        assert!(stopped, "{log}");
        assert_eq!(relay.count("accepted"), 1);
        let server = start(&store, &relay);
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        let sent = until_sent(&server, 1, LONG).await;
        assert_eq!(sent[0]["attempts"].as_array().unwrap().len(), 1, "{sent:?}");
        assert!(server.stop("-TERM").0);
    }
}

/// The relay has the message, but its confirmation was lost.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it waits for a lease to end: about 65 seconds"]
async fn mails_of_a_killed_server_are_sent_again_as_the_same_message() {
    let one = |store: String| async move {
        let relay = Relay::start();
        let server = start(&store, &relay);
        for (user_id, address) in [("ann", "message-late@example.com"), ("bob", "bob@example.com")] {
            contact(&server, user_id, address);
        }
        alert(&server, "bob");
        until_sent(&server, 1, LONG).await;
        alert(&server, "ann");
        relay.until(2).await;
        server.stop("-KILL");
        let killed = Instant::now();
        let server = start(&store, &relay);
        alert(&server, "bob");
        until_sent(&server, 2, LONG).await;
        let sent = until_sent(&server, 3, Duration::from_secs(130)).await;
        println!("{store}: all sent {:?} after the kill", killed.elapsed());
        let of_ann = sent.iter().find(|delivery| delivery["user_id"] == "ann").unwrap();
        let results: Vec<_> = of_ann["attempts"].as_array().unwrap().iter().map(|one| &one["result"]).collect();
        assert_eq!(results, ["ambiguous", "sent"], "{of_ann}");
        let mails = relay.mails_to("message-late@example.com");
        assert_eq!(mails.len(), 2);
        let name = format!("<{}@example.org>", of_ann["id"].as_str().unwrap());
        assert!(mails.iter().all(|mail| mail.header("Message-ID") == name));
        assert_eq!(relay.mails_to("bob@example.com").len(), 2);
        assert!(server.stop("-TERM").0);
    };
    tokio::join!(one(new_file()), one(postgres::new_database().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_on_one_postgresql_every_mail_goes_out_once() {
    let store = postgres::new_database().await;
    let relay = Relay::start();
    let servers = [start(&store, &relay), start(&store, &relay)];
    let users: Vec<_> = (0..20).map(|number| format!("user-{number}")).collect();
    for user_id in &users {
        contact(&servers[0], user_id, &format!("{user_id}@example.com"));
    }
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| {
                for _ in 0..5 {
                    let body = json!({"user_ids": users, "content": "x", "category": "alert"});
                    post(server, "/api/notifications/batch", &body);
                }
            });
        }
    });
    until_sent(&servers[0], 200, Duration::from_secs(20)).await;
    sleep(A_WHILE).await;
    let counts = by_name(&relay);
    assert_eq!((relay.mails().len(), counts.len()), (200, 200));
    for user_id in &users {
        assert_eq!(relay.mails_to(&format!("{user_id}@example.com")).len(), 10, "{user_id}");
    }
    for server in servers {
        assert!(deliveries(&server, "").iter().all(|delivery| delivery["state"] == "sent"));
        assert!(server.stop("-TERM").0);
    }
}

/// Mails that are due at the same time are claimed by one of the servers, in one message.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_on_one_postgresql_a_digest_goes_out_once() {
    let store = postgres::new_database().await;
    let relay = Relay::start();
    let servers = [start(&store, &relay), start(&store, &relay)];
    let users: Vec<_> = (0..10).map(|number| format!("user-{number}")).collect();
    for user_id in &users {
        contact(&servers[0], user_id, &format!("{user_id}@example.com"));
        let wish = json!({"channels": {"email": {"if_unread_after": 2}}});
        let path = format!("/api/preferences/{user_id}");
        assert_eq!(Client::connect(&servers[0].address).unwrap().ask("PATCH", &path, &[], Some(&wish)).unwrap().0, 200);
    }
    for _ in 0..5 {
        post(&servers[1], "/api/notifications/batch", &json!({"user_ids": users, "content": "x"}));
    }
    relay.until(users.len()).await;
    sleep(2 * A_WHILE).await;
    for user_id in &users {
        let mails = relay.mails_to(&format!("{user_id}@example.com"));
        let subjects: Vec<_> = mails.iter().map(|mail| mail.header("Subject")).collect();
        // Notifications created at different times may be due at different times: none is sent twice.
        let told = subjects.iter().map(|subject| subject.split(' ').next().unwrap().parse().unwrap_or(1));
        assert_eq!(told.sum::<usize>(), 5, "{user_id}: {subjects:?}");
        assert!(mails.len() <= 3, "{user_id}: {subjects:?}");
    }
    for server in servers {
        assert!(server.stop("-TERM").0);
    }
}
