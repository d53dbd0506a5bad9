//! The paths of all routes.

use axum::{
    extract::MatchedPath,
    http::{Extensions, Uri},
};

use crate::app::{Address, pages, percent_decoded, percent_encoded};

/// The dashboard.
pub const DASHBOARD: &str = Address::PATH;
/// The sign-in page.
pub(super) const LOGIN: &str = "/login";
/// Signing out.
pub(super) const LOGOUT: &str = "/logout";
/// The page of one notification, to which mails and push messages lead.
pub(super) const NOTIFICATION: &str = "/notifications/{id}";
/// The page with the preferences of a user.
pub(super) const NOTIFY_ME: &str = pages::NOTIFY_ME;
/// Prefix of the pages for operators.
pub(super) const OPERATIONS: &str = "/operations";
/// The page with the channels of delivery.
pub(super) const CHANNELS: &str = pages::CHANNELS;
/// The page with the webhooks.
pub(super) const WEBHOOKS: &str = pages::WEBHOOKS;
/// Target of unsubscribe links in mails, which need no other credential.
pub(super) const UNSUBSCRIBE: &str = "/unsubscribe/{token}";
/// Prefix of the REST API.
pub(super) const API: &str = "/api/";
/// Prefix of the dashboard's server functions.
pub(super) const SERVER_FUNCTIONS: &str = "/api/ui/";
/// A page to try the API.
pub(super) const DOCS: &str = "/api/docs";
/// The description of the API.
pub(super) const OPENAPI: &str = "/api/openapi.json";
/// Live streams, which accept a ticket, because a browser cannot set headers there.
pub(super) const STREAMS: [&str; 2] = [WEBSOCKET, EVENTS];
/// Live streams of server-sent events.
pub(super) const EVENTS: &str = "/api/notifications/stream";
/// Live streams over a WebSocket.
pub(super) const WEBSOCKET: &str = "/ws";

/// In the extensions of a request that takes this route without axum, which has not matched it then.
#[derive(Clone, Copy)]
pub(super) struct Taken(pub(super) &'static str);

/// The route that a request takes, as it is registered, such as `/ws/{user_id}`; `None` where it leads nowhere.
pub(super) fn route_of(extensions: &Extensions) -> Option<&str> {
    let matched = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    matched.or_else(|| extensions.get::<Taken>().map(|taken| taken.0))
}

/// Whether a path, or a route, is this one or below it.
pub(super) fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The sign-in URL that leads back to this page.
pub(super) fn sign_in_for(uri: &Uri) -> String {
    let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    format!("{LOGIN}?next={}", percent_encoded(wanted))
}

/// The page after signing in: a path of this site, else the dashboard.
pub(super) fn of_this_site(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next[1..].starts_with(['/', '\\']);
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic());
    // A browser would leave the base path by them.
    let path = next.split(['?', '#']).next().unwrap_or("");
    let goes_up = |part: &str| matches!(&*percent_decoded(part), "." | "..");
    if is_path && is_plain && !path.split(['/', '\\']).any(goes_up) { next } else { DASHBOARD }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_browser_is_sent_to_another_site() {
        assert_eq!(of_this_site("/a?b=c%20d"), "/a?b=c%20d");
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\r\nb: c", "/\t/evil", "/ä"]
        {
            assert_eq!(of_this_site(elsewhere), DASHBOARD, "{elsewhere:?}");
        }
        for up in ["/../a", "/a/..", "/a/../b?c", "/./a", "/%2e%2E/a", "/.%2e/a", "/a/..\\b", "/..#x"] {
            assert_eq!(of_this_site(up), DASHBOARD, "{up}");
        }
        assert_eq!(of_this_site("/a...b/.c?d=/../e"), "/a...b/.c?d=/../e");
    }
}
