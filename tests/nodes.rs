//! Several servers on one PostgreSQL and one NATS: a client that follows an inbox on any of them receives every change
//! once and in order, and none after its credentials have ended.

mod chaos;
mod leases;
pub(crate) mod wire;

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use self::wire::Wire;
use crate::{
    client::Client,
    command::{self, make_key},
    live::transport::{Heard, Sse, Stream, Transport, websocket, websocket_with},
    nats::Nats,
    postgres,
};

const NODES: usize = 3;

/// One of the servers, on a fixed port.
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

/// A change on one node reaches followers on another at once, including those of all inboxes.
#[tokio::test]
async fn a_change_on_one_node_arrives_on_another_at_once() {
    let nats = Nats::start();
    let store = postgres::new_database().await;
    let nodes = [Node::start(&store, &nats.url()), Node::start(&store, &nats.url())];
    for node in &nodes {
        until_ready_says(node, "ok").await;
    }
    let mut one = Transport::WebSocket.try_open(nodes[1].address, "a b", None, &[]).await.unwrap();
    let socket = websocket(nodes[1].address, "/ws").await.unwrap();
    let mut all = Stream::WebSocket(Box::new(socket));
    one.expect("hello").await;
    all.expect("hello").await;
    // The subscription is not established yet.
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
    // Comparisons with the store would take seconds for each change.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// A stream of a key that is revoked on one node receives nothing that is created a second later, on any node.
#[tokio::test]
async fn a_lease_ends_on_every_node() {
    let nats = Nats::start();
    let store = postgres::new_database().await;
    let (reader, sender) = (make_key(&store, "read"), make_key(&store, "send"));
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
    revoke(&store, &reader);
    sleep(Duration::from_secs(1)).await;
    let mut client = Client::connect(&nodes[0].address.to_string()).unwrap();
    let headers = [("authorization", &*format!("Bearer {sender}"))];
    client.post("/api/notifications/create", &headers, &json!({"user_id": "ann", "content": "after"})).unwrap();
    for stream in &mut streams {
        assert_eq!(timeout(Duration::from_secs(5), stream.heard()).await.unwrap(), Heard::Closed(None));
    }
}

/// A server that cannot reach the store does not send changes of others until it knows that the client's credentials
/// are still valid. Then it sends them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_sent_before_the_credential_is_confirmed() {
    let nats = Nats::start();
    let store = postgres::new_database().await;
    let (reader, kept, sender) = (make_key(&store, "read"), make_key(&store, "read"), make_key(&store, "send"));
    let mut wire = Wire::to(&store).await;
    let nodes = [&*wire.url(), &*store].map(|store| Node::start_with(store, &nats.url(), &["--auth", "on"]));
    for node in &nodes {
        until_ready_says(node, "ok").await;
    }
    let mut streams = Vec::new();
    for key in [&reader, &kept] {
        let shown = format!("Bearer {key}");
        let headers = [("authorization", &*shown)];
        let at = nodes[0].address;
        streams.extend([
            Stream::WebSocket(Box::new(websocket_with(at, "/ws/ann", &headers).await.unwrap())),
            Stream::WebSocket(Box::new(websocket_with(at, "/ws", &headers).await.unwrap())),
            Stream::Sse(Sse::open(at, "/api/notifications/stream/ann", &headers).await),
            Stream::Sse(Sse::open(at, "/api/notifications/stream", &headers).await),
        ]);
    }
    let (revoked, kept) = streams.split_at_mut(4);
    let mut client = Client::connect(&nodes[1].address.to_string()).unwrap();
    let headers = [("authorization", &*format!("Bearer {sender}"))];
    let mut send = |content: &str| {
        let body = json!({"user_id": "ann", "content": content});
        assert_eq!(client.post("/api/notifications/create", &headers, &body).unwrap().0, 201);
    };
    for stream in revoked.iter_mut().chain(&mut *kept) {
        stream.expect("hello").await;
    }
    send("before");
    for stream in revoked.iter_mut().chain(&mut *kept) {
        stream.expect("created").await;
    }

    wire.cut();
    revoke(&store, &reader);
    sleep(Duration::from_millis(1_200)).await;
    send("after");
    for stream in revoked.iter_mut().chain(&mut *kept) {
        let heard = timeout(Duration::from_millis(300), stream.heard()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
    wire.mend().await;
    for stream in kept {
        assert_eq!(stream.expect("created").await["notification"]["content"], "after");
    }
    for stream in revoked {
        assert!(matches!(stream.next().await, Heard::Closed(None | Some(4001))));
    }
}

/// Streams of many keys receive changes as fast as those of few, even with a slow connection to the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_on_a_database_that_is_far_away_hear_at_once() {
    const KEYS: usize = 200;
    let store = postgres::new_database().await;
    let credentials = postgres::open(&store, 10).await;
    let wire = Wire::of_length(&store, Duration::from_millis(5)).await;
    let node = Node::start_with(&wire.url(), "local", &["--auth", "on", "--limit-address", "off"]);
    let mut streams = Vec::new();
    for _ in 0..KEYS {
        let key = leases::new_key(&credentials, "read,send").await.unwrap().to_string_once();
        let headers = [("authorization", &*format!("Bearer {key}"))];
        streams.push(Stream::Sse(Sse::open(node.address, "/api/notifications/stream/ann", &headers).await));
    }
    for stream in &mut streams {
        stream.expect("hello").await;
    }
    let sender = make_key(&store, "send");
    let mut client = Client::connect(&node.address.to_string()).unwrap();
    let headers = [("authorization", &*format!("Bearer {sender}"))];
    for _ in 0..3 {
        sleep(Duration::from_millis(1_500)).await;
        client.post("/api/notifications/create", &headers, &json!({"user_id": "ann", "content": "x"})).unwrap();
        let began = Instant::now();
        for stream in &mut streams {
            stream.expect("created").await;
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

/// After changes on another node while the bus was unavailable, or on one that was killed before it could publish them,
/// followers of all inboxes receive a reset.
#[tokio::test]
async fn a_gap_of_the_bus_resets_followers_of_all_inboxes() {
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
    // The nodes have noticed each other.
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
    // More gaps may follow for the same outage; after that, changes are sent.
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

/// Without a bus, or while it is unavailable, changes of another node are found in the store.
#[tokio::test]
async fn without_a_bus_a_change_arrives_a_little_later() {
    let mut nats = Nats::start();
    let store = postgres::new_database().await;
    let nodes = [Node::start(&store, &nats.url()), Node::start(&store, "local"), Node::start(&store, &nats.url())];
    until_ready_says(&nodes[0], "ok").await;
    nats.stop();
    let mut heard_on = [
        Transport::WebSocket.try_open(nodes[1].address, "ann", None, &[]).await.unwrap(),
        Transport::Sse.try_open(nodes[2].address, "ann", None, &[]).await.unwrap(),
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

fn revoke(store: &str, key: &str) {
    let id = key.split('_').nth(1).unwrap();
    let revoked = command::campanile(&["key", "revoke", id, "--store", store]).output().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
}
