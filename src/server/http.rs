//! How the service is reached over HTTP.
//!
//! Handlers take a request apart, make one call of the service, and put the answer together.

mod authenticate;
mod client;
mod cookie;
mod dashboard;
mod docs;
mod edge;
mod extract;
mod health;
mod live;
mod login;
mod notifications;
mod problem;
mod sites;
mod static_files;
mod tickets;
mod websocket;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn_with_state, response::Redirect, routing::get};
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use super::{auth::Authenticator, service::NotificationService};

pub use client::IpNet;
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
    /// Who finds out who is calling; without it everybody is the operator.
    pub auth: Option<Arc<Authenticator>>,
    /// Those between here and the clients who are believed when they say in `X-Forwarded-For` and
    /// `X-Forwarded-Proto` from where a request comes.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins of other sites whose pages may use the API, such as `https://app.example`.
    pub allowed_origins: Vec<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            allowed_hosts: Some(Vec::new()),
            streams: StreamOptions::default(),
            auth: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// Everything Campanile answers: the REST API, its description, the dashboard and its files.
///
/// It has no state left to give, so it can be served as it is or merged into another router. Who
/// is calling is the [`crate::server::identity::Principal`] in the request's extensions; where
/// there is none, [`HttpOptions::auth`] finds it out, and without that it is the operator.
pub fn router(service: NotificationService, options: &HttpOptions) -> Router {
    let options = Arc::new(options.clone());
    let (mut api, _) = api_routes().split_for_parts();
    let (health, _) = health::routes().split_for_parts();
    let mut dashboard = dashboard::routes();
    if options.auth.is_some() {
        let identified = from_fn_with_state(Arc::clone(&options), authenticate::authenticate);
        api = api.route_layer(identified.clone());
        dashboard = dashboard.route_layer(identified);
    }
    let pages = Router::new()
        .merge(dashboard)
        .merge(login::routes())
        .merge(docs::routes())
        .merge(static_files::routes())
        .route("/", get(|| async { Redirect::temporary(DASHBOARD_PATH) }))
        .layer(CompressionLayer::new());
    let all = api
        .merge(health)
        .merge(pages)
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(service);
    edge::wrap(all, &options)
}

/// The routes of the API, which want to know who is calling.
fn api_routes() -> OpenApiRouter<NotificationService> {
    OpenApiRouter::new().merge(notifications::routes()).merge(websocket::routes()).merge(tickets::routes())
}
