//! `/api/webhooks`: the webhooks of applications.

mod read;

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{JsonBody, NoBody},
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    problem,
    state::HttpState,
};
use crate::{
    model::{Category, EventKind, Invalid, Problem, UserId, WebhookId, WebhookView},
    server::delivery::TestResult,
};

/// The error of a webhook without a URL.
pub(super) const URL_IS_MISSING: &str = "The URL is missing: give the address to post events to.";

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

    fn refused(segment: &str, why: Invalid) -> Problem {
        problem::names_nothing("webhook", segment, &why)
    }
}

/// A webhook to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewWebhook {
    /// URL that events are posted to: `https://` on the public internet, or a network in `--webhook-allow`.
    #[schema(max_length = 2048, example = "https://example.com/hook")]
    url: String,
    /// Events that it receives; `notification.created` by default.
    #[schema(min_items = 1, max_items = 4)]
    events: Option<Vec<EventKind>>,
    /// Only notifications of these categories.
    #[schema(min_items = 1, max_items = 100)]
    categories: Option<Vec<Category>>,
    /// Only events in the inbox of this user.
    user_id: Option<UserId>,
}

/// A change of a webhook (RFC 7396): absent fields stay, and `null` removes a filter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct WebhookChange {
    /// URL that events are posted to.
    #[schema(max_length = 2048, nullable = false)]
    url: Option<String>,
    /// Events that it receives.
    #[schema(min_items = 1, max_items = 4, nullable = false)]
    events: Option<Vec<EventKind>>,
    /// Only notifications of these categories.
    #[schema(min_items = 1, max_items = 100)]
    categories: Option<Vec<Category>>,
    /// Only events in the inbox of this user.
    user_id: Option<UserId>,
    /// Whether it receives events.
    #[schema(nullable = false)]
    state: Option<ToldState>,
}

/// Whether a webhook should receive events.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ToldState {
    /// It is.
    Active,
    /// It is not.
    Disabled,
}

/// A webhook with its secret, which is shown only here.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
struct WithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Secret that signs its events (Standard Webhooks).
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// List all webhooks, the oldest first
///
/// Secrets are left out; they are shown only when they are created.
#[utoipa::path(
    get, path = "/api/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses(
        (status = 200, description = "The complete list", body = Vec<WebhookView>),
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
/// Events are posted to its URL according to Standard Webhooks, signed with the secret in the answer, which is shown
/// only here.
#[utoipa::path(
    post, path = "/api/webhooks", operation_id = "createWebhook", tag = "webhooks", request_body = NewWebhook,
    responses(
        (status = 201, description = "The webhook receives events from now on", body = WithSecret,
         headers(("Location" = String, description = "URL of the webhook"))),
        (status = 409, description = "The limit on webhooks is reached; nothing changed", body = Problem, content_type = "application/problem+json"),
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
/// The secret is left out; it is shown only when it is created.
#[utoipa::path(
    get, path = "/api/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 200, description = "The webhook", body = WebhookView),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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
/// The body is a JSON merge patch (RFC 7396): absent fields stay, and `null` removes a filter.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", operation_id = "updateWebhook", tag = "webhooks", request_body = WebhookChange,
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 200, description = "The webhook in its present state", body = WebhookView),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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
/// Its waiting deliveries are cancelled.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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
/// Posts one event of the type `webhook.test`, whatever the filter and the state of the webhook, and answers with the
/// result.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 200, description = "The result", body = TestResult),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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

/// Create a new secret
///
/// For 24 hours each event has two signatures: one with the new secret, and one with the previous secret.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 200, description = "The webhook with its new secret", body = WithSecret),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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
/// The webhook receives events from now on. Those that it missed are `skipped`; `POST /api/deliveries/retry` sends
/// them.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/enable", operation_id = "enableWebhook", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "Id of the webhook")),
    responses(
        (status = 200, description = "The webhook in its present state", body = WebhookView),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
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
