//! `GET /ws/{user_id}` and `/ws`: WebSocket (RFC 6455), also over HTTP/2 (RFC 8441).

use std::future::ready;

use axum::{
    Extension,
    extract::{
        Request, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    handler::Handler,
    http::{Method, Version},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout},
};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Path, Query},
    live::{End, OnlyTicket, Opening, SinceParams, Stream, StreamItem},
    methods::not_taken,
    state::HttpState,
};
use crate::{
    model::{Code, Problem, UserId},
    server::{
        lease::{self, Lease},
        listener::{LongStream, Place},
        service::{Follower, Frame},
    },
};

/// Clients send next to nothing, so the buffer is small.
const READ_BUFFER: usize = 128;
/// The largest message that is read from a client; every valid one is smaller.
const LARGEST_MESSAGE: usize = 1024;
/// How many bytes may wait to be sent on one connection.
const WRITE_BUFFER: usize = 256 * 1024;
/// How long a client may take to read the reason why it is disconnected.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How many pings a client may leave unanswered.
const MISSED_HEARTBEATS: u8 = 2;
/// How many messages of a client are read in a minute, pings and their answers among them.
const MOST_IN_A_MINUTE: u32 = 120;
const MINUTE: Duration = Duration::from_secs(60);
/// The subprotocol that is chosen when a client offers it. A second name, `bearer.…`, may carry its credential.
const SUBPROTOCOL: &str = "campanile";

/// Why a connection is closed: a code of RFC 6455 or of our own, and a sentence.
type Reason = (u16, &'static str);

const STOPPING: Reason = (1001, "The server is stopping. Connect again in a moment.");
const NOT_PROTOCOL: Reason = (1002, "This is not a valid frame of a client (RFC 6455).");
const NOT_BINARY: Reason = (1003, "This stream takes no messages. Send requests to the REST API.");
const NOT_UTF8: Reason = (1007, "This text is not UTF-8.");
const TOO_MUCH: Reason = (1008, "You say too much. This stream takes no messages: send requests to the REST API.");
const TOO_LARGE: Reason = (1009, "This stream takes no messages. Send requests to the REST API.");
const TRY_AGAIN: Reason = (1013, "The changes that you missed cannot be read now. Connect again in a few seconds.");
const EXPIRED: Reason = (4001, "Your credential has expired or was revoked. Connect again with a new one.");
const TOO_SLOW: Reason = (4008, "You read too slowly. Connect again from your last position.");
const SILENT: Reason = (4008, "You answered no ping. Connect again from your last position.");

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(follow))
        .routes(routes!(follow_all))
        .route("/ws/{user_id}", over_http2(follow))
        .route("/ws", over_http2(follow_all))
}

/// HTTP/2 requests a WebSocket with `CONNECT` (RFC 8441), which means nothing else here: `Allow` must not name it, so
/// the route has no method for it.
fn over_http2<T: 'static>(follow: impl Handler<T, HttpState>) -> MethodRouter<HttpState> {
    MethodRouter::new().fallback(|State(state): State<HttpState>, request: Request| async move {
        if *request.method() == Method::CONNECT {
            return follow.call(request, state).await;
        }
        not_taken(request.method(), request.uri(), &[Method::GET]).into_response()
    })
}

/// Follow an inbox, over a WebSocket
///
/// Each text frame is a change (`created`, `updated`, `all_read`, `deleted`), `hello` when the client is up to date,
/// `reset` when the server cannot continue from the client's position and the client has to list again, or, after a
/// silence of 25 seconds, `heartbeat` with the present change number and count. The server ignores short text from the
/// client, and answers `ping` with `pong`. A browser, which cannot set a header, offers the subprotocols `campanile`
/// and `bearer.TOKEN`, with a token, a key or a ticket. Close codes: 1001 the server is shutting down; 1002, 1003,
/// 1007, 1008 and 1009 the client violated the protocol; 1013 try again later; 4001 the credential has expired; 4008
/// the client was too slow.
#[utoipa::path(
    get, path = "/ws/{user_id}", operation_id = "followInbox", tag = "live",
    params(
        ("user_id" = UserId, Path, description = "User who owns the inbox"),
        SinceParams,
        ("ticket" = Option<String>, Query, description = "A ticket from `POST /api/tickets`, for browsers, which cannot set a header here"),
    ),
    responses(
        (status = 101, description = "The connection is a WebSocket, and each text frame is one event"),
        (status = 200, description = "The same over HTTP/2 (RFC 8441)"),
    )
)]
async fn follow(
    opening: Opening,
    Path(user_id): Path<UserId>,
    Query(params): Query<SinceParams>,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let follower = opening.follow(&user_id, params.parse()?).await?;
    handshake.accept()?.speak(opening, follower)
}

