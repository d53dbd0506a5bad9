//! Writes a response whose body has no end in sight, without hyper.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    http::{StatusCode, Version},
    response::Response,
};
use http_body_util::BodyExt;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

/// Relays a response to a client of HTTP/1.1, until one of them ends.
pub(super) async fn relay(mut stream: TcpStream, response: Response<Body>, stall_timeout: Duration) -> io::Result<()> {
    let (head, mut body) = response.into_parts();
    debug_assert_eq!((head.status, head.version), (StatusCode::OK, Version::HTTP_11));
    let mut chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n".to_vec();
    write!(chunk, "date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))?;
    for (name, value) in &head.headers {
        chunk.extend_from_slice(name.as_str().as_bytes());
        chunk.extend_from_slice(b": ");
        chunk.extend_from_slice(value.as_bytes());
        chunk.extend_from_slice(b"\r\n");
    }
    drop(head);
    chunk.extend_from_slice(b"\r\n");
    loop {
        timeout(stall_timeout, stream.write_all(&chunk)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        // Between two chunks no room is kept for one.
        drop(chunk);
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            ended = hangs_up(&stream) => return ended,
        };
        chunk = match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => chunk_of(&data)?,
                Err(_) => Vec::new(),
            },
            Some(Err(_)) => return Ok(()),
            None => {
                timeout(stall_timeout, stream.write_all(b"0\r\n\r\n")).await.map_err(|_| io::ErrorKind::TimedOut)??;
                return stream.shutdown().await;
            }
        };
    }
}

fn chunk_of(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(data.len() + 16);
    write!(chunk, "{:x}\r\n", data.len())?;
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    Ok(chunk)
}

/// Waits until the client goes. What it says meanwhile is nothing that could be answered.
async fn hangs_up(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut buffer = [0; 256];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
