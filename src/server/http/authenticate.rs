//! Finds out who is calling, and refuses whoever calls too often.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{HttpOptions, client::Client, cookie};
use crate::{
    model::{Code, Problem},
    server::{
        auth::{AuthError, Authenticator, Bearer, standing::Standing},
        identity::{Holder, Principal},
        limiter::{Remaining, TooOften},
    },
};

/// What is said to whoever shows something that is not good (RFC 6750).
const NOT_GOOD: HeaderValue = HeaderValue::from_static("Bearer realm=\"campanile\", error=\"invalid_token\"");

/// Where a ticket may be shown, because a browser cannot set headers there.
const TICKET_PATHS: [&str; 2] = ["/ws", "/api/notifications/stream"];

/// Puts a [`Principal`], and a [`Standing`] where somebody proved who they are, into the request.
///
/// Whoever shows nothing goes on as [`Principal::anonymous()`]: the service refuses them. Whoever shows
/// something that is not good is refused here.
pub(super) async fn authenticate(State(options): State<Arc<HttpOptions>>, request: Request, next: Next) -> Response {
    // A program that embeds the router may know who it is.
    if request.extensions().get::<Principal>().is_some() {
        return next.run(request).await;
    }
    let Some(auth) = &options.auth else { return next.run(request).await };
    let (head, body) = request.into_parts();
    let client = Client::of(&head.extensions, &head.headers, &options.trusted_proxies);
    let standing = match identify(auth, client.address, &head).await {
        Ok(standing) => standing,
        Err(error) => return refuse(auth, error),
    };
    let mut request = Request::from_parts(head, body);
    let Some(standing) = standing else {
        request.extensions_mut().insert(Principal::anonymous());
        return next.run(request).await;
    };
    let usage = auth
        .usage()
        .of_holder(standing.principal.holder())
        .map(|usage| (usage, policy_of(standing.principal.holder())));
    let remaining = match usage {
        None => None,
        Some((Ok(remaining), policy)) => Some((remaining, policy)),
        Some((Err(too_often), policy)) => return too_many(&too_often, policy),
    };
    request.extensions_mut().insert(standing.principal.clone());
    request.extensions_mut().insert(standing);
    let mut response = next.run(request).await;
    if let Some((Remaining { burst, window, left, next }, policy)) = remaining {
        tell_limits(response.headers_mut(), policy, burst, window, left, next);
    }
    response
}

/// Who calls, if they show anything.
async fn identify(auth: &Authenticator, address: IpAddr, head: &Parts) -> Result<Option<Standing>, AuthError> {
    let stranger = || auth.usage().of_stranger(address).map_err(AuthError::TooOften);
    if let Some(shown) = head.headers.get(header::AUTHORIZATION) {
        let shown = bearer(shown).map(Bearer::read);
        if !shown.as_ref().is_some_and(|shown| auth.is_known(shown)) {
            // Finding out costs something, so it is counted before.
            stranger()?;
        }
        return auth.by_bearer(&shown.ok_or(AuthError::Invalid)?).await.map(Some);
    }
    if let Some(ticket) = ticket(head) {
        stranger()?;
        return auth.by_ticket(ticket).await.map(Some);
    }
    if let Some(session) = cookie::session(&head.headers) {
        match auth.by_session(session).await {
            // The browser goes on showing a session that is over: they are nobody again.
            Err(AuthError::Invalid) => {}
            found => return found.map(Some),
        }
    }
    stranger()?;
    Ok(None)
}

/// What stands behind `Bearer`, whose name is written as one likes (RFC 9110).
fn bearer(shown: &HeaderValue) -> Option<&str> {
    let (scheme, token) = shown.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The ticket in the address of a stream.
fn ticket(head: &Parts) -> Option<&str> {
    let path = head.extensions.get::<MatchedPath>()?.as_str();
    let is_stream = TICKET_PATHS
        .iter()
        .any(|stream| path.strip_prefix(stream).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if !is_stream {
        return None;
    }
    head.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// The name of the limit that holds for somebody.
fn policy_of(holder: &Holder) -> &'static str {
    match holder {
        Holder::Operator => "operator",
        Holder::Key(_) => "key",
        Holder::User(_) => "user",
        Holder::Anonymous => "anonymous",
    }
}

/// Why somebody is not let in.
fn refuse(auth: &Authenticator, error: AuthError) -> Response {
    match error {
        AuthError::Invalid => {
            auth.note_refusal();
            let mut response = Problem::unauthenticated().into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, NOT_GOOD);
            response
        }
        AuthError::TooOften(too_often) => too_many(&too_often, "address"),
        AuthError::Forbidden(why) => Problem::new(Code::Forbidden, why).into_response(),
        AuthError::Unavailable(cause) => {
            tracing::warn!(cause, "who is calling cannot be found out");
            Problem::new(Code::Unavailable, "Who you are cannot be found out now. Try again in a few seconds.")
                .into_response()
        }
    }
}

/// What is said to whoever asks too often.
pub(super) fn too_often_problem(too_often: &TooOften) -> Problem {
    let seconds = too_often.again_in.unwrap_or(too_often.window);
    let detail = format!("You ask too often. Wait {seconds} s, as the header Retry-After says, and ask less often.");
    Problem::too_many(detail, seconds)
}

fn too_many(too_often: &TooOften, policy: &str) -> Response {
    let problem = too_often_problem(too_often);
    let again_in = problem.retry_after.unwrap_or(1);
    let mut response = problem.into_response();
    tell_limits(response.headers_mut(), policy, too_often.burst, too_often.window, 0, again_in);
    response
}

/// How much may be asked, and how much of it is left (draft-ietf-httpapi-ratelimit-headers-10).
fn tell_limits(headers: &mut HeaderMap, policy: &str, burst: u32, window: u64, left: u32, next: u64) {
    let values = [
        ("ratelimit-policy", format!("\"{policy}\";q={burst};w={window}")),
        ("ratelimit", format!("\"{policy}\";r={left};t={next}")),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// Where somebody signs in who wanted to see this page.
pub(super) fn sign_in_for(uri: &Uri) -> String {
    let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    format!("{}?next={}", super::login::PATH, crate::app::percent_encoded(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_is_written_as_one_likes() {
        let read = |text: &'static str| bearer(&HeaderValue::from_static(text)).map(str::to_owned);
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer   abc ").as_deref(), Some("abc"));
        for other in ["", "abc", "Basic abc", "Bearerabc"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
