//! `GET`, `PATCH`, `DELETE /api/notifications/{id}`.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Complaints, FieldError, Notification, NotificationId, Problem},
    server::{
        http::{
            body::JsonBody,
            extract::{Caller, Nothing, Path, Query},
            json::{self, Unknown},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get, patch, delete))
}

/// A change of a notification.
#[derive(Deserialize, ToSchema)]
#[schema(as = NotificationPatch)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// Whether the user has seen it.
    is_read: bool,
}

impl Patch {
    fn read(body: &JsonBody) -> Result<Self, Problem> {
        let mut complaints = Complaints::default();
        let [is_read] = body.object(&["is_read"], Unknown::Refused, r#"{"is_read": true}"#, &mut complaints)?;
        match json::boolean(is_read) {
            Ok(is_read) if complaints.is_empty() => return Ok(Self { is_read }),
            Ok(_) => {}
            Err(why) => complaints.add(|| FieldError::new("is_read", why)),
        }
        Err(Problem::invalid(complaints))
    }
}

/// Get one notification
///
/// A caller who may not read its inbox gets 404.
#[utoipa::path(
    get, path = "/api/notifications/{id}", operation_id = "getNotification", tag = "notifications",
    params(("id" = NotificationId, Path, description = "Id of the notification")),
    responses(
        (status = 200, description = "The notification", body = Notification),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
    _: Query<Nothing>,
) -> Result<Json<Notification>, Problem> {
    Ok(Json(service.get(&principal, id).await?))
}

/// Mark one notification read or unread
///
/// Repeating the request is safe: marking a notification as it already is changes nothing.
#[utoipa::path(
    patch, path = "/api/notifications/{id}", operation_id = "updateNotification", tag = "notifications", request_body = Patch,
    params(("id" = NotificationId, Path, description = "Id of the notification")),
    responses(
        (status = 200, description = "The notification in its present state", body = Notification),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn patch(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Json<Notification>, Problem> {
    let Patch { is_read } = body.read(Patch::read).await?;
    Ok(Json(service.set_read(&principal, id, is_read).await?))
}

/// Delete one notification
///
/// The notification is deleted for good, and its waiting deliveries are cancelled.
#[utoipa::path(
    delete, path = "/api/notifications/{id}", operation_id = "deleteNotification", tag = "notifications",
    params(("id" = NotificationId, Path, description = "Id of the notification")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(id): Path<NotificationId>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    service.delete(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