/// Follow all inboxes, over a WebSocket
///
/// The events of one inbox, with a `user_id` each. This stream cannot be resumed: list again after a lost connection.
#[utoipa::path(
    get, path = "/ws", operation_id = "followAllInboxes", tag = "live",
    params(("ticket" = Option<String>, Query, description = "A ticket from `POST /api/tickets`, for browsers, which cannot set a header here")),
    responses(
        (status = 101, description = "The connection is a WebSocket, and each text frame is one event"),
        (status = 200, description = "The same over HTTP/2 (RFC 8441)"),
    )
)]
async fn follow_all(opening: Opening, _: Query<OnlyTicket>, handshake: Handshake) -> Result<Response, Problem> {
    let follower = opening.follow_all()?;
    handshake.accept()?.speak(opening, follower)
}

/// The handshake of a WebSocket.
#[derive(axum::extract::FromRequestParts)]
#[from_request(state(HttpState))]
struct Handshake {
    place: Option<Extension<Place>>,
    version: Version,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
}

/// A client that may become a WebSocket.
struct Upgrade {
    upgrade: WebSocketUpgrade,
    place: Option<Extension<Place>>,
    version: Version,
}

impl Handshake {
    fn accept(self) -> Result<Upgrade, Problem> {
        let upgrade = self.upgrade.map_err(|_| {
            let how = "This address speaks WebSocket. Connect with ws:// or wss://, or use the same path below /api/notifications/stream in place of /ws.";
            Problem::new(Code::UpgradeRequired, how)
        })?;
        Ok(Upgrade { upgrade, place: self.place, version: self.version })
    }
}

impl Upgrade {
    /// Opens the stream last: a request that is not a handshake does not count against the caller's limit.
    fn speak(self, opening: Opening, follower: Follower) -> Result<Response, Problem> {
        let stream = opening.open(follower)?;
        let Self { upgrade, place, version } = self;
        let stall_timeout = stream.stall_timeout();
        let (held, lease) = (version == Version::HTTP_2).then(Lease::held).unzip();
        let mut response = upgrade
            .protocols([SUBPROTOCOL])
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER)
            .max_message_size(LARGEST_MESSAGE)
            .max_frame_size(LARGEST_MESSAGE)
            .on_upgrade(move |socket| {
                // Boxed, or the task would copy all of it each time that it is moved.
                let talk = Box::new(Conversation {
                    _held: held,
                    socket,
                    stream,
                    stall_timeout,
                    chatter: Chatter::new(),
                    unanswered: 0,
                });
                // In a task of its own, which has no room for the data of the handshake.
                tokio::spawn(async move {
                    talk.hold().await;
                    drop(place);
                });
                ready(())
            });
        response.extensions_mut().insert(LongStream::new(stall_timeout).under(lease));
        Ok(response)
    }
}

/// A client that receives the items of a stream, until one of them ends.
struct Conversation {
    /// Ends the HTTP/2 stream together with this, however little the client reads.
    _held: Option<watch::Sender<()>>,
    socket: WebSocket,
    stream: Stream,
    stall_timeout: Duration,
    chatter: Chatter,
    /// How many pings the client has not answered.
    unanswered: u8,
}

