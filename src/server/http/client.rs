//! The client of a request: its address, and whether it is encrypted.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{Extensions, HeaderMap};
pub use ipnet::IpNet;

use crate::server::listener::Peer;

/// The origin of a request, as far as the gateways in between can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// Address of the client; `None` if it is unknown, as behind a gateway that does not forward it.
    pub(super) address: Option<IpAddr>,
    /// The address for which requests are counted. There is none for this machine and for trusted proxies, behind which
    /// many clients share one address.
    pub(super) counted: Option<IpAddr>,
    /// Whether no machine on the way could read the request.
    pub(super) is_encrypted: bool,
    /// How many trusted gateways in a row passed the request on: each may have added a word of its own to a header such
    /// as `X-Forwarded-Host`. 0 where the client asked directly.
    pub(super) gateways: usize,
}

impl Client {
    /// Reads the connection, and the headers of trusted proxies.
    pub(super) fn of(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let peer = extensions.get::<Peer>();
        let is_encrypted = peer.is_some_and(|peer| peer.is_encrypted);
        let is_believed = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
        let counted = |address: IpAddr| (!address.is_loopback() && !is_believed(address)).then_some(address);
        // A program that embeds the router may not provide the peer's address; then all clients count as one.
        let Some(peer) = peer else {
            let counted = Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            return Self { address: None, counted, is_encrypted, gateways: 0 };
        };
        // A Unix socket is used by gateways of this machine, which the mode of its file admits.
        let address = peer.address.map(|address| address.ip().to_canonical());
        if let Some(stranger) = address.filter(|address| !is_believed(*address)) {
            return Self { address, counted: counted(stranger), is_encrypted, gateways: 0 };
        }
        let (mut client, mut gateways) = (address, 0);
        // Each gateway adds the address of its own client at the right; addresses added by strangers are not believed.
        for hop in words(headers, "x-forwarded-for") {
            gateways += 1;
            let Some(hop) = parse_hop(hop) else { break };
            client = Some(hop);
            if !is_believed(hop) {
                break;
            }
        }
        // A gateway that names no client counts too.
        let gateways = gateways.max(1);
        let scheme = outermost(headers, "x-forwarded-proto", gateways);
        Self {
            address: client.filter(|address| !is_believed(*address)),
            counted: client.and_then(counted),
            is_encrypted: scheme.map_or(is_encrypted, is_safe),
            gateways,
        }
    }
}

/// Whether a scheme is that of an encrypted connection; some gateways use `wss` for a WebSocket.
fn is_safe(scheme: &str) -> bool {
    ["https", "wss"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
}

/// Stands for an unreadable entry; no host, address or scheme has this name.
pub(super) const UNREADABLE: &str = "?";

/// The words of a header to which each gateway may add its own at the right: first that of the gateway that called us.
fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or(UNREADABLE).rsplit(',')).map(str::trim)
}

/// The entries of this many gateways in such a header, the outermost last. Only as many entries count as there are
/// gateways: a stranger may have written those further to the left.
pub(super) fn said_by<'a>(headers: &'a HeaderMap, name: &str, gateways: usize) -> impl Iterator<Item = &'a str> {
    words(headers, name).take(gateways).filter(|word| !word.is_empty())
}

/// The entry of the outermost of these gateways in such a header.
pub(super) fn outermost<'a>(headers: &'a HeaderMap, name: &str, gateways: usize) -> Option<&'a str> {
    said_by(headers, name, gateways).last()
}

/// An address, which may have a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let mut extensions = Extensions::new();
        extensions.insert(Peer { address: peer.parse().ok(), is_encrypted: false });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let client = Client::of(&extensions, &map, &proxies);
        (client.counted.map_or("-".to_owned(), |address| address.to_string()), client.is_encrypted)
    }

    #[test]
    fn only_proxies_that_are_listed_are_believed() {
        for (scheme, safe) in
            [("https", true), ("HTTPS", true), ("wss", true), ("http", false), ("ws", false), ("", false)]
        {
            assert_eq!(is_safe(scheme), safe, "{scheme}");
        }
        let said = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        assert_eq!(client("192.0.2.1:5", &said), ("192.0.2.1".to_owned(), false));
        assert_eq!(client("10.1.2.3:5", &said), ("203.0.113.9".to_owned(), true));
        assert_eq!(client("10.1.2.3:5", &[]), ("-".to_owned(), false));
        assert_eq!(client("[::1]:5", &said[..1]), ("203.0.113.9".to_owned(), false));
        assert_eq!(client("[::ffff:10.1.2.3]:5", &said[..1]).0, "203.0.113.9");
    }

    #[test]
    fn hops_before_the_last_untrusted_one_are_ignored() {
        let of = |hops: &str| client("10.0.0.1:5", &[("x-forwarded-for", hops)]).0;
        assert_eq!(of("1.1.1.1, 203.0.113.9, 10.0.0.7"), "203.0.113.9");
        assert_eq!(of("10.0.0.8, 10.0.0.7"), "-");
        assert_eq!(of("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(of("[2001:db8::1]"), "2001:db8::1");
        assert_eq!(of("1.1.1.1, nonsense"), "-");
        assert_eq!(of("127.0.0.1"), "-");
        let said = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        assert_eq!(client("unix", &said), ("203.0.113.9".to_owned(), true));
        assert_eq!(client("unix", &[]).0, "-");
        let scheme = |hops: &str, schemes: &str| {
            client("10.0.0.1:5", &[("x-forwarded-for", hops), ("x-forwarded-proto", schemes)]).1
        };
        assert!(scheme("203.0.113.9, 10.0.0.7", "https, http") && scheme("203.0.113.9, 10.0.0.7", "https"));
        assert!(!scheme("203.0.113.9, 10.0.0.7", "https, http, http") && !scheme("203.0.113.9", "https, http"));
        assert!(!scheme("10.0.0.8", "https, http"), "the one that asked the gateway is none itself");
        let twice = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("10.0.0.1:5", &twice).0, "203.0.113.9");
    }
}
