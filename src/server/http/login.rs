//! `/login` and `/logout` of the dashboard.

mod refused;

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{FromRequest, Query, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_aux::serde_introspection::serde_introspect;

use self::refused::Refused;
use super::{
    HttpOptions,
    asked::Asked,
    body::FormBody,
    client::Client,
    cookie::Cookie,
    extract::Caller,
    gate::RefusedAttempt,
    language::PageLanguage,
    page::{broken, render},
    paths::{DASHBOARD, LOGIN, LOGOUT, of_this_site},
    problem::over_told,
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
        limiter::TooOften,
        workshop::Broken,
    },
};

/// The longest secret that is checked, in bytes.
const LONGEST_SECRET: usize = 8 * 1024;

/// The reason, for the log, why an attempt is not checked.
const TOO_OFTEN: &str = "too many attempts";

pub(super) fn routes() -> Router<HttpState> {
    Router::new().route(LOGIN, get(page).post(log_in)).route(LOGOUT, post(log_out))
}

#[derive(Default, Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
    /// Why the last attempt did not work, and when that was, in seconds since 1970; see [`Refused`].
    #[serde(default)]
    refused: String,
    #[serde(default)]
    at: String,
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
    let SignInQuery { next, refused, at } = wanted.map_or_else(|_| SignInQuery::default(), |Query(wanted)| wanted);
    if options.auth.is_none() {
        return Ok(Redirect::to(DASHBOARD).into_response());
    }
    let language = PageLanguage::of(&state, request.headers());
    let problem = Refused::read(&refused, &at, state.service().now()).map(|refused| refused.problem(language.language));
    let head = request.into_parts().0;
    let not_kept = (!keeps_cookie(&head, &options)).then(|| NotKept {
        safe_url: options.public_url.as_ref().filter(|url| url.is_encrypted()).map(|url| format!("{url}{LOGIN}")),
    });
    let request = Request::from_parts(head, axum::body::Body::empty());
    let words = language.language.words();
    let page =
        LoginPage { next: of_this_site(&next).to_owned(), problem, base: options.base().to_owned(), words, not_kept };
    let place = state.workshop().place().await.map_err(|Broken| broken())?;
    render(&state, place, request, language, || (), move || login_page(page.clone(), assets::of_the_page())).await
}

async fn log_in(
    State(state): State<HttpState>,
    State(options): State<Arc<HttpOptions>>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(auth) = &options.auth else { return Ok(Redirect::to(DASHBOARD).into_response()) };
    let (head, body) = request.into_parts();
    let refuse = |next: &str, why: Refused| {
        let next = if next.is_empty() { next } else { of_this_site(next) };
        Ok(Redirect::to(&why.location(next, state.service().now())).into_response())
    };
    let address = Client::of(&head.extensions, &head.headers, &options.trusted_proxies).address;
    if let Some(RefusedAttempt(too_much)) = head.extensions.get() {
        auth.noted().failed_sign_in(TOO_OFTEN, address);
        return refuse("", Refused::TooOften(seconds_of(too_much)));
    }
    if !keeps_cookie(&head, &options) {
        return refuse("", Refused::Http);
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
    let (refused, why) = match attempt {
        Ok((cookie, key)) => {
            // The name of a key is not personal; the owner of a token must not be in the log.
            let key = key.map(tracing::field::display);
            tracing::info!(target: AUDIT, key, "a person signed in");
            let mut response = Redirect::to(of_this_site(&next)).into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(AuthError::Invalid(why)) => (Refused::Invalid, why),
        Err(AuthError::Over(over)) => (Refused::Over(over), over_told(over).0),
        // Neither is asked for in a form.
        Err(AuthError::NoBearer | AuthError::NoTicket) => (Refused::Invalid, "it is neither a key nor a token"),
        Err(AuthError::TooOften(too_much)) => (Refused::TooOften(seconds_of(&too_much)), TOO_OFTEN),
        Err(AuthError::Forbidden(why)) => (Refused::Scope, why),
        Err(AuthError::Unavailable(cause)) => {
            auth.noted().outage(&cause);
            // This is no fault of theirs, so no address is named.
            auth.noted().failed_sign_in("it cannot be checked now", None);
            return refuse(&next, Refused::Unavailable);
        }
    };
    auth.noted().failed_sign_in(why, address);
    refuse(&next, refused)
}

/// In how many seconds the next attempt is welcome.
fn seconds_of(too_much: &TooOften) -> u64 {
    too_much.again_in.unwrap_or(too_much.window)
}

/// Whether the browser keeps the cookie, which it does from pages over https and from this machine.
fn keeps_cookie(head: &Parts, options: &HttpOptions) -> bool {
    // Browsers send this header to no other sites (Fetch metadata), however many gateways are in between.
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
            // A gateway does TLS for that host, and may not report it.
            Some(url) if url.is_encrypted() => asked.is_loopback() || asked.is_host(url.host()),
            Some(url) => asked.is_loopback() && is_loopback_to_browsers(url.host()),
            None => asked.is_loopback(),
        }
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
