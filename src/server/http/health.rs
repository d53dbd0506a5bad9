//! `GET /healthz`, `/readyz`: whether the server is alive, and whether it can serve.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::state::HttpState;
use crate::{
    model::{Code, Problem},
    server::{log::with_causes, service::NotificationService},
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`; or `degraded` while the bus is away: everything works, but a change reaches those who listen to other
    /// servers some seconds later. Otherwise the answer is a problem.
    #[schema(example = "ok")]
    status: &'static str,
}

const OK: Json<Health> = Json(Health { status: "ok" });

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "It is alive", body = Health)))]
async fn alive() -> Json<Health> {
    OK
}

/// Whether the server can serve: its store is reachable
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It can serve", body = Health),
        (status = 503, description = "Its store cannot be reached", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ready(State(service): State<NotificationService>) -> Result<Json<Health>, Problem> {
    match service.ready().await {
        Ok(()) if service.is_connected() => Ok(OK),
        Ok(()) => Ok(Json(Health { status: "degraded" })),
        Err(error) => {
            tracing::warn!(cause = with_causes(&error), "not ready");
            Err(Problem::new(Code::Unavailable, "The store cannot be reached. Try again in a few seconds."))
        }
    }
}
