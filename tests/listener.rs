//! The accept loop, over real sockets.

use std::{future::pending, net::SocketAddr, time::Duration};

use axum::{Extension, Router, body::Body, http::Request, routing::get};
use campanile::server::listener::{ListenerOptions, Peer, serve};
use http_body_util::BodyExt;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

const LONG: Duration = Duration::from_secs(10);
/// More headers than hyper accepts by default over HTTP/1.1 or HTTP/2.
const MOST_HEADERS: usize = 24 * 1024;
const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<bool>,
}

async fn start(max_connections: usize, header_timeout: Duration, shutdown_timeout: Duration) -> Running {
    let router = Router::new()
        .route("/quick", get(|| async { "quick" }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                "slow"
            }),
        )
        .route("/peer", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }))
        .route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }))
        .route("/never", get(|| async { pending::<()>().await }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let options = ListenerOptions {
        max_connections,
        header_timeout,
        shutdown_timeout,
        max_header_bytes: MOST_HEADERS,
        tls: None,
        ..ListenerOptions::default()
    };
    let ended = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }).unwrap());
    Running { address, stop, ended }
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = String::new();
    let mut buffer = [0; 1024];
    while !all.contains(end) {
        let count = timeout(LONG, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(count > 0, "closed after {all:?}");
        all.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    all
}

#[tokio::test]
async fn headers_that_do_not_come_close_the_connection() {
    let server = start(10, Duration::from_millis(100), LONG).await;
    let greeting_of_http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for slow in [&b""[..], b"G", b"GET /quick HTTP/1.1\r\nHost: loc", b"PRI", greeting_of_http2] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(slow).await.unwrap();
        let mut rest = Vec::new();
        timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the server closes it").unwrap();
    }
}

#[tokio::test]
async fn one_more_than_the_limit_waits_for_a_place() {
    let server = start(1, LONG, LONG).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    read_until(&mut first, "quick").await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    let mut buffer = [0; 1];
    assert!(
        timeout(Duration::from_millis(200), second.read(&mut buffer)).await.is_err(),
        "it was served beside the first"
    );
    drop(first);
    read_until(&mut second, "quick").await;
}

#[tokio::test]
async fn a_running_request_ends_before_the_server_does() {
    let server = start(10, LONG, LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The first response shows that the connection is served; then the slow request is sent.
    stream.write_all(REQUEST).await.unwrap();
    read_until(&mut stream, "quick").await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    assert!(read_until(&mut stream, "slow").await.starts_with("HTTP/1.1 200"));
    assert!(timeout(LONG, server.ended).await.unwrap().unwrap());
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_deadline() {
    let server = start(10, LONG, Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    read_until(&mut stream, "quick").await;
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    assert!(!timeout(LONG, server.ended).await.unwrap().unwrap());
}

async fn connect_http2(server: &Running) -> (SocketAddr, SendRequest<Body>) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let from = stream.local_addr().unwrap();
    let (send, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    (from, send)
}

#[tokio::test]
async fn a_request_knows_its_sender() {
    let server = start(10, LONG, LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let said = |address| format!("{:?}", Peer { address: Some(address), is_encrypted: false });
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let expected = said(stream.local_addr().unwrap());
    read_until(&mut stream, &expected).await;
    let (from, mut send) = connect_http2(&server).await;
    let request = Request::get("http://localhost/peer").body(Body::empty()).unwrap();
    let answer = send.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, said(from));
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let server = start(10, LONG, LONG).await;
    let begin = "GET /quick HTTP/1.1\r\nHost: localhost\r\nX: ";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let fits = format!("{begin}{}\r\n\r\n", "x".repeat(MOST_HEADERS - begin.len() - 4));
    stream.write_all(fits.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "quick").await.starts_with("HTTP/1.1 200"));
    // The headers are still incomplete when there is no more room.
    let endless = format!("{begin}{}", "x".repeat(MOST_HEADERS - begin.len()));
    stream.write_all(endless.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn headers_over_the_limit_are_refused_over_http2_too() {
    let server = start(10, LONG, LONG).await;
    let (_, mut send) = connect_http2(&server).await;
    for (bytes, status) in [(MOST_HEADERS - 1024, 200), (MOST_HEADERS + 1024, 431), (10, 200)] {
        let request = Request::get("http://localhost/quick").header("x", "x".repeat(bytes)).body(Body::empty());
        let response = timeout(LONG, send.send_request(request.unwrap())).await.unwrap().unwrap();
        assert_eq!(response.status(), status, "{bytes} bytes");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_an_answer_is_let_go() {
    let server = start(1, Duration::from_millis(200), LONG).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // There is one place, and it is freed without any data from the first client.
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    read_until(&mut second, "quick").await;
}

#[tokio::test]
async fn a_request_that_begins_as_http2_does_is_read_from_its_first_byte() {
    let server = start(10, LONG, LONG).await;
    for method in ["PROPFIND", "POST", "PR", "PRI"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("{method} /quick HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for byte in request.as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
        }
        if method != "PRI" {
            assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 405"), "{method}");
        }
    }
}

#[tokio::test]
async fn a_connection_of_http2_without_requests_is_let_go_though_it_answers_pings() {
    let server = start(10, Duration::from_millis(200), LONG).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut send, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    // A connection with repeated requests stays open.
    for _ in 0..6 {
        let request = Request::get("http://localhost/quick").body(Body::empty()).unwrap();
        let answer = send.send_request(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "quick");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(timeout(LONG, ended).await.expect("the server lets it go"));
    drop(send);
}

#[tokio::test]
async fn an_answer_over_http2_that_is_not_read_is_given_up_and_so_is_its_connection() {
    let server = start(1, Duration::from_millis(200), LONG).await;
    let (_, mut send) = connect_http2(&server).await;
    let request = || Request::get("http://localhost/large").body(Body::empty()).unwrap();
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(send.send_request(request()).await.unwrap());
    }
    // There is one place, and it is freed although the client closes nothing.
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    read_until(&mut second, "quick").await;
    drop(unread);
}
