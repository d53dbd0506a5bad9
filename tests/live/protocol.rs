//! Specifics of WebSockets, event streams, and streams of all inboxes.

use std::time::Duration;

use campanile::{
    model::Marking,
    server::{http::StreamOptions, identity::Principal, service::NotificationService, store::MemoryStore},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    LONG, Server,
    transport::{Heard, Sse, Stream, Transport, refused_websocket, websocket},
};
use crate::harness::started;

async fn follow_all(server: &Server, transport: Transport) -> Stream {
    match transport {
        Transport::WebSocket => Stream::WebSocket(Box::new(websocket(server.address, "/ws").await.unwrap())),
        _ => Stream::Sse(Sse::open(server.address, "/api/notifications/stream", &[]).await),
    }
}

#[tokio::test]
async fn an_operator_hears_of_every_inbox() {
    let server = Server::start(3).await;
    for transport in [Transport::WebSocket, Transport::Sse] {
        let mut stream = follow_all(&server, transport).await;
        assert_eq!(stream.expect("hello").await.get("modseq"), None);
        let made = server.notify("ann", "a").await;
        let event = stream.expect("created").await;
        assert_eq!((&event["user_id"], &event["notification"]["content"]), (&"ann".into(), &"a".into()));
        server.notify("bob", "b").await;
        assert_eq!(stream.expect("created").await["user_id"], "bob");
        server.service.mark_all_read(&Principal::operator(), &made.user_id, &Marking::default()).await.unwrap();
        let event = stream.expect("all_read").await;
        assert_eq!((&event["user_id"], &event["unread_count"]), (&"ann".into(), &0.into()));
        server.service.delete(&Principal::operator(), made.id).await.unwrap();
        assert_eq!(stream.expect("deleted").await["user_id"], "ann");
    }
}

