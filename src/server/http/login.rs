//! `/login` and `/logout` of the dashboard.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{FromRequest, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_aux::serde_introspection::serde_introspect;

use super::{
    HttpOptions,
    asked::Asked,
    body::FormBody,
    client::Client,
    cookie::Cookie,
    extract::Caller,
    gate::RefusedAttempt,
    page::{broken, render},
    paths::{DASHBOARD, LOGIN, LOGOUT, of_this_site},
    problem::{over_told, too_often},
    state::HttpState,
};
use crate::{
    app::{LoginPage, NotKept, login_page},
    model::{Code, Problem},
    server::{
        address::{is_loopback_to_browsers, without_port},
        assets,
        auth::{AUDIT, AuthError, Authenticator},
        identity::KeyId,
        workshop::Broken,
    },
};

/// The longest secret that is looked at, in bytes.
const LONGEST_SECRET: usize = 8 * 1024;

/// Why an attempt is not looked at, for the log.
const TOO_OFTEN: &str = "too many attempts";

pub(super) fn routes() -> Router<HttpState> {
    Router::new().route(LOGIN, get(page).post(log_in)).route(LOGOUT, post(log_out))
}

#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
}

/// The fields of the sign-in form.
#[derive(Deserialize)]
struct SignInForm {
    secret: String,
    #[serde(default)]
    next: String,
}

async fn page(
    State(state): State<HttpState>,
    State(options): State<Arc<HttpOptions>>,
    wanted: Result<Query<SignInQuery>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let next = wanted.map_or_else(|_| String::new(), |Query(wanted)| wanted.next);
    if options.auth.is_none() {
        return Ok(Redirect::to(DASHBOARD).into_response());
    }
    show(&state, request, &next, None).await
}

/// The page, perhaps with why it did not work.
async fn show(state: &HttpState, request: Request, next: &str, problem: Option<Problem>) -> Result<Response, Problem> {
    let options = state.options();
    let head = request.into_parts().0;
    let not_kept = (!keeps_cookie(&head, options)).then(|| NotKept {
        safe_url: options.public_url.as_ref().filter(|url| url.is_encrypted()).map(|url| format!("{url}{LOGIN}")),
    });
    let request = Request::from_parts(head, axum::body::Body::empty());
    let page = LoginPage { next: of_this_site(next).to_owned(), problem, base: options.base().to_owned(), not_kept };
    let place = state.workshop().place().await.map_err(|Broken| broken())?;
    render(state, place, request, || (), move || login_page(page.clone(), assets::of_the_page())).await
}

