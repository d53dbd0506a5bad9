//! How several servers tell each other what changed, as one word.

use anyhow::{Result, bail};
use async_nats::ServerAddr;

/// How several servers tell each other what changed.
#[derive(Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// `local`: there is only this one.
    Local,
    /// `nats://HOST:PORT`, or several separated by commas.
    Nats(String),
}

impl BusUrl {
    /// Reads the URL of a bus.
    ///
    /// # Errors
    /// When it is none. The sentence does not repeat it, because it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        match url {
            "local" => Ok(Self::Local),
            _ if url.split(',').all(|url| server(url).is_some()) => Ok(Self::Nats(url.to_owned())),
            _ => bail!("bus: this is no bus. Say local, or nats://HOST:PORT."),
        }
    }
}

/// One server of NATS. A path, a query or a fragment would be a piece of a password that was not
/// written as a URL wants it.
fn server(url: &str) -> Option<ServerAddr> {
    // Without a scheme the library would take anything for a host.
    let server: ServerAddr = url.trim().parse().ok().filter(|_| url.contains("://"))?;
    let url = server.clone().into_inner();
    let is_whole = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (matches!(server.scheme(), "nats" | "tls") && !server.host().is_empty() && is_whole).then_some(server)
}

/// All of a server that is shown.
fn place(url: &str) -> Option<String> {
    let server = server(url)?;
    let host = server.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Some(format!("{}://{host}:{}", server.scheme(), server.port()))
}

impl std::fmt::Display for BusUrl {
    /// Only hosts and ports: everything else in a URL may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Nats(urls) => {
                let places: Vec<_> =
                    urls.split(',').map(|url| place(url).unwrap_or_else(|| "***".to_owned())).collect();
                f.write_str(&places.join(","))
            }
        }
    }
}

impl std::fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_local_or_nats() {
        assert_eq!(BusUrl::parse("local").unwrap(), BusUrl::Local);
        for url in ["nats://localhost:4222", "tls://a:4222,nats://b:1", "nats://[::1]:7"] {
            assert_eq!(BusUrl::parse(url).unwrap().to_string(), url);
        }
        for wrong in [
            "",
            "nats",
            "nats://",
            "redis://me:secret@x",
            "nats://a,http://b",
            "nats://me:se,secret@a",
            "nats://me:12/secret@a",
            "nats://secret#x@a",
            "nats://me:12?secret@a",
        ] {
            let error = BusUrl::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("bus:") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_hosts_and_ports_are_shown() {
        let shown =
            format!("{:?}", BusUrl::parse("nats://me:secret@a:4222, nats://secret@b,tls://s@e%63ret@c").unwrap());
        assert_eq!(shown, "nats://a:4222,nats://b:4222,tls://c:4222");
    }
}
