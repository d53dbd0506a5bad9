//! `POST /api/notifications/mark-all-read/{user_id}`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{MarkingParams, Problem, UserId},
    server::{
        http::{
            body::NoBody,
            extract::{Caller, Parameters, Path, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(mark_all_read))
}

/// The request succeeded.
#[derive(Serialize, ToSchema)]
struct AllMarked {
    /// Always `true`.
    ok: bool,
    /// Number of notifications that this request marked as read.
    marked: u64,
}

impl Parameters for MarkingParams {
    const NAMES: &'static [&'static str] = &["up_to", "category"];
}

/// Mark a whole inbox as read, or a part of it
///
/// If that is everything unread, clients that follow the inbox receive one `all_read`; otherwise one `updated` for each
/// notification.
#[utoipa::path(
    post, path = "/api/notifications/mark-all-read/{user_id}", operation_id = "markAllRead", tag = "notifications",
    params(("user_id" = UserId, Path, description = "User who owns the inbox"), MarkingParams),
    responses(
        (status = 200, description = "The notifications are read", body = AllMarked),
    )
)]
async fn mark_all_read(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    Query(params): Query<MarkingParams>,
    _: NoBody,
) -> Result<Json<AllMarked>, Problem> {
    let marking = params.parse().map_err(Problem::invalid)?;
    let marked = service.mark_all_read(&principal, &user_id, &marking).await?;
    Ok(Json(AllMarked { ok: true, marked: marked.count }))
}
