//! How a whole document is rendered.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use http_body_util::BodyExt;
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;

use crate::model::Problem;

/// Renders a whole document.
pub(super) async fn render<View: IntoView + 'static>(
    request: Request,
    context: impl Fn() + Clone + Send + Sync + 'static,
    document: impl Fn() -> View + Clone + Send + Sync + 'static,
) -> Result<Response, Problem> {
    let render = leptos_axum::render_app_async_with_context(
        move || {
            context();
            set_policy();
        },
        document,
    );
    // Leptos frees what a page holds when its body was read to the end. A client that goes away
    // would prevent that, so the page is rendered in a task of its own and sent whole.
    let rendered = tokio::spawn(async move { whole(render(request).await).await });
    rendered.await.map_err(|_| broken())?
}

/// Allows the page its own files, and the scripts that carry this answer's nonce.
fn set_policy() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The same answer with its body in one piece.
async fn whole(answer: Response) -> Result<Response, Problem> {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(|_| broken())?.to_bytes();
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// A page, or the answer of a server function, that could not be made.
pub(super) fn broken() -> Problem {
    tracing::error!("the dashboard could not be rendered");
    Problem::internal()
}
