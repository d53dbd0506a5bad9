//! The dashboard's page, and the server functions that it calls.

use any_spawner::Executor;
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodFilter, get, on},
};
use leptos::{prelude::*, server_fn::axum::server_fn_paths};

use super::{
    body::FormBody,
    extract::{Caller, refuse_unknown},
    language::PageLanguage,
    padding::pad_json,
    page::{broken, render, whole},
    pages::may_see_wishes,
    paths::{DASHBOARD, SERVER_FUNCTIONS, sign_in_for},
    state::HttpState,
};
use crate::{
    app::{self, Initial, OtherPages, Refusal, TypedForm, Viewer},
    model::Problem,
    server::{
        assets,
        identity::{Principal, Scope},
        service::NotificationService,
        workshop::Broken,
    },
};

/// The parameters of the page that the form that sends carries along, so that the page which answers it has its filter.
const FILTERS: [&str; 5] = ["user_id", "category", "unread", "q", "before"];

pub(super) fn routes() -> Router<HttpState> {
    // Leptos spawns on one executor for the whole process. It is no failure if another router of this process, or the
    // program that embeds this one, has set it already.
    drop(Executor::init_tokio());
    let page_only = Router::new().route(DASHBOARD, get(page));
    let all = server_fn_paths().fold(page_only, |router, (path, method)| match MethodFilter::try_from(method) {
        Ok(method) => router.route(path, on(method, call).get(opened)),
        Err(_) => router,
    });
    // Leptos has a limit of its own, 2 MB. The intake enforces ours, and passes on nothing larger.
    all.layer(DefaultBodyLimit::disable())
}

/// `GET` the dashboard, rendered with the present list.
async fn page(
    State(state): State<HttpState>,
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    if !principal.is_known() {
        return Ok(Redirect::to(&sign_in_for(request.uri())).into_response());
    }
    let query = request.uri().query().unwrap_or("").to_owned();
    show(&state, service, principal, request, &query, None).await
}

/// The page that a query asks for, perhaps in answer to a form that was refused.
async fn show(
    state: &HttpState,
    service: NotificationService,
    principal: Principal,
    request: Request,
    query: &str,
    refused: Option<(Refusal, TypedForm)>,
) -> Result<Response, Problem> {
    let options = state.options();
    let place = state.workshop().place().await.map_err(|Broken| broken())?;
    let may_sign_out = options.cookie().session(request.headers()).is_some();
    let viewer = Viewer {
        own: principal.own_inbox().map(|own| own.as_str().to_owned()),
        may_send: principal.may_send(),
        may_sign_out,
        name: match &options.auth {
            Some(auth) if may_sign_out => auth.name_of(&principal).await,
            _ => None,
        },
    };
    let language = PageLanguage::of(state, request.headers());
    let initial = Initial::load(&service, &principal, options.base(), query, viewer, language.language.words()).await;
    let heartbeat = options.streams.heartbeat.as_secs();
    let mut initial = Initial { heartbeat_seconds: u32::try_from(heartbeat).unwrap_or(u32::MAX), ..initial };
    // Without deliveries, those pages would have nothing to show.
    let others = options.delivery.as_ref().map(|delivery| OtherPages {
        has_operations: principal.may(Scope::Admin).is_ok(),
        has_wishes: may_see_wishes(Some(delivery), &principal),
        has_push: delivery.reaches_browsers(),
    });
    let others = others.filter(|others| *others != OtherPages::default());
    let mut typed = None;
    if let Some((refusal, form)) = refused {
        initial.refusal = Some(refusal);
        typed = Some(form);
    }
    let context = move || {
        if let Some(others) = others {
            provide_context(others);
        }
        if let Some(typed) = typed.clone() {
            provide_context(typed);
        }
        provide_context(initial.clone());
        provide_context(service.clone());
        provide_context(principal.clone());
    };
    render(state, place, request, language, context, || app::shell(assets::of_the_page())).await
}

/// Where a form leads back to. A form on the page that answered another one comes from the address of that function, which
/// takes forms only: it leads to the dashboard with the same filter.
fn to_page(location: &str) -> String {
    let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    match path.split_once(SERVER_FUNCTIONS) {
        Some((before, _)) => format!("{before}{DASHBOARD}{query}"),
        None => location.to_owned(),
    }
}

/// `GET` the address of a form: a browser asks for it when it restores the page that answered a refused form, or the user
/// opens it. It leads to the dashboard with the same filter.
async fn opened(uri: Uri) -> Redirect {
    Redirect::to(&to_page(uri.path_and_query().map_or(SERVER_FUNCTIONS, |uri| uri.as_str())))
}

/// Calls a server function, from the script of the page or from a form without script.
///
/// Leptos answers an unreadable call with 500 and sets no status of ours beside a redirect; here a failure gets the
/// status of its problem, and a form is answered with 303. If the form that sends is refused, the answer is the page with
/// what was typed.
async fn call(
    State(state): State<HttpState>,
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    function: MatchedPath,
    parts: Parts,
    form: FormBody,
) -> Result<Response, Problem> {
    let filters: &[&str] = if function.as_str() == app::PATH_OF_SEND { &FILTERS } else { &[] };
    refuse_unknown("parameter", parts.uri.query().unwrap_or(""), filters)?;
    let form = form.only(app::fields_of(function.as_str()).ok_or_else(broken)?)?;
    state.charge(principal.holder(), app::how_many(function.as_str(), &form), 0);
    let is_send = function.as_str() == app::PATH_OF_SEND && principal.is_known();
    let again = is_send.then(|| (Request::from_parts(parts.clone(), Body::empty()), form.clone()));
    let (services, principals) = (service.clone(), principal.clone());
    let context = move || {
        provide_context::<NotificationService>(services.clone());
        provide_context::<Principal>(principals.clone());
    };
    let request = Request::from_parts(parts, Body::from(form));
    let answer = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if let Some(location) = answer.headers().get(header::LOCATION) {
        let location = location.to_str().ok().map(to_page);
        let location = location.as_deref();
        if let Some((request, form)) = again
            && let Some((query, refusal)) = location.and_then(Refusal::read)
            && let Some(typed) = TypedForm::read(&form, app::may_be_sent(&refusal.problem))
        {
            let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            let page = show(&state, service, principal, request, &query, Some((refusal, typed))).await?;
            return Ok((status, page).into_response());
        }
        let short = location.and_then(Refusal::shorten);
        let short = short.as_deref().or(location).and_then(|url| HeaderValue::try_from(url).ok());
        let mut answer = (StatusCode::SEE_OTHER, answer).into_response();
        if let Some(short) = short {
            answer.headers_mut().insert(header::LOCATION, short);
        }
        return Ok(answer);
    }
    let (head, body) = whole(answer).await?;
    if !head.status.is_success() {
        return Err(serde_json::from_slice(&body).unwrap_or_else(|_| broken()));
    }
    let is_json = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let body = state.hold(if is_json { pad_json(body) } else { body })?;
    Ok(Response::from_parts(head, Body::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_on_the_answer_to_a_form_leads_to_the_page_with_its_filter() {
        assert_eq!(to_page("http://x/n/api/ui/send?user_id=a"), format!("http://x/n{DASHBOARD}?user_id=a"));
        for page in [format!("http://x{DASHBOARD}?q=/api/ui/send"), "/".to_owned()] {
            assert_eq!(to_page(&page), page);
        }
    }
}
