//! The URL of the bus.

use anyhow::Result;

use crate::server::live::NatsUrl;

/// The bus between several servers.
#[derive(Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// `local`: there is only this server.
    Local,
    /// `nats://HOST:PORT`, or several separated by commas.
    Nats(NatsUrl),
}

impl BusUrl {
    /// Reads the URL of a bus.
    ///
    /// # Errors
    /// When it is not valid. The sentence does not repeat it, because it may contain a password.
    pub fn parse(url: &str) -> Result<Self> {
        if url == "local" { Ok(Self::Local) } else { NatsUrl::parse(url).map(Self::Nats) }
    }
}

impl std::fmt::Display for BusUrl {
    /// Only hosts and ports: every other part of a URL may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Nats(url) => write!(f, "{url}"),
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
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_hosts_and_ports_are_shown() {
        for (url, shown) in [
            ("nats://me:secret@a:4222, nats://b", "nats://a:4222,nats://b:4222"),
            ("nats://secret@b", "nats://b:4222"),
            ("tls://s@e%63ret@c", "tls://c:4222"),
            ("tls://c?creds=secret&ca=secret", "tls://c:4222"),
        ] {
            assert_eq!(format!("{:?}", BusUrl::parse(url).unwrap()), shown);
        }
    }
}
