//! Serves below a base path such as `/notify`, for clients that reach this server through a gateway.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::PathAndQuery},
    response::Response,
};
use tower::ServiceExt;

use super::paths::is_at_or_below;

/// Serves these routes below the base path, and also without it, for gateways that remove it. URLs in answers are those
/// that the client sees.
pub(super) fn below(base: &str, routes: Router) -> Router {
    if base.is_empty() {
        return routes;
    }
    let base: Arc<str> = base.into();
    let of_request = Arc::clone(&base);
    let inside = routes
        .map_request(move |request: Request<Body>| without_base(&of_request, request))
        .map_response(move |response: Response| with_base(&base, response));
    Router::new().fallback_service(inside)
}

fn without_base(base: &str, mut request: Request) -> Request {
    if let Some(uri) = strip(base, request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI without the base path; `None` where it does not have it.
fn strip(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base).filter(|_| is_at_or_below(uri.path(), base))?;
    let path = if rest.is_empty() { "/" } else { rest };
    let path = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

fn with_base(base: &str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    complete(headers, &header::LOCATION, "", base);
    complete(headers, &header::LINK, "<", base);
    response
}

/// Puts the base path before the path in a header, after the text `start`.
fn complete(headers: &mut HeaderMap, name: &HeaderName, start: &str, base: &str) {
    let Some(path) = headers.get(name).and_then(|value| value.to_str().ok()?.strip_prefix(start)) else { return };
    let is_ours = path.starts_with('/') && !path.starts_with("//");
    if is_ours
        && !is_at_or_below(path.split(['?', '>']).next().unwrap_or(""), base)
        && let Ok(value) = HeaderValue::try_from(format!("{start}{base}{path}"))
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_removed_from_requests_that_have_it() {
        let strip = |uri: &str| strip("/a/notify", &uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(strip("/a/notify").as_deref(), Some("/"));
        assert_eq!(strip("/a/notify?x=1").as_deref(), Some("/?x=1"));
        assert_eq!(strip("/a/notify/ws/a%2Fb?since=0").as_deref(), Some("/ws/a%2Fb?since=0"));
        assert_eq!(strip("http://h:1/a/notify/ws").as_deref(), Some("http://h:1/ws"));
        for other in ["/", "/a", "/a/notifying", "/ws/a/notify", "/A/notify"] {
            assert_eq!(strip(other), None, "{other}");
        }
    }

    #[test]
    fn locations_are_rewritten_to_include_the_base_path() {
        let complete = |name: HeaderName, start: &str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(&name, HeaderValue::from_static(value));
            complete(&mut headers, &name, start, "/notify");
            headers[name].to_str().unwrap().to_owned()
        };
        assert_eq!(complete(header::LOCATION, "", "/login?next=%2F"), "/notify/login?next=%2F");
        assert_eq!(complete(header::LINK, "<", "</api/x?a=b>; rel=\"next\""), "</notify/api/x?a=b>; rel=\"next\"");
        for same in ["https://a.example/b", "//a.example/b", "?a", "/notify", "/notify?a=b", "/notify/login"] {
            assert_eq!(complete(header::LOCATION, "", same), same);
        }
    }
}
