//! How a failure is told over HTTP (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::model::{Code, Problem};

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
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Answers for a path that leads nowhere.
pub(super) async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("There is nothing at {}. The routes are listed at /api/docs.", uri.path()))
}

/// Answers for a path that exists, asked with another method. Axum adds the `Allow` header.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}. The Allow header says what it takes.", uri.path());
    Problem::new(Code::MethodNotAllowed, detail)
}
