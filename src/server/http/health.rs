//! `GET /healthz`, `/readyz`: whether the server is alive, and whether it can serve.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{HttpOptions, state::HttpState};
use crate::{
    model::{Code, Problem},
    server::service::NotificationService,
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready))
}

/// Health of the server.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, or `degraded` while the bus is unavailable or a background task failed: every request works, but clients
    /// of other servers receive changes, and background work is done, some seconds later. Otherwise the answer is a
    /// problem.
    #[schema(example = "ok")]
    status: &'static str,
    /// Background tasks that failed in the last minute and were restarted; their work is late.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tasks: Vec<&'static str>,
}

const OK: Json<Health> = Json(Health { status: "ok", tasks: Vec::new() });

/// Check that the process is alive
///
/// Checks nothing else. Restart the process if it gets no answer.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "operation", responses((status = 200, description = "The process is alive", body = Health)))]
async fn alive() -> Json<Health> {
    OK
}

/// Check that the server can serve: its store can be read and written, and it is not shutting down
///
/// A load balancer sends requests to the server while the answer is 200.
//
// No limit counts the callers, because a balancer that is refused would take the server for one that stops. However
// many ask, and however often, the store runs one check at a time, and no more of them than it completes one after the
// other.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "operation",
    responses(
        (status = 200, description = "The server can serve", body = Health),
        (status = 503, description = "The store cannot be read or written, or the server is shutting down", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ready(
    State(service): State<NotificationService>,
    State(options): State<Arc<HttpOptions>>,
) -> Result<Json<Health>, Problem> {
    if service.is_stopping() {
        return Err(Problem::new(Code::Unavailable, "The server is stopping. Ask another one."));
    }
    let of_auth = options.auth.iter().flat_map(|auth| auth.tasks().ended_lately());
    // They may overlap.
    let tasks: BTreeSet<_> = service.tasks().ended_lately().into_iter().chain(of_auth).collect();
    match service.ready().await {
        Ok(()) if service.is_connected() && tasks.is_empty() => Ok(OK),
        Ok(()) => Ok(Json(Health { status: "degraded", tasks: tasks.into_iter().collect() })),
        // The service logs the reason, and not once for each client that asks.
        Err(_) => {
            Err(Problem::new(Code::Unavailable, "The store cannot be read or written. Try again in a few seconds."))
        }
    }
}
