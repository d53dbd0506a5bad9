//! `GET`, `PATCH`, `DELETE /api/notifications/{id}`.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Notification, NotificationId, Problem},
    server::{
        http::{
            extract::{Caller, JsonObject, Path},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get, patch, delete))
}

/// What may be changed in a notification.
#[derive(Deserialize, ToSchema)]
struct Patch {
    /// Whether the user has seen it.
    is_read: bool,
}

/// Get one notification
#[utoipa::path(
    get, path = "/api/notifications/{id}", tag = "notifications",
    params(("id" = NotificationId, Path, description = "Which notification")),
    responses(
        (status = 200, description = "The notification", body = Notification),
        (status = "4XX", description = "There is none of that id, or it was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
) -> Result<Json<Notification>, Problem> {
    Ok(Json(service.get(&principal, id).await?))
}

/// Mark one notification read or unread
#[utoipa::path(
    patch, path = "/api/notifications/{id}", tag = "notifications", request_body = Patch,
    params(("id" = NotificationId, Path, description = "Which notification")),
    responses(
        (status = 200, description = "The notification as it is now", body = Notification),
        (status = "4XX", description = "There is none of that id, or it was refused; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn patch(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
    JsonObject(Patch { is_read }): JsonObject<Patch>,
) -> Result<Json<Notification>, Problem> {
    Ok(Json(service.set_read(&principal, id, is_read).await?))
}

/// Delete one notification
#[utoipa::path(
    delete, path = "/api/notifications/{id}", tag = "notifications",
    params(("id" = NotificationId, Path, description = "Which notification")),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "There is none of that id, or it was refused; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
) -> Result<StatusCode, Problem> {
    service.delete(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
