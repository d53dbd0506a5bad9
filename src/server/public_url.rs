//! The public URL of this server.

use std::fmt;

use reqwest::Url;

/// The URL under which others reach this server: its origin, and the base path in front of the server's own paths.
///
/// A gateway may remove the base path from requests or leave it in: both are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    base: String,
}

/// First segments of the server's own paths. Below one of these as a base path, it would be unclear whether a request
/// contains the base path.
const OURS: [&str; 8] = ["api", "healthz", "login", "logout", "pkg", "readyz", "unsubscribe", "ws"];

impl PublicUrl {
    /// Reads a URL such as `https://notify.example` or `https://example.com/notify`.
    ///
    /// # Errors
    /// When the URL is not valid. The message describes a valid one, and does not repeat this one.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WHAT: &str = "must be a URL such as https://example.com/notify, without user, query or fragment.";
        const PATH: &str = "may have letters, digits, - . _ ~ and / in its path, and no empty part.";
        let url = Url::parse(text).map_err(|_| WHAT)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(WHAT)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_short = url.query().is_none() && url.fragment().is_none();
        if !["http", "https"].contains(&url.scheme()) || !is_plain || !is_short {
            return Err(WHAT);
        }
        let base = url.path().strip_suffix('/').unwrap_or(url.path());
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !part.is_empty() && part.bytes().all(is_plain)
        };
        if !base.split('/').skip(1).all(is_part) {
            return Err(PATH);
        }
        if base.split('/').nth(1).is_some_and(|part| OURS.contains(&part)) {
            return Err(
                "must not begin with a path of ours: /api, /healthz, /login, /logout, /pkg, /readyz, /unsubscribe, /ws.",
            );
        }
        Ok(Self { origin: url.origin().ascii_serialization(), host: host.to_owned(), base: base.to_owned() })
    }

    /// The `Origin` of this server's pages: `https://example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The name or address of the host, without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether browsers reach this server over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The base path: empty, or such as `/notify`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_origin_and_a_path_without_its_last_slash() {
        for (text, same, host, base) in [
            ("https://notify.example", "https://notify.example", "notify.example", ""),
            ("https://notify.example/", "https://notify.example", "notify.example", ""),
            ("https://Example.COM:443/notify/", "https://example.com/notify", "example.com", "/notify"),
            ("http://example.com:8080/a/b-c", "http://example.com:8080/a/b-c", "example.com", "/a/b-c"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]", ""),
            ("http://[::1]", "http://[::1]", "[::1]", ""),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.host(), url.base()), (same, host, base));
        }
    }

    #[test]
    fn an_invalid_public_url_is_refused() {
        for wrong in [
            "",
            "notify.example",
            "/notify",
            "ftp://a",
            "https://",
            "https://me@a",
            "https://:p@a",
            "https://a:x",
            "https://a?b",
            "https://a/b?c",
            "https://a/b#c",
            "https://a//",
            "https://a/b//c",
            "https://a/%2f",
            "https://a/b c",
            "https://a/é",
            "https://a/\"b",
            "https://a/api",
            "https://a/ws/b",
            "https://a/x/../login",
        ] {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
