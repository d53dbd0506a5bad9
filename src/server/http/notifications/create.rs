//! `POST /api/notifications/create`.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{NewNotification, Notification, NotificationDraft, Problem},
    server::{
        http::extract::{Caller, JsonObject},
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<NotificationService> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Send a notification to a user
#[utoipa::path(
    post, path = "/api/notifications/create", tag = "notifications", request_body = NotificationDraft,
    responses(
        (status = 201, description = "It is in the inbox", body = Notification,
         headers(("Location" = String, description = "Where this notification is"))),
        (status = "4XX", description = "It was refused; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    JsonObject(draft): JsonObject<NotificationDraft>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Notification>), Problem> {
    let new = NewNotification::parse(draft).map_err(Problem::invalid)?;
    let created = service.create(&principal, new).await?;
    let location = format!("/api/notifications/{}", created.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)))
}
