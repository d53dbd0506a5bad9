//! The senders.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
    time::sleep_until,
};

use crate::inbox;

/// The number of connections that send.
const CONNECTIONS: usize = 32;

/// The results of the senders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) count: u64,
    /// The number of notifications in each inbox, where they are numbered from 1.
    pub(crate) to: Vec<u32>,
    pub(crate) took: Duration,
    pub(crate) refused: u64,
}

/// Sends at this rate, to one inbox after the other.
pub(crate) async fn publish(
    server: SocketAddr,
    inboxes: usize,
    rate: f64,
    seconds: f64,
    clock: Instant,
) -> Result<Sent> {
    let total = (rate * seconds) as u64;
    let (next, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    // A number of an inbox is assigned and sent before its next one, so that they arrive in order.
    let numbers: Arc<Vec<Mutex<u32>>> = Arc::new((0..inboxes).map(|_| Mutex::new(0)).collect());
    let began = tokio::time::Instant::now();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (next, refused, numbers) = (Arc::clone(&next), Arc::clone(&refused), Arc::clone(&numbers));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= total {
                        return Ok::<_, anyhow::Error>(());
                    }
                    sleep_until(began + Duration::from_secs_f64(turn as f64 / rate)).await;
                    let to = turn as usize % inboxes;
                    let mut number = numbers[to].lock().await;
                    let content = format!("{}:{};", *number + 1, clock.elapsed().as_micros());
                    match send(&mut stream, &inbox(to), &content).await? {
                        201 => *number += 1,
                        _ => _ = refused.fetch_add(1, Ordering::Relaxed),
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await??;
    }
    let took = began.elapsed();
    let mut to = Vec::new();
    for number in numbers.iter() {
        to.push(*number.lock().await);
    }
    let count = to.iter().map(|count| u64::from(*count)).sum();
    Ok(Sent { count, to, took, refused: refused.load(Ordering::Relaxed) })
}

async fn send(stream: &mut TcpStream, user_id: &str, content: &str) -> Result<u16> {
    let body = format!("{{\"user_id\":\"{user_id}\",\"content\":\"{content}\"}}");
    let request = format!(
        "POST /api/notifications/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the server closed the connection");
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if rest.len() >= length.unwrap_or(0) {
            return Ok(head.split(' ').nth(1).unwrap_or("").parse()?);
        }
    }
}
