//! Renders a whole document.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, header, response::Parts},
    response::Response,
};
use http_body_util::BodyExt;
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use tokio::runtime::Handle;

use super::{language::PageLanguage, padding::pad_html, state::HttpState};
use crate::{
    model::Problem,
    server::workshop::{Broken, Place},
};

/// Renders a whole document in a place of the workshop, where that starves no other client. Take the place before
/// reading the document's data: then no more data is held than can be rendered.
pub(super) async fn render<View: IntoView + 'static>(
    state: &HttpState,
    place: Place,
    request: Request,
    language: PageLanguage,
    context: impl Fn() + Clone + Send + Sync + 'static,
    document: impl Fn() -> View + Clone + Send + Sync + 'static,
) -> Result<Response, Problem> {
    let render = leptos_axum::render_app_async_with_context(
        move || {
            provide_context(language.chosen);
            context();
            set_policy();
        },
        document,
    );
    // Leptos frees the memory of a page when its body was read to the end. A client that goes away would prevent that,
    // so the page is rendered by work that continues without it, and sent whole.
    let runtime = Handle::current();
    let rendered = place.run(move || runtime.block_on(async { whole(render(request).await).await }));
    let (mut head, document) = rendered.await.map_err(|Broken| broken())??;
    language.tell(&mut head.headers);
    Ok(Response::from_parts(head, Body::from(state.hold(pad_html(document))?)))
}

/// Allows the page its own files, and the scripts that carry this answer's nonce.
fn set_policy() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// An answer and its body in one piece.
pub(super) async fn whole(answer: Response) -> Result<(Parts, Bytes), Problem> {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(|_| broken())?.to_bytes();
    Ok((head, body))
}

/// The problem for a page, or the answer of a server function, that could not be rendered.
pub(super) fn broken() -> Problem {
    tracing::error!("the dashboard could not be rendered");
    Problem::internal()
}
