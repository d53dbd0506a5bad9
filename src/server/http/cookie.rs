//! The cookie in which a browser shows that somebody signed in.

use axum::http::{HeaderMap, header};

/// Its name. The prefix has the browser take it only over an encrypted connection or from this
/// machine, and from this host alone.
const NAME: &str = "__Host-campanile";

/// What the browser shows, if it shows anything.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == NAME).then_some(value))
}

/// What has the browser show this for so many seconds.
pub(super) fn keep(secret: &str, seconds: i64) -> String {
    format!("{NAME}={secret}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax")
}

/// What has the browser forget it.
pub(super) fn forget() -> String {
    keep("", 0)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn it_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(session(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; x__Host-campanile=no"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-campanile=yes;c=d"));
        assert_eq!(session(&headers), Some("yes"));
    }
}
