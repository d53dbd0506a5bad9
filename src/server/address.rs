//! What an address says of who has it.

use std::net::{IpAddr, Ipv6Addr};

/// Whether this host, with or without the brackets of IPv6, is this machine and no other. `localhost` and the names below it
/// lead nowhere else (RFC 6761, section 6.3).
pub(in crate::server) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let top = host.rsplit_once('.').map_or(host, |(_, top)| top);
    top.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of an authority such as `example.com:8000` or `[::1]:8000`, with the brackets of IPv6.
pub(in crate::server) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// What one client has of addresses: one of IPv4; of IPv6 a network of 64 bits, so that none has more than
/// others, and none fills the memory with addresses.
pub(in crate::server) fn of_one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64))),
        address @ IpAddr::V4(_) => address,
    }
}
