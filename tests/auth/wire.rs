//! Ambiguous and malformed requests, as bytes on the wire.

use std::time::Duration;

use campanile::server::{auth::Limits, http::HttpOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Secured;

/// Sends these bytes and reads until the server ends the connection.
async fn exchange(server: &Secured, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.listen().await).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn no_second_request_is_smuggled_behind_a_first() {
    let server = Secured::new();
    let (ann, bob) = (server.token("ann"), server.token("bob"));
    server.app.notify("ann", "for ann").await;
    let smuggled = format!(
        "GET /api/notifications/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann}\r\nConnection: close\r\n\r\n"
    );
    let length = smuggled.len();
    for framing in [
        "Content-Length: 3\r\nContent-Length: 0\r\n".to_owned(),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        "Content-Length: +0\r\n".to_owned(),
        "Content-Length: 0x0\r\n".to_owned(),
        "Content-Length : 0\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Host: y\r\n folded: yes\r\n".to_owned(),
    ] {
        let head = format!(
            "POST /api/notifications/mark-all-read/bob HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bob}\r\n{framing}\r\n"
        );
        let answer = exchange(&server, format!("{head}{smuggled}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{framing:?}: {answer}");
        assert!(!answer.contains("for ann"), "{framing:?}: {answer}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_http_cause_no_500_and_no_panic() {
    let server = Secured::new();
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: \xe4\r\nConnection: close\r\n\r\n",
        b"GET /api/notifications/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xe4\r\nConnection: close\r\n\r\n",
        b"GET /api/notifications/list HTTP/1.1\r\nHost: x\r\nCookie: __Host-campanile=\xff\r\nConnection: close\r\n\r\n",
        b"GET /ws/ann?ticket=%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"BREW /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /login HTTP/9.9\r\nHost: x\r\n\r\n",
    ] {
        let answer = exchange(&server, bytes).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 200");
        assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let options =
        HttpOptions { allowed_hosts: None, request_timeout: Duration::from_millis(200), ..HttpOptions::default() };
    let server = Secured::with(Limits::default(), options);
    let head = format!(
        "POST /api/notifications/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{",
        server.key("send").await
    );
    let answer = exchange(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_refused_client_that_writes_before_it_reads_sees_why() {
    let server = Secured::new();
    let address = server.listen().await;
    for _ in 0..5 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = 3_000_000;
        let head = format!(
            "POST /api/notifications/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; length]).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
}
