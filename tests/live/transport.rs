//! The three ways to follow an inbox, as a client uses them.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http},
};

use super::LONG;

/// Headers that a client sends, by name.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Sse,
    Polling,
}

/// A client that follows an inbox.
pub(crate) enum Stream {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Sse(Sse),
    Polling(Polling),
}

/// An item of a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Event(Value),
    /// Closed, with the close code if there was one.
    Closed(Option<u16>),
}

impl Transport {
    pub(crate) async fn open(self, server: SocketAddr, user_id: &str, since: Option<u64>) -> Stream {
        self.try_open(server, user_id, since, &[]).await.unwrap()
    }

    /// Opens a stream with headers of the caller's, unless the server is unavailable or refuses.
    pub(crate) async fn try_open(
        self,
        server: SocketAddr,
        user_id: &str,
        since: Option<u64>,
        headers: Headers<'_>,
    ) -> Option<Stream> {
        let user_id = &user_id.replace(' ', "%20");
        let query = since.map_or_else(String::new, |since| format!("?since={since}"));
        Some(match self {
            Self::WebSocket => {
                let path = format!("/ws/{user_id}{query}");
                Stream::WebSocket(Box::new(websocket_with(server, &path, headers).await.ok()?))
            }
            Self::Sse => {
                let path = format!("/api/notifications/stream/{user_id}{query}");
                Stream::Sse(Sse::try_open(server, &path, headers).await?)
            }
            Self::Polling => Stream::Polling(Polling {
                server,
                user_id: user_id.to_owned(),
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                position: since,
                waiting: VecDeque::new(),
                greets: true,
            }),
        })
    }
}

pub(crate) async fn websocket(server: SocketAddr, path: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    websocket_with(server, path, &[]).await
}

/// Opens a WebSocket with headers of the caller's.
pub(crate) async fn websocket_with(
    server: SocketAddr,
    path: &str,
    headers: Headers<'_>,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{server}{path}").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    let stream = TcpStream::connect(server).await?;
    client_async(request, stream).await.map(|(socket, _)| socket)
}

