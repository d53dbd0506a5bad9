//! What each route wants of its caller.

use axum::http::Method;

use super::paths::{self, is_at_or_below};
use crate::server::identity::Scope;

/// What a route wants of its caller before a byte of the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: probes, static files, descriptions.
    Open,
    /// Nothing, but each address may have only so many: pages.
    Page,
    /// An attempt to sign in, of which each address has a few.
    Attempt,
    /// A proof of who they are.
    Known,
    /// The right to do this.
    To(Scope),
}

impl Access {
    /// What a route wants: its method, and its path as it is registered. A route below the API that
    /// this does not know is the operator's.
    pub(super) fn of(method: &Method, route: &str) -> Self {
        if *method == Method::OPTIONS {
            // No route takes it: it is answered with what may be asked (CORS), or refused.
            return Self::Open;
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::CONNECT);
        if let Some(function) = route.strip_prefix(paths::SERVER_FUNCTIONS) {
            return Self::To(match function {
                "snapshot" => Scope::Read,
                "send" => Scope::Send,
                "mark" | "mark-all" | "delete" => Scope::Mark,
                _ => Scope::Admin,
            });
        }
        if paths::STREAMS.iter().any(|stream| is_at_or_below(route, stream)) {
            return Self::To(Scope::Read);
        }
        match route {
            paths::DASHBOARD | paths::LOGOUT | "/" => Self::Page,
            paths::LOGIN if *method == Method::POST => Self::Attempt,
            paths::LOGIN => Self::Page,
            "/api/notifications/create" | "/api/notifications/batch" => Self::To(Scope::Send),
            "/api/tickets" => Self::Known,
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
            assert_ne!(access, Access::To(Scope::Admin), "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_known_below_the_api_is_the_operators() {
        for path in ["/api/new", "/api/ui/new"] {
            assert_eq!(Access::of(&Method::GET, path), Access::To(Scope::Admin), "{path}");
        }
        assert_eq!(Access::of(&Method::GET, "/wsx"), Access::Open);
        assert_eq!(Access::of(&Method::CONNECT, "/ws/{user_id}"), Access::To(Scope::Read));
        assert_eq!(Access::of(&Method::PATCH, "/api/notifications/{id}"), Access::To(Scope::Mark));
    }
}
