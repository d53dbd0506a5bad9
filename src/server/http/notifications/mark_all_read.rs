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

/// That it is done.
#[derive(Serialize, ToSchema)]
struct AllMarked {
    /// Always `true`.
    ok: bool,
    /// How many were unread before and are read now.
    marked: u64,
}

impl Parameters for MarkingParams {
    const NAMES: &'static [&'static str] = &["up_to", "category"];
}

/// Mark a whole inbox as read, or a part of it
///
/// Where that is everything that is unread, those who follow the inbox are told of one change,
/// `all_read`; otherwise of one `updated` for each notification.
#[utoipa::path(
    post, path = "/api/notifications/mark-all-read/{user_id}", operation_id = "markAllRead", tag = "notifications",
    params(("user_id" = UserId, Path, description = "Whose inbox"), MarkingParams),
    responses(
        (status = 200, description = "What was asked for is read", body = AllMarked),
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
