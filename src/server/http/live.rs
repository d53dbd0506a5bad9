//! The common part of WebSockets and server-sent events.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension,
    body::Body,
    extract::{FromRequestParts, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};
use utoipa::IntoParams;

use super::{
    HttpOptions,
    extract::{Caller, Parameters},
    state::HttpState,
};
use crate::{
    model::{FieldError, Problem, UserId, WholeNumber, parse_whole_number},
    server::{
        auth::standing::{Pass, Standing, TooManyStreams},
        causes::with_causes,
        lease::Lease,
        service::{Follower, Frame, NotificationService},
    },
};

/// The parameter with a browser's ticket, because a browser cannot set headers there.
const TICKET: &str = "ticket";

/// The options of live streams.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// How long a stream may be silent. Then it sends the present change number, so that the client sees that the
    /// connection works and that it missed nothing, and gateways keep the connection.
    pub heartbeat: Duration,
    /// How long a client may take to read before it is disconnected. It can follow again later.
    pub stall_timeout: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(25), stall_timeout: Duration::from_secs(10) }
    }
}

impl StreamOptions {
    /// The time until the next heartbeat: not all streams have it at once.
    fn next_heartbeat(&self) -> Duration {
        self.heartbeat.mul_f64(0.9 + random() / 5.0)
    }
}

/// The headers of server-sent events.
pub(super) const EVENTS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // nginx would buffer the events.
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// Makes an EventSource reconnect after one to five seconds, so that not all do so at once.
pub(super) fn come_back() -> Bytes {
    let millis = 1_000.0 + 4_000.0 * random();
    format!("retry: {millis:.0}\n\n").into()
}

/// Answers an EventSource in place of this refusal when that passes by itself: by its standard, an EventSource that is
/// answered 503 never reconnects.
pub(super) fn come_back_later(refused: Response) -> Response {
    if refused.status() != StatusCode::SERVICE_UNAVAILABLE {
        return refused;
    }
    (EVENTS, Body::from(come_back())).into_response()
}

/// A number from 0 to 1 that differs each time.
fn random() -> f64 {
    // Every state has new random keys.
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The time after which a caller with too many streams may try again, in seconds: the server takes this long to notice
/// that one has closed.
const FREE_AGAIN_IN: u64 = 10;

/// A request for a stream: its caller, and the parts that the stream needs.
#[derive(FromRequestParts)]
#[from_request(state(HttpState))]
pub(super) struct Opening {
    #[from_request(via(State))]
    service: NotificationService,
    #[from_request(via(State))]
    options: Arc<HttpOptions>,
    caller: Caller,
    standing: Option<Extension<Standing>>,
}

impl Opening {
    /// A follower of this inbox.
    ///
    /// # Errors
    /// Why the caller may not follow it.
    pub(super) async fn follow(&self, user_id: &UserId, since: Option<u64>) -> Result<Follower, Problem> {
        Ok(self.service.follow(&self.caller.0, user_id, since).await?)
    }

    /// A follower of all inboxes.
    ///
    /// # Errors
    /// Why the caller may not follow them.
    pub(super) fn follow_all(&self) -> Result<Follower, Problem> {
        Ok(self.service.follow_all(&self.caller.0)?)
    }

    /// The stream of a follower, which counts against its caller's limit. Streams of callers who are not authenticated
    /// are not counted.
    ///
    /// # Errors
    /// When the caller has as many streams as it may.
    pub(super) fn open(self, follower: Follower) -> Result<Stream, Problem> {
        let pass = self.standing.map(|Extension(standing)| standing.open_stream(self.service.now())).transpose();
        let pass = pass.map_err(|TooManyStreams(most)| {
            let why = format!("You have {most} live streams open, which is as many as you may. Close one of them.");
            Problem::too_many(why, FREE_AGAIN_IN)
        })?;
        Ok(Stream::new(follower, pass, self.options.streams))
    }
}

/// A stream as both encoders see it: the next items for its client.
pub(super) struct Stream {
    follower: Follower,
    pass: Option<Pass>,
    /// The next item, which may not be sent yet, and the time of its arrival.
    held: Option<(StreamItem, Instant)>,
    heartbeat_at: Instant,
    options: StreamOptions,
}

/// How long an item is held back while the credential cannot be confirmed. Then the stream ends, and the client
/// reconnects.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// The next item for a client.
pub(super) enum StreamItem {
    /// A change, or the state of the stream.
    Frame(Arc<Frame>),
    /// Nothing happened for a while; the inbox has this change number.
    Heartbeat(Arc<Frame>),
    /// Nothing happened for a while, and the store cannot read the state of the inbox.
    Silence,
    /// The stream has ended.
    End(End),
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server is stopping.
    Stopping,
    /// Missed changes cannot be read from the store.
    Lost,
}

impl Stream {
    fn new(follower: Follower, pass: Option<Pass>, options: StreamOptions) -> Self {
        Self { follower, pass, held: None, heartbeat_at: Instant::now() + options.next_heartbeat(), options }
    }

    /// The lease of the stream, for the code that writes its items.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.pass.as_ref().map(|pass| pass.lease.clone())
    }

    /// How long its client may take to read before it is disconnected.
    pub(super) fn stall_timeout(&self) -> Duration {
        self.options.stall_timeout
    }

    /// Waits for the next item, and until the client may see it. The encoder has to check the lease first, each time.
    /// Cancelling this loses nothing.
    pub(super) async fn next(&mut self) -> StreamItem {
        loop {
            let Some((next, made_by)) = self.held.take() else {
                self.held = Some((self.comes().await, Instant::now()));
                continue;
            };
            let says_something = matches!(next, StreamItem::Frame(_) | StreamItem::Heartbeat(_));
            let Some(pass) = self.pass.as_mut().filter(|pass| says_something && !pass.covers(made_by)) else {
                return next;
            };
            self.held = Some((next, made_by));
            // Boxed, so that an idle stream reserves no room for it.
            if Box::pin(timeout(LONGEST_HOLD, pass.renewed(made_by))).await.is_err() {
                tracing::debug!("a stream ends: the store cannot confirm its key or session");
                return StreamItem::End(End::Lost);
            }
        }
    }

    /// Waits for the next item.
    async fn comes(&mut self) -> StreamItem {
        loop {
            let heard = timeout_at(self.heartbeat_at, self.follower.next()).await;
            self.heartbeat_at = Instant::now() + self.options.next_heartbeat();
            match heard {
                Ok(Ok(Some(frame))) => return StreamItem::Frame(frame),
                Ok(Ok(None)) => return StreamItem::End(End::Stopping),
                Ok(Err(error)) => {
                    tracing::debug!(cause = with_causes(&error), "a stream ends: missed changes cannot be read");
                    return StreamItem::End(End::Lost);
                }
                // Boxed, so that an idle stream reserves no room for it.
                Err(_) => match Box::pin(self.follower.heartbeat()).await {
                    Ok(Some(frame)) => return StreamItem::Heartbeat(frame),
                    // There is a change that was not announced: it is read now.
                    Ok(None) => {}
                    Err(error) => {
                        tracing::debug!(cause = with_causes(&error), "a heartbeat cannot read the state of the inbox");
                        return StreamItem::Silence;
                    }
                },
            }
        }
    }
}

