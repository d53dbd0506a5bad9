//! Errors as problem documents (RFC 9457).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a value is not valid: one sentence that says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    /// An error with this sentence.
    pub fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

/// An error in one field or parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Its name as the client wrote it, such as `content` or `notifications[3].user_id`.
    pub field: String,
    /// One sentence that says what would be valid.
    pub message: String,
}

impl FieldError {
    /// An error in a field.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self { field: field.into(), message: invalid.0.into_owned() }
    }
}

/// The errors of a request: the first ones, and the number of the others.
///
/// However many errors there are, they take little room, and those beyond the limit are not even made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints {
    named: Vec<FieldError>,
    more: u64,
    room: usize,
}

impl Complaints {
    /// The most errors that are kept.
    pub const MAX: usize = 20;

    /// Adds an error.
    pub fn add(&mut self, error: impl FnOnce() -> FieldError) {
        if self.named.len() < self.room {
            self.named.push(error());
        } else {
            self.more += 1;
        }
    }

    /// Adds an error before the others.
    pub fn add_first(&mut self, error: FieldError) {
        self.named.insert(0, error);
        if self.named.len() > self.room {
            self.named.pop();
            self.more += 1;
        }
    }

    /// An empty list for a part of the request, limited to the room that is left here.
    #[must_use]
    pub fn for_part(&self) -> Self {
        Self { named: Vec::new(), more: 0, room: self.room - self.named.len() }
    }

    /// Adds the errors of a part at this place.
    pub fn absorb(&mut self, place: impl std::fmt::Display, part: Self) {
        for error in part.named {
            self.add(|| FieldError { field: format!("{place}.{}", error.field), ..error });
        }
        self.more += part.more;
    }

    /// The number of errors.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.more + self.named.len() as u64
    }

    /// Whether there are no errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

impl Default for Complaints {
    fn default() -> Self {
        Self { named: Vec::new(), more: 0, room: Self::MAX }
    }
}

impl From<Vec<FieldError>> for Complaints {
    fn from(mut errors: Vec<FieldError>) -> Self {
        let more = errors.len().saturating_sub(Self::MAX) as u64;
        errors.truncate(Self::MAX);
        Self { named: errors, more, ..Self::default() }
    }
}

/// Kind of failure: a stable word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request cannot be read, such as JSON that does not parse.
    BadRequest,
    /// 422: the request can be read, and a value in it is not legal; `errors` says which.
    InvalidInput,
    /// 401: the caller is not authenticated; send a key or a token, or sign in.
    Unauthenticated,
    /// 403: the caller may not do this.
    Forbidden,
    /// 404: there is no such route, notification or index.
    NotFound,
    /// 405: the route exists, with another method; the `Allow` header lists them.
    MethodNotAllowed,
    /// 408: the request did not arrive or was not answered in time.
    Timeout,
    /// 409: the resource is in a state that does not allow this.
    Conflict,
    /// 413: the body is larger than the server takes.
    PayloadTooLarge,
    /// 415: the body is not `application/json`.
    UnsupportedMediaType,
    /// 421: the server does not answer for this `Host`.
    MisdirectedRequest,
    /// 426: the address speaks WebSocket; connect with `ws://` or `wss://`.
    UpgradeRequired,
    /// 429: the caller sends too many requests; `retry_after` says how long to wait.
    TooManyRequests,
    /// 500: the server is at fault; the log has the cause.
    Internal,
    /// 503: the server cannot do this now; try again later.
    Unavailable,
    /// 504: the server may have done this, or may still do it; sent again with the same `Idempotency-Key`, it is done once.
    UnknownOutcome,
    /// No answer came: the network is down, or the server is. Only the dashboard says this.
    Unreachable,
}

impl Code {
    /// The HTTP status of the code; 0 where there was no answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::Conflict => 409,
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

    /// RFC 9110's phrase for the status.
    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthenticated => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::Timeout => "Request Timeout",
            Self::Conflict => "Conflict",
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
    /// Always `about:blank`; `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Reason phrase of the status.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong and what to do about it, for people.
    pub detail: String,
    /// Kind of failure, for programs.
    pub code: Code,
    /// The errors of single fields, when `code` is `invalid_input`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ssr", schema(required = false))]
    pub errors: Vec<FieldError>,
    /// Number of further errors beyond the 20 in `errors`.
    #[serde(default, skip_serializing_if = "is_none")]
    #[cfg_attr(feature = "ssr", schema(required = false))]
    pub more_errors: u32,
    /// Seconds to wait, as in the header `Retry-After`, when `code` is `too_many_requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub retry_after: Option<u64>,
    /// `false` on routes whose successful answer has `"ok": true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub ok: Option<bool>,
}

