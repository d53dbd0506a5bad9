//! Cookies, and that of the session.

use axum::http::{HeaderMap, header};

/// The cookie of a server, by its base path. Its name has the browser accept it only over an encrypted connection or
/// from this machine; at the root of a host, from this host alone. Below a base path, browsers send it to no other
/// path.
#[derive(Clone, Copy)]
pub(super) struct Cookie<'a> {
    base: &'a str,
}

impl<'a> Cookie<'a> {
    pub(super) fn below(base: &'a str) -> Self {
        Self { base }
    }

    /// Its name.
    fn name(self) -> &'static str {
        if self.base.is_empty() { "__Host-campanile" } else { "__Secure-campanile" }
    }

    /// The session in the request, if any.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<&str> {
        cookie(headers, self.name())
    }

    /// Sets the cookie for this many seconds.
    pub(super) fn keep(self, secret: &str, seconds: i64) -> String {
        let path = if self.base.is_empty() { "/" } else { self.base };
        format!("{}={secret}; Path={path}; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax", self.name())
    }

    /// Deletes the cookie.
    pub(super) fn forget(self) -> String {
        self.keep("", 0)
    }
}

/// The value of the cookie with this name, if any.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn it_is_found_among_others() {
        let mut headers = HeaderMap::new();
        let cookie = Cookie::below("");
        assert_eq!(cookie.session(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; x__Host-campanile=no"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-campanile=yes;c=d"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Secure-campanile=below"));
        assert_eq!(cookie.session(&headers), Some("yes"));
        assert_eq!(Cookie::below("/notify").session(&headers), Some("below"));
    }

    #[test]
    fn below_a_base_path_it_is_sent_there_alone() {
        assert!(Cookie::below("").keep("x", 9).starts_with("__Host-campanile=x; Path=/; Max-Age=9; "));
        assert!(Cookie::below("/notify").forget().starts_with("__Secure-campanile=; Path=/notify; Max-Age=0; "));
    }
}
