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

/// Count the unread notifications of a user
///
/// The server maintains the count with every change, so the request is cheap however large the inbox is.
#[utoipa::path(
    get, path = "/api/notifications/unread-count/{user_id}", operation_id = "countUnread", tag = "notifications",
    params(("user_id" = UserId, Path, description = "User who owns the inbox")),
    responses(
        (status = 200, description = "The count; 0 for a user without an inbox", body = UnreadCount),
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
