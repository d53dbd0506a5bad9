//! The sites that may show our pages in a frame: `frame-ancestors` of the Content Security Policy, and
//! `X-Frame-Options` (RFC 7034) where that can express the same.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;

const X_FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");
/// Policy for answers that are not pages.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'";

/// The sites whose pages may show ours in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAncestors {
    /// The directive of a policy.
    directive: String,
    /// The policy of answers whose handler sets none.
    policy: HeaderValue,
    /// The header for old browsers, if it can express the setting.
    x_frame_options: Option<HeaderValue>,
}

impl Default for FrameAncestors {
    /// No site.
    fn default() -> Self {
        Self::of("'none'", Some(HeaderValue::from_static("DENY")))
    }
}

impl FrameAncestors {
    /// Reads `none`; or `self` and origins, whose host may begin with `*.`.
    ///
    /// # Errors
    /// One sentence about the first word that is neither.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        // A policy has the two words in quotes.
        let list: Vec<&str> = list.iter().map(|text| text.trim().trim_matches('\'')).collect();
        if list.is_empty() || list == ["none"] {
            return Ok(Self::default());
        }
        if let Some(wrong) = list.iter().find(|text| **text != "self" && !is_origin(text)) {
            return Err(match *wrong {
                "none" => {
                    "none stands beside others. Give it alone, or list the sites that may show a page.".to_owned()
                }
                // The text before an @ may be a password.
                text if text.contains('@') => "an origin has no user and no password.".to_owned(),
                text => format!(
                    "{text:?} is not none, self or an origin as browsers write it, such as https://portal.example: in lower \
                     case, without a path, and without the port that the scheme has anyway."
                ),
            });
        }
        if list.iter().all(|text| *text == "self") {
            return Ok(Self::of("'self'", Some(HeaderValue::from_static("SAMEORIGIN"))));
        }
        let sources: Vec<_> = list.iter().map(|text| if *text == "self" { "'self'" } else { text }).collect();
        Ok(Self::of(&sources.join(" "), None))
    }

    fn of(sources: &str, x_frame_options: Option<HeaderValue>) -> Self {
        let directive = format!("frame-ancestors {sources}");
        let policy = HeaderValue::try_from(format!("{NOTHING}; {directive}"));
        // It is always ASCII; if it were not, no page would be allowed.
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        Self { directive, policy, x_frame_options }
    }

    /// Whether any site may.
    pub(super) fn are_some(&self) -> bool {
        self.x_frame_options.as_ref().is_none_or(|said| said != "DENY")
    }

    /// Completes the policy of an answer, or gives it one.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let own = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
        let whole = own.and_then(|own| HeaderValue::try_from(format!("{own}; {}", self.directive)).ok());
        headers.insert(header::CONTENT_SECURITY_POLICY, whole.unwrap_or_else(|| self.policy.clone()));
        if let Some(said) = &self.x_frame_options {
            headers.insert(X_FRAME_OPTIONS, said.clone());
        }
    }
}

/// Whether this is an origin that cannot break out of its place in a policy.
fn is_origin(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:/".contains(&byte);
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let plain = format!("{scheme}://{host}");
    matches!(scheme, "http" | "https")
        && plain.bytes().all(is_plain)
        && Url::parse(&plain).is_ok_and(|url| url.origin().ascii_serialization() == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &[&str]) -> Result<FrameAncestors, String> {
        FrameAncestors::parse(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn told(list: &[&str], own: Option<&'static str>) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.extend(own.map(|own| (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(own))));
        parse(list).unwrap().tell(&mut headers);
        let said = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (said(header::CONTENT_SECURITY_POLICY).unwrap(), said(X_FRAME_OPTIONS))
    }

    #[test]
    fn x_frame_options_agrees_with_the_policy_or_is_absent() {
        let origins = ["https://portal.example", "self", "http://localhost:3000", "https://*.example.com"];
        for (list, sources, old) in [
            (&["none"][..], "'none'", Some("DENY")),
            (&[], "'none'", Some("DENY")),
            (&["self"], "'self'", Some("SAMEORIGIN")),
            (&["'self'"], "'self'", Some("SAMEORIGIN")),
            (&["https://portal.example"], "https://portal.example", None),
            (&origins, "https://portal.example 'self' http://localhost:3000 https://*.example.com", None),
        ] {
            let (policy, x_frame_options) = told(list, Some("default-src 'self'"));
            assert_eq!(policy, format!("default-src 'self'; frame-ancestors {sources}"));
            assert_eq!(x_frame_options.as_deref(), old);
            assert_eq!(told(list, None).0, format!("{NOTHING}; frame-ancestors {sources}"));
            assert_eq!(parse(list).unwrap().are_some(), sources != "'none'");
        }
    }

    #[test]
    fn invalid_frame_ancestors_are_refused() {
        for wrong in [
            "",
            "*",
            "portal.example",
            "https://",
            "https://*",
            "https://*.",
            "https://a.*.example",
            "https://portal.example/",
            "https://portal.example:443",
            "https://Portal.example",
            "https://portal.example; script-src *",
            "https://portal.example 'unsafe-inline'",
            "https://portal.example\r\nx: y",
            "https://me:hush@portal.example",
            "data:",
            "javascript://a",
            "https://m\u{fc}ller.example",
        ] {
            let error = parse(&["self", wrong]).unwrap_err();
            assert!(!error.contains("hush") && error.lines().count() == 1, "{error}");
        }
        assert!(parse(&["none", "self"]).unwrap_err().contains("alone"));
    }
}
