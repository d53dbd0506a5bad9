//! Bodies over HTTP/1.1 and HTTP/2: both refuse the same ones, before the whole body is sent.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, Version},
};
use campanile::server::{
    http::{HttpOptions, HttpService},
    listener::{ListenerOptions, serve},
    service::NotificationService,
    store::MemoryStore,
};
use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::harness::started;

const LONG: Duration = Duration::from_secs(10);
const LIMIT: usize = 1000;

struct Server(std::net::SocketAddr);

impl Server {
    async fn start() -> Self {
        let service = NotificationService::new(MemoryStore::new(1000, started()));
        let http = HttpService::new(service, &HttpOptions { max_body_bytes: LIMIT, ..HttpOptions::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = ListenerOptions {
            max_connections: 100,
            header_timeout: LONG,
            shutdown_timeout: LONG,
            max_header_bytes: 32 * 1024,
            tls: None,
            ..ListenerOptions::default()
        };
        tokio::spawn(serve(listener, http, options, std::future::pending()).unwrap());
        Self(address)
    }

    /// Sends a body to `create` and returns the status and, if it is a problem, its code.
    async fn create(&self, version: Version, headers: &[(&str, &str)], body: Body) -> (u16, Value) {
        let stream = TokioIo::new(TcpStream::connect(self.0).await.unwrap());
        let request = Request::post("http://localhost/api/notifications/create").header("host", "localhost");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let response = if version == Version::HTTP_2 {
            let (mut send, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await
        } else {
            let (mut send, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await
        };
        let (head, body) = response.unwrap().into_parts();
        let json: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (head.status.as_u16(), json["code"].clone())
    }
}

/// A body with this beginning and without an end.
fn endless(begin: &str) -> Body {
    let begin = Bytes::copy_from_slice(begin.as_bytes());
    let first = futures_util::stream::iter([Ok::<_, Infallible>(begin)]);
    Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
}

#[tokio::test]
async fn both_versions_refuse_the_same_requests() {
    let server = Server::start().await;
    let good = r#"{"user_id": "ann", "content": "hi"}"#;
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    let half = (LIMIT + 1).to_string();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (name, headers, body, expected) in [
            ("good", vec![], Body::from(good), (201, Value::Null)),
            ("as large as may be", vec![], Body::from(padded(LIMIT)), (201, Value::Null)),
            ("too large", vec![], Body::from(padded(LIMIT + 1)), (413, json!("payload_too_large"))),
            (
                "said to be too large",
                vec![("content-length", half.as_str())],
                endless(good),
                (413, json!("payload_too_large")),
            ),
            ("too large without saying so", vec![], endless(&padded(LIMIT + 1)), (413, json!("payload_too_large"))),
            ("with a mark", vec![], Body::from(format!("\u{feff}{good}")), (201, Value::Null)),
            (
                "compressed",
                vec![("content-encoding", "gzip")],
                Body::from(good),
                (415, json!("unsupported_media_type")),
            ),
            ("no JSON", vec![], Body::from("{"), (400, json!("bad_request"))),
        ] {
            let answer = timeout(LONG, server.create(version, &headers, body)).await;
            assert_eq!(answer.unwrap(), expected, "{name} over {version:?}");
        }
    }
}
