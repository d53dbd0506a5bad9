//! `GET /api/notifications/stream/{user_id}` and `/api/notifications/stream`: server-sent events.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream::unfold;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Problem, UserId},
    server::{
        http::{
            extract::{Path, Query},
            live::{EVENTS, LastEventParams, OnlyTicket, Opening, SinceParams, Stream, StreamItem, come_back},
            state::HttpState,
        },
        lease,
        listener::LongStream,
    },
};

/// The header in which an `EventSource` sends its position.
const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(stream)).routes(routes!(stream_all))
}

/// Follow an inbox, as server-sent events
///
/// The data of an event is a change (`created`, `updated`, `all_read`, `deleted`), `hello` when the client is up to
/// date, `reset` when the server cannot continue from the client's position and the client has to list again, or
/// `heartbeat` after a silence. The id of an event is its change number, so an `EventSource` resumes by itself.
#[utoipa::path(
    get, path = "/api/notifications/stream/{user_id}", operation_id = "streamInbox", tag = "live",
    params(
        ("user_id" = UserId, Path, description = "User who owns the inbox"),
        SinceParams,
        LastEventParams,
        ("ticket" = Option<String>, Query, description = "A ticket from `POST /api/tickets`, for browsers, which cannot set a header here"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event; overrides `since`"),
    ),
    responses(
        (status = 200, description = "The events, without end", body = String, content_type = "text/event-stream"),
    )
)]
async fn stream(
    opening: Opening,
    Path(user_id): Path<UserId>,
    Query(params): Query<LastEventParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("-"));
    let since = params.parse(last)?;
    let follower = opening.follow(&user_id, since).await?;
    Ok(events(opening.open(follower)?))
}

/// Follow all inboxes, as server-sent events
///
/// The events of one inbox, with a `user_id` each. This stream cannot be resumed: list again after a lost connection.
#[utoipa::path(
    get, path = "/api/notifications/stream", operation_id = "streamAllInboxes", tag = "live",
    params(("ticket" = Option<String>, Query, description = "A ticket from `POST /api/tickets`, for browsers, which cannot set a header here")),
    responses(
        (status = 200, description = "The events, without end", body = String, content_type = "text/event-stream"),
    )
)]
async fn stream_all(opening: Opening, _: Query<OnlyTicket>) -> Result<Response, Problem> {
    let follower = opening.follow_all()?;
    Ok(events(opening.open(follower)?))
}

/// The answer with the events of a stream.
fn events(stream: Stream) -> Response {
    let long = LongStream::new(stream.stall_timeout()).under(stream.lease());
    let end = lease::End::of(stream.lease());
    let chunks = unfold(Some((stream, end)), move |open| async move {
        let (mut stream, mut end) = open?;
        let chunk = tokio::select! {
            biased;
            () = end.come() => None,
            told = stream.next() => match told {
                StreamItem::Frame(frame) | StreamItem::Heartbeat(frame) => Some(frame.sse()),
                // A comment, which clients skip.
                StreamItem::Silence => Some(Bytes::from_static(b":\n\n")),
                StreamItem::End(_) => None,
            },
        };
        let told = match chunk {
            Some(chunk) => (chunk, Some((stream, end))),
            // An EventSource reconnects; if the lease is over, it is refused then, and stays away.
            None => (come_back(), None),
        };
        Some((Ok::<_, Infallible>(told.0), told.1))
    });
    let mut response = (EVENTS, Body::from_stream(chunks)).into_response();
    response.extensions_mut().insert(long);
    response
}
