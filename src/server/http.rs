//! The service over HTTP.
//!
//! Handlers take a request apart, make one call of the service, and put the answer together.

mod access;
mod asked;
mod base;
mod body;
mod channels;
mod client;
mod contacts;
mod cookie;
mod dashboard;
mod deliveries;
mod docs;
mod edge;
mod extract;
mod frames;
mod gate;
mod headers;
mod health;
mod intake;
mod json;
mod language;
mod live;
mod login;
mod methods;
mod names;
mod next_link;
mod notifications;
mod padding;
mod page;
mod pages;
mod paths;
mod preferences;
mod problem;
mod push;
mod shortcut;
mod sites;
mod state;
mod static_files;
mod tickets;
mod unsubscribe;
mod users;
mod webhooks;
mod websocket;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, State},
    http::{Method, Uri},
    response::Redirect,
    routing::get,
};
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use super::{auth::Authenticator, delivery::Delivery, service::NotificationService};
use crate::model::Problem;
use cookie::Cookie;
use methods::Methods;
use state::HttpState;

pub use super::public_url::PublicUrl;
pub use client::IpNet;
pub use docs::openapi;
pub use extract::Caller;
pub use frames::FrameAncestors;
pub use live::StreamOptions;
pub use paths::DASHBOARD as DASHBOARD_PATH;
pub use shortcut::{Answering, HttpService};

/// The options of the router.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The largest request body, in bytes. A larger one is answered with 413.
    pub max_body_bytes: usize,
    /// How many bytes of bodies and answers are held at once. Beyond that, a request is answered with 503.
    pub max_memory: usize,
    /// How long the body of a request may take to arrive, and how long its answer may take then: else 408, or 504 for a
    /// write, which may have happened.
    pub request_timeout: Duration,
    /// The host names that are answered beside the loopback ones; `None` answers for every name.
    ///
    /// Without authentication, a web page could otherwise reach a server on this machine by giving its own name this
    /// machine's address (DNS rebinding).
    pub allowed_hosts: Option<Vec<String>>,
    /// The options of live streams.
    pub streams: StreamOptions,
    /// Authentication; without it every caller is the operator.
    pub auth: Option<Arc<Authenticator>>,
    /// The gateways that are believed when they report, in `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, the client
    /// of a request and the host that it asked for.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins of other sites whose pages may use the API, such as `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// The sites whose pages may show ours in a frame.
    pub frame_ancestors: FrameAncestors,
    /// Whether an incoming notification may have unknown fields, which are ignored.
    pub lenient: bool,
    /// Delivery; without it, the routes of webhooks, deliveries and channels answer 503.
    pub delivery: Option<Delivery>,
    /// The URL by which clients reach this server, where that is not the address on which it listens.
    pub public_url: Option<PublicUrl>,
    /// The language of the pages for users who chose none; `None` leaves it to the browser.
    pub language: Option<&'static crate::app::Language>,
}

impl HttpOptions {
    /// The base path: empty, or a path such as `/notify`.
    fn base(&self) -> &str {
        self.public_url.as_ref().map_or("", PublicUrl::base)
    }

    /// The session cookie.
    fn cookie(&self) -> Cookie<'_> {
        Cookie::below(self.base())
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            max_memory: 256 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            allowed_hosts: Some(Vec::new()),
            streams: StreamOptions::default(),
            auth: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            frame_ancestors: FrameAncestors::default(),
            lenient: false,
            delivery: None,
            public_url: None,
            language: None,
        }
    }
}

/// All routes: the REST API, its description, the dashboard and its files.
///
/// It needs no further state, so it can be served as it is or merged into another router; [`HttpService`] answers faster.
/// The caller is the [`crate::server::identity::Principal`] in the request's extensions; without one,
/// [`HttpOptions::auth`] determines it, and without that it is the operator.
pub fn router(service: NotificationService, options: &HttpOptions) -> Router {
    HttpService::new(service, options).router()
}

/// All routes, and the state of their handlers.
fn routes(service: NotificationService, options: &HttpOptions) -> (Router, HttpState) {
    let (api, of_api) = api_routes().split_for_parts();
    let (health, of_health) = health::routes().split_for_parts();
    let state = HttpState::new(service, options, Methods::of([of_api, of_health]));
    let pages = Router::new()
        .merge(dashboard::routes())
        .merge(login::routes())
        .merge(pages::routes(&state))
        .route("/", get(to_dashboard))
        .layer(CompressionLayer::new());
    let all = api
        .merge(health)
        .merge(pages)
        .merge(docs::routes(options.base()))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(state.clone());
    let files = static_files::routes().with_state(state.clone());
    (base::below(options.base(), edge::wrap(all, files, &state)), state)
}

/// Leads to the dashboard, with the filters of the query.
async fn to_dashboard(uri: Uri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::temporary(&format!("{DASHBOARD_PATH}{query}"))
}

/// Answers for an existing path, requested with another method. Axum adds the `Allow` header when this has answered.
async fn no_such_method(
    State(state): State<HttpState>,
    route: Option<MatchedPath>,
    method: Method,
    uri: Uri,
) -> Problem {
    let taken = route.as_ref().map_or(&[][..], |route| state.methods().at(route.as_str()));
    methods::not_taken(&method, &uri, taken)
}

/// The routes of the API, which need to know the caller.
fn api_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .merge(notifications::routes())
        .merge(websocket::routes())
        .merge(tickets::routes())
        .merge(webhooks::routes())
        .merge(deliveries::routes())
        .merge(channels::routes())
        .merge(contacts::routes())
        .merge(push::routes())
        .merge(preferences::routes())
        .merge(unsubscribe::routes())
        .merge(users::routes())
}
