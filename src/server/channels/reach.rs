//! Where this server may connect when a caller gives the URL: webhooks, and the push services of browsers.
//!
//! A URL from a caller must not lead into the network of the server (server-side request forgery). Only `https` is
//! accepted, and only global addresses; in networks that the operator lists, `http` is accepted too. A URL is checked
//! when it is set, and each time before it is used, since its name may lead elsewhere by then: [`Reach::client`]
//! resolves names itself and connects to no other address.

mod names;

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use tokio::time::timeout;

use self::names::{Purpose, addresses_of};
use crate::model::Invalid;

/// The longest accepted URL, in bytes.
const LONGEST: usize = 2_048;
/// How long looking up a name may take when a URL is set.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(2);
/// The most headers of an answer that are read; only a few of them are used.
const MOST_HEADERS: usize = 1_000;

/// IPv4 networks that lead to no host of the internet, or not to the one that they seem to (IANA's registry of
/// special-purpose addresses; RFC 6890).
const NOT_GLOBAL_V4: [&str; 18] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The IPv6 addresses that may belong to a host on the internet.
const GLOBAL_V6: &str = "2000::/3";

/// Networks within [`GLOBAL_V6`] that do not: protocols, among them Teredo and tests; documentation; and 6to4, behind
/// which any IPv4 address may be.
const NOT_GLOBAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Whether an address may belong to a host on the internet, and to the one that it seems to.
fn is_global(address: IpAddr) -> bool {
    static V4: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&NOT_GLOBAL_V4));
    static V6: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&NOT_GLOBAL_V6));
    static ALL_V6: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&[GLOBAL_V6]));
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    match address {
        IpAddr::V4(_) => !is_in(&V4),
        // Addresses with an IPv4 address inside, mapped or translated (NAT64), are outside of 2000::/3.
        IpAddr::V6(_) => is_in(&ALL_V6) && !is_in(&V6),
    }
}

/// The addresses that this server may connect to. A clone is the same.
#[derive(Clone, Debug)]
pub(in crate::server) struct Reach {
    /// Networks that the operator allows, even if they are not global.
    allowed: Arc<[IpNet]>,
}

/// The error for a forbidden address. It names no address: the caller who set the URL might learn from it about the
/// network of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("leads to an address that is not on the internet; to allow it, list its network in --webhook-allow")
    }
}

impl Error for Forbidden {}

impl Reach {
    /// The internet, and these networks.
    pub(in crate::server) fn new(allowed: &[IpNet]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Parses a URL, as far as the URL itself tells where it leads: a name may lead anywhere, and is looked up when it
    /// is used.
    ///
    /// # Errors
    /// When this server would not connect to it; the sentence tells which URLs are allowed.
    pub(in crate::server) fn parse(&self, text: &str) -> Result<Url, Invalid> {
        let wrong = |why: &str| Invalid::new(format!("This must be a URL such as https://example.com/hook, {why}."));
        if text.len() > LONGEST {
            return Err(wrong("of at most 2048 bytes"));
        }
        // An address in an unusual form, such as 0x7f.1 for 127.0.0.1, is in its plain form from here on.
        let url = Url::parse(text)
            .map_err(|_| Invalid::new("This is not a URL. Use one such as https://example.com/hook."))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("without user and password"));
        }
        if url.scheme() != "https" && (url.scheme() != "http" || self.allowed.is_empty()) {
            return Err(wrong("and begin with https://; http:// is for networks that --webhook-allow lists"));
        }
        if url.port() == Some(0) {
            return Err(wrong("with a port from 1 to 65535"));
        }
        match literal(&url) {
            Some(address) if !self.permits(is_plain(&url), address) => Err(Invalid::new(format!("This {Forbidden}."))),
            _ if url.host_str().is_none_or(str::is_empty) => Err(wrong("with a host")),
            _ => Ok(url),
        }
    }

    /// Parses a URL and looks its name up. One that leads nowhere is accepted, because it may lead somewhere when it is
    /// used; so is one that is not looked up, because many URLs are being set at this moment.
    ///
    /// # Errors
    /// As for [`Self::parse`], and when its name leads to a forbidden address.
    pub(in crate::server) async fn look_up(&self, text: &str) -> Result<Url, Invalid> {
        let url = self.parse(text)?;
        if literal(&url).is_none()
            && let Some(name) = url.host_str()
            && let Ok(Ok(found)) = timeout(LOOKED_UP_WITHIN, addresses_of(name, Purpose::Register)).await
        {
            self.choose(is_plain(&url), &found).map_err(|why| Invalid::new(format!("This {why}.")))?;
        }
        Ok(url)
    }

    /// Whether this server may connect to an address, encrypted or not.
    fn permits(&self, is_plain: bool, address: IpAddr) -> bool {
        let is_allowed = self.allowed.iter().any(|network| network.contains(&address.to_canonical()));
        is_allowed || (!is_plain && is_global(address))
    }

    /// Checks a URL that was accepted before: the allowed networks may have changed since.
    ///
    /// # Errors
    /// When it contains a forbidden address. A name is left to the client's lookup.
    pub(in crate::server) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        match literal(url) {
            Some(address) if !self.permits(is_plain(url), address) => Err(Forbidden),
            None if is_plain(url) && self.allowed.is_empty() => Err(Forbidden),
            _ => Ok(()),
        }
    }

    /// A client that connects by name only to permitted addresses, follows no redirects, and uses no proxy. It does not
    /// look up literal addresses, so [`Self::check`] the URL before each request.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::server) fn client(&self, timeout: Duration, is_plain: bool) -> reqwest::Result<Client> {
        Client::builder()
            .user_agent(concat!("campanile/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .http1_max_headers(MOST_HEADERS)
            .https_only(!is_plain)
            .dns_resolver(Arc::new(Lookup { reach: self.clone(), is_plain }))
            .build()
    }

    /// The permitted addresses of a name; none when another one is not global.
    fn choose(&self, is_plain: bool, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Forbidden> {
        let is_allowed = |address: &SocketAddr| self.permits(true, address.ip());
        // A name that leads into an allowed network belongs to a host there, even if it has other addresses.
        let allowed: Vec<_> = found.iter().copied().filter(is_allowed).collect();
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        let all_are_global = found.iter().all(|address| self.permits(is_plain, address.ip()));
        if all_are_global { Ok(found.to_vec()) } else { Err(Forbidden) }
    }
}

/// Checks that a webhook's URL is permitted when these networks are allowed, as far as the URL itself tells.
///
/// # Errors
/// The end of a sentence that begins with the URL.
pub(in crate::server) fn may_reach(allowed: &[IpNet], url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|_| "cannot be read".to_owned())?;
    Reach::new(allowed).check(&url).map_err(|forbidden| forbidden.to_string())
}

fn is_plain(url: &Url) -> bool {
    url.scheme() == "http"
}

/// The address in a URL in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// Looks names up, and returns only permitted addresses.
struct Lookup {
    reach: Reach,
    is_plain: bool,
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, is_plain) = (self.reach.clone(), self.is_plain);
        Box::pin(async move {
            // The connector fills in the port.
            let found = addresses_of(name.as_str(), Purpose::Send).await?;
            let chosen = reach.choose(is_plain, &found)?;
            Ok(Box::new(chosen.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
