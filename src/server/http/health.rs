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

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`; or `degraded` while the bus is away or a task ended: everything works, but a change reaches those who
    /// listen to other servers, or what is due is done, some seconds later. Otherwise the answer is a problem.
    #[schema(example = "ok")]
    status: &'static str,
    /// Tasks beside the requests that ended in the last minute and were started again: what they do is late.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tasks: Vec<&'static str>,
}

const OK: Json<Health> = Json(Health { status: "ok", tasks: Vec::new() });

/// Whether the process is alive
///
/// It looks at nothing else. Have the process started anew where it is not answered.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "operation", responses((status = 200, description = "It is alive", body = Health)))]
async fn alive() -> Json<Health> {
    OK
}

/// Whether the server can serve: its store can be read and written, and it is not about to stop
///
/// A gateway sends requests to it while this is answered with 200.
//
// No limit counts who asks, because a balancer that is refused would take the server for one that stops. However many ask,
// and however often, the store has one question at a time, and no more of them than it answers one after the other.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "operation",
    responses(
        (status = 200, description = "It can serve", body = Health),
        (status = 503, description = "Its store cannot be read or written, or it stops", body = Problem, content_type = "application/problem+json"),
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
    // They may be the same.
    let tasks: BTreeSet<_> = service.tasks().ended_lately().into_iter().chain(of_auth).collect();
    match service.ready().await {
        Ok(()) if service.is_connected() && tasks.is_empty() => Ok(OK),
        Ok(()) => Ok(Json(Health { status: "degraded", tasks: tasks.into_iter().collect() })),
        // The service says why in the log, and not once for each client that asks.
        Err(_) => {
            Err(Problem::new(Code::Unavailable, "The store cannot be read or written. Try again in a few seconds."))
        }
    }
}
