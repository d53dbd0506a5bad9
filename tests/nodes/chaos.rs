//! Three servers while NATS, PostgreSQL and the servers themselves fail: a client that follows receives every change
//! once and in order, and none that was made a second after its key was revoked or it signed out.
//!
//! `CAMPANILE_CHAOS_SECONDS` sets the duration of the failures (12).

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{NODES, Node, leases::hold_leases, make_key};
use crate::{
    client::Client,
    live::{
        checker::Inbox,
        transport::{Headers, Heard, Sse, Stream, Transport, websocket_with},
    },
    nats::Nats,
    postgres,
};

pub(super) const INBOXES: usize = 6;
const LISTENERS: usize = 12;
const WRITERS: usize = 4;
const OPERATORS: usize = 4;
const LEASES: usize = 4;

/// A repeatable random number generator: splitmix64.
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

pub(super) fn user(number: usize) -> String {
    format!("user-{number}")
}

/// The headers of a caller with this key.
pub(super) fn bearer(key: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {key}"))]
}

/// Headers in the form that clients take.
pub(super) fn borrowed<'a, const N: usize>(headers: &'a [(&'static str, String); N]) -> [(&'a str, &'a str); N] {
    headers.each_ref().map(|(name, value)| (*name, &**value))
}

/// Creates, marks and deletes at random, on any node, until `over`. Requests that are refused or fail are repeated
/// elsewhere.
fn write(nodes: &[SocketAddr], key: &str, mut dice: Dice, over: &AtomicBool, done: &AtomicU64) {
    let shown = bearer(key);
    let headers = borrowed(&shown);
    let mut client = None;
    let mut mine: Vec<String> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if client.is_none() {
            client = Client::connect(&nodes[dice.below(nodes.len())].to_string()).ok();
        }
        let Some(connected) = &mut client else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let user_id = user(dice.below(INBOXES));
        let answer = match dice.below(20) {
            0 => connected.ask("POST", &format!("/api/notifications/mark-all-read/{user_id}"), &headers, None),
            1..=5 if !mine.is_empty() => {
                let id = &mine[dice.below(mine.len())];
                let body = json!({"is_read": dice.below(3) > 0});
                connected.ask("PATCH", &format!("/api/notifications/{id}"), &headers, Some(&body))
            }
            6 if !mine.is_empty() => {
                let id = mine.swap_remove(dice.below(mine.len()));
                connected.ask("DELETE", &format!("/api/notifications/{id}"), &headers, None)
            }
            _ => {
                let body = json!({"user_id": user_id, "content": "x"});
                let answer = connected.ask("POST", "/api/notifications/create", &headers, Some(&body));
                if let Ok((201, created)) = &answer {
                    mine.push(created["id"].as_str().unwrap().to_owned());
                }
                answer
            }
        };
        match answer {
            Ok((status, _)) if status < 500 => _ = done.fetch_add(1, Ordering::Relaxed),
            // Not done, or unknown; if it happened after all, the listeners receive it.
            Ok((503 | 504, _)) => {}
            Ok((status, problem)) => panic!("{status}: {problem}"),
            Err(_) => client = None,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Follows an inbox from node to node until, after `over`, it has the state of the store.
async fn listen(
    nodes: Vec<SocketAddr>,
    key: String,
    user_id: String,
    mut dice: Dice,
    over: Arc<AtomicBool>,
    until: Arc<AtomicU64>,
) -> (Inbox, usize) {
    let shown = bearer(&key);
    let headers = borrowed(&shown);
    let mut inbox: Option<Inbox> = None;
    let mut cuts = 0;
    loop {
        let node = nodes[dice.below(nodes.len())];
        let transport = [Transport::WebSocket, Transport::Sse, Transport::Polling][dice.below(3)];
        let stay = Duration::from_millis(200 + dice.below(3_000) as u64);
        let mut known = match inbox.take() {
            Some(known) => known,
            None => match Inbox::try_list(node, &user_id, &headers).await {
                Some(listed) => listed,
                None => {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Some(mut stream) = transport.try_open(node, &user_id, Some(known.modseq), &headers).await {
            let leave = Instant::now() + stay;
            loop {
                if over.load(Ordering::Relaxed) && known.modseq == until.load(Ordering::Relaxed) {
                    return (known, cuts);
                }
                if Instant::now() > leave && !over.load(Ordering::Relaxed) {
                    break;
                }
                match timeout(Duration::from_millis(100), stream.heard()).await {
                    Err(_) => {}
                    Ok(Heard::Closed(_)) => break,
                    Ok(Heard::Event(event)) => {
                        if event["type"] == "reset" {
                            // List again, on the next round.
                            known.modseq = 0;
                            break;
                        }
                        // Events that were made while the client was disconnected, or during a failure, have the
                        // current unread count. The greeting marks the present, where the count must be right.
                        known.take(&event, true);
                    }
                }
            }
            drop(stream);
            cuts += 1;
        }
        inbox = (known.modseq > 0).then_some(known);
        if inbox.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Follows all inboxes from node to node, and lists again when it is told to, until, after `over`, it has the state of
/// the store.
async fn listen_to_all(
    nodes: Vec<SocketAddr>,
    key: String,
    mut dice: Dice,
    over: Arc<AtomicBool>,
    ends: Vec<Arc<AtomicU64>>,
) -> (Vec<Inbox>, usize) {
    let shown = bearer(&key);
    let headers = borrowed(&shown);
    let mut resets = 0;
    loop {
        let node = nodes[dice.below(nodes.len())];
        let path = ["/ws", "/api/notifications/stream"][dice.below(2)];
        let Some(mut stream) = open(node, path, &headers).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let leave = Instant::now() + Duration::from_millis(1_000 + dice.below(9_000) as u64);
        let mut known: Vec<Inbox> = Vec::new();
        loop {
            let is_at_end = |(inbox, end): (&Inbox, &Arc<AtomicU64>)| inbox.modseq == end.load(Ordering::Relaxed);
            if over.load(Ordering::Relaxed) && !known.is_empty() && known.iter().zip(&ends).all(is_at_end) {
                return (known, resets);
            }
            if Instant::now() > leave && !over.load(Ordering::Relaxed) {
                break;
            }
            match timeout(Duration::from_millis(100), stream.heard()).await {
                Err(_) => {}
                Ok(Heard::Closed(_)) => break,
                Ok(Heard::Event(event)) if event["type"] == "hello" || event["type"] == "reset" => {
                    resets += usize::from(event["type"] == "reset");
                    let Some(listed) = list_all(node, &headers).await else { break };
                    known = listed;
                }
                Ok(Heard::Event(event)) => {
                    let number = event["user_id"].as_str().unwrap().trim_start_matches("user-");
                    let inbox = &mut known[number.parse::<usize>().unwrap()];
                    // Streams do not know which events this client has listed, so some are repeated.
                    if event["modseq"].as_u64().unwrap() > inbox.modseq {
                        inbox.take_of_all(&event, true);
                    }
                }
            }
        }
    }
}

/// Opens a stream, unless the server is unavailable or refuses.
pub(super) async fn open(node: SocketAddr, path: &str, headers: Headers<'_>) -> Option<Stream> {
    if path.starts_with("/ws") {
        return websocket_with(node, path, headers).await.ok().map(|socket| Stream::WebSocket(Box::new(socket)));
    }
    Sse::try_open(node, path, headers).await.map(Stream::Sse)
}

async fn list_all(node: SocketAddr, headers: Headers<'_>) -> Option<Vec<Inbox>> {
    let mut all = Vec::new();
    for number in 0..INBOXES {
        all.push(Inbox::try_list(node, &user(number), headers).await?);
    }
    Some(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_listener_misses_or_repeats_a_change_whatever_breaks() {
    let seconds: u64 = std::env::var("CAMPANILE_CHAOS_SECONDS").map_or(12, |seconds| seconds.parse().unwrap());
    let mut database = postgres::Server::start(&[]);
    let mut nats = Nats::start();
    let (store, bus) = (database.url("postgres"), nats.url());
    let settings = ["--auth", "on", "--limit-key", "off", "--limit-login", "off", "--limit-address", "off"];
    let mut nodes: Vec<Node> = (0..NODES).map(|_| Node::start_with(&store, &bus, &settings)).collect();
    let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
    let key = make_key(&store, "send,read,mark");
    let (shown, credentials) = (bearer(&key), Arc::new(postgres::open(&store, 1000).await));
    for number in 0..INBOXES {
        Client::connect(&addresses[0].to_string())
            .unwrap()
            .post("/api/notifications/create", &borrowed(&shown), &json!({"user_id": user(number), "content": "first"}))
            .unwrap();
    }

    let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers_over = Arc::new(AtomicBool::new(false));
    let ends: Vec<Arc<AtomicU64>> = (0..INBOXES).map(|_| Arc::new(AtomicU64::new(u64::MAX))).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (addresses, over, written) = (addresses.clone(), Arc::clone(&writers_over), Arc::clone(&written));
            let key = key.clone();
            std::thread::spawn(move || write(&addresses, &key, Dice(number as u64), &over, &written))
        })
        .collect();
    let listeners: Vec<_> = (0..LISTENERS)
        .map(|number| {
            let inbox = number % INBOXES;
            let (over, until) = (Arc::clone(&over), Arc::clone(&ends[inbox]));
            let dice = Dice(1000 + number as u64);
            tokio::spawn(listen(addresses.clone(), key.clone(), user(inbox), dice, over, until))
        })
        .collect();

    let operators: Vec<_> = (0..OPERATORS)
        .map(|number| {
            let dice = Dice(2000 + number as u64);
            tokio::spawn(listen_to_all(addresses.clone(), key.clone(), dice, Arc::clone(&over), ends.clone()))
        })
        .collect();

    let leases: Vec<_> = (0..LEASES)
        .map(|number| {
            let (dice, over) = (Dice(3000 + number as u64), Arc::clone(&writers_over));
            tokio::spawn(hold_leases(addresses.clone(), Arc::clone(&credentials), dice, over))
        })
        .collect();

    let mut dice = Dice(23);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut broken = [0; 3];
    while Instant::now() < end {
        sleep(Duration::from_millis(300 + dice.below(900) as u64)).await;
        let pause = Duration::from_millis(100 + dice.below(1_500) as u64);
        let what = dice.below(5);
        match what {
            0 | 1 => {
                nats.stop();
                sleep(pause).await;
                nats.start_again();
                broken[0] += 1;
            }
            2 | 3 => {
                let node = dice.below(NODES);
                nodes[node].kill();
                sleep(pause).await;
                nodes[node].start_again();
                broken[1] += 1;
            }
            _ => {
                database.stop();
                sleep(pause).await;
                database.start_again();
                broken[2] += 1;
            }
        }
    }

    writers_over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    let mut ended = 0;
    for lease in leases {
        ended += timeout(Duration::from_secs(60), lease).await.expect("a lease is over").unwrap();
    }
    let mut stored = Vec::new();
    for (number, until) in ends.iter().enumerate() {
        let listed = loop {
            if let Some(listed) = Inbox::try_list(addresses[0], &user(number), &borrowed(&shown)).await {
                break listed;
            }
            sleep(Duration::from_millis(50)).await;
        };
        until.store(listed.modseq, Ordering::Relaxed);
        stored.push(listed);
    }
    over.store(true, Ordering::Relaxed);
    let mut cuts = 0;
    for (number, listener) in listeners.into_iter().enumerate() {
        let ended = timeout(Duration::from_secs(30), listener).await;
        let (heard, times) = ended.unwrap_or_else(|_| panic!("listener {number} never got to the present")).unwrap();
        cuts += times;
        assert_eq!(heard.read, stored[number % INBOXES].read, "listener {number}");
        assert_eq!(heard.unread_count, stored[number % INBOXES].unread());
    }
    let mut resets = 0;
    for (number, operator) in operators.into_iter().enumerate() {
        let ended = timeout(Duration::from_secs(40), operator).await;
        let (heard, times) = ended.unwrap_or_else(|_| panic!("operator {number} never got to the present")).unwrap();
        resets += times;
        for (heard, stored) in heard.iter().zip(&stored) {
            assert_eq!(heard.read, stored.read, "operator {number}");
        }
    }
    let written = written.load(Ordering::Relaxed);
    println!(
        "{written} writes, {resets} resets, {ended} leases ended; NATS, nodes, PostgreSQL broken {broken:?} times; \
         {cuts} cuts"
    );
    assert!(written > 100 && cuts > LISTENERS && ended > LEASES);
}
