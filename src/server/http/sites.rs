//! The requests of pages of other sites: refused, unless their origin is listed.
//!
//! A browser names the page that started a request (Fetch metadata; `Origin`, which a WebSocket has too). A request
//! without either comes from no page.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header, request::Parts};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    HttpOptions,
    asked::Asked,
    names::shown,
    paths::{self, is_at_or_below, route_of},
};
use crate::model::{Code, Problem};
use crate::server::{
    address::without_port,
    limiter::{Limiter, Rate},
};

/// The header in which a browser tells the site that started a request.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin of an admitted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// No page, or one of ours.
    Own,
    /// A page of a listed site, which has to send a token: the browser's cookie for this site does not count.
    Listed,
}

impl Site {
    /// Reads the browser's headers.
    ///
    /// # Errors
    /// When a page of another site may not do this.
    pub(super) fn of(
        head: &Parts,
        asked: &Asked<'_>,
        is_encrypted: bool,
        options: &HttpOptions,
    ) -> Result<Self, Problem> {
        // There only the link counts, which no page of another site has unless it shows the user's mail.
        if route_of(&head.extensions) == Some(paths::UNSUBSCRIBE) {
            return Ok(Self::Own);
        }
        let origin = head.headers.get(header::ORIGIN);
        let listed = &options.allowed_origins;
        let is_public = |origin: &HeaderValue| options.public_url.as_ref().is_some_and(|url| origin == url.origin());
        let is_listed = origin.is_some_and(|origin| listed.iter().any(|listed| origin == listed.as_str()));
        match head.headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(b"same-origin" | b"none") => Ok(Self::Own),
            None if origin.is_none_or(|origin| is_public(origin) || is_own(origin, asked, is_encrypted, options)) => {
                Ok(Self::Own)
            }
            _ if is_listed && is_for_others(head) => Ok(Self::Listed),
            Some(_) if origin.is_none() && opens_a_page(head, options) => Ok(Self::Own),
            said => {
                let unsure = origin.filter(|_| said.is_none());
                Err(Problem::new(Code::Forbidden, refusal(unsure, asked)))
            }
        }
    }
}

/// Logs refused pages, because browsers show no reason for a refused WebSocket. Any page may try, so there are at most
/// 12 lines a minute.
pub(super) struct Refusals(Option<Limiter<()>>);

impl Refusals {
    pub(super) fn new() -> Self {
        // Without a limit, nothing is logged.
        Self(Rate::parse("12/m").ok().flatten().map(Limiter::new))
    }

    /// Logs that a page of this origin was refused, where a browser named one.
    pub(super) fn note(&self, head: &Parts, asked: &Asked<'_>) {
        // Without an origin, no setting would admit the request.
        let origin = head.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let Some(origin) = origin.map(shown) else { return };
        if self.0.as_ref().is_none_or(|lines| lines.check(&()).is_err()) {
            return;
        }
        let host = asked.name().map_or_else(|| "-".to_owned(), shown);
        tracing::info!(origin, host, "a page of another site was refused; see --public-url and --allowed-origins");
    }
}

/// Why a page may not do this, and which setting allows it. Where the browser sends only the page's origin, the page
/// may be our own behind a gateway that does not report its host.
fn refusal(origin: Option<&HeaderValue>, asked: &Asked<'_>) -> String {
    let Some(origin) = origin.and_then(|origin| origin.to_str().ok()).filter(|origin| is_of_the_web(origin)) else {
        return "This request was started by a page of another site. Use the dashboard, or a client of your own; or list \
                the site with allowed-origins and send a token."
            .to_owned();
    };
    let origin = shown(origin);
    let asked = asked.name().map_or_else(|| "no host".to_owned(), shown);
    format!(
        "This request was started by a page of {origin}, and asks {asked}, which is another site. If that page is this \
         server's own, set --public-url {origin}, or name the gateway in between with --trusted-proxies and have it send \
         X-Forwarded-Host and X-Forwarded-Port. If it is not, list its site with --allowed-origins and send a token."
    )
}

/// Whether this is the origin of a page from a server. Those of extensions and files have no origin that could be
/// listed.
fn is_of_the_web(origin: &str) -> bool {
    origin.starts_with("https://") || origin.starts_with("http://")
}

/// Whether an origin is that of the requested host. Where this server does not encrypt, a gateway may; and it does
/// where the public URL says so.
fn is_own(origin: &HeaderValue, asked: &Asked<'_>, is_encrypted: bool, options: &HttpOptions) -> bool {
    let Some((scheme, from)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
    let public = options.public_url.as_ref().filter(|url| url.is_encrypted());
    let is_plain = || !is_encrypted && public.is_none_or(|url| !url.host().eq_ignore_ascii_case(without_port(from)));
    (scheme == "https" || (scheme == "http" && is_plain())) && asked.is_at(scheme, from)
}

/// Whether this is a route that users may call with a token: the API, and no page or form.
fn is_for_others(head: &Parts) -> bool {
    let all = ["/api/notifications", "/api/tickets", paths::WEBSOCKET, paths::OPENAPI];
    route_of(&head.extensions).is_none_or(|route| all.iter().any(|path| is_at_or_below(route, path)))
}

/// Whether a user follows a link of another site to a page, or that site shows the page in a frame, where the setting
/// allows some sites; the page tells the browser which.
fn opens_a_page(head: &Parts, options: &HttpOptions) -> bool {
    let is = |name: &str, value: &str| head.headers.get(name).is_some_and(|said| said == value);
    let is_read = head.method == Method::GET || head.method == Method::HEAD;
    let is_page = |route: &str| {
        matches!(route, "/" | paths::DASHBOARD | paths::LOGIN | paths::NOTIFICATION | paths::NOTIFY_ME)
            || [paths::DOCS, paths::OPERATIONS].iter().any(|above| is_at_or_below(route, above))
    };
    let is_shown = is("sec-fetch-dest", "document")
        || (options.frame_ancestors.are_some() && (is("sec-fetch-dest", "iframe") || is("sec-fetch-dest", "frame")));
    is_read && is("sec-fetch-mode", "navigate") && is_shown && route_of(&head.extensions).is_none_or(is_page)
}

/// Lets pages of listed sites use the API (CORS), with a token and without cookies.
pub(super) fn tell_listed(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    const SENT: [HeaderName; 5] = [
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_TYPE,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
    ];
    const SEEN: [HeaderName; 6] = [
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        HeaderName::from_static("campanile-modseq"),
        HeaderName::from_static("ratelimit"),
        HeaderName::from_static("ratelimit-policy"),
    ];
    /// How long a browser may remember the answer.
    const REMEMBERED: Duration = Duration::from_secs(3_600);
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(SEEN)
        .max_age(REMEMBERED);
    Some(layer)
}
