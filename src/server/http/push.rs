//! `/api/push`: the key with which browsers subscribe.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    deliveries::Delivering,
    extract::{Nothing, Query},
    state::HttpState,
};
use crate::model::{Code, Problem};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(key))
}

/// The key with which browsers subscribe.
#[derive(Serialize, ToSchema)]
struct PushKey {
    /// The public key of this server: a point of P-256 (65 bytes) in base64url.
    #[schema(
        pattern = "^[0-9A-Za-z_-]{87}$",
        example = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )]
    key: String,
}

/// Get the key with which browsers subscribe
///
/// The key is the `applicationServerKey` of `PushManager.subscribe()`. It is public.
#[utoipa::path(
    get, path = "/api/push/key", operation_id = "getPushKey", tag = "push",
    responses(
        (status = 200, description = "The public key (VAPID)", body = PushKey),
        (status = 404, description = "This server does not push to browsers", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn key(Delivering(delivery): Delivering, _: Query<Nothing>) -> Result<Json<PushKey>, Problem> {
    let none = || {
        let how = "Start it with --push-contact, such as mailto:you@example.com.";
        Problem::new(Code::NotFound, format!("This server does not push to browsers. {how}"))
    };
    let key = delivery.push_key().await?.ok_or_else(none)?.to_owned();
    Ok(Json(PushKey { key }))
}
