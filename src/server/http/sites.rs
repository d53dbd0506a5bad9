//! What pages of other sites may do: nothing, unless their origin is listed.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    csrf::{CsrfLayer, ProtectionError},
};

use crate::model::{Code, Problem};

/// Refuses what a page of another site starts and what may change something (Fetch metadata, and `Origin`).
pub(super) fn refuse_others(origins: &[String]) -> CsrfLayer<fn(ProtectionError) -> Response> {
    fn refused(_: ProtectionError) -> Response {
        let why = "This request was started by a page of another site. Use the dashboard, or a client of your own.";
        Problem::new(Code::Forbidden, why).into_response()
    }
    let listed = origins.iter().fold(CsrfLayer::new(), |layer, origin| {
        // The settings have been checked; what a program that embeds this lists and is no origin, is nobody's.
        layer.clone().add_trusted_origin(origin).unwrap_or(layer)
    });
    listed.with_rejection_response(refused as fn(ProtectionError) -> Response)
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
    /// How long a browser need not ask again.
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
