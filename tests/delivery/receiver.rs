//! An endpoint on loopback that answers as a test defines, and records its requests.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use super::LONG;

/// A received request.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) request: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) at: Instant,
}

impl Hit {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(super) fn timestamp(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    /// Whether it is signed with this secret, according to the library of Standard Webhooks.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &self.headers).is_ok()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The content of its notification.
    pub(super) fn content(&self) -> String {
        self.json()["data"]["notification"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// The delay before it.
    pub(super) after: Duration,
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Content,
}

/// The rest of the response after the status, or a failure instead of it.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Text(String),
    /// This many bytes.
    Huge(usize),
    /// One byte after the other, without an end.
    Drips,
    /// Header after header, without an end.
    HeadDrips,
    /// Bytes that are not HTTP.
    Garbage,
    /// The connection is closed without a response.
    Closes,
    /// No response, for ever.
    Hangs,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self { after: Duration::ZERO, status, headers: Vec::new(), body: Content::Text(String::new()) }
    }

    pub(super) fn with(status: u16, body: Content) -> Self {
        Self { body, ..Self::status(status) }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    pub(super) fn hangs() -> Self {
        Self::with(200, Content::Hangs)
    }
}

type Script = dyn Fn(usize, &Hit) -> Reply + Send + Sync;

/// A running endpoint, stopped when this is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    script: Box<Script>,
    hits: Mutex<Vec<Hit>>,
    connections: AtomicUsize,
}

impl Receiver {
    /// An endpoint that accepts everything.
    pub(super) async fn good() -> Self {
        Self::start(|_, _| Reply::status(204)).await
    }

    /// An endpoint that answers each request by a script, which gets the number of earlier requests.
    pub(super) async fn start(script: impl Fn(usize, &Hit) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub(super) async fn start_at(address: &str, script: impl Fn(usize, &Hit) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { script: Box::new(script), hits: Mutex::default(), connections: AtomicUsize::new(0) };
        let shared = Arc::new(shared);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _accepting: accepting }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// All received requests.
    pub(super) fn hits(&self) -> Vec<Hit> {
        self.shared.hits.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.shared.hits.lock().unwrap().len()
    }

    /// The number of connections.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits for this many requests, and returns all.
    pub(super) async fn until(&self, count: usize) -> Vec<Hit> {
        self.until_within(count, LONG).await
    }

    pub(super) async fn until_within(&self, count: usize, longest: Duration) -> Vec<Hit> {
        let until = Instant::now() + longest;
        while self.count() < count {
            assert!(Instant::now() < until, "{} of {count} came", self.count());
            sleep(Duration::from_millis(2)).await;
        }
        self.hits()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The connections end with the endpoint.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        stream.set_nodelay(true).unwrap();
        let shared = Arc::clone(&shared);
        connections.spawn(async move { serve(stream, &shared).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut stream = BufStream::new(stream);
    loop {
        let hit = read(&mut stream).await?;
        let place = {
            let mut hits = shared.hits.lock().unwrap();
            hits.push(hit.clone());
            hits.len() - 1
        };
        write(&mut stream, (shared.script)(place, &hit)).await?;
    }
}

async fn read(stream: &mut BufStream<TcpStream>) -> Option<Hit> {
    let mut request = String::new();
    stream.read_line(&mut request).await.ok().filter(|read| *read > 0)?;
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let length = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let request = request.trim_end().to_owned();
    Some(Hit { request, headers, body: String::from_utf8(body).unwrap(), at: Instant::now() })
}

async fn write(stream: &mut BufStream<TcpStream>, reply: Reply) -> Option<()> {
    let Reply { after, status, headers, body } = reply;
    sleep(after).await;
    let mut head = format!("HTTP/1.1 {status} So\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    match body {
        Content::Text(text) if status == 204 => {
            assert_eq!(text, "");
            say(stream, format!("{head}\r\n").as_bytes()).await
        }
        Content::Text(text) => {
            let length = text.len();
            say(stream, format!("{head}content-length: {length}\r\n\r\n{text}").as_bytes()).await
        }
        Content::Huge(length) => {
            say(stream, format!("{head}content-length: {length}\r\n\r\n").as_bytes()).await?;
            for _ in 0..length.div_ceil(1 << 16) {
                say(stream, &[b'x'; 1 << 16]).await?;
            }
            Some(())
        }
        Content::Drips => {
            say(stream, format!("{head}content-length: 1000000\r\n\r\n").as_bytes()).await?;
            forever(stream, b"x").await
        }
        Content::HeadDrips => {
            say(stream, head.as_bytes()).await?;
            forever(stream, b"x-more: x\r\n").await
        }
        Content::Garbage => {
            say(stream, b"220 mail.example ESMTP\r\n").await?;
            None
        }
        Content::Closes => None,
        Content::Hangs => std::future::pending().await,
    }
}

async fn forever(stream: &mut BufStream<TcpStream>, bytes: &[u8]) -> Option<()> {
    loop {
        say(stream, bytes).await?;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn say(stream: &mut BufStream<TcpStream>, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}
