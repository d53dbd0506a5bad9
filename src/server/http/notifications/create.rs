//! `POST /api/notifications/create`.

use axum::{
    Json,
    extract::{FromRef, FromRequest, FromRequestParts, Request, State},
    http::{HeaderName, StatusCode, header},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::draft;
use crate::{
    model::{Complaints, NewNotification, Notification, NotificationDraft, Problem},
    server::{
        http::{
            body::JsonBody,
            extract::{Caller, Idempotency, IdempotencyParams, Nothing, Query},
            json,
            state::HttpState,
        },
        service::NotificationService,
    },
};

/// The route.
pub(in crate::server::http) const PATH: &str = "/api/notifications/create";

/// The notification, and its URL.
type Created = (StatusCode, [(HeaderName, String); 1], Json<Notification>);

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Send a notification to a user
///
/// The notification is stored in the inbox before the answer is sent, and clients that follow the inbox receive it.
/// Mail and push follow according to the user's preferences.
#[utoipa::path(
    post, path = PATH, operation_id = "createNotification", tag = "notifications", request_body = NotificationDraft,
    params(IdempotencyParams),
    responses(
        (status = 201, description = "The notification is stored", body = Notification,
         headers(("Location" = String, description = "URL of the notification"))),
    )
)]
async fn create(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Idempotency(key): Idempotency,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Created, Problem> {
    let new = body.read(read).await?;
    let created = service.create_once(&principal, new, key.as_ref()).await?;
    let location = format!("/api/notifications/{}", created.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)))
}

/// Answers a request whose route was matched before.
pub(in crate::server::http) async fn answer(state: HttpState, request: Request) -> Result<Created, Problem> {
    let (mut head, body) = request.into_parts();
    let Ok(caller) = Caller::from_request_parts(&mut head, &state).await;
    let key = Idempotency::from_request_parts(&mut head, &state).await?;
    let query = Query::from_request_parts(&mut head, &state).await?;
    let body = JsonBody::from_request(Request::from_parts(head, body), &state).await?;
    create(State(FromRef::from_ref(&state)), caller, key, query, body).await
}

fn read(body: &JsonBody) -> Result<NewNotification, Problem> {
    const EXAMPLE: &str = r#"{"user_id": "user_123", "content": "Hello"}"#;
    let mut complaints = Complaints::default();
    let fields = body.object(&draft::NAMES, body.unknown_in_drafts(), EXAMPLE, &mut complaints)?;
    let [user_id, others @ ..] = fields;
    let new = draft::read(json::text(user_id), others, &mut complaints);
    new.filter(|_| complaints.is_empty()).ok_or_else(|| Problem::invalid(complaints))
}
