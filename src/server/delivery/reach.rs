//! Where this server may connect when others say where: webhooks, and the push services of browsers.
//!
//! A URL that a caller gives must not lead into the network of the server (server-side request forgery). Only `https`
//! is taken, and only addresses that are global; but for networks that the operator lists, where `http` is taken too. A
//! URL is looked at when it is set, and each time before it is used, since a name may lead elsewhere by then:
//! [`Reach::client`] resolves names by itself and connects to nothing else.

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
use super::DeliveryOptions;
use crate::model::Invalid;

/// The longest URL that is taken, in bytes.
const LONGEST: usize = 2_048;
/// How long a name is looked up for when a URL is set.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(2);
/// The most headers of an answer that are read; what is in them is not looked at, but for a few.
const MOST_HEADERS: usize = 1_000;

/// Networks of IPv4 that lead to no host of the internet, or not to the one that it seems (IANA's registry of
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

/// The addresses of IPv6 that may be of a host on the internet.
const GLOBAL_V6: &str = "2000::/3";

/// Networks among [`GLOBAL_V6`] that are none: protocols, among them Teredo and tests; documentation; and 6to4, behind
/// which any address of IPv4 may be.
const NOT_GLOBAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Whether an address may be of a host on the internet, and of no other host than it seems.
fn is_global(address: IpAddr) -> bool {
    static V4: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&NOT_GLOBAL_V4));
    static V6: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&NOT_GLOBAL_V6));
    static ALL_V6: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&[GLOBAL_V6]));
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    match address {
        IpAddr::V4(_) => !is_in(&V4),
        // What holds an address of IPv4 in it, mapped or translated (NAT64), is outside of 2000::/3.
        IpAddr::V6(_) => is_in(&ALL_V6) && !is_in(&V6),
    }
}

/// Where this server may connect. A clone is the same.
#[derive(Clone, Debug)]
pub(in crate::server) struct Reach {
    /// Networks that the operator allows, whatever they are.
    allowed: Arc<[IpNet]>,
}

/// Why an address may not be connected to. It names no address: the caller who set the URL might learn from it what is in the
/// network of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("leads to an address that is not on the internet, and not in --webhook-allow")
    }
}

impl Error for Forbidden {}

impl Reach {
    /// The internet, and these networks.
    pub(in crate::server) fn new(allowed: &[IpNet]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Reads a URL that is to be connected to, as far as it says by itself where it leads: a name may lead anywhere, and
    /// is looked up when it is used.
    ///
    /// # Errors
    /// When this server would not connect to it; the sentence says what would be legal.
    pub(in crate::server) fn parse(&self, text: &str) -> Result<Url, Invalid> {
        let wrong = |why: &str| Invalid::new(format!("This is a URL such as https://example.com/hook, {why}."));
        if text.len() > LONGEST {
            return Err(wrong("of at most 2048 bytes"));
        }
        // What is not written plainly, as 0x7f.1 is 127.0.0.1, is written plainly from here on.
        let url = Url::parse(text).map_err(|_| wrong("and this is none"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("without user and password"));
        }
        if url.scheme() != "https" && (url.scheme() != "http" || self.allowed.is_empty()) {
            return Err(wrong("and begins with https://; http:// is for networks that --webhook-allow lists"));
        }
        if url.port() == Some(0) {
            return Err(wrong("with a port that something may listen on"));
        }
        match literal(&url) {
            Some(address) if !self.permits(is_plain(&url), address) => Err(Invalid::new(format!("This {Forbidden}."))),
            _ if url.host_str().is_none_or(str::is_empty) => Err(wrong("with a host")),
            _ => Ok(url),
        }
    }

    /// The same, with its name looked up. One that leads nowhere is taken: it may lead somewhere when it is used. So is one
    /// that is not looked up, as many are registered at this moment.
    ///
    /// # Errors
    /// Those of [`Self::parse`], and when its name leads where this server does not connect to.
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

    /// Checks a URL that was taken before: what is allowed may have changed since.
    ///
    /// # Errors
    /// When it names an address that may not be connected to. A name is for the client to look up.
    pub(in crate::server) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        match literal(url) {
            Some(address) if !self.permits(is_plain(url), address) => Err(Forbidden),
            None if is_plain(url) && self.allowed.is_empty() => Err(Forbidden),
            _ => Ok(()),
        }
    }

    /// A client that connects to nothing else by a name, follows no redirects, and asks no proxy. It looks up no
    /// literal address, so [`Self::check`] the URL before each request.
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

    /// Those addresses of a name that may be connected to; none when one of the others is not global.
    fn choose(&self, is_plain: bool, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Forbidden> {
        let is_allowed = |address: &SocketAddr| self.permits(true, address.ip());
        // A name that leads into an allowed network is that of a host there, whatever else it says.
        let allowed: Vec<_> = found.iter().copied().filter(is_allowed).collect();
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        let all_are_global = found.iter().all(|address| self.permits(is_plain, address.ip()));
        if all_are_global { Ok(found.to_vec()) } else { Err(Forbidden) }
    }
}

/// Whether a webhook may be sent to with these options, as far as its URL says so by itself.
///
/// # Errors
/// The end of a sentence that begins with the URL.
pub(in crate::server) fn may_reach(options: &DeliveryOptions, url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|_| "cannot be read".to_owned())?;
    Reach::new(&options.allow).check(&url).map_err(|forbidden| forbidden.to_string())
}

fn is_plain(url: &Url) -> bool {
    url.scheme() == "http"
}

