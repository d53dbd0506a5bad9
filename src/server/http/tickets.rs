//! `POST /api/tickets`: how a browser opens a stream without a cookie.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    HttpOptions,
    extract::{Caller, Nothing, Query},
    state::HttpState,
};
use crate::{
    model::{Code, Problem, Timestamp},
    server::auth::{AuthError, key::Opaque, standing::Standing},
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(give))
}

/// A ticket.
#[derive(Serialize, ToSchema)]
struct TicketGiven {
    /// What to show: `?ticket=…` at a stream or a WebSocket.
    #[schema(example = "5f1d…")]
    ticket: String,
    /// From when on it is no longer good.
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Get a ticket for one live stream
///
/// A browser cannot set the header `Authorization` on a WebSocket or an `EventSource`. A ticket in
/// the address does instead: it opens one stream, once, within 30 seconds, as whoever asked for it.
#[utoipa::path(
    post, path = "/api/tickets", tag = "live",
    responses(
        (status = 201, description = "It can be used once", body = TicketGiven),
        (status = "4XX", description = "It was refused", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn give(
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    _: Query<Nothing>,
    standing: Option<Extension<Standing>>,
) -> Result<(StatusCode, Json<TicketGiven>), Problem> {
    if !principal.is_known() {
        return Err(Problem::unauthenticated());
    }
    let given = match (&options.auth, standing) {
        (Some(auth), Some(Extension(standing))) => {
            let ticket = auth.give_ticket(&standing).await.map_err(|error: AuthError| {
                tracing::warn!(%error, "a ticket cannot be given");
                Problem::new(Code::Unavailable, "Tickets cannot be had now. Try again in a few seconds.")
            })?;
            TicketGiven { ticket: ticket.secret.to_string_once(), expires_at: Some(ticket.expires_at) }
        }
        // Where nobody has to prove anything, any ticket does.
        _ => TicketGiven { ticket: Opaque::generate().to_string_once(), expires_at: None },
    };
    Ok((StatusCode::CREATED, Json(given)))
}
