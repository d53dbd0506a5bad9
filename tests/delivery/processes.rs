//! Servers that are stopped or killed, or that run together, and the deliveries that still arrive.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    A_WHILE, LONG, Place, batch, new_file,
    receiver::{Hit, Receiver, Reply},
    said,
};
use crate::{client::Client, command::Server, nodes::wire::Wire, postgres};

fn start(store: &str) -> Server {
    Server::start(&["--webhook-allow", "127.0.0.0/8", "--store", store, "--log", "warn"])
}

/// Adds a webhook for a receiver, and returns its secret.
fn hook(server: &Server, receiver: &Receiver) -> String {
    let mut client = Client::connect(&server.address).unwrap();
    let (status, added) = client.post("/api/webhooks", &[], &json!({ "url": receiver.url() })).unwrap();
    assert_eq!(status, 201, "{added}");
    added["secret"].as_str().unwrap().to_owned()
}

fn notify_many(server: &Server, user_id: &str, numbers: std::ops::Range<usize>) {
    let mut client = Client::connect(&server.address).unwrap();
    let (status, answer) = client.post("/api/notifications/batch", &[], &batch(user_id, numbers)).unwrap();
    assert_eq!(status, 201, "{answer}");
}

/// All deliveries in a state.
fn deliveries(server: &Server, state: &str) -> Vec<Value> {
    let mut client = Client::connect(&server.address).unwrap();
    let (_, found) = client.get(&format!("/api/deliveries?limit=1000&state={state}"));
    found.as_array().unwrap().clone()
}

/// Waits until this many deliveries are in a state, and returns them.
async fn until_state(server: &Server, state: &str, count: usize, longest: Duration) -> Vec<Value> {
    let until = Instant::now() + longest;
    loop {
        let found = deliveries(server, state);
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < until, "{} of {count} are {state}", found.len());
        sleep(Duration::from_millis(20)).await;
    }
}

/// How often each notification arrived, by its content.
fn by_content(hits: &[Hit]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    hits.iter().for_each(|hit| *counts.entry(hit.content()).or_default() += 1);
    counts
}

/// A server that is stopped at any moment leaves no delivery that others would have to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_returns_claimed_deliveries_and_the_next_start_sends_them_at_once() {
    let store = new_file();
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&is_slow);
    let receiver = Receiver::start(move |_, _| {
        let after = if slow.load(Ordering::Relaxed) { Duration::from_millis(700) } else { Duration::ZERO };
        Reply::status(200).after(after)
    })
    .await;
    let mut server = start(&store);
    let secret = hook(&server, &receiver);
    // The endpoint is fast at first, so that many deliveries are claimed ahead.
    notify_many(&server, "ann", 0..400);
    receiver.until(200).await;
    is_slow.store(true, Ordering::Relaxed);
    notify_many(&server, "ann", 400..800);
    sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    let (stopped, log) = server.stop("-TERM");
    assert!(stopped && began.elapsed() < Duration::from_secs(5), "{:?} {log}", began.elapsed());
    let stopped_at = receiver.count();
    assert!(stopped_at < 700, "{stopped_at} came before the stop: there was nothing to give back");
    is_slow.store(false, Ordering::Relaxed);
    server = start(&store);
    assert!(deliveries(&server, "leased").len() <= 256);
    receiver.until_within(800, LONG).await;
    // And again in the middle of fast work, at a different moment each time.
    let mut sent = 800;
    for round in 0..4 {
        for part in 0..2 {
            notify_many(&server, "ann", sent + part * 500..sent + part * 500 + 500);
        }
        sent += 1_000;
        receiver.until(sent - 1_000 + 50 + 200 * round).await;
        let (stopped, log) = server.stop("-TERM");
        assert!(stopped, "{log}");
        server = start(&store);
        receiver.until_within(sent, LONG).await;
    }
    sleep(A_WHILE).await;
    let hits = receiver.hits();
    assert!(hits.iter().all(|hit| hit.is_signed_with(&secret)));
    let counts = by_content(&hits);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(counts.len() == sent && twice.is_empty(), "{} of {sent}, twice: {twice:?}", counts.len());
    assert_eq!(deliveries(&server, "leased").len() + deliveries(&server, "ready").len(), 0);
    assert!(server.stop("-TERM").0);
}

