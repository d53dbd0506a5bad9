//! The URL of a database: what the driver reads of it, and what it does not know.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::{Config, config::SslMode};

/// A URL of a database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`, with several `HOST:PORT` where there are
/// servers that stand in for each other.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(super) config: Config,
    pub(super) encryption: Encryption,
    /// Whether several clients share a connection to the database; `None` where the URL does not say.
    pub(super) is_pooled: Option<bool>,
}

/// How a connection is encrypted, and whom it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) trust: Trust,
    /// What vouches for the server, in PEM; without it, what the system trusts.
    pub(super) root: Option<PathBuf>,
    /// The certificate that is shown to the server, and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// Which server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// Any, and nothing is encrypted.
    #[default]
    Plain,
    /// Any; it is encrypted where the server can.
    Any,
    /// One with a certificate of a trusted authority, for whatever name.
    Authority,
    /// One with such a certificate for the name in the URL.
    Name,
}

impl PostgresUrl {
    /// Reads it.
    ///
    /// # Errors
    /// One sentence that says what is wrong, and does not repeat the URL, because it may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        // The driver takes the first @ for the end of the password, and so a ? before it for a part of that.
        let place = url.find('@').map_or(0, |at| at + 1);
        let (before, query) = match url[place..].find('?') {
            Some(mark) => (&url[..place + mark], &url[place + mark + 1..]),
            None => (url, ""),
        };
        let (mut mode, mut root, mut certificate, mut key, mut is_pooled) = (None, None, None, None, None);
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            let file = || Some(PathBuf::from(&value)).filter(|path| !path.as_os_str().is_empty());
            match &*percent_decode_str(name).decode_utf8_lossy() {
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = file(),
                "sslcert" => certificate = file(),
                "sslkey" => key = file(),
                "pgbouncer" => {
                    is_pooled = Some(value.parse().map_err(|_| "pgbouncer in it is true or false.".to_owned())?);
                }
                // What libpq calls it; the driver has the older word.
                "target_session_attrs" if value == "primary" => {
                    others.push("target_session_attrs=read-write".to_owned());
                }
                _ => others.push(parameter.to_owned()),
            }
        }
        let mark = if others.is_empty() { "" } else { "?" };
        // What the driver says may repeat a part of the URL.
        let mut config: Config = format!("{before}{mark}{}", others.join("&")).parse().map_err(|_| {
            "this URL of a database cannot be read. It is postgres://USER:PASSWORD@HOST/DATABASE, with %40 for @, %2F \
             for / and %3F for ? in the password."
                .to_owned()
        })?;
        let trust = match (mode.as_deref(), &root) {
            (None | Some("disable"), _) => Trust::Plain,
            (Some("allow" | "prefer"), _) => Trust::Any,
            // As libpq has it: a file that vouches for the server is there to be asked.
            (Some("require"), Some(root)) if root.as_os_str() != "system" => Trust::Authority,
            (Some("verify-ca"), _) => Trust::Authority,
            (Some("require" | "verify-full"), _) => Trust::Name,
            _ => {
                return Err("sslmode in it is disable, allow, prefer, require, verify-ca or verify-full.".to_owned());
            }
        };
        if root.is_some() && matches!(trust, Trust::Plain | Trust::Any) {
            return Err("sslrootcert in it wants sslmode=verify-full, verify-ca or require beside it.".to_owned());
        }
        let identity = match (certificate, key) {
            (None, None) => None,
            (Some(_), Some(_)) if trust == Trust::Plain => {
                return Err("sslcert in it wants an sslmode beside it, such as verify-full.".to_owned());
            }
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err("it has one of sslcert and sslkey, which belong together.".to_owned()),
        };
        config.ssl_mode(match trust {
            Trust::Plain => SslMode::Disable,
            Trust::Any => SslMode::Prefer,
            Trust::Authority | Trust::Name => SslMode::Require,
        });
        let root = root.filter(|root| root.as_os_str() != "system");
        Ok(Self { config, encryption: Encryption { trust, root, identity }, is_pooled })
    }

    /// What the driver reads of it.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::TargetSessionAttrs;

    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_read_here() {
        let url = PostgresUrl::parse(
            "postgres://me:p%3F@a:1,b:2/x?sslmode=verify-full&sslrootcert=a%20b.pem&connect_timeout=3&sslcert=c&\
             sslkey=k&pgbouncer=true&target_session_attrs=primary",
        )
        .unwrap();
        let identity = Some(("c".into(), "k".into()));
        assert_eq!(url.encryption, Encryption { trust: Trust::Name, root: Some("a b.pem".into()), identity });
        assert_eq!((url.is_pooled, url.config.get_hosts().len()), (Some(true), 2));
        assert_eq!(url.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(url.config.get_connect_timeout().unwrap().as_secs(), 3);
        for (query, trust) in [
            ("", Trust::Plain),
            ("?sslmode=disable", Trust::Plain),
            ("?sslmode=prefer", Trust::Any),
            ("?sslmode=require", Trust::Name),
            ("?sslmode=require&sslrootcert=ca.pem", Trust::Authority),
            ("?sslmode=require&sslrootcert=system", Trust::Name),
            ("?sslmode=verify-ca", Trust::Authority),
            ("?sslmode=verify-full&sslrootcert=system", Trust::Name),
        ] {
            assert_eq!(
                PostgresUrl::parse(&format!("postgres://h/d{query}")).unwrap().encryption.trust,
                trust,
                "{query}"
            );
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (query, named) in [
            ("sslmode=full", "sslmode"),
            ("sslrootcert=ca.pem", "sslrootcert"),
            ("sslmode=require&sslcert=a", "sslkey"),
            ("sslcert=a&sslkey=b", "sslmode"),
            ("pgbouncer=maybe", "pgbouncer"),
        ] {
            let refused = PostgresUrl::parse(&format!("postgres://h/d?{query}")).err().unwrap();
            assert!(refused.contains(named), "{query}: {refused}");
        }
    }
}
