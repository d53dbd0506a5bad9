//! The extractors of handlers. They reject with a problem document.

use axum::{
    extract::{FromRequestParts, path::ErrorKind, rejection::PathRejection},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use super::{names, problem};
use crate::{
    app::{is_percent_encoded_text, percent_decoded},
    model::{Code, Complaints, FieldError, Invalid, NotificationId, Problem, UserId},
    server::{identity::Principal, service::IdempotencyKey},
};

/// The caller: the principal that an outer layer put into the request's extensions, else an anonymous one.
#[derive(Clone, Debug)]
pub struct Caller(
    /// The principal.
    pub Principal,
);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().cloned().unwrap_or(Principal::anonymous())))
    }
}

/// The client's name for this request, if any: the header `Idempotency-Key`.
pub(super) struct Idempotency(pub(super) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IdempotencyKey::HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = match values.next() {
            // A key that is not ASCII is refused like an empty one.
            None => IdempotencyKey::parse(value.to_str().unwrap_or_default()),
            Some(_) => Err(Invalid::new("This header is given twice. Give it once.")),
        };
        let key = key.map_err(|invalid| Problem::invalid(vec![FieldError::new(IdempotencyKey::HEADER, invalid)]))?;
        Ok(Self(Some(key)))
    }
}

/// How that header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what is read")]
pub(super) struct IdempotencyParams {
    #[doc = "A unique value for this request, such as a random UUID. Repeating the request with it within 24 hours returns \
             the first answer and does nothing more; another request with it gets 422"]
    #[param(rename = "Idempotency-Key", nullable = false, min_length = 1, max_length = 255, pattern = "^[ -~]*$")]
    idempotency_key: Option<String>,
}

/// The allowed parameters of a query, as text.
pub(super) trait Parameters: DeserializeOwned {
    /// Their names.
    const NAMES: &'static [&'static str];
}

/// A query without parameters.
#[derive(Deserialize)]
pub(super) struct Nothing {}

impl Parameters for Nothing {
    const NAMES: &'static [&'static str] = &[];
}

/// The parameters of the query. An unknown one is refused.
pub(super) struct Query<T>(pub(super) T);

impl<T: Parameters, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        if !is_percent_encoded_text(query) {
            return Err(Problem::new(Code::BadRequest, "The query is not UTF-8 when it is percent-decoded."));
        }
        refuse_unknown("parameter", query, T::NAMES)?;
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(query) => Ok(Self(query.0)),
            Err(_) => {
                let query = parts.uri.query().unwrap_or("");
                let is_twice = |name: &&&'static str| names_of(query).filter(|given| given == *name).count() > 1;
                let detail = match T::NAMES.iter().find(is_twice) {
                    Some(name) => format!("The query has `{name}` twice. Give it once."),
                    None => "The query cannot be read.".to_owned(),
                };
                Err(Problem::new(Code::BadRequest, detail))
            }
        }
    }
}

/// The names in a query, or a form.
fn names_of(query: &str) -> impl Iterator<Item = String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| percent_decoded(pair.split_once('=').map_or(pair, |(name, _)| name)))
}

/// Refuses a query, or a form, with a name that is not among these. `kind` is "parameter" or "field".
///
/// # Errors
/// 422, with each unknown name.
pub(super) fn refuse_unknown(kind: &str, query: &str, known: &[&str]) -> Result<(), Problem> {
    let mut complaints = Complaints::default();
    for name in names_of(query) {
        if !known.contains(&name.as_str()) {
            complaints.add(|| names::unknown(kind, &name, known));
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(Problem::invalid(complaints)) }
}

/// The one parameter of the path, parsed.
pub(super) struct Path<T>(pub(super) T);

/// A parameter of a path.
pub(super) trait FromSegment: Sized {
    /// Its name in the description of the path.
    const NAME: &'static str;

    /// Parses it, after percent-decoding.
    fn from_segment(segment: &str) -> Result<Self, Invalid>;

    /// The problem for this segment, which is an invalid one.
    fn refused(_: &str, why: Invalid) -> Problem {
        Problem::invalid(vec![FieldError::new(Self::NAME, why)])
    }
}

impl FromSegment for UserId {
    const NAME: &'static str = "user_id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }
}

impl FromSegment for NotificationId {
    const NAME: &'static str = "id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(segment: &str, why: Invalid) -> Problem {
        problem::names_nothing("notification", segment, &why)
    }
}

impl<T: FromSegment, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment = segments::<String, S>(parts, state).await?;
        parse_segment(&segment).map(Self)
    }
}

impl<A: FromSegment + Send, B: FromSegment + Send, S: Send + Sync> FromRequestParts<S> for Path<(A, B)> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (first, second) = segments::<(String, String), S>(parts, state).await?;
        Ok(Self((parse_segment(&first)?, parse_segment(&second)?)))
    }
}

async fn segments<T: DeserializeOwned + Send, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<T, Problem> {
    let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
    path.map(|path| path.0).map_err(|rejection| match rejection {
        PathRejection::FailedToDeserializePathParams(failed)
            if matches!(failed.kind(), ErrorKind::InvalidUtf8InPathParam { .. }) =>
        {
            Problem::new(Code::BadRequest, "The path is not UTF-8 when it is percent-decoded.")
        }
        _ => Problem::new(Code::BadRequest, "The path cannot be read."),
    })
}

fn parse_segment<T: FromSegment>(segment: &str) -> Result<T, Problem> {
    T::from_segment(segment).map_err(|why| T::refused(segment, why))
}