impl Conversation {
    async fn hold(mut self: Box<Self>) {
        let mut end = lease::End::of(self.stream.lease());
        let reason = tokio::select! {
            biased;
            () = end.come() => Some(EXPIRED),
            reason = self.talk() => reason,
        };
        let Some((code, reason)) = reason else { return };
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        // The server does not wait for a client that no longer listens.
        drop(Box::pin(timeout(LAST_WORDS, self.socket.send(close))).await);
    }

    /// Returns the reason for closing the connection; `None` when the client is gone.
    async fn talk(&mut self) -> Option<Reason> {
        loop {
            let messages = tokio::select! {
                biased;
                said = self.socket.recv() => {
                    self.unanswered = 0;
                    if self.chatter.is_too_much() {
                        return Some(TOO_MUCH);
                    }
                    match heed(said) {
                        Heeded::Nothing => continue,
                        Heeded::Ping => (Some(Message::Text(Utf8Bytes::from_static("pong"))), None),
                        Heeded::Wrong(reason) => return Some(reason),
                        Heeded::Closing => {
                            // Reading on sends the answer.
                            drop(Box::pin(timeout(LAST_WORDS, self.socket.recv())).await);
                            return None;
                        }
                        Heeded::Gone => return None,
                    }
                }
                told = self.stream.next() => match told {
                    StreamItem::Frame(frame) => (text(&frame), None),
                    StreamItem::Heartbeat(_) | StreamItem::Silence if self.unanswered == MISSED_HEARTBEATS => return Some(SILENT),
                    StreamItem::Heartbeat(frame) => (text(&frame), Some(self.ping())),
                    StreamItem::Silence => (None, Some(self.ping())),
                    StreamItem::End(End::Stopping) => return Some(STOPPING),
                    StreamItem::End(End::Lost) => return Some(TRY_AGAIN),
                },
            };
            for message in [messages.0, messages.1].into_iter().flatten() {
                // Boxed, so that an idle connection reserves no room for it.
                match Box::pin(timeout(self.stall_timeout, self.socket.send(message))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => return Some(TOO_SLOW),
                }
            }
        }
    }

    fn ping(&mut self) -> Message {
        self.unanswered += 1;
        Message::Ping(Bytes::new())
    }
}

fn text(frame: &Frame) -> Option<Message> {
    Utf8Bytes::try_from(frame.json()).ok().map(Message::Text)
}

/// The reaction to a message of the client.
enum Heeded {
    /// Ignored: some clients send small texts to keep a connection.
    Nothing,
    /// The text `ping`, which gets an answer that the client's program can see.
    Ping,
    /// A violation of the protocol.
    Wrong(Reason),
    /// It closes.
    Closing,
    /// It is gone.
    Gone,
}

fn heed(said: Option<Result<Message, axum::Error>>) -> Heeded {
    match said {
        Some(Ok(Message::Text(text))) if text.as_str() == "ping" => Heeded::Ping,
        Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => Heeded::Nothing,
        Some(Ok(Message::Binary(_))) => Heeded::Wrong(NOT_BINARY),
        Some(Ok(Message::Close(_))) => Heeded::Closing,
        Some(Err(error)) => what_is_wrong(&error).map_or(Heeded::Gone, Heeded::Wrong),
        None => Heeded::Gone,
    }
}

/// The reason for disconnecting a client whose message cannot be read; `None` when it is gone.
fn what_is_wrong(error: &axum::Error) -> Option<Reason> {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(tungstenite::Error::Capacity(_)) => return Some(TOO_LARGE),
            Some(tungstenite::Error::Utf8(_)) => return Some(NOT_UTF8),
            Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return None,
            Some(tungstenite::Error::Protocol(_)) => return Some(NOT_PROTOCOL),
            _ => cause = error.source(),
        }
    }
    None
}

/// The rate of a client's messages: it has nothing to say, so that is low.
struct Chatter {
    count: u32,
    since: Instant,
}

impl Chatter {
    fn new() -> Self {
        Self { count: 0, since: Instant::now() }
    }

    /// Counts one more message.
    fn is_too_much(&mut self) -> bool {
        if self.since.elapsed() > MINUTE {
            *self = Self::new();
        }
        self.count += 1;
        self.count > MOST_IN_A_MINUTE
    }
}
