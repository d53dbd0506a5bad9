//! The permission that each route needs.

use axum::http::Method;

use super::paths::{self, is_at_or_below};
use crate::server::identity::Scope;

/// The permission that a route needs before a byte of the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// None: probes, static files, descriptions.
    Open,
    /// None, but the number of requests per address is limited: pages.
    Page,
    /// This scope, for a page: a caller who is not signed in is led to the sign-in page, and one who may not see it
    /// gets a page that says so.
    PageOf(Scope),
    /// One of these scopes, for a page.
    PageOfEither([Scope; 2]),
    /// None, but each address has only a few attempts: signing in.
    Attempt,
    /// Any valid credential.
    Known,
    /// This scope.
    To(Scope),
    /// One of these scopes.
    ToEither([Scope; 2]),
}

/// Routes of contacts and preferences.
const OF_USERS: [&str; 2] = ["/api/contacts", "/api/preferences"];

impl Access {
    /// The permission for a method and the path of a route as it is registered. An unknown route below the API is for
    /// operators only.
    pub(super) fn of(method: &Method, route: &str) -> Self {
        if *method == Method::OPTIONS {
            // No route handles it: it is answered with the allowed requests (CORS), or refused.
            return Self::Open;
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::CONNECT);
        if let Some(function) = route.strip_prefix(paths::SERVER_FUNCTIONS) {
            let scope = match function {
                "snapshot" => Scope::Read,
                "send" => Scope::Send,
                "mark" | "mark-all" | "unmark-all" | "delete" => Scope::Mark,
                _ => Scope::Admin,
            };
            // Opened as a page, it leads to the dashboard.
            return if is_read && scope != Scope::Admin { Self::Page } else { Self::To(scope) };
        }
        if paths::STREAMS.iter().any(|stream| is_at_or_below(route, stream)) {
            return Self::To(Scope::Read);
        }
        match route {
            paths::DASHBOARD | paths::LOGOUT | "/" => Self::Page,
            paths::NOTIFICATION => Self::PageOf(if is_read { Scope::Read } else { Scope::Mark }),
            paths::NOTIFY_ME if is_read => Self::PageOfEither([Scope::Read, Scope::Contacts]),
            paths::NOTIFY_ME => Self::PageOf(Scope::Contacts),
            _ if is_at_or_below(route, paths::OPERATIONS) => Self::PageOf(Scope::Admin),
            paths::LOGIN if *method == Method::POST => Self::Attempt,
            paths::LOGIN => Self::Page,
            "/api/notifications/create" | "/api/notifications/batch" => Self::To(Scope::Send),
            "/api/tickets" => Self::Known,
            "/api/deliveries" => Self::To(Scope::Read),
            _ if OF_USERS.iter().any(|above| is_at_or_below(route, above)) => {
                if is_read {
                    Self::ToEither([Scope::Read, Scope::Contacts])
                } else {
                    Self::To(Scope::Contacts)
                }
            }
            // A browser requests it before its user signs in.
            "/api/push/key" => Self::Open,
            _ if route == paths::OPENAPI || is_at_or_below(route, paths::DOCS) => Self::Open,
            _ if is_at_or_below(route, "/api/notifications") => {
                Self::To(if is_read { Scope::Read } else { Scope::Mark })
            }
            _ if route.starts_with(paths::API) => Self::To(Scope::Admin),
            _ => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use leptos::server_fn::axum::server_fn_paths;

    use super::*;

    /// Routes for operators and `admin` keys only.
    const OPERATORS: [&str; 4] = ["/api/webhooks", "/api/deliveries", "/api/channels", "/api/users"];

    #[test]
    fn every_route_of_the_description_and_every_server_function_is_known_here() {
        let description: serde_json::Value =
            serde_json::from_str(&crate::server::http::openapi().to_json().unwrap()).unwrap();
        let described = description["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        });
        let functions = server_fn_paths().map(|(path, method)| (method.to_string(), path.to_owned()));
        for (method, path) in described.chain(functions) {
            let access = Access::of(&method.parse().unwrap(), &path);
            let is_operators = OPERATORS.iter().any(|above| is_at_or_below(&path, above));
            assert_eq!(
                access == Access::To(Scope::Admin),
                is_operators && path != "/api/deliveries",
                "{method} {path}"
            );
        }
    }

    #[test]
    fn unknown_routes_below_the_api_need_the_scope_admin() {
        for path in ["/api/new", "/api/ui/new"] {
            assert_eq!(Access::of(&Method::GET, path), Access::To(Scope::Admin), "{path}");
        }
        assert_eq!(Access::of(&Method::GET, "/wsx"), Access::Open);
        for path in ["/operations", "/operations/channels", "/operations/webhooks", "/operations/new"] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(Access::of(&method, path), Access::PageOf(Scope::Admin), "{method} {path}");
            }
        }
        assert_eq!(Access::of(&Method::GET, "/notifications/{id}"), Access::PageOf(Scope::Read));
        assert_eq!(Access::of(&Method::POST, "/notifications/{id}"), Access::PageOf(Scope::Mark));
        let either = Access::PageOfEither([Scope::Read, Scope::Contacts]);
        assert_eq!(Access::of(&Method::GET, "/notify-me"), either);
        assert_eq!(Access::of(&Method::POST, "/notify-me"), Access::PageOf(Scope::Contacts));
        assert_eq!(Access::of(&Method::CONNECT, "/ws/{user_id}"), Access::To(Scope::Read));
        assert_eq!(Access::of(&Method::PATCH, "/api/notifications/{id}"), Access::To(Scope::Mark));
        assert_eq!(Access::of(&Method::POST, "/api/contacts/{user_id}"), Access::To(Scope::Contacts));
        assert_eq!(Access::of(&Method::PATCH, "/api/preferences/{user_id}"), Access::To(Scope::Contacts));
        assert_eq!(Access::of(&Method::POST, "/unsubscribe/{token}"), Access::Open);
        assert_eq!(Access::of(&Method::GET, "/api/push/key"), Access::Open);
        assert_eq!(Access::of(&Method::GET, "/api/push/keys"), Access::To(Scope::Admin));
        assert_eq!(Access::of(&Method::DELETE, "/api/users/{user_id}"), Access::To(Scope::Admin));
    }
}