#[tokio::test]
async fn a_slow_operator_must_list_again() {
    let server = Server::start(10).await;
    let mut slow = server.service.follow_all(&Principal::operator()).unwrap();
    let json = async |follower: &mut campanile::server::service::Follower| {
        let frame = timeout(LONG, follower.next()).await.unwrap().unwrap().unwrap();
        String::from_utf8(frame.json().to_vec()).unwrap()
    };
    assert_eq!(json(&mut slow).await, r#"{"type":"hello"}"#);
    for number in 0..3_000 {
        server.notify(&format!("user {}", number % 7), "x").await;
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(json(&mut slow).await, r#"{"type":"reset"}"#);
    server.notify("ann", "after").await;
    while !json(&mut slow).await.contains("after") {}
}

#[tokio::test]
async fn a_small_text_is_passed_over_and_ping_is_answered() {
    let server = Server::start(10).await;
    let mut stream = Transport::WebSocket.open(server.address, "ann", None).await;
    stream.expect("hello").await;
    for text in ["{}", "", "PING", "ping"] {
        stream.send(Message::text(text)).await;
    }
    let Stream::WebSocket(socket) = &mut stream else { unreachable!() };
    use futures_util::StreamExt;
    assert_eq!(timeout(LONG, socket.next()).await.unwrap().unwrap().unwrap(), Message::text("pong"));
    server.notify("ann", "a").await;
    stream.expect("created").await;
    for _ in 0..200 {
        stream.send(Message::text("x")).await;
    }
    assert_eq!(stream.next().await, Heard::Closed(Some(1008)));
}

#[tokio::test]
async fn a_client_that_sends_an_endless_message_is_disconnected() {
    let server = Server::start(10).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let handshake = "GET /ws/ann HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut greeting = [0; 64];
    assert!(stream.read(&mut greeting).await.unwrap() > 0);
    // The first fragment of a text, and empty fragments that never end it.
    stream.write_all(b"\x01\x81\0\0\0\0a").await.unwrap();
    let parts = b"\x00\x80\0\0\0\0".repeat(10_000);
    let mut sent = 0;
    let flood = async {
        while stream.write_all(&parts).await.is_ok() {
            sent += parts.len();
        }
    };
    timeout(LONG, flood).await.expect("the connection breaks");
    // Data that is not read waits in the operating system.
    assert!(sent < 64 << 20, "{sent}");
    // Other clients still receive changes.
    let mut other = Transport::WebSocket.open(server.address, "ann", None).await;
    other.expect("hello").await;
}

#[tokio::test]
async fn an_unacceptable_message_closes_the_stream_with_a_reason() {
    let server = Server::start(10).await;
    for (message, code) in [
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text("x".repeat(2_000)), 1009),
        (Message::binary(vec![0; 100_000]), 1009),
    ] {
        let mut stream = Transport::WebSocket.open(server.address, "ann", None).await;
        stream.expect("hello").await;
        stream.send(message).await;
        assert_eq!(stream.next().await, Heard::Closed(Some(code)));
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_a_close_too() {
    let server = Server::start(10).await;
    let mut stream = Transport::WebSocket.open(server.address, "ann", None).await;
    stream.expect("hello").await;
    stream.send(Message::Ping(vec![7].into())).await;
    let Stream::WebSocket(socket) = &mut stream else { unreachable!() };
    use futures_util::StreamExt;
    assert_eq!(timeout(LONG, socket.next()).await.unwrap().unwrap().unwrap(), Message::Pong(vec![7].into()));
    socket.close(None).await.unwrap();
    assert!(matches!(timeout(LONG, socket.next()).await.unwrap(), Some(Ok(Message::Close(_))) | None));
}

#[tokio::test]
async fn an_upgrade_that_is_not_one_or_comes_from_elsewhere_is_refused() {
    let server = Server::start(10).await;
    let (address, here) = (server.address, format!("http://{}", server.address));
    assert_eq!(refused_websocket(address, "/ws/ann", &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(refused_websocket(address, "/ws", &[("origin", "null")]).await, 403);
    assert_eq!(refused_websocket(address, "/ws/ann", &[("origin", &here)]).await, 101);
    assert_eq!(refused_websocket(address, "/ws/ann", &[("host", "evil.example")]).await, 421);
    assert_eq!(refused_websocket(address, "/ws/a%0Ab", &[]).await, 422);
    assert_eq!(refused_websocket(address, "/ws/ann?since=x", &[]).await, 422);
    let app = crate::harness::App::new();
    for path in ["/ws/ann", "/ws"] {
        let plain = app.get(path).await;
        plain.problem(426, "upgrade_required");
        assert_eq!((plain.header("upgrade"), plain.header("sec-websocket-version")), ("websocket", "13"));
        let posted = app.post(path).await;
        posted.problem(405, "method_not_allowed");
        assert_eq!(posted.header("allow"), "GET,HEAD");
    }
}

#[tokio::test]
async fn an_event_source_continues_from_the_last_id() {
    let server = Server::start(10).await;
    let path = "/api/notifications/stream/ann";
    let mut first = Stream::Sse(Sse::open(server.address, path, &[]).await);
    first.expect("hello").await;
    let Stream::Sse(sse) = first else { unreachable!() };
    assert!(sse.head.contains("content-type: text/event-stream") && sse.head.contains("cache-control: no-store"));
    assert!(sse.head.contains("x-content-type-options: nosniff"), "{}", sse.head);
    let last = sse.last_id.unwrap().to_string();
    server.notify("ann", "a").await;
    let mut again =
        Stream::Sse(Sse::open(server.address, &format!("{path}?since=0"), &[("Last-Event-ID", &last)]).await);
    assert_eq!(again.expect("created").await["notification"]["content"], "a");
    again.expect("hello").await;
    let app = crate::harness::App::with(server.service.clone(), &campanile::server::http::HttpOptions::default());
    app.get(&format!("{path}?since=-1")).await.refused_field("since");
}

#[tokio::test]
async fn a_silent_stream_says_where_the_inbox_is() {
    let service = NotificationService::new(MemoryStore::new(10, started()));
    let streams = StreamOptions { heartbeat: Duration::from_millis(20), ..StreamOptions::default() };
    let server = Server::with(service, streams).await;
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut stream = transport.open(server.address, "ann", None).await;
        let hello = stream.expect("hello").await;
        for _ in 0..4 {
            let Heard::Event(heartbeat) = timeout(LONG, stream.said()).await.unwrap() else { panic!("it ended") };
            let [modseq, unread_count] = ["modseq", "unread_count"].map(|field| hello[field].clone());
            assert_eq!(heartbeat, json!({"type": "heartbeat", "modseq": modseq, "unread_count": unread_count}));
        }
        if let Stream::Sse(sse) = &stream {
            assert_eq!(sse.last_id, hello["modseq"].as_u64(), "a heartbeat changes no position");
        }
        server.notify("ann", "a").await;
        stream.expect("created").await;
    }
    let mut all = Stream::Sse(Sse::open(server.address, "/api/notifications/stream", &[]).await);
    all.expect("hello").await;
    assert_eq!(timeout(LONG, all.said()).await.unwrap(), Heard::Event(json!({"type": "heartbeat"})));
}

/// Invalid frames, and the close code for each.
#[tokio::test]
async fn a_violation_of_the_protocol_closes_the_stream_with_its_code() {
    let server = Server::start(10).await;
    let mask = [0; 4];
    let frame = |first: u8, length: u8, body: &[u8]| [&[first, 0x80 | length], &mask[..], body].concat();
    for (bytes, code) in [
        (frame(0xc1, 1, b"x"), 1002),
        (frame(0x83, 1, b"x"), 1002),
        (vec![0x81, 1, b'x'], 1002),
        (frame(0x81, 2, &[0xff, 0xfe]), 1007),
        ([&[0x89, 0xfe, 0, 126], &mask[..], &[0; 126]].concat(), 1002),
        (frame(0x80, 1, b"x"), 1002),
    ] {
        let mut stream = silent(&server, "/ws/ann").await;
        stream.write_all(&bytes).await.unwrap();
        let mut all = Vec::new();
        timeout(LONG, stream.read_to_end(&mut all)).await.unwrap().unwrap();
        let closes = |bytes: &[u8]| bytes[0] == 0x88 && bytes[2..] == u16::to_be_bytes(code);
        assert!(all.windows(4).any(closes), "{code}: {bytes:?}, {all:?}");
    }
    let head = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8";
    let request = format!("GET /ws/ann HTTP/1.1\r\n{head}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 2_048];
    let length = timeout(LONG, stream.read(&mut answer)).await.unwrap().unwrap();
    let answer = std::str::from_utf8(&answer[..length]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("sec-websocket-version: 13"), "{answer}");
}

/// Opens a stream, whose bytes the caller may read or not.
async fn silent(server: &Server, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_let_go() {
    let service = NotificationService::new(MemoryStore::new(10, started()));
    let streams = StreamOptions { heartbeat: Duration::from_millis(50), ..StreamOptions::default() };
    let server = Server::with(service, streams).await;
    let mut silent = silent(&server, "/ws/ann").await;
    let mut all = Vec::new();
    timeout(LONG, silent.read_to_end(&mut all)).await.unwrap().unwrap();
    // A close frame, its length, and 4008.
    assert!(all.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 4008_u16.to_be_bytes()), "{all:?}");
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_let_go_and_holds_up_no_other() {
    let service = NotificationService::new(MemoryStore::new(1000, started()));
    let streams = StreamOptions { stall_timeout: Duration::from_millis(300), ..StreamOptions::default() };
    let mut server = Server::with(service, streams).await;
    let mut asleep = Vec::new();
    for path in ["/ws/ann", "/api/notifications/stream/ann"] {
        asleep.push(silent(&server, path).await);
    }
    let mut awake = Transport::WebSocket.open(server.address, "ann", None).await;
    awake.expect("hello").await;
    // More than the buffers of the system can take.
    let long = "x".repeat(16_000);
    for _ in 0..1_500 {
        server.notify("ann", &long).await;
        let began = std::time::Instant::now();
        while awake.event().await["type"] != "created" {}
        assert!(began.elapsed() < Duration::from_secs(2));
    }
    // Their connections are closed: no task of theirs keeps the server from stopping.
    sleep(Duration::from_millis(1_500)).await;
    drop(awake);
    let began = std::time::Instant::now();
    assert!(server.stop().await && began.elapsed() < Duration::from_secs(2));
    drop(asleep);
}

#[tokio::test]
async fn streams_go_over_http2_too() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let server = Server::start(10).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let uri = format!("http://{}/api/notifications/stream/ann", server.address);
    let request = axum::http::Request::get(uri).body(axum::body::Body::empty()).unwrap();
    let response = send.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = axum::body::Body::new(response.into_body());
    let mut text = String::new();
    server.notify("ann", "over http2").await;
    while !text.contains("over http2") {
        let frame = timeout(LONG, http_body_util::BodyExt::frame(&mut body)).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    let uri = format!("http://{}/ws/ann", server.address);
    let connect = axum::http::Request::connect(uri)
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(axum::body::Body::empty())
        .unwrap();
    let mut response = send.send_request(connect).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(upgraded, role, None).await;
    let hello = timeout(LONG, futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap().unwrap();
    assert!(hello.to_text().unwrap().contains("hello"), "{hello}");
    connection.abort();
}
