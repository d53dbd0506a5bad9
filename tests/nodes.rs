//! Three servers on one PostgreSQL and one NATS: whoever follows an inbox on any of them hears of
//! every change once and in order, whatever breaks.
//!
//! `CAMPANILE_CHAOS_SECONDS` says for how long things are broken (12).

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    client::Client,
    command,
    live::{
        checker::Inbox,
        transport::{Heard, Sse, Stream, Transport, websocket},
    },
    nats::Nats,
    postgres,
};

const NODES: usize = 3;
const INBOXES: usize = 6;
const LISTENERS: usize = 12;
const WRITERS: usize = 4;
const OPERATORS: usize = 4;

/// One of the servers, on a port that it keeps.
struct Node {
    address: SocketAddr,
    arguments: Vec<String>,
    server: Option<command::Server>,
}

impl Node {
    fn start(store: &str, bus: &str) -> Self {
        Self::start_with(store, bus, &[])
    }

    fn start_with(store: &str, bus: &str, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = port.to_string();
        let arguments = [&["--store", store, "--bus", bus, "--listen", &listen, "--log", "error"], more].concat();
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let mut node = Self { address: port, arguments, server: None };
        node.start_again();
        node
    }

    fn start_again(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.server = Some(command::Server::start(&arguments));
    }

    /// Kills it, as `kill -9` does.
    fn kill(&mut self) {
        self.server.take();
    }
}

/// A generator of numbers that can be repeated: splitmix64.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

