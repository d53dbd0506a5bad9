//! `GET /ws/{user_id}` and `/ws`: WebSocket (RFC 6455), also over HTTP/2 (RFC 8441).

use std::sync::Arc;

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, Uri, header},
    response::Response,
    routing::{MethodFilter, on},
};
use tokio::time::{Duration, Instant, sleep_until, timeout};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    HttpOptions,
    extract::{Caller, Path, Query},
    live::{OnlyTicket, SinceParams, StreamOptions, open_stream, over},
    state::HttpState,
};
use crate::{
    model::{Code, Problem, UserId},
    server::{
        auth::standing::{Pass, Standing},
        listener::Place,
        service::{Follower, NotificationService},
    },
};

/// Clients say next to nothing, so little room is made for it.
const READ_BUFFER: usize = 1024;
/// The largest message that is read from a client; anything it may say is smaller.
const LARGEST_MESSAGE: usize = 1024;
/// How much may wait in the process to be sent on one connection.
const WRITE_BUFFER: usize = 256 * 1024;
/// How long a client may take to be told why it is let go.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How many heartbeats a client may leave unanswered.
const MISSED_HEARTBEATS: u8 = 2;

/// Why a connection is closed: a code of RFC 6455 or of our own, and a sentence.
type Reason = (u16, &'static str);

const STOPPING: Reason = (1001, "The server is stopping. Connect again in a moment.");
const NOT_BINARY: Reason = (1003, "This stream takes no messages.");
const NOT_TEXT: Reason = (1008, "This stream takes no messages. Send requests to the REST API.");
const TOO_LARGE: Reason = (1009, "This stream takes no messages.");
const TRY_AGAIN: Reason = (1013, "What you missed cannot be read now. Connect again in a few seconds.");
const EXPIRED: Reason = (4001, "What you showed has expired or was revoked. Connect again with something new.");
const TOO_SLOW: Reason = (4008, "You read too slowly. Connect again, from your last position.");
const SILENT: Reason = (4008, "You answered no ping. Connect again, from your last position.");

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(follow))
        .routes(routes!(follow_all))
        .route("/ws/{user_id}", on(MethodFilter::CONNECT, follow))
        .route("/ws", on(MethodFilter::CONNECT, follow_all))
}

