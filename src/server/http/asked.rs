//! The host that a client asked for, according to the request and to trusted gateways.

use axum::http::{HeaderMap, header, request::Parts};

use super::{
    HttpOptions,
    client::{UNREADABLE, outermost, said_by},
    names::shown,
};
use crate::server::address::{is_loopback_to_browsers, without_port};

/// The header in which gateways name the client's host.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The host that a client asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The host in the request. A request without one does not come from a browser, or a gateway removed it.
    host: Option<&'a str>,
    /// The headers in which gateways name the client's host: `X-Forwarded-Host` and `X-Forwarded-Port`.
    headers: &'a HeaderMap,
    /// The number of trusted gateways in a row.
    gateways: usize,
}

impl<'a> Asked<'a> {
    /// Reads a request that this many trusted gateways passed on.
    pub(super) fn of(head: &'a Parts, gateways: usize) -> Self {
        let Parts { headers, uri, .. } = head;
        let named = |value: &'a axum::http::HeaderValue| value.to_str().unwrap_or(UNREADABLE);
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(header::HOST).map(named));
        Self { host, headers, gateways }
    }

    /// Whether this server answers for that host: for loopback names and those that are allowed. Where gateways name
    /// hosts too, all of them have to be allowed: a foreign page may have pointed its own name at a gateway (DNS
    /// rebinding), which hides that from us if it addresses us by our own name.
    ///
    /// # Errors
    /// One sentence about the first name that is not allowed, and another one that says what to do.
    pub(super) fn is_answered(&self, options: &HttpOptions) -> Result<(), String> {
        let Some(allowed) = &options.allowed_hosts else { return Ok(()) };
        let is_ours = |name: &str| {
            let host = without_port(name);
            is_loopback_to_browsers(host) || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
        };
        let (name, by) = match self.host.filter(|name| !is_ours(name)) {
            Some(name) => (name, "the header Host"),
            None => match self.forwarded().find(|name| !is_ours(name)) {
                Some(name) => (name, "the header X-Forwarded-Host of a trusted gateway"),
                None => return Ok(()),
            },
        };
        let host = shown(without_port(name));
        Err(format!(
            "This server does not answer for the host `{host}`, which {by} names. If that is a name of this server, add it \
             to the setting allowed-hosts, or set public-url to it."
        ))
    }

    /// Whether a page with this scheme, host and port belongs to the host that the client asked for. Where the gateway
    /// names that host, a page at the address by which the gateway reaches us is on another machine: the client's own,
    /// for example.
    pub(super) fn is_at(&self, scheme: &str, authority: &str) -> bool {
        // Browsers leave the default port out.
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let is = |name: &str| authority.eq_ignore_ascii_case(name.strip_suffix(usual).unwrap_or(name));
        let has_port = |name: &str| without_port(name).len() < name.len();
        let port = || {
            let port = outermost(self.headers, "x-forwarded-port", self.gateways);
            port.filter(|port| port.parse::<u16>().is_ok())
        };
        self.name().is_some_and(|name| {
            is(name) || (!has_port(name) && port().is_some_and(|port| is(&format!("{name}:{port}"))))
        })
    }

    /// Whether the client asked from this machine, as far as is known.
    pub(super) fn is_loopback(&self) -> bool {
        self.names().all(|name| is_loopback_to_browsers(without_port(name)))
    }

    /// Whether the client asked for this host.
    pub(super) fn is_host(&self, host: &str) -> bool {
        self.name().is_some_and(|name| without_port(name).eq_ignore_ascii_case(host))
    }

    /// The host that the client asked for, according to the outermost gateway, or else to the request.
    pub(super) fn name(&self) -> Option<&'a str> {
        outermost(self.headers, FORWARDED_HOST, self.gateways).or(self.host)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.host.into_iter().chain(self.forwarded())
    }

    /// The hosts that gateways name, the outermost last.
    fn forwarded(&self) -> impl Iterator<Item = &'a str> {
        said_by(self.headers, FORWARDED_HOST, self.gateways)
    }
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
        Asked::of(&head(headers), 1).is_answered(options).is_ok()
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
        assert!(Asked::of(&stranger, 0).is_answered(&options).is_ok(), "it is not looked at");
    }

    #[test]
    fn of_two_gateways_in_a_row_the_outer_one_says_what_the_client_named() {
        let allowed = |hosts: &[&str]| HttpOptions {
            allowed_hosts: Some(hosts.iter().map(|host| (*host).to_owned()).collect()),
            ..HttpOptions::default()
        };
        let (ours, all) = (allowed(&["lan"]), allowed(&["lan", "inner"]));
        let said = [
            ("host", "127.0.0.1:8000"),
            ("x-forwarded-host", "evil.example, lan, inner:8080"),
            ("x-forwarded-port", "81, 8443, 8080"),
        ];
        let head = head(&said);
        let (one, two, three) = (Asked::of(&head, 1), Asked::of(&head, 2), Asked::of(&head, 3));
        assert_eq!([one, two].map(|asked| asked.name()), [Some("inner:8080"), Some("lan")]);
        assert!(two.is_at("https", "lan:8443") && two.is_at("https", "lan"));
        for (scheme, other) in [("http", "inner:8080"), ("http", "lan:8080"), ("http", "evil.example")] {
            assert!(!two.is_at(scheme, other), "{other}");
        }
        // Each name is checked, except those that strangers wrote.
        assert!(two.is_answered(&all).is_ok() && two.is_answered(&ours).is_err());
        assert!(three.is_answered(&all).is_err());
        // Where the inner gateway adds nothing, the outer one counts all the same.
        let only_outer = [("host", "inner:8080"), ("x-forwarded-host", "lan"), ("x-forwarded-port", "8443")];
        assert!(Asked::of(&self::head(&only_outer), 2).is_at("https", "lan:8443"));
    }

    #[test]
    fn a_host_that_is_refused_is_named_with_the_header_that_named_it() {
        let refused =
            |headers: &[(&str, &str)]| Asked::of(&head(headers), 1).is_answered(&HttpOptions::default()).unwrap_err();
        let by_client = refused(&[("host", "evil.example:8000"), ("x-forwarded-host", "worse.example")]);
        assert!(by_client.contains("the host `evil.example`, which the header Host names"), "{by_client}");
        let by_gateway = refused(&[("host", "localhost"), ("x-forwarded-host", "Evil.example")]);
        let names = ["`Evil.example`", "X-Forwarded-Host of a trusted gateway", "allowed-hosts", "public-url"];
        assert!(names.iter().all(|name| by_gateway.contains(name)), "{by_gateway}");
        let long = refused(&[("host", &"a".repeat(65))]);
        assert!(long.contains(&format!("`{}…`", "a".repeat(64))), "{long}");
        assert!(refused(&[("host", "b\u{e9}")]).contains("the host `?`"));
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
            Asked::of(&head(headers), 1).is_at(scheme, authority)
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
        let stranger = Asked::of(&said, 0);
        assert!(!stranger.is_at("http", "evil.example") && !stranger.is_at("http", "lan:81"));
    }
}
