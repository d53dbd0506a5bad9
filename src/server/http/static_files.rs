//! The files of the dashboard, compressed beforehand.

use axum::{
    Extension, Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::{
    model::Problem,
    server::{
        assets,
        http::{intake::Shared, methods::not_taken, problem::no_such_route, state::HttpState},
    },
};

/// A file whose name has the hash of its content never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Any other file is requested again after an hour.
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The service worker has one URL for ever, so a new version has to be found at once.
const ASKED_FOR_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The service worker.
const WORKER: &str = "sw.js";
/// Policy of the service worker: it may send requests to this server and show icons, whatever page registers it.
const WORKER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'",
);

/// All methods share the routes, so that a missing file is 404 for each of them.
pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/pkg/{file}", any(package_file))
        // The files in `public/`; every other route of one segment has precedence.
        .route("/{file}", any(public_file))
}

async fn package_file(Path(file): Path<String>, request: Parts) -> Result<Response, Problem> {
    send(&format!("pkg/{file}"), request, FOR_EVER).await
}

async fn public_file(Path(file): Path<String>, request: Parts) -> Result<Response, Problem> {
    if file != WORKER {
        return send(&file, request, FOR_AN_HOUR).await;
    }
    let mut worker = send(&file, request, ASKED_FOR_AGAIN).await?;
    worker.headers_mut().insert(header::CONTENT_SECURITY_POLICY, WORKER_POLICY);
    Ok(worker)
}

async fn send(path: &str, request: Parts, cache: HeaderValue) -> Result<Response, Problem> {
    let text = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let Some(asset) = assets::get(path, text(header::ACCEPT_ENCODING)) else {
        return Err(no_such_route(request.uri).await);
    };
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let allowed = [(header::ALLOW, HeaderValue::from_static("GET,HEAD"))];
        return Ok((allowed, not_taken(&request.method, &request.uri, &[Method::GET])).into_response());
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    if text(header::IF_NONE_MATCH).split(',').any(|etag| etag.trim() == asset.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(encoding) = asset.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok((Extension(Shared), headers, asset.bytes).into_response())
}
