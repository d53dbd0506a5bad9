//! A stream is a lease: nothing is sent after its key, session or token has ended, however slowly the client reads, and
//! over every protocol.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, http::Request};
use campanile::server::{
    auth::Limits,
    http::{HttpOptions, StreamOptions},
};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

use super::Secured;
use crate::harness::Answer;
use crate::live::transport::{Heard, Sse, Stream, refused_websocket, websocket};

const LONG: Duration = Duration::from_secs(10);
/// Changes that are made this long after the end of a lease must not be sent.
const A_SECOND: Duration = Duration::from_millis(1_200);

impl Secured {
    /// Sends ann more than systems buffer for a connection.
    async fn send_much(&self, sender: &str, mark: &str) {
        let content = mark.to_owned() + &"x".repeat(16_000);
        for _ in 0..2 {
            let batch: Vec<_> = (0..100).map(|_| json!({"user_id": "ann", "content": content})).collect();
            let body = json!({"notifications": batch}).to_string();
            let headers = [("authorization", &*format!("Bearer {sender}")), ("content-type", "application/json")];
            assert_eq!(self.ask("POST", "/api/notifications/batch", &headers, &body).await.status, 201);
        }
    }

    async fn ticket_for(&self, bearer: &str, wish: serde_json::Value) -> Answer {
        let bearer = format!("Bearer {bearer}");
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        self.ask("POST", "/api/tickets", &headers, &wish.to_string()).await
    }
}

