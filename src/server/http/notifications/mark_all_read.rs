//! `POST /api/notifications/mark-all-read/{user_id}`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Marking, Problem, UserId},
    server::{
        http::{
            extract::{Caller, Nothing, Path, Query},
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
    /// How many were unread before.
    marked: u64,
}

/// Mark a whole inbox as read
#[utoipa::path(
    post, path = "/api/notifications/mark-all-read/{user_id}", tag = "notifications",
    params(("user_id" = UserId, Path, description = "Whose inbox")),
    responses(
        (status = 200, description = "Everything in it is read", body = AllMarked),
        (status = "4XX", description = "It was refused; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn mark_all_read(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
) -> Result<Json<AllMarked>, Problem> {
    let marked = service.mark_all_read(&principal, &user_id, &Marking::default()).await?;
    Ok(Json(AllMarked { ok: true, marked }))
}
