//! Which host names are this machine's own.

use std::net::IpAddr;

/// Whether this host, with or without the brackets of IPv6, is this machine and no other.
pub(in crate::server) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