/// Every change to an inbox as it happens, over a WebSocket
///
/// Each text frame is one event of `changes`: `created`, `updated`, `all_read`, `deleted`; and
/// `hello` when you are at the present, `reset` when your position cannot be continued and you have
/// to list again. Close codes: 1001 the server stops, 1003, 1008 and 1009 you sent something, 1013
/// try again later, 4001 what you showed has expired, 4008 you were too slow.
#[utoipa::path(
    get, path = "/ws/{user_id}", tag = "live",
    params(
        ("user_id" = UserId, Path, description = "Whose inbox"),
        SinceParams,
        ("ticket" = Option<String>, Query, description = "A ticket of `POST /api/tickets`, where no header can be set"),
    ),
    responses(
        (status = 101, description = "The connection is a WebSocket"),
        (status = "4XX", description = "It was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow(
    State(service): State<NotificationService>,
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    Query(params): Query<SinceParams>,
    standing: Option<Extension<Standing>>,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let since = params.parse()?;
    handshake.refuse_other_sites()?;
    let follower = service.follow(&principal, &user_id, since).await?;
    Ok(handshake.accept()?.speak(follower, open_stream(&service, standing)?, options.streams))
}

/// Every change to any inbox as it happens, over a WebSocket
///
/// The same events with `user_id`, for an operator. They cannot be continued: after a cut, list
/// again.
#[utoipa::path(
    get, path = "/ws", tag = "live",
    params(("ticket" = Option<String>, Query, description = "A ticket of `POST /api/tickets`, where no header can be set")),
    responses(
        (status = 101, description = "The connection is a WebSocket"),
        (status = "4XX", description = "It was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow_all(
    State(service): State<NotificationService>,
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    _: Query<OnlyTicket>,
    standing: Option<Extension<Standing>>,
    handshake: Handshake,
) -> Result<Response, Problem> {
    handshake.refuse_other_sites()?;
    let follower = service.follow_all(&principal)?;
    Ok(handshake.accept()?.speak(follower, open_stream(&service, standing)?, options.streams))
}

/// What a client needs to say to become a WebSocket.
#[derive(axum::extract::FromRequestParts)]
#[from_request(state(HttpState))]
struct Handshake {
    headers: HeaderMap,
    uri: Uri,
    options: State<Arc<HttpOptions>>,
    place: Option<Extension<Place>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
}

/// A client that may become a WebSocket.
struct Upgrade {
    upgrade: WebSocketUpgrade,
    place: Option<Extension<Place>>,
}

impl Handshake {
    fn refuse_other_sites(&self) -> Result<(), Problem> {
        if !self.is_from_here() {
            let why =
                "This connection was opened by a page of another site. Use the dashboard, or a client of your own.";
            return Err(Problem::new(Code::Forbidden, why));
        }
        Ok(())
    }

    fn accept(self) -> Result<Upgrade, Problem> {
        let upgrade = self.upgrade.map_err(|_| {
            let how = "This address speaks WebSocket. Connect with ws:// or wss://, or use the same path below /api/notifications/stream in place of /ws.";
            Problem::new(Code::UpgradeRequired, how)
        })?;
        Ok(Upgrade { upgrade, place: self.place })
    }

    /// Whether no page of another site opened this: unlike a request, a browser lets it.
    fn is_from_here(&self) -> bool {
        let Some(origin) = self.headers.get(header::ORIGIN) else { return true };
        let from_header = || self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if self.options.allowed_origins.iter().any(|allowed| origin == allowed.as_str()) {
            return true;
        }
        let host = self.uri.authority().map(|authority| authority.as_str()).or_else(from_header);
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        matches!((origin, host), (Some((_, from)), Some(host)) if from.eq_ignore_ascii_case(host))
    }
}

impl Upgrade {
    fn speak(self, follower: Follower, pass: Option<Pass>, options: StreamOptions) -> Response {
        let Self { upgrade, place } = self;
        upgrade
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER)
            .max_message_size(LARGEST_MESSAGE)
            .max_frame_size(LARGEST_MESSAGE)
            .on_upgrade(move |socket| async move {
                converse(socket, follower, pass, options).await;
                drop(place);
            })
    }
}

/// Tells a client what a follower hears, until one of them ends.
async fn converse(mut socket: WebSocket, mut follower: Follower, mut pass: Option<Pass>, options: StreamOptions) {
    let mut heartbeat = Instant::now() + options.next_heartbeat();
    let mut missed = 0;
    let reason = loop {
        let message = tokio::select! {
            biased;
            said = socket.recv() => match said {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    missed = 0;
                    continue;
                }
                Some(Ok(Message::Text(_))) => break NOT_TEXT,
                Some(Ok(Message::Binary(_))) => break NOT_BINARY,
                Some(Ok(Message::Close(_))) => {
                    // Reading on sends the answer.
                    drop(timeout(LAST_WORDS, socket.recv()).await);
                    return;
                }
                None => return,
                Some(Err(error)) if is_too_large(&error) => break TOO_LARGE,
                Some(Err(_)) => return,
            },
            told = follower.next() => match told {
                Ok(Some(frame)) => match Utf8Bytes::try_from(frame.json()) {
                    Ok(json) => Message::Text(json),
                    Err(_) => continue,
                },
                Ok(None) => break STOPPING,
                Err(error) => {
                    tracing::debug!(%error, "a WebSocket ends, because what was missed cannot be read");
                    break TRY_AGAIN;
                }
            },
            () = over(pass.as_mut()) => break EXPIRED,
            () = sleep_until(heartbeat) => {
                heartbeat = Instant::now() + options.next_heartbeat();
                missed += 1;
                if missed > MISSED_HEARTBEATS {
                    break SILENT;
                }
                Message::Ping(bytes::Bytes::new())
            }
        };
        match timeout(options.stall_timeout, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => break TOO_SLOW,
        }
    };
    let (code, why) = reason;
    let close = Message::Close(Some(CloseFrame { code, reason: why.into() }));
    // Whoever does not listen any more is not waited for.
    drop(timeout(LAST_WORDS, socket.send(close)).await);
}

/// Whether a client sent more than it may.
fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(tokio_tungstenite::tungstenite::Error::Capacity(_)) = error.downcast_ref() {
            return true;
        }
        cause = error.source();
    }
    false
}
