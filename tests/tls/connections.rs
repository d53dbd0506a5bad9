//! HTTP/1.1, HTTP/2 and streams over TLS, and clients that violate the protocol.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{Extension, body::Body, http::Request, response::Response, routing::get};
use campanile::server::{
    http::{HttpOptions, router},
    identity::Principal,
    listener::{ListenerOptions, LongStream, Peer, serve},
    service::NotificationService,
    store::MemoryStore,
};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::protocol::Role};

use super::{Authority, LONG, ask, files_in, local, read_until};
use crate::harness::{new_folder, started};

struct Server {
    authority: Authority,
    address: SocketAddr,
    service: NotificationService,
}

impl Server {
    fn start(max_connections: usize, header_timeout: Duration) -> Self {
        let (authority, files) = (Authority::new(), files_in(&new_folder()));
        authority.issue(1, &files);
        let service = NotificationService::new(MemoryStore::new(10, started()));
        let router = router(service.clone(), &HttpOptions::default())
            .route("/long", get(long))
            .route("/peer", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }));
        // The system accepts less at once than TLS does, so that TLS has to buffer the rest.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(8 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let options = ListenerOptions {
            max_connections,
            header_timeout,
            shutdown_timeout: LONG,
            max_header_bytes: 32 * 1024,
            tls: Some(files),
            ..ListenerOptions::default()
        };
        tokio::spawn(serve(listener, router, options, std::future::pending()).unwrap());
        Self { authority, address, service }
    }

    async fn http2(&self) -> (SocketAddr, SendRequest<Body>) {
        let stream = self.authority.connect(self.address, &["h2", "http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let from = local(&stream);
        let (send, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        (from, send)
    }

    async fn notify(&self, content: &str) {
        self.service.notify(&Principal::operator(), "ann", content).await.unwrap();
    }
}

fn encrypted_from(address: SocketAddr) -> String {
    format!("{:?}", Peer { address: Some(address), is_encrypted: true })
}

#[tokio::test]
async fn the_client_chooses_the_protocol() {
    let server = Server::start(10, LONG);
    // A client that offers no protocol uses HTTP/1.1.
    for (offered, chosen) in [(&[][..], None), (&["http/1.1"], Some(&b"http/1.1"[..]))] {
        let mut stream = server.authority.connect(server.address, offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
        let expected = encrypted_from(local(&stream));
        assert!(ask(&mut stream, "/peer", &expected).await.starts_with("HTTP/1.1 200"));
    }
    let (from, mut send) = server.http2().await;
    let request = Request::get("https://localhost/peer").body(Body::empty()).unwrap();
    let answer = send.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, encrypted_from(from));
    assert!(server.authority.try_connect(server.address, &["spdy/1"]).await.is_err());
}

#[tokio::test]
async fn a_stream_of_events_is_relayed_and_ends_with_its_client() {
    let server = Server::start(1, LONG);
    // There is one place: each client gets it because the previous one left, cleanly or not.
    for is_polite in [true, false, true] {
        let mut stream = server.authority.connect(server.address, &["http/1.1"]).await;
        let head = ask(&mut stream, "/api/notifications/stream/ann", "hello").await;
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        server.notify("over TLS").await;
        read_until(&mut stream, "over TLS").await;
        if is_polite {
            stream.shutdown().await.unwrap();
        }
    }
}

/// Starts with more than TLS accepts at once, and sends no more.
async fn long() -> Response {
    let all = format!("{}the end", "x".repeat(1 << 20));
    let body = stream::iter([Ok::<_, Infallible>(all)]).chain(stream::pending());
    let mut response = Response::new(Body::from_stream(body));
    response.extensions_mut().insert(LongStream::new(LONG));
    response
}

#[tokio::test]
async fn every_chunk_of_a_stream_is_flushed() {
    let server = Server::start(1, LONG);
    let mut stream = server.authority.connect(server.address, &["http/1.1"]).await;
    ask(&mut stream, "/long", "the end").await;
}

#[tokio::test]
async fn a_websocket_goes_over_tls() {
    let server = Server::start(10, LONG);
    let stream = server.authority.connect(server.address, &["http/1.1"]).await;
    let (mut socket, _) = client_async("ws://localhost/ws/ann", stream).await.unwrap();
    server.notify("over TLS").await;
    for expected in ["hello", "over TLS"] {
        let frame = timeout(LONG, socket.next()).await.unwrap().unwrap().unwrap();
        assert!(frame.to_text().unwrap().contains(expected), "{frame}");
    }
}

#[tokio::test]
async fn streams_and_websockets_go_over_http2() {
    let server = Server::start(10, LONG);
    let (_, mut send) = server.http2().await;
    let uri = "https://localhost/api/notifications/stream/ann";
    let response = send.send_request(Request::get(uri).body(Body::empty()).unwrap()).await.unwrap();
    let mut events = Body::new(response.into_body());
    let connect = Request::connect("https://localhost/ws/ann")
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(Body::empty())
        .unwrap();
    let mut response = send.send_request(connect).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    for expected in ["hello", "over TLS"] {
        let frame = timeout(LONG, socket.next()).await.unwrap().unwrap().unwrap();
        assert!(frame.to_text().unwrap().contains(expected), "{frame}");
        server.notify("over TLS").await;
    }
    let mut text = String::new();
    while !text.contains("over TLS") {
        let frame = timeout(LONG, events.frame()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

/// Clients that start and do not continue: no bytes, half a record, and half of its contents.
const SILENT: [&[u8]; 3] = [b"", b"\x16\x03", b"\x16\x03\x01\x02\x00\x01"];

#[tokio::test]
async fn a_client_that_does_not_finish_its_greeting_holds_up_no_other() {
    let server = Server::start(10, LONG);
    let mut silent = Vec::new();
    for said in SILENT {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        silent.push(stream);
    }
    let mut stream = server.authority.connect(server.address, &["http/1.1"]).await;
    ask(&mut stream, "/healthz", "200 OK").await;
    for stream in silent {
        let nothing_yet = stream.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing_yet.kind(), std::io::ErrorKind::WouldBlock, "it was let go too early");
    }
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_greeting_is_let_go() {
    let server = Server::start(10, Duration::from_secs(1));
    let mut silent = Vec::new();
    for said in SILENT {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        silent.push(stream);
    }
    // The same holds for a client that completes the handshake and then sends no request.
    for protocol in ["http/1.1", "h2"] {
        let mut stream = server.authority.connect(server.address, &[protocol]).await;
        drop(timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("the server closes it"));
    }
    for mut stream in silent {
        let read = timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("the server closes it");
        assert_eq!(read.unwrap(), 0);
    }
}

#[tokio::test]
async fn plain_http_is_turned_away_without_harm() {
    let server = Server::start(1, LONG);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 32000\r\n\r\n").await.unwrap();
    stream.write_all(&[b'x'; 32_000]).await.unwrap();
    let mut answer = String::new();
    timeout(LONG, stream.read_to_string(&mut answer)).await.expect("the server closes it").unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("https://"), "{answer}");
    drop(stream);
    // The only place is free again.
    let mut stream = server.authority.connect(server.address, &["http/1.1"]).await;
    ask(&mut stream, "/healthz", "200 OK").await;
}
