//! The baseline for Campanile: an axum server with one handler that only returns bytes.
//!
//! `bare BODY_FILE` listens on a free port, prints it, and answers every request with the bytes of
//! that file as JSON, after it has read the body of the request.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| std::io::Error::other("usage: bare BODY_FILE"))?;
    let answer = Bytes::from(std::fs::read(file)?);
    let router = Router::new().fallback(move |_: Bytes| {
        let answer = answer.clone();
        async move { ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], answer) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("bare is ready: http://{}/", listener.local_addr()?);
    axum::serve(listener, router).await
}