/// The connection to the store is slow, so that a stop falls between any two steps: planning, claiming, sending,
/// recording.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_at_any_moment_leaves_nothing_claimed() {
    let stopped_after = |moment: Duration| async move {
        let store = postgres::new_database().await;
        let wire = Wire::of_length(&store, Duration::from_millis(25)).await;
        let receiver = Receiver::good().await;
        let place = Place::start(&said(&wire.url())).await;
        place.hook(&receiver, json!({})).await;
        place.notify("ann", "x").await;
        sleep(moment).await;
        place.stop().await;
        let leased = "SELECT count(*) FROM deliveries WHERE state = 'leased'";
        let leased: i64 = postgres::connect(&store).await.query_one(leased, &[]).await.unwrap().get(0);
        assert_eq!(leased, 0, "stopped after {moment:?}");
        let place = Place::start(&said(&store)).await;
        receiver.until_within(1, Duration::from_secs(5)).await;
        sleep(A_WHILE).await;
        assert_eq!(receiver.count(), 1, "stopped after {moment:?}");
        place.stop().await;
    };
    let moments = (0..16).map(|number| stopped_after(Duration::from_millis(25 * number)));
    join_all(moments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_on_one_postgresql_every_notification_arrives_once() {
    let store = postgres::new_database().await;
    let servers = [start(&store), start(&store)];
    // Each delivery takes a moment, so that both servers claim some.
    let receiver = Receiver::start(|_, _| Reply::status(200).after(Duration::from_millis(2))).await;
    let secret = hook(&servers[0], &receiver);
    // The other server uses the webhook at once.
    let mut workers = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        let address = server.address.clone();
        workers.push(std::thread::spawn(move || {
            let mut client = Client::connect(&address).unwrap();
            for part in 0..20 {
                let from = number * 1_000 + part * 50;
                let user_id = format!("user {}", part % 4);
                let body = batch(&user_id, from..from + 50);
                let (status, answer) = client.post("/api/notifications/batch", &[], &body).unwrap();
                assert_eq!(status, 201, "{answer}");
            }
        }));
    }
    receiver.until_within(2_000, Duration::from_secs(20)).await;
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    sleep(A_WHILE).await;
    let hits = receiver.hits();
    let ids: HashSet<_> = hits.iter().map(Hit::id).collect();
    let peers: HashSet<_> = by_content(&hits).into_keys().collect();
    assert_eq!((hits.len(), ids.len(), peers.len()), (2_000, 2_000, 2_000));
    assert!(hits.iter().all(|hit| hit.is_signed_with(&secret)));
    for server in servers {
        assert_eq!(deliveries(&server, "leased").len() + deliveries(&server, "ready").len(), 0);
        assert!(server.stop("-TERM").0);
    }
}

/// Deliveries that were claimed and not sent, sent and not answered, and answered and not recorded.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it waits for a lease to end: about 65 seconds"]
async fn claims_of_a_killed_server_are_sent_again_within_twice_the_lease_with_the_same_id() {
    let (file, database) = (new_file(), postgres::new_database().await);
    let one = |store: String| async move {
        let is_killed = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_killed);
        let receiver = Receiver::start(move |before, _| match before {
            0..300 => Reply::status(200),
            // These are answered after the server was killed.
            _ if !over.load(Ordering::Relaxed) => Reply::status(200).after(Duration::from_secs(3)),
            _ => Reply::status(200),
        })
        .await;
        let server = start(&store);
        let secret = hook(&server, &receiver);
        notify_many(&server, "ann", 0..300);
        receiver.until(300).await;
        until_state(&server, "sent", 300, LONG).await;
        notify_many(&server, "bob", 300..400);
        receiver.until(304).await;
        sleep(Duration::from_millis(300)).await;
        let claimed = deliveries(&server, "leased");
        assert!(claimed.len() > 4, "{} were claimed", claimed.len());
        let on_their_way: HashSet<String> = receiver.hits()[300..].iter().map(|hit| hit.id().to_owned()).collect();
        assert_eq!(on_their_way.len(), 4);
        server.stop("-KILL");
        let killed = Instant::now();
        is_killed.store(true, Ordering::Relaxed);
        let server = start(&store);
        receiver.until_within(300 + 4 + 100, Duration::from_secs(120)).await;
        println!("{store}: {} claimed, all sent {:?} after the kill", claimed.len(), killed.elapsed());
        sleep(A_WHILE).await;
        let hits = receiver.hits();
        assert_eq!(hits.len(), 404);
        assert!(hits.iter().all(|hit| hit.is_signed_with(&secret)));
        let again: HashSet<String> = hits[304..].iter().map(|hit| hit.id().to_owned()).collect();
        assert!(again.len() == 100 && on_their_way.is_subset(&again));
        let sent = until_state(&server, "sent", 400, LONG).await;
        for delivery in sent {
            let id = delivery["id"].as_str().unwrap();
            let results: Vec<_> =
                delivery["attempts"].as_array().unwrap().iter().map(|attempt| attempt["result"].clone()).collect();
            let was_claimed = claimed.iter().any(|claimed| claimed["id"] == id);
            let expected = if was_claimed { vec!["ambiguous", "sent"] } else { vec!["sent"] };
            assert_eq!(results, expected, "{delivery}");
        }
        assert!(server.stop("-TERM").0);
    };
    tokio::join!(one(file), one(database));
}

/// A server that was suspended past its lease does not send deliveries that another has sent meanwhile.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it waits for a lease to end: about 70 seconds"]
async fn a_server_that_stood_still_past_its_lease_sends_nothing_of_it() {
    let store = postgres::new_database().await;
    let stands_still = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&stands_still);
    let receiver = Receiver::start(move |_, _| {
        let is_slow = slow.load(Ordering::Relaxed);
        Reply::status(200).after(if is_slow { Duration::from_secs(2) } else { Duration::ZERO })
    })
    .await;
    let first = start(&store);
    hook(&first, &receiver);
    notify_many(&first, "ann", 0..300);
    receiver.until(300).await;
    until_state(&first, "sent", 300, LONG).await;
    stands_still.store(true, Ordering::Relaxed);
    notify_many(&first, "bob", 300..400);
    receiver.until(304).await;
    let claimed = deliveries(&first, "leased").len();
    first.send("-STOP");
    let stopped = Instant::now();
    stands_still.store(false, Ordering::Relaxed);
    let second = start(&store);
    receiver.until_within(404, Duration::from_secs(120)).await;
    println!("{claimed} were claimed; the other server has sent all {:?} after the stop", stopped.elapsed());
    let before = receiver.count();
    first.send("-CONT");
    sleep(Duration::from_secs(4)).await;
    assert_eq!(receiver.count(), before, "it went on with what it had claimed");
    assert_eq!(by_content(&receiver.hits()).len(), 400);
    until_state(&second, "sent", 400, LONG).await;
    assert!(first.stop("-TERM").0 && second.stop("-TERM").0);
}
