//! `GET /api/notifications/unread-count/{user_id}`.

use axum::{
    Json,
    extract::{FromRef, FromRequestParts, Request, State},
};
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

/// The route.
pub(in crate::server::http) const PATH: &str = "/api/notifications/unread-count/{user_id}";

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(unread_count))
}

/// Count the unread notifications of a user
///
/// The server maintains the count with every change, so the request is cheap however large the inbox is.
#[utoipa::path(
    get, path = PATH, operation_id = "countUnread", tag = "notifications",
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

/// Answers a request for the count of this user, whose path is not read again.
pub(in crate::server::http) async fn answer(
    state: HttpState,
    request: Request,
    user_id: UserId,
) -> Result<Json<UnreadCount>, Problem> {
    let (mut head, _) = request.into_parts();
    let Ok(caller) = Caller::from_request_parts(&mut head, &state).await;
    let query = Query::from_request_parts(&mut head, &state).await?;
    unread_count(State(FromRef::from_ref(&state)), caller, Path(user_id), query).await
}
