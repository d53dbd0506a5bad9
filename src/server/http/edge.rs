//! The outermost layer, which every request and every answer passes.

use std::{future::Future, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};

use super::{
    asked::Asked,
    client::Client,
    gate, intake, live,
    names::shown,
    paths::{self, is_at_or_below, route_of},
    sites::{self, Site},
    state::HttpState,
};
use crate::model::{Code, Problem};

/// Puts the edge around the routes, and around those of files: the permissions for pages of listed sites, which files
/// do not have; then the guard, which admits callers and passes their requests to the intake.
///
/// Guard and intake are one layer, because each layer costs every request a copy of everything below it.
pub(super) fn wrap(routes: Router, files: Router, state: &HttpState) -> Router {
    let inside = from_fn_with_state(state.clone(), guard);
    let routes = routes.layer(inside.clone());
    let routes = match sites::tell_listed(&state.options().allowed_origins) {
        // Outermost, so that a page of a listed site can read why it was refused; and only on existing routes, because
        // it answers `OPTIONS` by itself.
        Some(listed) => routes.route_layer(listed),
        None => routes,
    };
    routes.merge(files.layer(inside))
}

async fn guard(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    pass(&state, request, |request| next.run(request)).await
}

/// Refuses foreign host names, admits callers, has their requests answered by `inside`, completes the headers, and logs.
///
/// The log has the route and not the path, because a path may name a user.
pub(super) async fn pass<F: Future<Output = Response>>(
    state: &HttpState,
    request: Request,
    inside: impl FnOnce(Request) -> F,
) -> Response {
    let options = state.options();
    let logged = tracing::enabled!(tracing::Level::DEBUG).then(|| {
        let route = route_of(request.extensions()).unwrap_or("-").to_owned();
        (Instant::now(), request.method().clone(), route)
    });
    let (mut head, body) = request.into_parts();
    let client = Client::of(&head.extensions, &head.headers, &options.trusted_proxies);
    let is_for_event_source = asks_for_events(&head);
    let mut response = match admit(state, &client, &mut head).await {
        Ok(told) => {
            let mut response = intake::take_in(state, Request::from_parts(head, body), inside).await;
            if let Some(told) = told {
                told.tell(response.headers_mut());
            }
            response
        }
        Err(refused) => {
            // A client that waits for permission to send its body gets the answer first.
            if !head.headers.contains_key(header::EXPECT) {
                intake::read_away(body, options.max_body_bytes);
            }
            *refused
        }
    };
    if is_for_event_source {
        response = live::come_back_later(response);
    }
    state.headers().complete(response.headers_mut(), options, client.is_encrypted);
    if let Some((started, method, route)) = logged {
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let method = shown(method.as_str());
        tracing::debug!(%method, route, status = response.status().as_u16(), micros, "answered");
    }
    response
}

/// Decides from the head of a request whether to admit it.
async fn admit(state: &HttpState, client: &Client, head: &mut Parts) -> Result<Option<gate::RateLimit>, Box<Response>> {
    let options = state.options();
    let asked = Asked::of(head, client.gateways);
    if let Err(why) = asked.is_answered(options) {
        return Err(Box::new(Problem::new(Code::MisdirectedRequest, why).into_response()));
    }
    let site = Site::of(head, &asked, client.is_encrypted, options);
    let site = site.map_err(|problem| {
        state.refusals().note(head, &asked);
        Box::new(problem.into_response())
    })?;
    gate::admit(options, client, site, head).await
}

/// Whether this is a request of an EventSource.
fn asks_for_events(head: &Parts) -> bool {
    head.method == Method::GET && route_of(&head.extensions).is_some_and(|route| is_at_or_below(route, paths::EVENTS))
}
