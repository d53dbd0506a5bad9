//! The URL of a database: parameters of the driver, and our own.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{Config, config::SslMode};

use super::server::{self, Server, Silent};

mod parameters;

/// A URL of a database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`, with several `HOST:PORT` where servers stand
/// in for each other.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(super) config: Config,
    /// The servers that it names, in the order in which they are tried.
    pub(super) servers: Vec<Server>,
    /// Those of them that were silent recently.
    pub(super) silent: Silent,
    pub(super) encryption: Encryption,
    /// Whether several clients share a connection to the database; `None` where the URL does not say.
    pub(super) is_pooled: Option<bool>,
}

/// How a connection is encrypted, and which servers it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) trust: Trust,
    /// The trusted certificates, in PEM; without them, those of the system.
    pub(super) root: Option<PathBuf>,
    /// The client's certificate, and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// The servers that are trusted. The driver's own settings say whether it may do without encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// Any, and nothing is encrypted.
    #[default]
    Plain,
    /// Any, with any certificate.
    Any,
    /// One with a certificate of a trusted authority, for any name.
    Authority,
    /// One with such a certificate for the name in the URL.
    Name,
}

/// The error for an unreadable URL, when no part of it may be repeated.
const UNREADABLE: &str = "this URL of a database cannot be read. It is postgres://USER:PASSWORD@HOST/DATABASE, with %40 \
                          for @, %2F for / and %3F for ? in the password.";

/// The error for a second @ before the parameters: the driver would take everything behind the first one for the host,
/// and an error would name it, which is the end of a password.
const MORE_THAN_ONE_AT: &str = "this URL of a database has an @ in the user, the password or the name of the database, \
                                where it is written %40 (and / is %2F, ? is %3F, : is %3A, # is %23 and % is %25).";

impl PostgresUrl {
    /// Parses the URL.
    ///
    /// # Errors
    /// One sentence about the mistake, which does not repeat the URL, because that may contain a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        // The driver takes the first @ for the end of the password, and so a ? before it for a part of the password.
        let place = url.find('@').map_or(0, |at| at + 1);
        let (before, query) = match url[place..].find('?') {
            Some(mark) => (&url[..place + mark], &url[place + mark + 1..]),
            None => (url, ""),
        };
        if before[place..].contains('@') {
            return Err(MORE_THAN_ONE_AT.to_owned());
        }
        // A parameter before the first @ has that @ in its value: the rest of it would be taken for the host.
        if url[..place].split_once('?').is_some_and(|(_, query)| parameters::has_one(query)) {
            return Err(UNREADABLE.to_owned());
        }
        // The driver's error may repeat a part of the URL.
        if before.parse::<Config>().is_err() {
            return Err(UNREADABLE.to_owned());
        }
        let (mut mode, mut root, mut certificate, mut key, mut is_pooled) = (None, None, None, None, None);
        let (mut others, mut names) = (Vec::new(), HashSet::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, raw) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(raw).decode_utf8_lossy().into_owned();
            let file = || Some(PathBuf::from(&value)).filter(|path| !path.as_os_str().is_empty());
            let name = percent_decode_str(name).decode_utf8_lossy();
            names.insert(name.clone().into_owned());
            match &*name {
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = file(),
                "sslcert" => certificate = file(),
                "sslkey" => key = file(),
                "pgbouncer" => {
                    is_pooled = Some(match &*value {
                        "true" | "1" => true,
                        "false" | "0" => false,
                        _ => return Err("pgbouncer in it is true or false.".to_owned()),
                    });
                }
                // The driver takes all of them for one host.
                "host" if parameter.contains('=') => others.extend(raw.split(',').map(|one| format!("host={one}"))),
                // libpq's word; the driver has the older one.
                "target_session_attrs" if value == "primary" => {
                    others.push("target_session_attrs=read-write".to_owned());
                }
                _ if !parameter.contains('=') || !parameters::is_a_name(&name, query) => {
                    others.push(parameter.to_owned())
                }
                name if parameters::is_so_anyway(name, &value)? => {}
                name => {
                    parameters::check(parameter, name)?;
                    others.push(parameter.to_owned());
                }
            }
        }
        let mark = if others.is_empty() { "" } else { "?" };
        let mut config: Config =
            format!("{before}{mark}{}", others.join("&")).parse().map_err(|_| UNREADABLE.to_owned())?;
        // As in libpq: `require` wants encryption, and where a file of certificates is given, the server must match
        // that too.
        let is_system = root.as_ref().is_some_and(|root| root.as_os_str() == "system");
        let (ssl_mode, trust) = match mode.as_deref() {
            None | Some("disable") => (SslMode::Disable, Trust::Plain),
            Some("allow" | "prefer") if root.is_none() => (SslMode::Prefer, Trust::Any),
            Some("allow" | "prefer") if !is_system => (SslMode::Prefer, Trust::Authority),
            Some("require") if root.is_none() => (SslMode::Require, Trust::Any),
            Some("require") if !is_system => (SslMode::Require, Trust::Authority),
            Some("verify-ca") => (SslMode::Require, Trust::Authority),
            // The system's authorities sign for everyone, so the name has to be checked.
            Some("require" | "verify-full") => (SslMode::Require, Trust::Name),
            Some("allow" | "prefer") => {
                return Err("sslrootcert=system in it wants sslmode=verify-full beside it.".to_owned());
            }
            Some(_) => {
                return Err("sslmode in it is disable, allow, prefer, require, verify-ca or verify-full.".to_owned());
            }
        };
        if root.is_some() && trust == Trust::Plain {
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
        config.ssl_mode(ssl_mode);
        let root = root.filter(|_| !is_system);
        watch(&mut config, |name| names.contains(name));
        let servers = server::named(&config)?;
        let encryption = Encryption { trust, root, identity };
        Ok(Self { config, servers, silent: Silent::default(), encryption, is_pooled })
    }

    /// The driver's part of the URL.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// Has a vanished peer noticed within half a minute, even on an idle connection, unless the URL says otherwise.
