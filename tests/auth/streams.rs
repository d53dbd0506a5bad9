//! Live streams of authenticated callers, over real sockets.

use std::{net::SocketAddr, time::Duration};

use campanile::server::listener::{LEAST_HEADER_BYTES, ListenerOptions, serve};
use tokio::{net::TcpListener, time::Instant};

use super::Secured;
use crate::live::transport::{Heard, Sse, Stream, refused_websocket, websocket};

const LONG: Duration = Duration::from_secs(10);

impl Secured {
    /// Serves over a socket, for as long as the test runs.
    pub(super) async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let http = campanile::server::http::HttpService::new(self.app.service.clone(), &self.options);
        let options = ListenerOptions {
            max_connections: 100,
            header_timeout: LONG,
            shutdown_timeout: LONG,
            max_header_bytes: LEAST_HEADER_BYTES,
            tls: None,
            ..ListenerOptions::default()
        };
        tokio::spawn(serve(listener, http, options, std::future::pending()).unwrap());
        tokio::spawn(std::sync::Arc::clone(&self.auth).run());
        address
    }

    async fn ticket(&self, bearer: &str) -> String {
        let answer = self.ask("POST", "/api/tickets", &[("authorization", &format!("Bearer {bearer}"))], "").await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let ticket = answer.json();
        assert!(ticket["expires_at"].is_string(), "{ticket}");
        ticket["ticket"].as_str().unwrap().to_owned()
    }
}

fn bearer(shown: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {shown}"))
}

async fn open(address: SocketAddr, path: &str) -> Stream {
    Stream::WebSocket(Box::new(websocket(address, path).await.unwrap()))
}

#[tokio::test]
async fn a_ticket_opens_one_stream_once_within_the_permissions_of_its_owner() {
    let server = Secured::new();
    let address = server.listen().await;
    let ticket = server.ticket(&server.token("ann")).await;
    let mut stream = open(address, &format!("/ws/ann?since=0&ticket={ticket}")).await;
    stream.expect("hello").await;
    assert_eq!(refused_websocket(address, &format!("/ws/ann?ticket={ticket}"), &[]).await, 401);
    let ticket = server.ticket(&server.token("ann")).await;
    assert_eq!(refused_websocket(address, &format!("/ws/bob?ticket={ticket}"), &[]).await, 403);
    let ticket = server.ticket(&server.token("ann")).await;
    assert!(Sse::try_open(address, &format!("/api/notifications/stream/ann?ticket={ticket}"), &[]).await.is_some());
    assert!(Sse::try_open(address, &format!("/api/notifications/stream/ann?ticket={ticket}"), &[]).await.is_none());
    // A ticket is valid for streams only.
    let ticket = server.ticket(&server.token("ann")).await;
    assert_eq!(server.ask("GET", &format!("/api/notifications/list?ticket={ticket}"), &[], "").await.status, 401);
    server.clock.forward(31);
    assert_eq!(refused_websocket(address, &format!("/ws/ann?ticket={ticket}"), &[]).await, 401);
}

#[tokio::test]
async fn of_many_who_show_one_ticket_one_gets_in() {
    let server = Secured::new();
    let address = server.listen().await;
    let ticket = server.ticket(&server.key("read").await).await;
    let path = format!("/ws/ann?ticket={ticket}");
    let attempts = (0..16).map(|_| websocket(address, &path));
    let opened = futures_util::future::join_all(attempts).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_stream_ends_when_the_token_does() {
    let server = Secured::new();
    let address = server.listen().await;
    // The leeway is added.
    let ticket = server.ticket(&server.token_for("ann", -28)).await;
    let mut stream = open(address, &format!("/ws/ann?ticket={ticket}")).await;
    stream.expect("hello").await;
    assert_eq!(stream.next().await, Heard::Closed(Some(4001)));
    let (name, value) = bearer(&server.token_for("ann", -28));
    let mut sse = Stream::Sse(Sse::open(address, "/api/notifications/stream/ann", &[(name, &value)]).await);
    sse.expect("hello").await;
    assert_eq!(sse.next().await, Heard::Closed(None));
}

#[tokio::test]
async fn a_stream_ends_within_a_second_when_its_key_is_revoked() {
    let server = Secured::new();
    let address = server.listen().await;
    let (key, other) = (server.key("read").await, server.key("read").await);
    let mut stream = open(address, &format!("/ws/ann?ticket={}", server.ticket(&key).await)).await;
    let mut kept = open(address, &format!("/ws/ann?ticket={}", server.ticket(&other).await)).await;
    stream.expect("hello").await;
    kept.expect("hello").await;
    server.revoke(&key).await;
    let began = Instant::now();
    assert_eq!(stream.next().await, Heard::Closed(Some(4001)));
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    kept.expect_nothing().await;
}

/// A person who signed in with one key in two browsers, and a program that uses the same key.
#[tokio::test]
async fn streams_of_one_key_with_several_sessions_go_on() {
    let server = Secured::new();
    let address = server.listen().await;
    let key = server.key("admin").await;
    let shown = [("cookie", server.cookie(&key).await), ("cookie", server.cookie(&key).await), bearer(&key)];
    let mut streams = Vec::new();
    for (name, value) in &shown {
        let sse = Sse::open(address, "/api/notifications/stream/ann", &[(*name, value)]).await;
        streams.push(Stream::Sse(sse));
    }
    for stream in &mut streams {
        stream.expect("hello").await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.app.notify("ann", "a").await;
    for stream in &mut streams {
        stream.expect("created").await;
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_user_signs_out() {
    let server = Secured::new();
    let address = server.listen().await;
    let cookie = server.cookie(&server.key("admin").await).await;
    let mut sse = Stream::Sse(Sse::open(address, "/api/notifications/stream", &[("cookie", &cookie)]).await);
    sse.expect("hello").await;
    server.ask("POST", "/logout", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")], "").await;
    assert_eq!(sse.next().await, Heard::Closed(None));
}

#[tokio::test]
async fn no_caller_has_more_streams_open_than_it_may() {
    let server = Secured::new();
    let address = server.listen().await;
    let key = server.key("read").await;
    let (name, value) = bearer(&key);
    let path = "/api/notifications/stream/ann";
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(Sse::open(address, path, &[(name, &value)]).await);
    }
    assert_eq!(refused_websocket(address, "/ws/ann", &[(name, &value)]).await, 429);
    let (_, other) = bearer(&server.key("read").await);
    assert_eq!(refused_websocket(address, "/ws/ann", &[(name, &other)]).await, 101);
    drop(streams.pop());
    let began = Instant::now();
    while refused_websocket(address, "/ws/ann", &[(name, &value)]).await != 101 {
        assert!(began.elapsed() < Duration::from_secs(5), "a closed stream makes no room");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket() {
    let server = Secured::new();
    let address = server.listen().await;
    let cookie = server.cookie(&server.key("admin").await).await;
    let own = format!("http://{address}");
    for (origin, status) in [("https://evil.example", 403), ("null", 403), (&*own, 101)] {
        let headers = [("cookie", &*cookie), ("origin", origin)];
        assert_eq!(refused_websocket(address, "/ws", &headers).await, status, "{origin}");
    }
}