impl Problem {
    /// A problem of this kind, with a sentence about this one.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        // The browser goes by the code alone, and need not load the others.
        let (status, title) = if cfg!(feature = "ssr") { (code.status(), code.title()) } else { (0, "") };
        Self {
            kind: "about:blank".into(),
            title: title.into(),
            status,
            detail: detail.into(),
            code,
            errors: Vec::new(),
            more_errors: 0,
            retry_after: None,
            ok: None,
        }
    }

    /// The problem of invalid values; the detail is the first of them.
    #[must_use]
    pub fn invalid(complaints: impl Into<Complaints>) -> Self {
        let Complaints { named: errors, more, .. } = complaints.into();
        let more_errors = u32::try_from(more).unwrap_or(u32::MAX);
        let mut detail = match errors.first() {
            None => "A value is not legal.".to_owned(),
            Some(first) => format!("{}: {}", first.field, first.message),
        };
        match (errors.len().saturating_sub(1), more_errors) {
            (0, _) => {}
            (rest, 0) => detail.push_str(&format!(" ({rest} more in errors)")),
            (rest, more) => detail.push_str(&format!(" ({rest} more in errors, and {more} that are not listed)")),
        }
        Self { errors, more_errors, ..Self::new(Code::InvalidInput, detail) }
    }

    /// A failure of the server itself. It tells nothing; the code that makes it logs the cause.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side. It has been logged.")
    }

    /// A write whose outcome is unknown; the sentence says what is safe now.
    #[must_use]
    pub fn unknown_outcome() -> Self {
        let how = "The outcome is unknown: the server may have done this, or may still do it. Sending it again is safe \
            with the same Idempotency-Key; marking by id and deleting are safe to send again as they are.";
        Self::new(Code::UnknownOutcome, how)
    }

    /// The server's memory limit for requests is reached at present.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(Code::Unavailable, "The server is overloaded. Try again in a few seconds.")
    }

    /// The caller is not authenticated; the sentence says how to authenticate.
    #[must_use]
    pub fn unauthenticated() -> Self {
        let how = "This needs a credential. Send the header Authorization: Bearer with a service key or a user's token, or \
                   sign in.";
        Self::new(Code::Unauthenticated, how)
    }

    /// The caller's credential is not valid. The reason is only in the server's log, because it would help an attacker.
    #[must_use]
    pub fn invalid_credential() -> Self {
        let how = "This credential is not valid here. Check that the key, token or ticket is complete, belongs to this \
                   server and has not expired; the server's log has the reason.";
        Self::new(Code::Unauthenticated, how)
    }

    /// The header `Authorization` has another scheme than `Bearer`, or none.
    #[must_use]
    pub fn no_bearer() -> Self {
        let how = "The header Authorization must be the word Bearer, a space, and a service key or a user's token.";
        Self::new(Code::Unauthenticated, how)
    }

    /// The caller's ticket was used, has expired or never existed.
    #[must_use]
    pub fn no_ticket() -> Self {
        let how = "This ticket is not valid: it was used before, has expired, or is not complete. Request a new one with \
                   POST /api/tickets.";
        Self::new(Code::Unauthenticated, how)
    }

    /// The caller's service key was valid once; `is_over` says why no longer: "has expired", "was revoked".
    #[must_use]
    pub fn key_over(is_over: &str) -> Self {
        Self::new(
            Code::Unauthenticated,
            format!("This service key {is_over}. Ask the operator of this server for another."),
        )
    }

    /// Too many requests: the next one is allowed in this many seconds.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::TooManyRequests, detail) }
    }

    /// The same problem, with `"ok": false`, for routes that answer `"ok": true` otherwise.
    #[must_use]
    pub fn not_ok(self) -> Self {
        Self { ok: Some(false), ..self }
    }

    /// The error of one field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == name).map(|error| error.message.as_str())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(count: usize) -> Vec<FieldError> {
        (0..count).map(|number| FieldError::new(number.to_string(), Invalid::new("no"))).collect()
    }

    #[test]
    fn twenty_are_named_and_the_rest_is_counted() {
        let problem = Problem::invalid(errors(20));
        assert_eq!((problem.errors.len(), problem.more_errors), (20, 0));
        assert_eq!(problem.detail, "0: no (19 more in errors)");
        let problem = Problem::invalid(errors(23));
        assert_eq!((problem.errors.len(), problem.more_errors), (20, 3));
        assert_eq!(problem.detail, "0: no (19 more in errors, and 3 that are not listed)");
        assert!(!serde_json::to_string(&Problem::invalid(errors(1))).unwrap().contains("more_errors"));
    }

    #[test]
    fn errors_beyond_the_limit_are_not_constructed() {
        let mut all = Complaints::default();
        for index in 0..30 {
            let mut part = all.for_part();
            for error in errors(2) {
                part.add(|| if index < 10 { error } else { unreachable!() });
            }
            all.absorb(format_args!("list[{index}]"), part);
        }
        assert_eq!(all.count(), 60);
        all.add_first(FieldError::new("list", Invalid::new("too long")));
        let problem = Problem::invalid(all);
        let ends = [&problem.errors[0].field, &problem.errors[1].field, &problem.errors[19].field];
        assert_eq!(ends, ["list", "list[0].0", "list[9].0"]);
        assert_eq!(problem.more_errors, 41);
    }
}