/// A client with small buffers, which reads only when the test does.
async fn slow(address: SocketAddr, path: &str, key: &str, more: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut greeting = [0; 64];
    assert!(stream.read(&mut greeting).await.unwrap() > 0);
    stream
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_revoked_key_hears_nothing_new_however_slowly_its_client_reads() {
    for (path, more) in [("/api/notifications/stream/ann", ""), ("/ws/ann", UPGRADE)] {
        let server = Secured::new();
        let address = server.listen().await;
        let (key, sender) = (server.key("read").await, server.key("send").await);
        let mut stream = slow(address, path, &key, more).await;
        server.send_much(&sender, "before").await;
        sleep(Duration::from_millis(200)).await;
        server.revoke(&key).await;
        sleep(A_SECOND).await;
        server.send_much(&sender, "after").await;
        let mut all = Vec::new();
        // The connection ends soon, not only after the time limit for stalled clients.
        drop(timeout(Duration::from_secs(5), stream.read_to_end(&mut all)).await.expect("it is reset"));
        let text = String::from_utf8_lossy(&all);
        assert!(text.contains("before") && !text.contains("after"), "{path}");
    }
}

/// An HTTP/2 client with this window.
async fn http2(address: SocketAddr, window: u32) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(1 << 20);
    let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// Follows ann over a WebSocket on HTTP/2 (RFC 8441), with this window, for as long as `requests` lives.
async fn websocket_over_http2(
    address: SocketAddr,
    window: u32,
    key: &str,
) -> (TokioIo<hyper::upgrade::Upgraded>, SendRequest<Body>) {
    let mut requests = http2(address, window).await;
    // With its first response the server has announced that it supports this.
    let first = Request::head("http://localhost/healthz").body(Body::empty()).unwrap();
    assert_eq!(requests.send_request(first).await.unwrap().status(), 200);
    let connect = Request::connect("http://localhost/ws/ann")
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("authorization", format!("Bearer {key}"));
    let answer = requests.send_request(connect.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    (TokioIo::new(hyper::upgrade::on(answer).await.unwrap()), requests)
}

#[tokio::test]
async fn a_stream_of_http2_whose_window_is_closed_is_reset_when_its_key_is_revoked() {
    let server = Secured::new();
    let address = server.listen().await;
    let (key, sender) = (server.key("read").await, server.key("send").await);
    let mut requests = http2(address, 1_024).await;
    let ask = |path: &str| {
        let uri = format!("http://localhost{path}");
        Request::get(uri).header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()
    };
    let mut answer = requests.send_request(ask("/api/notifications/stream/ann")).await.unwrap();
    assert_eq!(answer.status(), 200);
    server.send_much(&sender, "before").await;
    sleep(Duration::from_millis(200)).await;
    server.revoke(&key).await;
    sleep(A_SECOND + Duration::from_millis(300)).await;
    server.send_much(&sender, "after").await;
    // Nothing was read until now.
    let mut text = String::new();
    let ended = loop {
        match timeout(Duration::from_secs(5), answer.body_mut().frame()).await.expect("it is reset") {
            Some(Ok(frame)) => text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap())),
            other => break other,
        }
    };
    assert!(matches!(ended, Some(Err(_))) && !text.contains("after"), "{ended:?}");
    // The connection still serves other requests.
    let other = Request::get("http://localhost/healthz").body(Body::empty()).unwrap();
    assert_eq!(timeout(LONG, requests.send_request(other)).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn the_tickets_of_a_session_end_with_it() {
    let server = Secured::new();
    let address = server.listen().await;
    let cookie = server.cookie(&server.key("admin").await).await;
    let own = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    let ticket =
        async || server.ask("POST", "/api/tickets", &own, "").await.json()["ticket"].as_str().unwrap().to_owned();
    let (used, unused) = (ticket().await, ticket().await);
    let path = format!("/ws/ann?ticket={used}");
    let mut stream = Stream::WebSocket(Box::new(websocket(address, &path).await.unwrap()));
    stream.expect("hello").await;
    assert_eq!(server.ask("POST", "/logout", &own, "").await.status, 303);
    assert_eq!(stream.next().await, Heard::Closed(Some(4001)));
    assert_eq!(refused_websocket(address, &format!("/ws/ann?ticket={unused}"), &[]).await, 401);
}

#[tokio::test]
async fn a_ticket_that_may_be_used_again_is_of_one_inbox_and_ends_with_its_key() {
    let server = Secured::new();
    let address = server.listen().await;
    let key = server.key("read").await;
    server.ticket_for(&key, json!({"reuse_for": 60})).await.refused_field("user_id");
    let given = server.ticket_for(&key, json!({"reuse_for": 60, "user_id": "ann"})).await.json();
    assert_eq!(given["user_id"], "ann");
    let ticket = given["ticket"].as_str().unwrap();
    let path = |stream: &str| format!("{stream}?ticket={ticket}");
    for _ in 0..3 {
        assert!(Sse::try_open(address, &path("/api/notifications/stream/ann"), &[]).await.is_some());
        assert_eq!(refused_websocket(address, &path("/ws/ann"), &[]).await, 101);
    }
    for other in ["/ws/bob", "/ws"] {
        assert_eq!(refused_websocket(address, &path(other), &[]).await, 403);
    }
    assert_eq!(server.ask("GET", &path("/api/notifications/list"), &[], "").await.status, 401);
    let mut stream = Stream::WebSocket(Box::new(websocket(address, &path("/ws/ann")).await.unwrap()));
    stream.expect("hello").await;
    server.revoke(&key).await;
    assert_eq!(stream.next().await, Heard::Closed(Some(4001)));
    assert_eq!(refused_websocket(address, &path("/ws/ann"), &[]).await, 401);
}

#[tokio::test]
async fn a_ticket_is_good_for_as_long_and_for_the_inbox_that_was_asked_for() {
    let server = Secured::new();
    let address = server.listen().await;
    let ann = server.token_for("ann", 3_000);
    let of_user = server.ticket_for(&ann, json!({"reuse_for": 60})).await.json();
    assert_eq!(of_user["user_id"], "ann");
    let once = server.ticket_for(&server.key("read").await, json!({"user_id": "ann"})).await.json();
    let path =
        |ticket: &serde_json::Value, user: &str| format!("/ws/{user}?ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(refused_websocket(address, &path(&once, "ann"), &[]).await, 101);
    assert_eq!(refused_websocket(address, &path(&once, "ann"), &[]).await, 401);
    server.clock.forward(59);
    assert_eq!(refused_websocket(address, &path(&of_user, "ann"), &[]).await, 101);
    server.clock.forward(2);
    assert_eq!(refused_websocket(address, &path(&of_user, "ann"), &[]).await, 401);
    server.ticket_for(&ann, json!({"user_id": "bob"})).await.problem(403, "forbidden");
    for nothing in [json!(null), json!({}), json!({"user_id": null, "reuse_for": null})] {
        assert_eq!(server.ticket_for(&ann, nothing).await.status, 201);
    }
    for (wish, field) in [
        (json!({"reuse_for": 0}), "reuse_for"),
        (json!({"reuse_for": 3_601}), "reuse_for"),
        (json!({"reuse_for": "60"}), "reuse_for"),
        (json!({"reuse_for": 1.5}), "reuse_for"),
        (json!({"user_id": ""}), "user_id"),
        (json!({"user_id": 7}), "user_id"),
        (json!({"reuseFor": 60}), "reuseFor"),
    ] {
        server.ticket_for(&ann, wish).await.refused_field(field);
    }
}

#[tokio::test]
async fn a_websocket_may_carry_its_proof_as_a_subprotocol() {
    let server = Secured::new();
    let address = server.listen().await;
    let key = server.key("read").await;
    let ticket = server.ticket_for(&key, json!({"user_id": "ann"})).await.json();
    let ticket = ticket["ticket"].as_str().unwrap();
    for proof in [&*key, &*server.token("ann"), ticket] {
        let offered = format!("campanile, bearer.{proof}");
        assert_eq!(refused_websocket(address, "/ws/ann", &[("sec-websocket-protocol", &offered)]).await, 101);
    }
    for wrong in ["campanile", "campanile, bearer.", "campanile, bearer.x", &*format!("campanile, bearer.{ticket}")] {
        assert_eq!(refused_websocket(address, "/ws/ann", &[("sec-websocket-protocol", wrong)]).await, 401, "{wrong}");
    }
    // The protocol is accepted for WebSockets only.
    let offered = format!("campanile, bearer.{key}");
    let answer = server.ask("GET", "/api/notifications/list", &[("sec-websocket-protocol", &offered)], "").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_websocket_over_http2_that_is_not_read_is_let_go_and_does_not_fill_the_memory() {
    let streams = StreamOptions { stall_timeout: Duration::from_millis(500), ..StreamOptions::default() };
    let options = HttpOptions { streams, allowed_hosts: None, ..HttpOptions::default() };
    let server = Secured::with(Limits::default(), options);
    let address = server.listen().await;
    let (key, sender) = (server.key("read").await, server.key("send").await);
    let (upgraded, _requests) = websocket_over_http2(address, 1_024, &key).await;
    for _ in 0..3 {
        server.send_much(&sender, "unread").await;
    }
    sleep(Duration::from_millis(1_500)).await;
    // Nothing was read until now.
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let mut bytes = 0;
    while let Some(Ok(message)) = timeout(LONG, socket.next()).await.expect("it is let go") {
        bytes += message.len();
    }
    assert!(bytes < 400_000, "{bytes} bytes waited in the server");
}

/// A client whose window is closed is disconnected too, when it stalls and when its key is revoked, and its memory is
/// freed.
#[tokio::test]
async fn a_websocket_over_http2_whose_window_is_closed_ends_with_its_lease() {
    for is_revoked in [true, false] {
        let stall_timeout = if is_revoked { LONG } else { Duration::from_millis(300) };
        let streams = StreamOptions { stall_timeout, ..StreamOptions::default() };
        let options = HttpOptions { streams, allowed_hosts: None, ..HttpOptions::default() };
        let server = Secured::with(Limits::default(), options);
        let address = server.listen().await;
        let (key, sender) = (server.key("read").await, server.key("send").await);
        let (mut upgraded, _requests) = websocket_over_http2(address, 0, &key).await;
        server.send_much(&sender, "unread").await;
        if is_revoked {
            server.revoke(&key).await;
        }
        let mut first = [0; 64];
        let ended = timeout(Duration::from_secs(6), upgraded.read(&mut first)).await.expect("it is reset");
        assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    }
}
