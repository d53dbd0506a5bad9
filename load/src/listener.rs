//! A listener.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::{Semaphore, mpsc, watch},
    time::sleep,
};

use crate::Kind;

/// Whether a listener received the greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Yes,
    No,
}

pub(crate) struct Listener {
    pub(crate) server: SocketAddr,
    pub(crate) source: [u8; 4],
    pub(crate) kind: Kind,
    pub(crate) user_id: String,
    pub(crate) since: Option<u64>,
    /// It receives the greeting and never reads again.
    pub(crate) is_asleep: bool,
    pub(crate) clock: Instant,
}

/// The results of a listener.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) is_asleep: bool,
    /// The number of the inbox.
    pub(crate) inbox: usize,
    /// For each notification, in the order of arrival: its number in the inbox, and its latency in microseconds.
    pub(crate) latencies: Vec<(u32, u32)>,
    pub(crate) repeated: u64,
    /// The number of notifications that are missing between two that arrived.
    pub(crate) missing: u64,
    /// The number of the last notification that arrived.
    pub(crate) last: u32,
}

impl Listener {
    /// Listens until it is told to stop.
    pub(crate) async fn run(
        self,
        turns: Arc<Semaphore>,
        opened: mpsc::UnboundedSender<Opened>,
        mut stopping: watch::Receiver<bool>,
    ) -> Heard {
        let inbox = self.user_id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let mut heard = Heard { is_asleep: self.is_asleep, inbox, ..Heard::default() };
        let stream = {
            let _turn = turns.acquire().await;
            self.open().await
        };
        let Ok(mut stream) = stream else {
            let _ = opened.send(Opened::No);
            return heard;
        };
        let (is_asleep, clock, kind) = (self.is_asleep, self.clock, self.kind);
        drop(self);
        let listening = async {
            let mut received = Vec::new();
            let mut opened = Some(opened);
            loop {
                stream.readable().await?;
                let mut buffer = [0; 16 * 1024];
                match stream.try_read(&mut buffer) {
                    Ok(0) => bail!("the server closed the connection"),
                    Ok(count) => received.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    Err(error) => return Err(error.into()),
                }
                let now = clock.elapsed();
                if opened.is_some() && find(&received, b"\"type\":\"hello\"").is_some() {
                    let _ = opened.take().map(|opened| opened.send(Opened::Yes));
                    if is_asleep {
                        std::future::pending::<()>().await;
                    }
                }
                if kind == Kind::Ws && answer_pings(&mut stream, &received).await? {
                    received.clear();
                }
                heard.take(&mut received, now);
                if received.is_empty() {
                    // Thousands of these wait at once, so the buffer is freed.
                    received = Vec::new();
                }
            }
        };
        tokio::select! {
            ended = listening => {
                let _: Result<()> = ended;
            }
            _ = stopping.wait_for(|stop| *stop) => {}
        }
        heard
    }

    async fn open(&self) -> Result<TcpStream> {
        let mut pause = Duration::from_millis(20);
        let mut stream = loop {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((self.source, 0)))?;
            match socket.connect(self.server).await {
                Ok(stream) => break stream,
                Err(error) if pause > Duration::from_secs(2) => return Err(error.into()),
                Err(_) => sleep(pause).await,
            }
            pause *= 2;
        };
        stream.set_nodelay(true)?;
        let path = match self.kind {
            Kind::Ws => "/ws/",
            Kind::Sse => "/api/notifications/stream/",
        };
        let query = self.since.map_or_else(String::new, |since| format!("?since={since}"));
        let upgrade = match self.kind {
            Kind::Ws => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
            Kind::Sse => "Accept: text/event-stream\r\n",
        };
        let request = format!("GET {path}{}{query} HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n", self.user_id);
        stream.write_all(request.as_bytes()).await?;
        // Reads the head only, and nothing that follows it.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if !(head.starts_with(b"HTTP/1.1 101") || head.starts_with(b"HTTP/1.1 200")) {
            bail!("refused: {}", String::from_utf8_lossy(&head));
        }
        Ok(stream)
    }
}

/// Answers a ping that arrives alone, like the server's.
async fn answer_pings(stream: &mut TcpStream, received: &[u8]) -> Result<bool> {
    const PING: &[u8] = &[0x89, 0];
    // A pong, masked with zeros.
    const PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];
    let is_ping = received == PING;
    if is_ping {
        stream.write_all(PONG).await?;
    }
    Ok(is_ping)
}

impl Heard {
    /// Removes every whole notification from the received bytes: its content is `number:microseconds;`.
    fn take(&mut self, received: &mut Vec<u8>, now: Duration) {
        const MARK: &[u8] = b"\"content\":\"";
        let mut done = 0;
        while let Some(start) = find(&received[done..], MARK).map(|at| done + at + MARK.len()) {
            let Some(end) = find(&received[start..], b";").map(|at| start + at) else { break };
            let text = std::str::from_utf8(&received[start..end]).unwrap_or("");
            if let Some((number, sent)) = text.split_once(':')
                && let (Ok(number), Ok(sent)) = (number.parse::<u32>(), sent.parse::<u64>())
            {
                let latency = (now.as_micros() as u64).saturating_sub(sent);
                if number <= self.last {
                    self.repeated += 1;
                } else {
                    self.missing += u64::from(number - self.last - 1);
                    self.last = number;
                    self.latencies.push((number, u32::try_from(latency).unwrap_or(u32::MAX)));
                }
            }
            done = end;
        }
        if done > 0 || find(received, MARK).is_none() {
            // The rest of an event has no content in it, but may contain the beginning of the next event.
            let keep = received.len().saturating_sub(MARK.len()).max(done);
            received.drain(..keep);
        }
        if find(received, b"\"").is_none() {
            received.clear();
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle[0];
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first).map(|at| from + at) {
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