async fn log_in(
    State(state): State<HttpState>,
    State(options): State<Arc<HttpOptions>>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(auth) = &options.auth else { return Ok(Redirect::to(DASHBOARD).into_response()) };
    let (head, body) = request.into_parts();
    let for_the_page = Request::from_parts(head.clone(), axum::body::Body::empty());
    let address = Client::of(&head.extensions, &head.headers, &options.trusted_proxies).address;
    if let Some(RefusedAttempt(too_much)) = head.extensions.get() {
        auth.noted().failed_sign_in(TOO_OFTEN, address);
        return refuse(&state, for_the_page, "", too_often(too_much)).await;
    }
    if !keeps_cookie(&head, &options) {
        let why = "You were not signed in, because this page was opened over http.";
        return refuse(&state, for_the_page, "", Problem::new(Code::Forbidden, why)).await;
    }
    let before = options.cookie().session(&head.headers).map(str::to_owned);
    let form = FormBody::from_request(Request::from_parts(head.clone(), body), &())
        .await?
        .only(serde_introspect::<SignInForm>())?;
    let Ok(Form(SignInForm { secret, next })) = Form::from_request(Request::from_parts(head, form.into()), &()).await
    else {
        return Err(Problem::new(Code::BadRequest, "The form cannot be read. Open the page again."));
    };
    let attempt = attempt(auth, options.cookie(), secret.trim(), before.as_deref()).await;
    let (problem, why) = match attempt {
        Ok((cookie, key)) => {
            // A key has a name that is no person's; whose token it was is not for the log.
            let key = key.map(tracing::field::display);
            tracing::info!(target: AUDIT, key, "a user signed in");
            let mut response = Redirect::to(of_this_site(&next)).into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(AuthError::Invalid(why)) => {
            (Problem::new(Code::Unauthenticated, "This key or token is not valid here."), why)
        }
        Err(AuthError::Over(over)) => {
            let (reason, problem) = over_told(over);
            (problem, reason)
        }
        // Neither is asked for in a form.
        Err(AuthError::NoBearer | AuthError::NoTicket) => {
            (Problem::new(Code::Unauthenticated, "This key or token is not valid here."), "it is no key and no token")
        }
        Err(AuthError::TooOften(too_much)) => (too_often(&too_much), TOO_OFTEN),
        Err(AuthError::Forbidden(why)) => (Problem::new(Code::Forbidden, why), why),
        Err(AuthError::Unavailable(cause)) => {
            auth.noted().outage(&cause);
            let detail = "Campanile cannot check this now. Try again in a few seconds.";
            // This is no fault of theirs, so no address is named.
            auth.noted().failed_sign_in("it cannot be checked now", None);
            return refuse(&state, for_the_page, &next, Problem::new(Code::Unavailable, detail)).await;
        }
    };
    auth.noted().failed_sign_in(why, address);
    refuse(&state, for_the_page, &next, problem).await
}

/// Whether the browser that asks keeps the cookie, which it does of pages over https and of this machine.
fn keeps_cookie(head: &Parts, options: &HttpOptions) -> bool {
    // Browsers say this to no others (Fetch metadata), however many gateways stand in between.
    if head.headers.contains_key("sec-fetch-site") {
        return true;
    }
    if let Some(origin) = head.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()?.split_once("://")) {
        return origin.0 == "https" || is_loopback_to_browsers(without_port(origin.1));
    }
    let client = Client::of(&head.extensions, &head.headers, &options.trusted_proxies);
    let asked = Asked::of(head, client.gateways);
    client.is_encrypted
        || match &options.public_url {
            // A gateway does TLS for that host, and may not say so.
            Some(url) if url.is_encrypted() => asked.is_loopback() || asked.is_host(url.host()),
            Some(url) => asked.is_loopback() && is_loopback_to_browsers(url.host()),
            None => asked.is_loopback(),
        }
}

/// The page again, with why the attempt did not work.
async fn refuse(state: &HttpState, request: Request, next: &str, problem: Problem) -> Result<Response, Problem> {
    let (status, retry_after) = (problem.status, problem.retry_after);
    let mut response = show(state, request, next, Some(problem)).await?;
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

async fn attempt(
    auth: &Authenticator,
    cookie: Cookie<'_>,
    secret: &str,
    before: Option<&str>,
) -> Result<(HeaderValue, Option<KeyId>), AuthError> {
    if secret.len() > LONGEST_SECRET {
        return Err(AuthError::Invalid("it is too long"));
    }
    let session = auth.log_in(secret, before).await?;
    let cookie = cookie.keep(&session.secret.to_string_once(), session.seconds);
    let cookie = HeaderValue::try_from(cookie).map_err(|error| AuthError::Unavailable(error.to_string()))?;
    Ok((cookie, session.key))
}

async fn log_out(
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = options.cookie().session(&headers).filter(|_| principal.is_known());
    if let (Some(auth), Some(session)) = (&options.auth, session) {
        auth.log_out(session).await.map_err(|error| {
            if let AuthError::Unavailable(cause) = error {
                auth.noted().outage(&cause);
            }
            Problem::new(Code::Unavailable, "You cannot be signed out now. Try again in a few seconds.")
        })?;
        tracing::info!(target: AUDIT, "a user signed out");
    }
    let cookie = [(header::SET_COOKIE, options.cookie().forget())];
    Ok((cookie, Redirect::to(LOGIN)).into_response())
}
