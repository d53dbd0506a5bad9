//! Which host a client asked for: as the request says it, and as a gateway says it that is believed.

use axum::http::{HeaderMap, header, request::Parts};

use super::{HttpOptions, client::last};
use crate::server::address::{is_loopback_to_browsers, without_port};

/// What is taken for a name that cannot be read: no host is called so.
const UNREADABLE: &str = "?";

/// Which host a client asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// What the request names. One without a name does not come from a browser, and so not from a web page; or a
    /// gateway left it out.
    host: Option<&'a str>,
    /// What the client named, as the gateway says it: `X-Forwarded-Host`.
    forwarded: Option<&'a str>,
    /// The port that the client asked, as the gateway says it: `X-Forwarded-Port`.
    port: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Looks at a request, which a gateway sent that is believed, or not.
    pub(super) fn of(head: &'a Parts, is_by_gateway: bool) -> Self {
        let Parts { headers, uri, .. } = head;
        let named = |value: &'a axum::http::HeaderValue| value.to_str().unwrap_or(UNREADABLE);
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(header::HOST).map(named));
        if !is_by_gateway {
            return Self { host, forwarded: None, port: None };
        }
        let port = last(headers, "x-forwarded-port").filter(|port| port.parse::<u16>().is_ok());
        Self { host, forwarded: forwarded(headers), port }
    }

    /// Whether this server answers for that: for loopback names and those that are allowed. Where the gateway says
    /// what the client named, both have to be such: a page of another name may have made its own name lead to the
    /// gateway (DNS rebinding), which hides it from us if it names us by our address.
    pub(super) fn is_answered(&self, options: &HttpOptions) -> bool {
        let Some(allowed) = &options.allowed_hosts else { return true };
        let is_ours =
            |host: &str| is_loopback_to_browsers(host) || allowed.iter().any(|name| name.eq_ignore_ascii_case(host));
        self.names().all(|name| is_ours(without_port(name)))
    }

    /// Whether a page of this scheme, host and port is of the host that the client asked for. Where the gateway says which
    /// one that is, a page of the address by which the gateway asks us is of another machine: the client's own, say.
    pub(super) fn is_at(&self, scheme: &str, authority: &str) -> bool {
        // Browsers leave this one out.
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let is = |name: &str| authority.eq_ignore_ascii_case(name.strip_suffix(usual).unwrap_or(name));
        let has_port = |name: &str| without_port(name).len() < name.len();
        self.name().is_some_and(|name| {
            is(name) || self.port.is_some_and(|port| !has_port(name) && is(&format!("{name}:{port}")))
        })
    }

    /// Whether the client asked this machine from this machine, as far as is known.
    pub(super) fn is_loopback(&self) -> bool {
        self.names().all(|name| is_loopback_to_browsers(without_port(name)))
    }

    /// Whether the client asked for this host.
    pub(super) fn is_host(&self, host: &str) -> bool {
        self.name().is_some_and(|name| without_port(name).eq_ignore_ascii_case(host))
    }

    /// What the client named, or else the request.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.forwarded.or(self.host)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        [self.host, self.forwarded].into_iter().flatten()
    }
}

/// What the gateway that asked us says that the client named, if it says anything.
fn forwarded(headers: &HeaderMap) -> Option<&str> {
    const NAME: &str = "x-forwarded-host";
    let is_there = headers.contains_key(NAME);
    last(headers, NAME).or(is_there.then_some(UNREADABLE)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn answers(options: &HttpOptions, headers: &[(&str, &str)]) -> bool {
        Asked::of(&head(headers), true).is_answered(options)
    }

    #[test]
    fn loopback_names_and_listed_names_are_answered() {
        let options = HttpOptions { allowed_hosts: Some(vec!["bell.example".to_owned()]), ..HttpOptions::default() };
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "Bell.Example:443"] {
            assert!(answers(&options, &[("host", host)]), "{host}");
            assert!(answers(&options, &[("host", "localhost"), ("x-forwarded-host", host)]), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1", "[::2]:80", "", "b\u{e9}"]
        {
            assert!(!answers(&options, &[("host", host)]), "{host}");
        }
        assert!(answers(&options, &[]));
    }

    #[test]
    fn a_gateway_hides_no_name_that_is_not_answered() {
        let options = HttpOptions::default();
        let both = |host, forwarded| answers(&options, &[("host", host), ("x-forwarded-host", forwarded)]);
        assert!(!both("127.0.0.1:8000", "evil.example"));
        assert!(!both("evil.example", "127.0.0.1:8000"));
        assert!(!both("localhost", "localhost, evil.example"));
        assert!(!both("localhost", "b\u{e9}"));
        assert!(both("localhost", "evil.example, localhost"), "what a stranger wrote before counts for nothing");
        assert!(both("localhost", ""));
        let stranger = head(&[("host", "localhost"), ("x-forwarded-host", "evil.example")]);
        assert!(Asked::of(&stranger, false).is_answered(&options), "it is not looked at");
    }

    #[test]
    fn without_a_list_every_name_is_answered() {
        let options = HttpOptions { allowed_hosts: None, ..HttpOptions::default() };
        assert!(answers(&options, &[("host", "anything.example")]));
    }

    #[test]
    fn a_page_is_at_the_host_that_was_asked_or_that_the_gateway_says() {
        let is_at = |headers: &[(&str, &str)], origin: &str| {
            let (scheme, authority) = origin.split_once("://").unwrap();
            Asked::of(&head(headers), true).is_at(scheme, authority)
        };
        let port = ("x-forwarded-port", "8080");
        for (headers, origin) in [
            (&[("host", "lan:8080")][..], "http://lan:8080"),
            (&[("host", "Lan")], "http://lan"),
            (&[("host", "lan:443")], "https://lan"),
            (&[("host", "lan"), port], "http://lan:8080"),
            (&[("host", "lan"), port], "http://lan"),
            (&[("host", "[::1]"), port], "http://[::1]:8080"),
            (&[("host", "127.0.0.1:8000"), ("x-forwarded-host", "lan"), port], "http://lan:8080"),
            (&[("x-forwarded-host", "lan:8080")], "http://lan:8080"),
            (&[("x-forwarded-host", "lan"), ("x-forwarded-port", "443")], "https://lan"),
        ] {
            assert!(is_at(headers, origin), "{headers:?} {origin}");
        }
        for (headers, origin) in [
            (&[("host", "lan:8080")][..], "http://lan"),
            (&[("host", "lan:443")], "http://lan"),
            (&[("host", "lan"), ("x-forwarded-port", "8080@evil")], "http://lan:8080@evil"),
            (&[("host", "lan:8000"), port], "http://lan:8080"),
            (&[("x-forwarded-host", "evil.example, lan")], "http://evil.example"),
            (&[port], "http://lan:8080"),
            (&[("host", "127.0.0.1:8000"), ("x-forwarded-host", "lan")], "http://127.0.0.1:8000"),
        ] {
            assert!(!is_at(headers, origin), "{headers:?} {origin}");
        }
        let said = head(&[("host", "lan"), ("x-forwarded-host", "evil.example"), ("x-forwarded-port", "81")]);
        let stranger = Asked::of(&said, false);
        assert!(!stranger.is_at("http", "evil.example") && !stranger.is_at("http", "lan:81"));
    }
}
