//! `POST /api/notifications/mark-read/{user_id}/{index}`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Invalid, Problem, UserId, WholeNumber, parse_whole_number},
    server::{
        http::{
            body::NoBody,
            extract::{Caller, FromSegment, Nothing, Path, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(mark_read))
}

/// The request succeeded.
#[derive(Serialize, ToSchema)]
struct Marked {
    /// Always `true`.
    ok: bool,
    /// The result in words.
    #[schema(example = "Notification marked as read")]
    message: &'static str,
}

/// A place in an inbox, counted from 0 at the newest.
struct Index(u64);

impl FromSegment for Index {
    const NAME: &'static str = "index";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        parse_whole_number(segment).map(Self)
    }
}

/// Mark the notification at a position of an inbox as read
///
/// The index counts from 0 in the order of `list?user_id=`. New notifications shift positions between listing and
/// marking; use `PATCH` with an id to be safe.
#[utoipa::path(
    post, path = "/api/notifications/mark-read/{user_id}/{index}", operation_id = "markReadAt", tag = "notifications",
    params(
        ("user_id" = UserId, Path, description = "User who owns the inbox"),
        ("index" = WholeNumber, Path, description = "Position in the inbox, counted from 0 at the newest"),
    ),
    responses(
        (status = 200, description = "The notification is read", body = Marked),
        (status = 404, description = "The inbox has no such position; the problem has `\"ok\": false`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn mark_read(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path((user_id, index)): Path<(UserId, Index)>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<Marked>, Problem> {
    match service.mark_read_at(&principal, &user_id, index.0).await {
        Ok(_) => Ok(Json(Marked { ok: true, message: "Notification marked as read" })),
        Err(error) => Err(Problem::from(error).not_ok()),
    }
}
