//! `/api/webhooks`: the endpoints of applications.

mod read;

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{JsonBody, NoBody},
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    state::HttpState,
};
use crate::{
    model::{Category, Code, EventKind, Invalid, Problem, UserId, WebhookId, WebhookView},
    server::delivery::TestResult,
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, patch, delete))
        .routes(routes!(test))
        .routes(routes!(rotate))
        .routes(routes!(enable))
}

impl FromSegment for WebhookId {
    const NAME: &'static str = "id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(why: Invalid) -> Problem {
        Problem::new(Code::NotFound, format!("There is no such webhook. {why}"))
    }
}

/// A webhook that is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewWebhook {
    /// Where events are posted to: `https://`, on the internet; other networks are for `--webhook-allow`.
    #[schema(max_length = 2048, example = "https://example.com/hook")]
    url: String,
    /// Which events it wants; `notification.created` when nothing is said.
    #[schema(min_items = 1, max_items = 4)]
    events: Option<Vec<EventKind>>,
    /// Only notifications of these categories.
    #[schema(min_items = 1, max_items = 100)]
    categories: Option<Vec<Category>>,
    /// Only what happens in the inbox of this user.
    user_id: Option<UserId>,
}

/// What is to be changed of a webhook (RFC 7396): what is left out stays, and `null` takes a filter away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct WebhookChange {
    /// Where events are posted to.
    #[schema(max_length = 2048, nullable = false)]
    url: Option<String>,
    /// Which events it wants.
    #[schema(min_items = 1, max_items = 4, nullable = false)]
    events: Option<Vec<EventKind>>,
    /// Only notifications of these categories.
    #[schema(min_items = 1, max_items = 100)]
    categories: Option<Vec<Category>>,
    /// Only what happens in the inbox of this user.
    user_id: Option<UserId>,
    /// Whether it is told.
    #[schema(nullable = false)]
    state: Option<ToldState>,
}

/// Whether a webhook is to be told.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ToldState {
    /// It is.
    Active,
    /// It is not.
    Disabled,
}

/// A webhook, and its secret, which is told only here.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
struct WithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    /// What its events are signed with (Standard Webhooks).
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// List all webhooks, the oldest first
///
/// Without their secrets, which are told only when they are made.
#[utoipa::path(
    get, path = "/api/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses(
        (status = 200, description = "All of them", body = Vec<WebhookView>),
    )
)]
async fn list(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    _: Query<Nothing>,
) -> Result<Json<Vec<WebhookView>>, Problem> {
    Ok(Json(delivery.webhooks(&principal).await?))
}

/// Add a webhook
///
/// Events are posted to its URL as Standard Webhooks has them, signed with the secret of the answer, which is told only
/// there.
#[utoipa::path(
    post, path = "/api/webhooks", operation_id = "createWebhook", tag = "webhooks", request_body = NewWebhook,
    responses(
        (status = 201, description = "It is told of what happens from now on", body = WithSecret,
         headers(("Location" = String, description = "Where this webhook is"))),
        (status = 409, description = "There are as many webhooks as there may be; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn add(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<(StatusCode, [(axum::http::HeaderName, String); 1], Json<WithSecret>), Problem> {
    let draft = body.read(read::draft).await?;
    let (webhook, secret) = delivery.add_webhook(&principal, draft).await?;
    let location = format!("/api/webhooks/{}", webhook.id);
    Ok((StatusCode::CREATED, [(axum::http::header::LOCATION, location)], Json(WithSecret { webhook, secret })))
}

/// Get one webhook
///
/// Without its secret, which is told only when it is made.
#[utoipa::path(
    get, path = "/api/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 200, description = "The webhook", body = WebhookView),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(delivery.webhook(&principal, id).await?))
}

/// Change a webhook
///
/// The body is a JSON merge patch (RFC 7396): what it does not name stays, and `null` takes a filter away.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", operation_id = "updateWebhook", tag = "webhooks", request_body = WebhookChange,
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 200, description = "The webhook as it is now", body = WebhookView),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn patch(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Json<WebhookView>, Problem> {
    let patch = body.read(read::patch).await?;
    Ok(Json(delivery.change_webhook(&principal, id, &patch).await?))
}

/// Delete a webhook
///
/// What still waits for it is cancelled.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    delivery.delete_webhook(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test event now
///
/// An event of the type `webhook.test` is posted once, whatever the filter and the state of the webhook, and the answer
/// tells what came of it.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 200, description = "What came of it", body = TestResult),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn test(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<TestResult>, Problem> {
    Ok(Json(delivery.test_webhook(&principal, id).await?))
}

/// Make a new secret
///
/// For 24 hours each event has two signatures: of the new secret, and of the one before it.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 200, description = "The webhook with its new secret", body = WithSecret),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn rotate(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<WithSecret>, Problem> {
    let (webhook, secret) = delivery.rotate_secret(&principal, id, None).await?;
    Ok(Json(WithSecret { webhook, secret }))
}

/// Enable a webhook that was disabled
///
/// It is told of what happens from now on. What was not sent meanwhile is `skipped`; `POST /api/deliveries/retry` sends it.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/enable", operation_id = "enableWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Which webhook")),
    responses(
        (status = 200, description = "The webhook as it is now", body = WebhookView),
        (status = 404, description = "There is none of that id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn enable(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<WebhookId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(delivery.enable_webhook(&principal, id).await?))
}