/// From where to follow, as text that the server has not checked yet.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SinceParams {
    /// Change number to continue from: the `Campanile-Modseq` of a list, or the `modseq` of the last event. Later
    /// changes come first. 0 replays the whole inbox; without it, only new changes follow.
    #[param(value_type = Option<WholeNumber>, nullable = false)]
    since: Option<String>,
}

impl Parameters for SinceParams {
    const NAMES: &'static [&'static str] = &["since", TICKET];
}

/// From where to follow with server-sent events, as text that the server has not checked yet.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LastEventParams {
    /// As [`SinceParams`] describes it.
    #[param(ignore)]
    since: Option<String>,
    /// Id of the last event, for clients that cannot set the header `Last-Event-ID`; overrides `since`.
    #[param(value_type = Option<WholeNumber>, nullable = false)]
    #[serde(rename = "lastEventId", alias = "lastEventID", alias = "Last-Event-ID", alias = "last-event-id")]
    last_event_id: Option<String>,
}

impl Parameters for LastEventParams {
    const NAMES: &'static [&'static str] =
        &["since", "lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", TICKET];
}

impl LastEventParams {
    /// The position to continue from, with the header of the same name if there is one.
    pub(super) fn parse(&self, header: Option<&str>) -> Result<Option<u64>, Problem> {
        // It is empty where the last event had none.
        let given = [header, self.last_event_id.as_deref()].into_iter().flatten().find(|id| !id.is_empty());
        let since = parse_position("since", self.since.as_deref())?;
        Ok(parse_position("Last-Event-ID", given)?.or(since))
    }
}

/// The parameters of a stream without a position: only the ticket, which the handler does not read.
#[derive(Deserialize)]
pub(super) struct OnlyTicket {}

impl Parameters for OnlyTicket {
    const NAMES: &'static [&'static str] = &[TICKET];
}

impl SinceParams {
    pub(super) fn parse(&self) -> Result<Option<u64>, Problem> {
        parse_position("since", self.since.as_deref())
    }
}

/// Reads a change number.
fn parse_position(field: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let position = text.map(parse_whole_number).transpose();
    position.map_err(|invalid| Problem::invalid(vec![FieldError::new(field, invalid)]))
}