/// Opens a WebSocket with headers of the caller's, and returns the status.
pub(crate) async fn refused_websocket(server: SocketAddr, path: &str, headers: Headers<'_>) -> u16 {
    match websocket_with(server, path, headers).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

impl Stream {
    /// The next item except heartbeats; fails when none arrives in time.
    pub(crate) async fn next(&mut self) -> Heard {
        timeout(LONG, self.heard()).await.unwrap()
    }

    /// The next item except heartbeats. Cancelling this loses nothing.
    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            let said = self.said().await;
            if !matches!(&said, Heard::Event(event) if event["type"] == "heartbeat") {
                break said;
            }
        }
    }

    /// The next item, including heartbeats. Cancelling this loses nothing.
    pub(crate) async fn said(&mut self) -> Heard {
        match self {
            Self::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => break Heard::Event(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => break Heard::Closed(frame.map(|frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break Heard::Closed(None),
                }
            },
            Self::Sse(sse) => sse.next().await,
            Self::Polling(polling) => polling.next().await,
        }
    }

    pub(crate) async fn event(&mut self) -> Value {
        match self.next().await {
            Heard::Event(event) => event,
            Heard::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next event, which must be of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let event = self.event().await;
        assert_eq!(event["type"], kind, "{event}");
        event
    }

    /// Checks that no event arrives for a moment.
    pub(crate) async fn expect_nothing(&mut self) {
        if let Self::Polling(_) = self {
            return;
        }
        let heard = timeout(Duration::from_millis(150), self.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    pub(crate) async fn send(&mut self, message: Message) {
        let Self::WebSocket(socket) = self else { panic!("only a WebSocket sends") };
        socket.send(message).await.unwrap();
    }
}

/// Server-sent events over a separate connection.
pub(crate) struct Sse {
    stream: TcpStream,
    /// Received bytes that are not a complete chunk yet.
    received: Vec<u8>,
    pub(crate) head: String,
    /// Received parts of the body that were not read yet.
    body: String,
    pub(crate) last_id: Option<u64>,
    pub(crate) retry: Option<u64>,
}

impl Sse {
    pub(crate) async fn open(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_open(server, path, headers).await.unwrap()
    }

    /// Opens a stream, unless the server is unavailable or refuses.
    pub(crate) async fn try_open(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Option<Self> {
        let mut stream = TcpStream::connect(server).await.ok()?;
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut sse =
            Self { stream, received: Vec::new(), head: String::new(), body: String::new(), last_id: None, retry: None };
        while !sse.head.ends_with("\r\n\r\n") {
            let line = sse.line().await?;
            sse.head.push_str(&line);
        }
        // A response that asks the client to come back later is no stream.
        let is_stream = sse.head.starts_with("HTTP/1.1 200") && sse.head.contains("transfer-encoding: chunked");
        is_stream.then_some(sse)
    }

    /// Receives until there are this many bytes; `None` when the connection ends before.
    async fn receive(&mut self, length: usize) -> Option<()> {
        while self.received.len() < length {
            if !matches!(self.stream.read_buf(&mut self.received).await, Ok(1..)) {
                return None;
            }
        }
        Some(())
    }

    /// The length of the first line, including its end.
    async fn line_length(&mut self) -> Option<usize> {
        let mut length = 1;
        loop {
            self.receive(length).await?;
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                return Some(end + 1);
            }
            length = self.received.len() + 1;
        }
    }

    async fn line(&mut self) -> Option<String> {
        let length = self.line_length().await?;
        Some(String::from_utf8(self.received.drain(..length).collect()).unwrap())
    }

    /// Reads one chunk; `false` at the end.
    async fn read_chunk(&mut self) -> bool {
        let Some(start) = self.line_length().await else { return false };
        let line = std::str::from_utf8(&self.received[..start]).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        if length == 0 || self.receive(start + length + 2).await.is_none() {
            return false;
        }
        // Only complete chunks are read, so that nothing is lost when the waiting client cancels.
        let chunk: Vec<u8> = self.received.drain(..start + length + 2).collect();
        self.body.push_str(std::str::from_utf8(&chunk[start..start + length]).unwrap());
        true
    }

    async fn next(&mut self) -> Heard {
        loop {
            while let Some((block, rest)) = self.body.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.body = rest;
                let mut data = None;
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => self.last_id = Some(id.parse().unwrap()),
                        Some(("data", json)) => data = Some(serde_json::from_str(json).unwrap()),
                        Some(("retry", millis)) => self.retry = Some(millis.parse().unwrap()),
                        _ => panic!("{line:?}"),
                    }
                }
                if let Some(data) = data {
                    return Heard::Event(data);
                }
            }
            if !self.read_chunk().await {
                return Heard::Closed(None);
            }
        }
    }
}

/// Requests the changes repeatedly.
pub(crate) struct Polling {
    server: SocketAddr,
    user_id: String,
    headers: Vec<(String, String)>,
    position: Option<u64>,
    waiting: VecDeque<Value>,
    greets: bool,
}

impl Polling {
    async fn next(&mut self) -> Heard {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Heard::Event(event);
            }
            let since = self.position.unwrap_or(u64::from(u32::MAX) << 20);
            let path = format!("/api/notifications/changes/{}?since={since}&limit=7", self.user_id);
            let headers: Vec<_> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let changes = get_with_head(self.server, &path, &headers).await.map(|(_, changes)| changes);
            let Some(mut changes) = changes.filter(|changes| changes["events"].is_array()) else {
                return Heard::Closed(None);
            };
            let here = |kind: &str| json!({"type": kind, "modseq": changes["modseq"], "unread_count": changes["unread_count"]});
            let (hello, reset) = (here("hello"), here("reset"));
            let is_reset = changes["reset"] == true;
            self.waiting.extend(changes["events"].as_array_mut().unwrap().drain(..));
            if is_reset && self.position.is_some() {
                self.waiting.push_back(reset);
                self.greets = false;
            } else if changes["more"] == false && std::mem::take(&mut self.greets) {
                self.waiting.push_back(hello);
            }
            self.position = changes["modseq"].as_u64();
            if self.waiting.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Requests a path, and returns the JSON of the response.
pub(crate) async fn get(server: SocketAddr, path: &str) -> Option<Value> {
    get_with_head(server, path, &[]).await.map(|(_, json)| json)
}

/// Requests a path, and returns the head of the response too.
pub(crate) async fn get_with_head(server: SocketAddr, path: &str, headers: Headers<'_>) -> Option<(String, Value)> {
    let mut stream = TcpStream::connect(server).await.ok()?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_owned(), serde_json::from_str(body).ok()?))
}
