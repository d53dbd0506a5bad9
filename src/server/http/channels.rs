//! `/api/channels`: the channels of delivery, and their lanes.

use axum::{Json, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::NoBody,
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    problem,
    state::HttpState,
};
use crate::{
    model::{Channel, Invalid, Problem},
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

    fn refused(segment: &str, why: Invalid) -> Problem {
        problem::names_nothing("channel", segment, &why)
    }
}

/// List the channels and their lanes
///
/// The deliveries of a lane wait and fail together; one webhook is a lane. `in_flight` counts the attempts of the
/// server that answers.
#[utoipa::path(
    get, path = "/api/channels", operation_id = "listChannels", tag = "deliveries",
    responses(
        (status = 200, description = "The complete list", body = Vec<ChannelView>),
    )
)]
async fn list(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    _: Query<Nothing>,
) -> Result<Json<Vec<ChannelView>>, Problem> {
    Ok(Json(delivery.channels(&principal).await?))
}

/// Resume the paused lanes of a channel
///
/// A lane pauses when its receiver keeps failing. Resuming tries its waiting deliveries at once.
#[utoipa::path(
    post, path = "/api/channels/{channel}/resume", operation_id = "resumeChannel", tag = "deliveries",
    params(("channel" = Channel, Path, description = "Name of the channel")),
    responses(
        (status = 204, description = "The lanes are resumed"),
        (status = 404, description = "The channel does not exist", body = Problem, content_type = "application/problem+json"),
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
