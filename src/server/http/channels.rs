//! `/api/channels`: the ways out of the server, and what fails together.

use axum::{Json, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::NoBody,
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    state::HttpState,
};
use crate::{
    model::{Channel, Code, Invalid, Problem},
    server::delivery::ChannelView,
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(resume))
}

impl FromSegment for Channel {
    const NAME: &'static str = "channel";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(why: Invalid) -> Problem {
        Problem::new(Code::NotFound, format!("There is no such channel. {why}"))
    }
}

/// List the channels and their lanes
///
/// A lane is what fails together, such as one webhook. `in_flight` is of the server that answers.
#[utoipa::path(
    get, path = "/api/channels", operation_id = "listChannels", tag = "deliveries",
    responses(
        (status = 200, description = "All of them", body = Vec<ChannelView>),
    )
)]
async fn list(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    _: Query<Nothing>,
) -> Result<Json<Vec<ChannelView>>, Problem> {
    Ok(Json(delivery.channels(&principal).await?))
}

/// End the pauses of a channel's lanes
///
/// What waits for a lane that is paused, because its other side failed again and again, is tried at once.
#[utoipa::path(
    post, path = "/api/channels/{channel}/resume", operation_id = "resumeChannel", tag = "deliveries",
    params(("channel" = Channel, Path, description = "Which channel")),
    responses(
        (status = 204, description = "What is due is sent"),
        (status = 404, description = "There is no such channel", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn resume(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(channel): Path<Channel>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<StatusCode, Problem> {
    delivery.resume(&principal, channel).await?;
    Ok(StatusCode::NO_CONTENT)
}