fn watch(config: &mut Config, says: impl Fn(&str) -> bool) {
    if !says("keepalives_idle") {
        config.keepalives_idle(Duration::from_secs(10));
    }
    if !says("keepalives_interval") {
        config.keepalives_interval(Duration::from_secs(5));
    }
    if !says("keepalives_retries") {
        config.keepalives_retries(3);
    }
    if !says("tcp_user_timeout") {
        config.tcp_user_timeout(Duration::from_secs(25));
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::TargetSessionAttrs;

    use super::*;

    #[test]
    fn parameters_that_the_driver_lacks_are_parsed() {
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
        assert_eq!(url.config.get_tcp_user_timeout().unwrap().as_secs(), 25);
        let url = PostgresUrl::parse("postgres://h/d?tcp_user_timeout=0&keepalives_idle=7").unwrap();
        assert_eq!((url.config.get_tcp_user_timeout(), url.config.get_keepalives_idle().as_secs()), (None, 7));
        assert_eq!(url.config.get_keepalives_retries(), Some(3));
        for (query, mode, trust) in [
            ("", SslMode::Disable, Trust::Plain),
            ("?sslmode=disable", SslMode::Disable, Trust::Plain),
            ("?sslmode=prefer", SslMode::Prefer, Trust::Any),
            ("?sslmode=prefer&sslrootcert=", SslMode::Prefer, Trust::Any),
            ("?sslmode=prefer&sslrootcert=ca.pem", SslMode::Prefer, Trust::Authority),
            ("?sslmode=require", SslMode::Require, Trust::Any),
            ("?sslmode=require&sslrootcert=ca.pem", SslMode::Require, Trust::Authority),
            ("?sslmode=require&sslrootcert=system", SslMode::Require, Trust::Name),
            ("?sslmode=verify-ca", SslMode::Require, Trust::Authority),
            ("?sslmode=verify-full&sslrootcert=system", SslMode::Require, Trust::Name),
        ] {
            let url = PostgresUrl::parse(&format!("postgres://h/d{query}")).unwrap();
            assert_eq!((url.config.get_ssl_mode(), url.encryption.trust), (mode, trust), "{query}");
        }
    }

    #[test]
    fn parameters_that_cannot_work_are_refused_by_name() {
        for (query, named) in [
            ("sslmode=full", "sslmode"),
            ("sslrootcert=ca.pem", "sslrootcert"),
            ("sslmode=require&sslcert=a", "sslkey"),
            ("sslcert=a&sslkey=b", "sslmode"),
            ("sslmode=prefer&sslrootcert=system", "sslrootcert=system"),
            ("pgbouncer=maybe", "pgbouncer"),
            ("connection_limit=7531", "the parameter connection_limit is not known. Known are application_name,"),
            ("passfile=7531", "passfile"),
            ("ssl=7531", "the parameter ssl is not known"),
            ("target_session_attrs=7531", "target_session_attrs in it is any, primary, read-write or read-only."),
            ("connect_timeout=x7531", "connect_timeout in it is a number of seconds."),
            ("%70ort=75310", "port in it is a number up to 65535"),
            ("gssencmode=require", "gssencmode"),
            ("client_encoding=LATIN1", "client_encoding"),
        ] {
            let refused = PostgresUrl::parse(&format!("postgres://me:good@h/d?{query}")).err().unwrap();
            assert!(refused.contains(named) && !refused.contains("7531") && !refused.contains("password"), "{refused}");
        }
    }

    #[test]
    fn parameters_of_libpq_without_effect_are_accepted() {
        let same = "gssencmode=disable&client_encoding=UTF8&fallback_application_name=x&application_name=y&pgbouncer=1";
        let url = PostgresUrl::parse(&format!("postgres://h/d?{same}")).unwrap();
        assert_eq!((url.is_pooled, url.config.get_application_name()), (Some(true), Some("y")));
        assert_eq!(PostgresUrl::parse("postgres://h/d?pgbouncer=0").unwrap().is_pooled, Some(false));
    }

    #[test]
    fn a_piece_of_a_password_is_not_taken_for_a_host() {
        for url in [
            "postgres://me:p@hush@h/d",
            "postgres://me:p@hush@h",
            "postgres://me:@hush@h/d?sslmode=require",
            "postgres://me:p@hu/sh@h/d",
            "postgres://me:p@hu#sh@h/d",
            "postgres://me:p@hu:sh@h/d",
            "postgres://me@hush:p@h/d",
            "postgres://me:p@h/hush@d",
        ] {
            let refused = PostgresUrl::parse(url).err().unwrap();
            assert!(refused.contains("it is written %40") && !refused.contains("hu"), "{url}: {refused}");
        }
        // Without a second @ the driver is never in doubt.
        for password in ["p/x", "p?x", "p#x", "p:x", "p?x=y", "p%40x", "p[x", "p x", "p,x", "p%x"] {
            let url = PostgresUrl::parse(&format!("postgres://me:{password}@h/d")).unwrap();
            let is = password.replace("%40", "@");
            assert_eq!(url.config.get_password(), Some(is.as_bytes()));
            assert_eq!(url.servers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["h:5432"], "{password}");
        }
    }

    #[test]
    fn a_piece_of_a_password_is_not_taken_for_a_parameter() {
        for url in [
            "postgres://me:p@ss?hush=x@h/d",
            "postgres://me:p@ss?hush@h/d",
            "postgres://me:p?hush",
            "postgres://me@h/d?hush",
            "postgres://h/d?password=p@hush",
            "postgres://h/d?user=me&pass%77ord=p@hush&sslmode=require",
            "postgres://h/d?password=p&hush=x",
            "postgres://h/d?pass%77ord=p&hush",
        ] {
            let refused = PostgresUrl::parse(url).err().unwrap();
            assert!(refused.contains("%40 for @") && !refused.contains("hush"), "{url}: {refused}");
        }
    }
}
