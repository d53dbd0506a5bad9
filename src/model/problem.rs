//! What went wrong, in the words of RFC 9457.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a value is not legal: one sentence that says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    /// Says why.
    pub fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

/// What is wrong with one field or parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Its name as the client wrote it, such as `content` or `notifications[3].user_id`.
    pub field: String,
    /// One sentence that says what would be legal.
    pub message: String,
}

impl FieldError {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self { field: field.into(), message: invalid.0.into_owned() }
    }
}

/// What kind of failure it is: a word for programs, which does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request cannot be read, such as JSON that does not parse.
    BadRequest,
    /// 422: the request can be read, and a value in it is not legal; `errors` says which.
    InvalidInput,
    /// 401: nobody knows who is calling; send a key or a token, or sign in.
    Unauthenticated,
    /// 403: the caller may not do this.
    Forbidden,
    /// 404: there is no such route, notification or index.
    NotFound,
    /// 405: the route exists, with another method; the `Allow` header lists them.
    MethodNotAllowed,
    /// 408: the request did not arrive or was not answered in time.
    Timeout,
    /// 413: the body is larger than the server takes.
    PayloadTooLarge,
    /// 415: the body is not `application/json`.
    UnsupportedMediaType,
    /// 421: the server does not answer for this `Host`.
    MisdirectedRequest,
    /// 426: the address speaks WebSocket; connect with `ws://` or `wss://`.
    UpgradeRequired,
    /// 429: the caller asks too often; `retry_after` says how long to wait.
    TooManyRequests,
    /// 500: the server is at fault; the log has the cause.
    Internal,
    /// 503: the server cannot do this now; try again later.
    Unavailable,
    /// 504: the request may have been done, or may be yet; sent again with the same `Idempotency-Key`, it is done once.
    UnknownOutcome,
    /// No answer came: the network is down, or the server is. Only the dashboard says this.
    Unreachable,
}

impl Code {
    /// The HTTP status that goes with it; 0 where there was no answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::MisdirectedRequest => 421,
            Self::InvalidInput => 422,
            Self::UpgradeRequired => 426,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::UnknownOutcome => 504,
            Self::Unreachable => 0,
        }
    }

    /// The phrase that RFC 9110 has for the status.
    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthenticated => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::Timeout => "Request Timeout",
            Self::PayloadTooLarge => "Content Too Large",
            Self::UnsupportedMediaType => "Unsupported Media Type",
            Self::MisdirectedRequest => "Misdirected Request",
            Self::InvalidInput => "Unprocessable Content",
            Self::UpgradeRequired => "Upgrade Required",
            Self::TooManyRequests => "Too Many Requests",
            Self::Internal => "Internal Server Error",
            Self::Unavailable => "Service Unavailable",
            Self::UnknownOutcome => "Gateway Timeout",
            Self::Unreachable => "No Answer",
        }
    }
}

/// A failure as every client sees it: a problem document (RFC 9457), sent as
/// `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[error("{detail}")]
pub struct Problem {
    /// Always `about:blank`: the status and `code` say what kind it is.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The phrase of the status.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time and what to do about it, for people.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: Code,
    /// What is wrong with which field, when `code` is `invalid_input`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ssr", schema(required = false))]
    pub errors: Vec<FieldError>,
    /// How many seconds to wait, as in the header `Retry-After`, when `code` is `too_many_requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub retry_after: Option<u64>,
    /// `false` where the answer to success has `"ok": true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub ok: Option<bool>,
}

impl Problem {
    /// A failure of some kind, with a sentence about this one.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".into(),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            retry_after: None,
            ok: None,
        }
    }

    /// Values that are not legal; the detail is the first of them.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [] => "A value is not legal.".to_owned(),
            [only] => format!("{}: {}", only.field, only.message),
            [first, rest @ ..] => format!("{}: {} ({} more in errors)", first.field, first.message, rest.len()),
        };
        Self { errors, ..Self::new(Code::InvalidInput, detail) }
    }

    /// A failure of the server's own. It tells nothing; whoever makes it logs the cause.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side. It has been logged.")
    }

    /// A write whose end was not heard of; says what is safe now.
    #[must_use]
    pub fn unknown_outcome() -> Self {
        let how = "It is not known whether this was done: it may have happened, or happen yet. Sending it again is safe \
            with the same Idempotency-Key; marking and deleting are safe to send again as they are.";
        Self::new(Code::UnknownOutcome, how)
    }

    /// The server holds as much as it may at present.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(Code::Unavailable, "The server has too much to do at present. Try again in a few seconds.")
    }

    /// Nobody knows who is calling; says how to prove it.
    #[must_use]
    pub fn unauthenticated() -> Self {
        let how = "Show who you are: send the header Authorization: Bearer with a service key or a token, or sign in.";
        Self::new(Code::Unauthenticated, how)
    }

    /// Too many requests: the next one is welcome in so many seconds.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::TooManyRequests, detail) }
    }

    /// The same, with `"ok": false`, for routes that answer `"ok": true` otherwise.
    #[must_use]
    pub fn not_ok(self) -> Self {
        Self { ok: Some(false), ..self }
    }

    /// What is wrong with one field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == name).map(|error| error.message.as_str())
    }
}
