//! Problem documents over HTTP (RFC 9457).

use std::net::IpAddr;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::names::shown;
use crate::{
    model::{Code, Invalid, Problem},
    server::{
        auth::{AuthError, Authenticator},
        identity::Denied,
        limiter::TooOften,
        service::ServiceError,
        store::KeyOver,
    },
};

/// The challenge for an invalid credential (RFC 6750).
const NOT_GOOD: HeaderValue = HeaderValue::from_static("Bearer realm=\"campanile\", error=\"invalid_token\"");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some(2),
            _ => self.retry_after,
        };
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"campanile\""));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110, 15.5.22, and RFC 6455, 4.4.
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Answers for a path without a route.
pub(super) async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("There is nothing at {}. The routes are listed at /api/docs.", shown(uri.path())),
    )
}

/// The problem of a path with a segment that names no such thing, now or ever: it may be a misspelt route as well.
pub(super) fn names_nothing(thing: &str, segment: &str, why: &Invalid) -> Problem {
    let detail = format!("There is no {thing} `{}`. {why} The routes are listed at /api/docs.", shown(segment));
    Problem::new(Code::NotFound, detail)
}

/// Answers a caller who may not do this.
pub(super) fn denied(denied: Denied) -> Response {
    Problem::from(ServiceError::from(denied)).into_response()
}

/// Answers a caller whose identity is not known.
pub(super) fn refused(auth: &Authenticator, error: AuthError, address: Option<IpAddr>) -> Response {
    let (reason, problem) = match error {
        AuthError::Invalid(why) => (why, Problem::invalid_credential()),
        AuthError::NoBearer => ("the header does not begin with `Bearer`", Problem::no_bearer()),
        AuthError::NoTicket => ("there is no such ticket, or it has expired or was used", Problem::no_ticket()),
        AuthError::Over(over) => over_told(over),
        AuthError::TooOften(too_often) => return too_many(&too_often, "address"),
        AuthError::Forbidden(why) => return Problem::new(Code::Forbidden, why).into_response(),
        AuthError::Unavailable(cause) => {
            auth.noted().outage(&cause);
            let detail = "Authentication is temporarily unavailable. Try again in a few seconds.";
            return Problem::new(Code::Unavailable, detail).into_response();
        }
    };
    auth.noted().refused(reason, address);
    let mut response = problem.into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, NOT_GOOD);
    response
}

/// The reasons for the log and for the caller that a service key is no longer valid.
pub(super) fn over_told(over: KeyOver) -> (&'static str, Problem) {
    match over {
        KeyOver::Expired => ("the key has expired", Problem::key_over("has expired")),
        KeyOver::Revoked => ("the key was revoked", Problem::key_over("was revoked")),
    }
}

/// The problem for a caller that exceeded a rate limit.
pub(super) fn too_often(too_often: &TooOften) -> Problem {
    let seconds = too_often.again_in.unwrap_or(too_often.window);
    let detail = format!("Too many requests. Wait {seconds} s (`Retry-After`), and send fewer.");
    Problem::too_many(detail, seconds)
}

/// Answers a caller that exceeded a rate limit, with the name of the limit.
pub(super) fn too_many(too_much: &TooOften, policy: &str) -> Response {
    let problem = too_often(too_much);
    let again_in = problem.retry_after.unwrap_or(1);
    let mut response = problem.into_response();
    tell_limits(response.headers_mut(), policy, too_much.burst, too_much.window, 0, again_in);
    response
}

/// Sets the headers with the rate limit and its remainder (draft-ietf-httpapi-ratelimit-headers-10).
pub(super) fn tell_limits(headers: &mut HeaderMap, policy: &str, burst: u32, window: u64, left: u32, next: u64) {
    let values = [
        ("ratelimit-policy", format!("\"{policy}\";q={burst};w={window}")),
        ("ratelimit", format!("\"{policy}\";r={left};t={next}")),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}
