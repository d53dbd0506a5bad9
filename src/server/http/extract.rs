//! What a handler takes out of a request. What cannot be taken out is a problem document.

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Request,
        path::ErrorKind,
        rejection::{BytesRejection, FailedToBufferBody, PathRejection},
    },
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{
    model::{Code, FieldError, Invalid, NotificationId, Problem, UserId},
    server::{identity::Principal, service::IdempotencyKey},
};

/// Who is calling: what an outer layer put into the request's extensions, else nobody.
#[derive(Clone, Debug)]
pub struct Caller(
    /// As the service knows them.
    pub Principal,
);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().cloned().unwrap_or(Principal::anonymous())))
    }
}

/// The name that the client gave to this request, if any: the header `Idempotency-Key`.
pub(super) struct Idempotency(pub(super) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IdempotencyKey::HEADER) else { return Ok(Self(None)) };
        // What is not ASCII is refused as an empty key is.
        let key = IdempotencyKey::parse(value.to_str().unwrap_or_default());
        let key = key.map_err(|invalid| Problem::invalid(vec![FieldError::new(IdempotencyKey::HEADER, invalid)]))?;
        Ok(Self(Some(key)))
    }
}

/// A JSON object as the body.
pub(super) struct JsonObject<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with the header Content-Type: application/json.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable_body(&rejection))?;
        parse_object(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable_body(rejection: &BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(Code::PayloadTooLarge, "The body is larger than this server takes. Send less at once.")
        }
        _ => Problem::new(Code::BadRequest, "The body did not arrive whole. Send it again."),
    }
}

/// Reads a JSON object: 400 when it is not JSON, 422 with the field when it is of another shape.
fn parse_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, in the order of its fields.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    if !is_object {
        let any: Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut deserializer);
        any.and_then(|_| deserializer.end()).map_err(|error| not_json(&error))?;
        let what = Invalid::new("The body is a JSON object, such as {\"user_id\": \"user_123\"}.");
        return Err(Problem::invalid(vec![FieldError::new("body", what)]));
    }
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return not_json(&inner);
        }
        let field = if path == "." { "body".to_owned() } else { path };
        Problem::invalid(vec![FieldError::new(field, Invalid::new(inner.to_string()))])
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("The body is not JSON: {error}."))
}

/// The parameters of the query, as text.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(query) => Ok(Self(query.0)),
            Err(rejection) => {
                let why = std::error::Error::source(&rejection).map_or_else(String::new, |cause| format!(": {cause}"));
                Err(Problem::new(Code::BadRequest, format!("The query cannot be read{why}.")))
            }
        }
    }
}

/// The one parameter of the path, parsed.
pub(super) struct Path<T>(pub(super) T);

/// What can stand in a path.
pub(super) trait FromSegment: Sized {
    /// How it is called where the path is described.
    const NAME: &'static str;

    /// Reads it, after percent-decoding.
    fn from_segment(segment: &str) -> Result<Self, Invalid>;
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
    T::from_segment(segment).map_err(|invalid| Problem::invalid(vec![FieldError::new(T::NAME, invalid)]))
}
