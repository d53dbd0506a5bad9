//! How the service is reached over HTTP.
//!
//! Handlers take a request apart, make one call of the service, and put the answer together.

mod dashboard;
mod docs;
mod edge;
mod extract;
mod health;
mod live;
mod notifications;
mod problem;
mod static_files;
mod websocket;

use std::time::Duration;

use axum::{Extension, Router, response::Redirect, routing::get};
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use super::service::NotificationService;

pub use docs::openapi;
pub use extract::Caller;
pub use live::StreamOptions;

/// Where the dashboard is.
pub const DASHBOARD_PATH: &str = "/api/ui-dashboard/notifications-dashboard-ui";

/// What the router needs to know beside the service.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The largest request body, in bytes. A larger one is answered with 413.
    pub max_body_bytes: usize,
    /// How long a request may take from its first header to its answer. Then it is answered
    /// with 408.
    pub request_timeout: Duration,
    /// Which host names are answered beside the loopback ones; `None` answers for every name.
    ///
    /// Without authentication, a web page could otherwise reach a server on this machine by
    /// giving its own name this machine's address (DNS rebinding).
    pub allowed_hosts: Option<Vec<String>>,
    /// How live streams are treated.
    pub streams: StreamOptions,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            allowed_hosts: Some(Vec::new()),
            streams: StreamOptions::default(),
        }
    }
}

/// Everything Campanile answers: the REST API, its description, the dashboard and its files.
///
/// It has no state left to give, so it can be served as it is or merged into another router. Who
/// is calling is the [`crate::server::service::Principal`] in the request's extensions; where
/// there is none, it is the operator.
pub fn router(service: NotificationService, options: &HttpOptions) -> Router {
    let (api, _) = described_routes().split_for_parts();
    let pages = Router::new()
        .merge(dashboard::routes())
        .merge(docs::routes())
        .merge(static_files::routes())
        .route("/", get(|| async { Redirect::temporary(DASHBOARD_PATH) }))
        .layer(CompressionLayer::new());
    let all = api
        .merge(pages)
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(Extension(options.streams))
        .with_state(service);
    edge::wrap(all, options)
}

/// The routes that the OpenAPI description tells of.
fn described_routes() -> OpenApiRouter<NotificationService> {
    OpenApiRouter::new().merge(notifications::routes()).merge(websocket::routes()).merge(health::routes())
}
