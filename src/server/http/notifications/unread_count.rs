//! `GET /api/notifications/unread-count/{user_id}`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Problem, UnreadCount, UserId},
    server::{
        http::{
            extract::{Caller, Nothing, Path, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(unread_count))
}

/// How many notifications of a user are unread
///
/// It is counted when notifications come, are read or go: to ask is cheap, however large the inbox is.
#[utoipa::path(
    get, path = "/api/notifications/unread-count/{user_id}", operation_id = "countUnread", tag = "notifications",
    params(("user_id" = UserId, Path, description = "Whose inbox")),
    responses(
        (status = 200, description = "How many; 0 for a user without an inbox", body = UnreadCount),
    )
)]
async fn unread_count(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
) -> Result<Json<UnreadCount>, Problem> {
    let unread_count = service.unread_count(&principal, &user_id).await?;
    Ok(Json(UnreadCount { user_id, unread_count }))
}
