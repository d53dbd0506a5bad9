//! Properties of IP addresses and host names.

use std::net::{IpAddr, Ipv6Addr};

/// Whether this host, with or without the brackets of IPv6, is this machine and no other.
pub(in crate::server) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether browsers read this host as this machine: they look up no name below `localhost` (RFC 6761, section 6.3), and
/// trust its pages. Other programs may look it up, so outgoing connections are checked with [`is_loopback`].
pub(in crate::server) fn is_loopback_to_browsers(host: &str) -> bool {
    is_loopback(host) || host.rsplit_once('.').is_some_and(|(_, top)| top.eq_ignore_ascii_case("localhost"))
}

/// The host of an authority such as `example.com:8000` or `[::1]:8000`, with the brackets of IPv6.
pub(in crate::server) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The addresses of one client: one of IPv4; for IPv6, a network of 64 bits, so that no client has more than others,
/// and none fills the memory with addresses.
pub(in crate::server) fn of_one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_look_up_no_name_below_localhost() {
        for (host, is_loopback_here, to_browsers) in [
            ("localhost", true, true),
            ("[::1]", true, true),
            ("shop.LOCALHOST", false, true),
            ("localhost.example", false, false),
            ("notlocalhost", false, false),
        ] {
            assert_eq!((is_loopback(host), is_loopback_to_browsers(host)), (is_loopback_here, to_browsers), "{host}");
        }
    }
}
