//! The dashboard's page, and the server functions that it calls.

use any_spawner::Executor;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodFilter, get, on},
};
use http_body_util::BodyExt;
use leptos::{nonce::use_nonce, prelude::*, server_fn::axum::server_fn_paths};
use leptos_axum::ResponseOptions;

use super::{DASHBOARD_PATH, authenticate::sign_in_for, cookie, extract::Caller};
use crate::{
    app::{self, Initial, Viewer},
    model::Problem,
    server::{assets, identity::Principal, service::NotificationService},
};

pub(super) fn routes() -> Router<NotificationService> {
    // Leptos spawns on one executor for the whole process. That it is set already is no failure:
    // another router of this process, or the program that embeds this one, did it.
    drop(Executor::init_tokio());
    let page_only = Router::new().route(DASHBOARD_PATH, get(page));
    server_fn_paths().fold(page_only, |router, (path, method)| match MethodFilter::try_from(method) {
        Ok(method) => router.route(path, on(method, call)),
        Err(_) => router,
    })
}

/// `GET` the dashboard, rendered with what is in the inbox now.
async fn page(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    if principal == Principal::anonymous() {
        return Ok(Redirect::to(&sign_in_for(request.uri())).into_response());
    }
    let viewer = Viewer {
        own: principal.own_inbox().map(|own| own.as_str().to_owned()),
        may_send: principal.may_send(),
        may_sign_out: cookie::session(request.headers()).is_some(),
    };
    let initial = Initial::load(&service, &principal, request.uri().query().unwrap_or(""), viewer).await;
    let context = move || {
        provide_context(initial.clone());
        provide_context(service.clone());
        provide_context(principal.clone());
    };
    render(request, context, || app::shell(assets::of_the_page())).await
}

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

/// Calls a server function, from the script of the page or from a form without script.
///
/// Leptos answers what it cannot read with 500 and sets no status of ours beside a redirect; here
/// a failure gets the status of its problem, and a form is sent back with 303.
async fn call(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Problem> {
    let context = move || {
        provide_context::<NotificationService>(service.clone());
        provide_context::<Principal>(principal.clone());
    };
    let request = Request::from_parts(parts, Body::from(body));
    let answer = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if answer.headers().contains_key(header::LOCATION) {
        return Ok((StatusCode::SEE_OTHER, answer).into_response());
    }
    if answer.status().is_success() {
        return Ok(answer);
    }
    let body = answer.into_body().collect().await.map_err(|_| broken())?.to_bytes();
    Err(serde_json::from_slice(&body).unwrap_or_else(|_| broken()))
}

/// The same answer with its body in one piece.
async fn whole(answer: Response) -> Result<Response, Problem> {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(|_| broken())?.to_bytes();
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn broken() -> Problem {
    tracing::error!("the dashboard could not be rendered");
    Problem::internal()
}
