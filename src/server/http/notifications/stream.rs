//! `GET /api/notifications/stream/{user_id}` and `/api/notifications/stream`: server-sent events.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::time::{Instant, sleep_until};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Problem, UserId},
    server::{
        auth::standing::{Pass, Standing},
        http::{
            HttpOptions,
            extract::{Caller, Path, Query},
            live::{OnlyTicket, SinceParams, StreamOptions, open_stream, over, parse_position, retry_millis},
            state::HttpState,
        },
        listener::LongStream,
        service::{Follower, NotificationService},
    },
};

/// Where a browser's `EventSource` says how far it got.
const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(stream)).routes(routes!(stream_all))
}

/// Every change to an inbox as it happens, as server-sent events
///
/// The data of an event is one of `changes`: `created`, `updated`, `all_read`, `deleted`; and
/// `hello` when you are at the present, `reset` when your position cannot be continued and you have
/// to list again. Its id is the change number, so an `EventSource` continues by itself where it was.
#[utoipa::path(
    get, path = "/api/notifications/stream/{user_id}", tag = "live",
    params(
        ("user_id" = UserId, Path, description = "Whose inbox"),
        SinceParams,
        ("ticket" = Option<String>, Query, description = "A ticket of `POST /api/tickets`, where no header can be set"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event; wins over `since`"),
    ),
    responses(
        (status = 200, description = "What changes, without end", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "It was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn stream(
    State(service): State<NotificationService>,
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    Query(params): Query<SinceParams>,
    standing: Option<Extension<Standing>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // It is empty where the last event had none.
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("-")).filter(|id| !id.is_empty());
    let since = parse_position("Last-Event-ID", last)?.or(params.parse()?);
    let follower = service.follow(&principal, &user_id, since).await?;
    Ok(events(follower, open_stream(&service, standing)?, options.streams))
}

/// Every change to any inbox as it happens, as server-sent events
///
/// The same events with `user_id`, for an operator. They cannot be continued: after a cut, list
/// again.
#[utoipa::path(
    get, path = "/api/notifications/stream", tag = "live",
    params(("ticket" = Option<String>, Query, description = "A ticket of `POST /api/tickets`, where no header can be set")),
    responses(
        (status = 200, description = "What changes, without end", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "It was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn stream_all(
    State(service): State<NotificationService>,
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    _: Query<OnlyTicket>,
    standing: Option<Extension<Standing>>,
) -> Result<Response, Problem> {
    let follower = service.follow_all(&principal)?;
    Ok(events(follower, open_stream(&service, standing)?, options.streams))
}

/// The answer that tells what a follower hears.
fn events(follower: Follower, pass: Option<Pass>, options: StreamOptions) -> Response {
    let heartbeat = Instant::now() + options.next_heartbeat();
    let chunks = unfold(Some((follower, pass, heartbeat)), move |state| async move {
        let (mut follower, mut pass, heartbeat) = state?;
        let chunk = match heard(&mut follower, pass.as_mut(), heartbeat).await {
            Heard::Event(chunk) => chunk,
            // A comment, which clients skip.
            Heard::Nothing => Bytes::from_static(b":\n\n"),
            Heard::End => {
                let last = format!("retry: {}\n\n", retry_millis());
                return Some((Ok::<_, Infallible>(last.into()), None));
            }
        };
        Some((Ok(chunk), Some((follower, pass, Instant::now() + options.next_heartbeat()))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would collect the events.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut response = (headers, Body::from_stream(chunks)).into_response();
    response.extensions_mut().insert(LongStream { stall_timeout: options.stall_timeout });
    response
}

enum Heard {
    Event(Bytes),
    Nothing,
    End,
}

async fn heard(follower: &mut Follower, pass: Option<&mut Pass>, heartbeat: Instant) -> Heard {
    tokio::select! {
        biased;
        told = follower.next() => match told {
            Ok(Some(frame)) => Heard::Event(frame.sse()),
            Ok(None) => Heard::End,
            Err(error) => {
                tracing::debug!(%error, "a stream ends, because what was missed cannot be read");
                Heard::End
            }
        },
        // An EventSource comes back, is refused, and stays away.
        () = over(pass) => Heard::End,
        () = sleep_until(heartbeat) => Heard::Nothing,
    }
}