/// The address that stands in a URL in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// Looks names up, and hands on only addresses that may be connected to.
struct Lookup {
    reach: Reach,
    is_plain: bool,
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, is_plain) = (self.reach.clone(), self.is_plain);
        Box::pin(async move {
            // The connector puts the port in.
            let found = addresses_of(name.as_str(), Purpose::Send).await?;
            let chosen = reach.choose(is_plain, &found)?;
            Ok(Box::new(chosen.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(allowed: &[&str]) -> Reach {
        Reach::new(&networks(allowed))
    }

    #[tokio::test]
    async fn a_name_is_looked_up_when_it_is_set() {
        for text in ["https://localhost/", "https://localhost:22/a", "https://LOCALHOST/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/"]
        {
            let refused = reach(&[]).look_up(text).await.unwrap_err().to_string();
            assert!(refused.contains("not on the internet"), "{text}: {refused}");
            assert!(reach(&["127.0.0.0/8", "::1/128"]).look_up(text).await.is_ok(), "{text}");
        }
        assert!(reach(&["10.0.0.0/8"]).look_up("http://localhost/").await.is_err());
        // It may lead somewhere later, and is looked up again then.
        assert!(reach(&[]).look_up("https://nowhere.invalid/").await.is_ok());
    }

    #[test]
    fn nothing_listens_on_port_0() {
        assert!(reach(&[]).parse("https://example.com:0/").is_err());
        assert!(reach(&["127.0.0.0/8"]).parse("http://127.0.0.1:0/").is_err());
    }

    #[test]
    fn every_network_of_the_tables_is_read() {
        assert_eq!(networks(&NOT_GLOBAL_V4).len(), NOT_GLOBAL_V4.len());
        assert_eq!(networks(&NOT_GLOBAL_V6).len(), NOT_GLOBAL_V6.len());
        assert_eq!(networks(&[GLOBAL_V6]).len(), 1);
    }

    #[test]
    fn what_is_not_on_the_internet_is_not_global() {
        let addresses = [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("100.63.255.255", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.170", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.19.0.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:8.8.8.8", false),
            ("::ffff:127.0.0.1", false),
            ("::8.8.8.8", false),
            ("64:ff9b::808:808", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:2::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (address, expected) in addresses {
            assert_eq!(is_global(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn no_spelling_of_an_address_leads_inside() {
        let outside = reach(&[]);
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://2130706433/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[0:0:0:0:0:ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[::]/",
            "https://169.254.169.254/latest/meta-data",
            "https://①②⑦.0.0.1/",
            "https://127。0。0。1/",
            "http://example.com/",
            "https://me@example.com/",
            "https://:secret@example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "example.com",
            "",
        ] {
            assert!(outside.parse(url).is_err(), "{url}");
        }
        assert!(outside.parse(&format!("https://example.com/{}", "a".repeat(LONGEST))).is_err());
        for url in
            ["https://example.com/hook?x=1", "https://8.8.8.8:8443/", "https://localhost/", "https://[2a00:1450::1]/"]
        {
            // Names are judged by where they lead when they are used.
            assert!(outside.parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_the_operator_allows_may_be_inside_and_plain() {
        let inside = reach(&["127.0.0.0/8", "fd00::/8"]);
        for url in [
            "http://127.0.0.1:9000/",
            "https://127.9.9.9/",
            "https://[::ffff:127.0.0.1]/",
            "http://[fd00::1]/",
            "http://hook.internal/",
        ] {
            assert!(inside.parse(url).is_ok_and(|url| inside.check(&url).is_ok()), "{url}");
        }
        for url in ["http://8.8.8.8/", "https://10.0.0.1/", "http://[::1]/"] {
            assert!(inside.parse(url).is_err(), "{url}");
        }
        // What is allowed no longer is checked again before it is used.
        let url = inside.parse("http://127.0.0.1/").unwrap();
        assert_eq!(reach(&[]).check(&url), Err(Forbidden));
        assert_eq!(reach(&[]).check(&inside.parse("http://hook.internal/").unwrap()), Err(Forbidden));
    }

    #[test]
    fn a_name_is_judged_by_all_that_it_leads_to() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect::<Vec<_>>();
        let chosen = |reach: &Reach, is_plain: bool, found: &[&str]| reach.choose(is_plain, &addresses(found)).ok();
        let (outside, inside) = (reach(&[]), reach(&["10.0.0.0/8"]));
        assert_eq!(chosen(&outside, false, &["8.8.8.8", "1.1.1.1"]), Some(addresses(&["8.8.8.8", "1.1.1.1"])));
        assert_eq!(chosen(&outside, false, &["8.8.8.8", "10.0.0.1"]), None);
        assert_eq!(chosen(&outside, true, &["8.8.8.8"]), None);
        assert_eq!(chosen(&inside, true, &["8.8.8.8", "10.0.0.1"]), Some(addresses(&["10.0.0.1"])));
        assert_eq!(chosen(&inside, false, &["8.8.8.8"]), Some(addresses(&["8.8.8.8"])));
        assert_eq!(chosen(&inside, true, &["8.8.8.8"]), None);
        assert_eq!(chosen(&inside, false, &["192.168.0.1"]), None);
    }

    #[tokio::test]
    async fn a_client_connects_to_no_name_that_leads_inside() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let asked = |reach: Reach| {
            let url = url.clone();
            async move { reach.client(Duration::from_secs(2), true).unwrap().get(url).send().await }
        };
        let refused = asked(reach(&["10.0.0.0/8"])).await.unwrap_err();
        let mut cause: Option<&dyn Error> = Some(&refused);
        assert!(
            std::iter::from_fn(|| {
                let here = cause?;
                cause = here.source();
                Some(here)
            })
            .any(|error| error.is::<Forbidden>()),
            "{refused:?}"
        );
        let accepted = tokio::spawn(async move { listener.accept().await.map(drop) });
        drop(asked(reach(&["127.0.0.0/8", "::1/128"])).await);
        assert!(accepted.await.unwrap().is_ok());
    }
}