/// Creates, marks and deletes at random, on any node, until it is over. What is refused or breaks is
/// done elsewhere.
fn write(nodes: &[SocketAddr], mut dice: Dice, over: &AtomicBool, done: &AtomicU64) {
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
            0 => connected.ask("POST", &format!("/api/notifications/mark-all-read/{user_id}"), &[], None),
            1..=5 if !mine.is_empty() => {
                let id = &mine[dice.below(mine.len())];
                let body = json!({"is_read": dice.below(3) > 0});
                connected.ask("PATCH", &format!("/api/notifications/{id}"), &[], Some(&body))
            }
            6 if !mine.is_empty() => {
                let id = mine.swap_remove(dice.below(mine.len()));
                connected.ask("DELETE", &format!("/api/notifications/{id}"), &[], None)
            }
            _ => {
                let body = json!({"user_id": user_id, "content": "x"});
                let answer = connected.ask("POST", "/api/notifications/create", &[], Some(&body));
                if let Ok((201, created)) = &answer {
                    mine.push(created["id"].as_str().unwrap().to_owned());
                }
                answer
            }
        };
        match answer {
            Ok((status, _)) if status < 500 => _ = done.fetch_add(1, Ordering::Relaxed),
            // Not done, or not known; what happened after all, the listeners are told.
            Ok((503 | 504, _)) => {}
            Ok((status, problem)) => panic!("{status}: {problem}"),
            Err(_) => client = None,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Follows an inbox from node to node until it has what the store has after it is over.
async fn listen(
    nodes: Vec<SocketAddr>,
    user_id: String,
    mut dice: Dice,
    over: Arc<AtomicBool>,
    until: Arc<AtomicU64>,
) -> (Inbox, usize) {
    let mut inbox: Option<Inbox> = None;
    let mut cuts = 0;
    loop {
        let node = nodes[dice.below(nodes.len())];
        let transport = [Transport::WebSocket, Transport::Sse, Transport::Polling][dice.below(3)];
        let stay = Duration::from_millis(200 + dice.below(3_000) as u64);
        let mut known = match inbox.take() {
            Some(known) => known,
            None => match Inbox::try_list(node, &user_id).await {
                Some(listed) => listed,
                None => {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Some(mut stream) = transport.try_open(node, &user_id, Some(known.modseq)).await {
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
                        // What came while it was away, or while something was broken, carries the count of the present.
                        // At the present, which the greeting is, it has to be right.
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

/// Follows all inboxes from node to node, and lists again when it is told to, until it has what the store has
/// after it is over.
async fn listen_to_all(
    nodes: Vec<SocketAddr>,
    mut dice: Dice,
    over: Arc<AtomicBool>,
    ends: Vec<Arc<AtomicU64>>,
) -> (Vec<Inbox>, usize) {
    let mut resets = 0;
    loop {
        let node = nodes[dice.below(nodes.len())];
        let path = ["/ws", "/api/notifications/stream"][dice.below(2)];
        let opened = match path {
            "/ws" => websocket(node, path).await.ok().map(|socket| Stream::WebSocket(Box::new(socket))),
            _ => Sse::try_open(node, path, &[]).await.map(Stream::Sse),
        };
        let Some(mut stream) = opened else {
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
                    let Some(listed) = list_all(node).await else { break };
                    known = listed;
                }
                Ok(Heard::Event(event)) => {
                    let number = event["user_id"].as_str().unwrap().trim_start_matches("user-");
                    let inbox = &mut known[number.parse::<usize>().unwrap()];
                    // What was listed is told again, by those who do not know that it was.
                    if event["modseq"].as_u64().unwrap() > inbox.modseq {
                        inbox.take_of_all(&event, true);
                    }
                }
            }
        }
    }
}

async fn list_all(node: SocketAddr) -> Option<Vec<Inbox>> {
    let mut all = Vec::new();
    for number in 0..INBOXES {
        all.push(Inbox::try_list(node, &user(number)).await?);
    }
    Some(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_misses_or_repeats_a_change_whatever_breaks() {
    let seconds: u64 = std::env::var("CAMPANILE_CHAOS_SECONDS").map_or(12, |seconds| seconds.parse().unwrap());
    let mut database = postgres::Server::start(&[]);
    let mut nats = Nats::start();
    let (store, bus) = (database.url("postgres"), nats.url());
    let mut nodes: Vec<Node> = (0..NODES).map(|_| Node::start(&store, &bus)).collect();
    let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
    for number in 0..INBOXES {
        Client::connect(&addresses[0].to_string())
            .unwrap()
            .post("/api/notifications/create", &[], &json!({"user_id": user(number), "content": "first"}))
            .unwrap();
    }

    let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers_over = Arc::new(AtomicBool::new(false));
    let ends: Vec<Arc<AtomicU64>> = (0..INBOXES).map(|_| Arc::new(AtomicU64::new(u64::MAX))).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (addresses, over, written) = (addresses.clone(), Arc::clone(&writers_over), Arc::clone(&written));
            std::thread::spawn(move || write(&addresses, Dice(number as u64), &over, &written))
        })
        .collect();
    let listeners: Vec<_> = (0..LISTENERS)
        .map(|number| {
            let inbox = number % INBOXES;
            let (over, until) = (Arc::clone(&over), Arc::clone(&ends[inbox]));
            tokio::spawn(listen(addresses.clone(), user(inbox), Dice(1000 + number as u64), over, until))
        })
        .collect();

    let operators: Vec<_> = (0..OPERATORS)
        .map(|number| {
            let dice = Dice(2000 + number as u64);
            tokio::spawn(listen_to_all(addresses.clone(), dice, Arc::clone(&over), ends.clone()))
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
    let mut stored = Vec::new();
    for (number, until) in ends.iter().enumerate() {
        let listed = loop {
            if let Some(listed) = Inbox::try_list(addresses[0], &user(number)).await {
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
    println!("{written} writes, {resets} resets; NATS, nodes, PostgreSQL broken {broken:?} times; {cuts} cuts");
    assert!(written > 100 && cuts > LISTENERS);
}

/// What happens on one node is heard on another at once, also by whoever follows all inboxes.
#[tokio::test]
async fn a_change_on_one_node_is_heard_on_another_at_once() {
    let nats = Nats::start();
    let store = postgres::new_database().await;
    let nodes = [Node::start(&store, &nats.url()), Node::start(&store, &nats.url())];
    for node in &nodes {
        until_ready_says(node, "ok").await;
    }
    let mut one = Transport::WebSocket.try_open(nodes[1].address, "a b", None).await.unwrap();
    let socket = crate::live::transport::websocket(nodes[1].address, "/ws").await.unwrap();
    let mut all = Stream::WebSocket(Box::new(socket));
    one.expect("hello").await;
    all.expect("hello").await;
    // The subscription is on its way.
    sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    let mut client = Client::connect(&nodes[0].address.to_string()).unwrap();
    let mut modseqs: Vec<Value> = Vec::new();
    for _ in 0..50 {
        client.post("/api/notifications/create", &[], &json!({"user_id": "a b", "content": "x"})).unwrap();
        modseqs.push(one.expect("created").await["modseq"].clone());
        let event = all.expect("created").await;
        assert_eq!((event["user_id"].as_str(), &event["modseq"]), (Some("a b"), modseqs.last().unwrap()));
    }
    assert_eq!(modseqs, (1..=50).map(Value::from).collect::<Vec<_>>());
    // Comparing with the store takes seconds for each.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// A key that is revoked on one node hears nothing on any that is made a second later.
#[tokio::test]
async fn a_lease_ends_on_every_node() {
    let nats = Nats::start();
    let store = postgres::new_database().await;
    let key = |scopes: &str| {
        let made = command::campanile(&["key", "create", scopes, "--scopes", scopes, "--store", &store]).output();
        String::from_utf8(made.unwrap().stdout).unwrap().trim().to_owned()
    };
    let (reader, sender) = (key("read"), key("send"));
    let nodes: Vec<Node> = (0..NODES).map(|_| Node::start_with(&store, &nats.url(), &["--auth", "on"])).collect();
    let shown = format!("Bearer {reader}");
    let mut streams = Vec::new();
    for node in &nodes {
        for path in ["/api/notifications/stream/ann", "/api/notifications/stream"] {
            let mut stream = Stream::Sse(Sse::open(node.address, path, &[("authorization", &shown)]).await);
            stream.expect("hello").await;
            streams.push(stream);
        }
    }
    let id = reader.split('_').nth(1).unwrap();
    let revoked = command::campanile(&["key", "revoke", id, "--store", &store]).output().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
    sleep(Duration::from_secs(1)).await;
    let mut client = Client::connect(&nodes[0].address.to_string()).unwrap();
    let headers = [("authorization", &*format!("Bearer {sender}"))];
    client.post("/api/notifications/create", &headers, &json!({"user_id": "ann", "content": "after"})).unwrap();
    for stream in &mut streams {
        assert_eq!(timeout(Duration::from_secs(5), stream.heard()).await.unwrap(), Heard::Closed(None));
    }
}

/// What happened on another node while the bus was away, or on one that was killed before it could tell, is
/// told by a reset to those who follow all inboxes.
#[tokio::test]
async fn a_gap_of_the_bus_resets_those_who_follow_all_inboxes() {
    let mut nats = Nats::start();
    let store = postgres::new_database().await;
    let mut nodes = [Node::start(&store, &nats.url()), Node::start(&store, &nats.url())];
    for node in &nodes {
        until_ready_says(node, "ok").await;
    }
    let mut streams = [
        Stream::WebSocket(Box::new(websocket(nodes[0].address, "/ws").await.unwrap())),
        Stream::Sse(Sse::open(nodes[0].address, "/api/notifications/stream", &[]).await),
    ];
    for stream in &mut streams {
        stream.expect("hello").await;
    }
    // Each has heard of the other.
    sleep(Duration::from_millis(1_500)).await;
    nats.stop();
    until_ready_says(&nodes[1], "degraded").await;
    let mut client = Client::connect(&nodes[1].address.to_string()).unwrap();
    for _ in 0..3 {
        client.post("/api/notifications/create", &[], &json!({"user_id": "ann", "content": "x"})).unwrap();
    }
    nats.start_again();
    for stream in &mut streams {
        stream.expect("reset").await;
    }
    until_ready_says(&nodes[1], "ok").await;
    // More gaps of this one time may follow; then what happens is told.
    sleep(Duration::from_millis(3_000)).await;
    client.post("/api/notifications/create", &[], &json!({"user_id": "ann", "content": "x"})).unwrap();
    for stream in &mut streams {
        while stream.event().await["type"] != "created" {}
    }
    nodes[1].kill();
    for stream in &mut streams {
        stream.expect("reset").await;
    }
}

/// Without a bus, or while it is away, what happens on another node is found in the store.
#[tokio::test]
async fn without_a_bus_a_change_is_heard_a_little_later() {
    let mut nats = Nats::start();
    let store = postgres::new_database().await;
    let nodes = [Node::start(&store, &nats.url()), Node::start(&store, "local"), Node::start(&store, &nats.url())];
    until_ready_says(&nodes[0], "ok").await;
    nats.stop();
    let mut heard_on = [
        Transport::WebSocket.try_open(nodes[1].address, "ann", None).await.unwrap(),
        Transport::Sse.try_open(nodes[2].address, "ann", None).await.unwrap(),
    ];
    for stream in &mut heard_on {
        stream.expect("hello").await;
    }
    let mut client = Client::connect(&nodes[0].address.to_string()).unwrap();
    client.post("/api/notifications/create", &[], &json!({"user_id": "ann", "content": "x"})).unwrap();
    for stream in &mut heard_on {
        stream.expect("created").await;
    }
    until_ready_says(&nodes[0], "degraded").await;
}

async fn until_ready_says(node: &Node, status: &str) {
    for _ in 0..200 {
        let health = crate::live::transport::get(node.address, "/readyz").await.unwrap();
        if health["status"] == status {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not say that it is {status}");
}
