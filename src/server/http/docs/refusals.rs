//! How operations are refused: what follows from what every request passes on its way, described once for all of them.
//!
//! What a gateway in front of the server may answer by itself is described for every operation, also where the server
//! does not: programs that are made from the description then know it.

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

/// How each of them is called below `components.responses`, and what it means.
const ALL: [(Code, &str, &str); 14] = [
    (
        Code::BadRequest,
        "BadRequest",
        "The request cannot be read: the path or the query is not UTF-8, or the body is not JSON",
    ),
    (Code::Unauthenticated, "Unauthenticated", "It is not known who is calling: no key, token or session that is good"),
    (Code::Forbidden, "Forbidden", "The caller may not do this, or a page of another site asked for it"),
    (Code::NotFound, "NotFound", "What the path names is not here, or this server is below another path"),
    (Code::Timeout, "Timeout", "The request did not arrive, or was not answered, in time"),
    (Code::PayloadTooLarge, "TooLarge", "The body is larger than this server takes"),
    (Code::UnsupportedMediaType, "UnsupportedMediaType", "The body is of another media type, or is compressed"),
    (Code::MisdirectedRequest, "Misdirected", "The server does not answer for this host name"),
    (Code::InvalidInput, "Invalid", "A value is not legal: `errors` says which, and what would be"),
    (Code::UpgradeRequired, "UpgradeRequired", "This address speaks WebSocket"),
    (Code::TooManyRequests, "TooManyRequests", "The caller asks too often, or has too many streams"),
    (Code::Internal, "Internal", "The server is at fault; its log has the cause"),
    (Code::Unavailable, "Unavailable", "The server cannot do this now, and did not; try again later"),
    (
        Code::UnknownOutcome,
        "UnknownOutcome",
        "The answer did not come in time. It is not known whether a change was made, or will be yet",
    ),
];

/// The headers that go with a refusal, each of which is text or a number.
const HEADERS: [(Code, &str, Type, &str); 7] = [
    (Code::Unauthenticated, "WWW-Authenticate", Type::String, "How to show who you are (RFC 6750)"),
    (Code::UpgradeRequired, "Upgrade", Type::String, "`websocket`"),
    (Code::UpgradeRequired, "Sec-WebSocket-Version", Type::String, "`13`"),
    (Code::TooManyRequests, "Retry-After", Type::Integer, "In how many seconds to ask again"),
    (
        Code::TooManyRequests,
        "RateLimit",
        Type::String,
        "How much of the limit is left, `r`, and in how many seconds there is more, `t`: as `\"key\";r=0;t=1`",
    ),
    (
        Code::TooManyRequests,
        "RateLimit-Policy",
        Type::String,
        "The limit: how much at once, `q`, which is there again after so many seconds, `w`: as `\"key\";q=100;w=10`",
    ),
    (Code::Unavailable, "Retry-After", Type::Integer, "In how many seconds to ask again"),
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

/// Tells of a refusal with this status which headers it has.
fn add_headers(response: &mut Response, status: &str) {
    for (_, name, kind, means) in HEADERS.into_iter().filter(|(of, ..)| of.status().to_string() == status) {
        let mut header = Header::new(Object::with_type(kind));
        header.description = Some(means.to_owned());
        response.headers.insert(name.to_owned(), header.into());
    }
}

/// Tells of an operation how it may be refused, beside what its handler says of it.
pub(super) fn tell_of(operation: &mut Operation, method: &Method, path: &str) {
    for (code, name, _) in ALL.into_iter().filter(|(code, ..)| may_be(*code, method, path)) {
        let described = operation.responses.responses.entry(code.status().to_string());
        described.or_insert_with(|| Ref::from_response_name(name).into());
    }
    // What a handler says of a refusal of its own is what it means.
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_headers(response, status);
        }
    }
}

/// Whether an operation may be refused so.
fn may_be(code: Code, method: &Method, path: &str) -> bool {
    match code {
        Code::BadRequest | Code::Internal => !matches!(path, "/healthz" | "/readyz"),
        Code::UnsupportedMediaType => carries_a_body(method),
        Code::UpgradeRequired => is_at_or_below(path, WEBSOCKET),
        _ => true,
    }
}
