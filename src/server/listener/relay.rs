//! Writes the response of a stream without hyper.

use std::{
    future::poll_fn,
    io::{self, Write},
    pin::Pin,
    task::{Poll, ready},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    http::{StatusCode, Version},
    response::Response,
};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    time::{sleep, timeout},
};

use super::{LAST_WORDS, LongStream, stream::Stream};
use crate::server::lease;

/// How many bytes a client may send on a connection with an endless answer.
const MOST_SAID: usize = 16 * 1024;

/// Relays a response to an HTTP/1.1 client, until one of them or the lease ends.
pub(super) async fn relay(mut stream: Stream, response: Response<Body>, long: LongStream) -> io::Result<()> {
    let LongStream { stall_timeout, lease } = long;
    let mut end = lease::End::of(lease);
    let over = async {
        end.come().await;
        sleep(LAST_WORDS).await;
    };
    tokio::select! {
        biased;
        () = over => {
            stream.reset();
            Ok(())
        }
        ended = write_all(&mut stream, response, stall_timeout) => ended,
    }
}

/// Writes a response until it ends, or the client disconnects.
async fn write_all(stream: &mut Stream, response: Response<Body>, stall_timeout: Duration) -> io::Result<()> {
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
    let mut said = 0;
    loop {
        send(stream, &chunk, stall_timeout).await?;
        // No memory is kept for a chunk between two of them.
        drop(chunk);
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            ended = hangs_up(stream, &mut said) => return ended,
        };
        chunk = match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => chunk_of(&data)?,
                Err(_) => Vec::new(),
            },
            Some(Err(_)) => return Ok(()),
            None => {
                send(stream, b"0\r\n\r\n", stall_timeout).await?;
                return timeout(stall_timeout, stream.shutdown()).await?;
            }
        };
    }
}

/// Writes until the system has all bytes: TLS buffers those that the system does not accept at once.
async fn send(stream: &mut Stream, bytes: &[u8], stall_timeout: Duration) -> io::Result<()> {
    timeout(stall_timeout, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    })
    .await?
}

fn chunk_of(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(data.len() + 16);
    write!(chunk, "{:x}\r\n", data.len())?;
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    Ok(chunk)
}

/// Waits until the client disconnects. Its data meanwhile cannot be answered, so there may be little of it.
async fn hangs_up(stream: &mut Stream, said: &mut usize) -> io::Result<()> {
    poll_fn(|context| {
        loop {
            // Allocated here, and not kept while nothing arrives.
            let mut buffer = [0; 256];
            let mut buffer = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            *said += buffer.filled().len();
            if buffer.filled().is_empty() || *said > MOST_SAID {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await
}
