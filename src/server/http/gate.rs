//! Settles caller, permission and rate limit before a byte of the body is read. Every route passes it, sign-in,
//! sign-out and pages included.

use std::{net::IpAddr, sync::Arc};

use axum::{
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::Response,
};

use super::{
    HttpOptions,
    access::Access,
    client::Client,
    cookie::Cookie,
    paths::{self, WEBSOCKET, is_at_or_below, route_of},
    problem,
    sites::Site,
};
use crate::server::{
    auth::{AuthError, Authenticator, Bearer, key::Opaque, standing::Standing},
    identity::{Denied, Holder, Principal},
    limiter::{Remaining, TooOften, weight},
};

/// In the extensions of a sign-in attempt that comes too often. Its body is not read.
#[derive(Clone, Copy)]
pub(super) struct RefusedAttempt(pub(super) TooOften);

/// In the extensions of a request for a page that its caller may not see. Its body is not read.
#[derive(Clone, Copy)]
pub(super) struct RefusedPage(pub(super) Denied);

/// The rate limit that the answer reports.
pub(super) struct RateLimit {
    policy: &'static str,
    remaining: Remaining,
}

/// Admits a request, with its [`Principal`] in its extensions, and a [`Standing`] where the caller is authenticated; or
/// refuses it.
pub(super) async fn admit(
    options: &Arc<HttpOptions>,
    client: &Client,
    site: Site,
    head: &mut Parts,
) -> Result<Option<RateLimit>, Box<Response>> {
    // Where no route exists, there is nothing to protect.
    let Some(route) = route_of(&head.extensions) else { return Ok(None) };
    let access = Access::of(&head.method, route);
    let Some(auth) = &options.auth else {
        // A program that embeds the router may provide the caller; else no authentication is needed.
        let principal = head.extensions.get().cloned().unwrap_or(Principal::operator());
        permit(access, &principal, head)?;
        head.extensions.insert(principal);
        return Ok(None);
    };
    if let Some(principal) = head.extensions.get::<Principal>().cloned() {
        permit(access, &principal, head)?;
        return Ok(None);
    }
    if access == Access::Open {
        head.extensions.insert(Principal::anonymous());
        return Ok(None);
    }
    if access == Access::Attempt {
        if let Err(too_often) = auth.usage().of_attempt(client.counted) {
            head.extensions.insert(RefusedAttempt(too_often));
        }
        head.extensions.insert(Principal::anonymous());
        return Ok(None);
    }
    // Boxed, so that requests reserve no room for it where no authentication is needed.
    let standing = Box::pin(identify(auth, options.cookie(), client.counted, site, head))
        .await
        .map_err(|error| Box::new(problem::refused(auth, error, client.address)))?;
    let Some(standing) = standing else {
        let anonymous = Principal::anonymous();
        permit(access, &anonymous, head)?;
        head.extensions.insert(anonymous);
        return Ok(None);
    };
    let holder = standing.principal.holder();
    let policy = policy_of(holder);
    let counted = auth.usage().of_holder(holder).transpose();
    let remaining = counted.map_err(|too_often| Box::new(problem::too_many(&too_often, policy)))?;
    permit(access, &standing.principal, head)?;
    // The weight of a body is known from its announced length.
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    auth.usage().charge(holder, weight(0, length.unwrap_or(0)).get() - 1);
    head.extensions.insert(standing.principal.clone());
    head.extensions.insert(standing);
    Ok(remaining.map(|remaining| RateLimit { policy, remaining }))
}

impl RateLimit {
    /// Adds the headers with the rate limit and its remainder.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Remaining { burst, window, left, next } = self.remaining;
        problem::tell_limits(headers, self.policy, burst, window, left, next);
    }
}

fn permit(access: Access, principal: &Principal, head: &mut Parts) -> Result<(), Box<Response>> {
    // A refused page is answered with a page, by the handlers of pages.
    let mut refuse_page = |permitted: Result<(), Denied>| {
        permitted.or_else(|why| {
            head.extensions.insert(RefusedPage(why));
            Ok(())
        })
    };
    let permitted = match access {
        Access::PageOf(scope) => refuse_page(principal.may(scope)),
        Access::PageOfEither(scopes) => refuse_page(principal.may_either(scopes)),
        Access::Open | Access::Page | Access::Attempt => Ok(()),
        Access::Known if principal.is_known() => Ok(()),
        Access::Known => Err(Denied::Unauthenticated),
        Access::To(scope) => principal.may(scope),
        Access::ToEither(scopes) => principal.may_either(scopes),
    };
    permitted.map_err(|why| Box::new(problem::denied(why)))
}

/// The caller, if the request has a credential.
async fn identify(
    auth: &Authenticator,
    cookie: Cookie<'_>,
    address: Option<IpAddr>,
    site: Site,
    head: &Parts,
) -> Result<Option<Standing>, AuthError> {
    let stranger = || auth.usage().of_stranger(address).map_err(AuthError::TooOften);
    let bearer = match head.headers.get(header::AUTHORIZATION) {
        Some(shown) => Some(bearer(shown).ok_or(AuthError::NoBearer)),
        None => proof_in_subprotocol(head).filter(|proof| Opaque::parse(proof).is_none()).map(Ok),
    };
    if let Some(shown) = bearer {
        let shown = shown.map(Bearer::read);
        if !shown.as_ref().is_ok_and(|shown| auth.is_known(shown)) {
            // Authenticating has a cost, so the attempt is counted before.
            stranger()?;
        }
        return auth.by_bearer(&shown?).await.map(Some);
    }
    if let Some(ticket) = ticket(head).or_else(|| proof_in_subprotocol(head)) {
        stranger()?;
        return auth.by_ticket(ticket).await.map(Some);
    }
    if let Some(session) = cookie.session(&head.headers).filter(|_| site == Site::Own) {
        let is_known = auth.knows_session(session);
        if !is_known {
            // Any caller may make one up, and checking it takes a query of the store.
            stranger()?;
        }
        match auth.by_session(session).await {
            // The browser still sends a session that is over: the user is signed out.
            Err(AuthError::Invalid(_)) if is_known => {}
            Err(AuthError::Invalid(_)) => return Ok(None),
            found => return found.map(Some),
        }
    }
    stranger()?;
    Ok(None)
}

/// The token behind `Bearer`, whose name is case-insensitive (RFC 9110).
fn bearer(shown: &HeaderValue) -> Option<&str> {
    let (scheme, token) = shown.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The ticket in the URL of a stream.
fn ticket(head: &Parts) -> Option<&str> {
    let path = route_of(&head.extensions)?;
    if !paths::STREAMS.iter().any(|stream| is_at_or_below(path, stream)) {
        return None;
    }
    head.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// The credential of a browser's WebSocket, which can set only subprotocols: `campanile, bearer.TOKEN`, like
/// Kubernetes.
fn proof_in_subprotocol(head: &Parts) -> Option<&str> {
    let path = route_of(&head.extensions)?;
    let lines = head.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter(|_| is_at_or_below(path, WEBSOCKET));
    let mut names = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    names.find_map(|name| name.trim().strip_prefix("bearer."))
}

/// The name of the limit that applies to a caller.
fn policy_of(holder: &Holder) -> &'static str {
    match holder {
        Holder::Operator => "operator",
        Holder::Key(_) => "key",
        Holder::User(_) => "user",
        Holder::Anonymous => "address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_scheme_is_case_insensitive() {
        let read = |text: &'static str| bearer(&HeaderValue::from_static(text)).map(str::to_owned);
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer   abc ").as_deref(), Some("abc"));
        for other in ["", "abc", "Basic abc", "Bearerabc"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
