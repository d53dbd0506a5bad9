//! The headers that every answer has.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::HttpOptions;

/// The headers that an answer has unless its handler sets them.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// A browser that used an encrypted connection once uses no other for a year.
const ONLY_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The type that axum gives to JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The headers that are copied to each answer.
pub(super) struct Headers {
    /// Those of an answer whose handler sets none.
    all: HeaderMap,
    /// Those of an answer whose handler sets none but the type of JSON.
    of_json: HeaderMap,
}

impl Headers {
    pub(super) fn new(options: &HttpOptions) -> Self {
        let mut all = HeaderMap::from_iter(HEADERS);
        options.frame_ancestors.tell(&mut all);
        let mut of_json = all.clone();
        of_json.insert(header::CONTENT_TYPE, JSON);
        Self { all, of_json }
    }

    /// Adds the headers that the handler did not set: a copy of all, to which the few of the handler are added, costs half
    /// of what each added to the handler's does.
    pub(super) fn complete(&self, headers: &mut HeaderMap, options: &HttpOptions, is_encrypted: bool) {
        // Most answers: the copy needs no room for more.
        if headers.len() == 1 && headers.get(header::CONTENT_TYPE) == Some(&JSON) {
            headers.clone_from(&self.of_json);
        } else {
            let has_policy = headers.contains_key(header::CONTENT_SECURITY_POLICY);
            let own = std::mem::replace(headers, self.all.clone());
            headers.extend(own);
            if has_policy {
                options.frame_ancestors.tell(headers);
            }
        }
        if is_encrypted {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, ONLY_ENCRYPTED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(own: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.append(name, HeaderValue::from_static(value));
        }
        let options = HttpOptions::default();
        Headers::new(&options).complete(&mut headers, &options, false);
        headers
    }

    #[test]
    fn what_the_handler_sets_stays_with_every_value() {
        let headers = complete(&[
            (header::CACHE_CONTROL, "max-age=60"),
            (header::SET_COOKIE, "a=1"),
            (header::CONTENT_TYPE, "text/plain"),
            (header::SET_COOKIE, "b=2"),
        ]);
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(header::CACHE_CONTROL), ["max-age=60"]);
        assert_eq!(all(header::SET_COOKIE), ["a=1", "b=2"]);
        assert_eq!(all(header::CONTENT_TYPE), ["text/plain"]);
        assert_eq!(all(header::X_CONTENT_TYPE_OPTIONS), ["nosniff"]);
        assert_eq!(headers.len(), HEADERS.len() + 2 + 3, "with the policy and X-Frame-Options");
    }

    #[test]
    fn json_has_the_headers_of_every_answer_and_its_type() {
        let (json, mut other) = (complete(&[(header::CONTENT_TYPE, "application/json")]), complete(&[]));
        other.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert_eq!(json, other);
        let problem = complete(&[(header::CONTENT_TYPE, "application/problem+json")]);
        assert_eq!(problem[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem.len(), other.len());
    }

    #[test]
    fn a_policy_of_the_handler_is_completed_and_any_other_answer_has_one() {
        let policy = |headers: &HeaderMap| headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let own = complete(&[(header::CONTENT_SECURITY_POLICY, "default-src 'self'")]);
        assert_eq!(policy(&own), "default-src 'self'; frame-ancestors 'none'");
        assert!(policy(&complete(&[])).starts_with("default-src 'none'; "));
    }
}
