//! The refusals of operations: those that any request may meet on its way, described once for all of them.
//!
//! Answers that a gateway in front of the server may give by itself are described for every operation, even where the
//! server never gives them: programs generated from the description then know them.

use axum::http::Method;
use utoipa::openapi::{
    Components, Content, Ref, RefOr,
    header::Header,
    path::Operation,
    response::{Response, ResponseBuilder},
    schema::{Object, Type},
};

use crate::{
    model::Code,
    server::http::{
        intake::carries_a_body,
        paths::{WEBSOCKET, is_at_or_below},
    },
};

/// Their names below `components.responses`, and their meanings.
const ALL: [(Code, &str, &str); 14] = [
    (
        Code::BadRequest,
        "BadRequest",
        "The request cannot be read: the path or the query is not UTF-8, or the body is not JSON",
    ),
    (Code::Unauthenticated, "Unauthenticated", "The credential is missing or invalid: no valid key, token or session"),
    (Code::Forbidden, "Forbidden", "The caller lacks the permission, or a page of another site sent the request"),
    (Code::NotFound, "NotFound", "The path does not exist here, or the server is below another path"),
    (Code::Timeout, "Timeout", "The request did not arrive, or could not be answered, in time"),
    (Code::PayloadTooLarge, "TooLarge", "The body is larger than the limit of this server"),
    (Code::UnsupportedMediaType, "UnsupportedMediaType", "The body is of another media type, or is compressed"),
    (Code::MisdirectedRequest, "Misdirected", "The server does not answer for this host name"),
    (Code::InvalidInput, "Invalid", "A value is invalid: `errors` names the field, and says what would be valid"),
    (Code::UpgradeRequired, "UpgradeRequired", "This route requires a WebSocket"),
    (Code::TooManyRequests, "TooManyRequests", "The caller sent too many requests, or has too many streams open"),
    (Code::Internal, "Internal", "The server failed; its log has the cause"),
    (Code::Unavailable, "Unavailable", "The server cannot do this now, and changed nothing; try again later"),
    (
        Code::UnknownOutcome,
        "UnknownOutcome",
        "The outcome is unknown: the change may have been made, or may still be made",
    ),
];

/// The headers of refusals, each of which is text or a number.
const HEADERS: [(Code, &str, Type, &str); 7] = [
    (Code::Unauthenticated, "WWW-Authenticate", Type::String, "How to authenticate (RFC 6750)"),
    (Code::UpgradeRequired, "Upgrade", Type::String, "`websocket`"),
    (Code::UpgradeRequired, "Sec-WebSocket-Version", Type::String, "`13`"),
    (Code::TooManyRequests, "Retry-After", Type::Integer, "Seconds to wait before the next request"),
    (
        Code::TooManyRequests,
        "RateLimit",
        Type::String,
        "Requests left, `r`, and seconds until there are more, `t`: as `\"key\";r=0;t=1`",
    ),
    (
        Code::TooManyRequests,
        "RateLimit-Policy",
        Type::String,
        "The limit: how much at once, `q`, which is there again after so many seconds, `w`: as `\"key\";q=100;w=10`",
    ),
    (Code::Unavailable, "Retry-After", Type::Integer, "Seconds to wait before the next request"),
];

/// The media type of every refusal that is not a page.
const PROBLEM: &str = "application/problem+json";

/// Describes them all, for operations to refer to.
pub(super) fn add_to(components: &mut Components) {
    for (code, name, what) in ALL {
        components.responses.insert(name.to_owned(), RefOr::T(described(code, what)));
    }
}

fn described(code: Code, what: &str) -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = ResponseBuilder::new().description(what).content(PROBLEM, problem).build();
    add_headers(&mut response, &code.status().to_string());
    response
}

/// Adds the headers of a refusal with this status to its description.
fn add_headers(response: &mut Response, status: &str) {
    for (_, name, kind, means) in HEADERS.into_iter().filter(|(of, ..)| of.status().to_string() == status) {
        let mut header = Header::new(Object::with_type(kind));
        header.description = Some(means.to_owned());
        response.headers.insert(name.to_owned(), header.into());
    }
}

/// Adds the possible refusals to an operation, beside those that its handler describes.
pub(super) fn tell_of(operation: &mut Operation, method: &Method, path: &str) {
    for (code, name, _) in ALL.into_iter().filter(|(code, ..)| may_be(*code, method, path)) {
        let described = operation.responses.responses.entry(code.status().to_string());
        described.or_insert_with(|| Ref::from_response_name(name).into());
    }
    // A handler's description of its own refusal has precedence.
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_headers(response, status);
        }
    }
}

/// Whether an operation may be refused with this code.
fn may_be(code: Code, method: &Method, path: &str) -> bool {
    match code {
        Code::BadRequest | Code::Internal => !matches!(path, "/healthz" | "/readyz"),
        Code::UnsupportedMediaType => carries_a_body(method),
        Code::UpgradeRequired => is_at_or_below(path, WEBSOCKET),
        _ => true,
    }
}
