//! The URL of the store.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tokio_postgres::config::Host;

use crate::server::store::PostgresUrl;

/// The store of notifications.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`, lost at restart.
    Memory,
    /// `sqlite:FILE`.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST/DATABASE`.
    Postgres(String),
}

impl StoreUrl {
    /// Reads the URL of a store.
    ///
    /// # Errors
    /// When it is not valid. The sentence does not repeat it, because it may contain a password.
    pub fn parse(url: &str) -> Result<Self> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", "")) => bail!("store: name a file, such as sqlite:data/campanile.db."),
            Some(("sqlite", ":memory:" | "memory" | "memory:")) => {
                bail!("store: use memory: for a store in memory, which is gone at restart.")
            }
            Some(("sqlite", path)) if path.starts_with('~') => {
                bail!(
                    "store: ~ does not mean the home folder here. Use the whole path, such as sqlite:/home/you/campanile.db."
                )
            }
            // In the URLs of some programs this means a file in this folder, and of others one in the root.
            Some(("sqlite", path)) if path.starts_with("//") && !path.starts_with("///") => {
                bail!("store: say sqlite:FILE for a file in this folder, or sqlite:/FOLDER/FILE for any other.")
            }
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => match PostgresUrl::parse(url) {
                Ok(_) => Ok(Self::Postgres(url.to_owned())),
                Err(why) => bail!("store: {why}"),
            },
            // A path of a file, and not a URL, which may contain a password.
            None if is_like_a_file(url) => bail!("store: this is not a store URL. Did you mean sqlite:{url}?"),
            _ => bail!(
                "store: this is not a store URL. Use sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE or memory:."
            ),
        }
    }

    /// The same, with the absolute path of a file, independent of the working directory.
    #[must_use]
    pub fn absolute(&self) -> Self {
        match self {
            // Making a path absolute does not read the disk; it fails only where there is no working directory.
            Self::Sqlite(path) => Self::Sqlite(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            other => other.clone(),
        }
    }
}

fn is_like_a_file(text: &str) -> bool {
    let end = text.rsplit_once('.').map(|(_, end)| end);
    end.is_some_and(|end| ["db", "sqlite", "sqlite3"].contains(&end)) && !text.contains(['@', '\n'])
}

impl std::fmt::Display for StoreUrl {
    /// Only the host, port and name of a database: every other part of a URL may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => match place(url) {
                Some(place) => write!(f, "postgres://{place}"),
                None => f.write_str("postgres://***"),
            },
        }
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The database according to the driver: `HOST:PORT/DATABASE`. `None` when a part of it could belong to a password that
/// was not escaped.
fn place(url: &str) -> Option<String> {
    let parsed = PostgresUrl::parse(url).ok()?;
    let config = parsed.config();
    let (_, rest) = url.split_once("//")?;
    if let Some((user, rest)) = rest.split_once('@') {
        // The driver takes the first @ for the end of the password.
        let holds_a_query = user.split_once('?').is_some_and(|(_, query)| query.contains('='));
        let place = rest.split_once('?').map_or(rest, |(place, _)| place);
        if holds_a_query || place.contains('@') {
            return None;
        }
    }
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string().replace('/', "%2F"),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let hosts: Vec<String> = if config.get_hosts().is_empty() { addresses.collect() } else { hosts.collect() };
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let hosts: Vec<_> = hosts.iter().enumerate().map(|(place, host)| format!("{host}:{}", port(place))).collect();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    Some(format!("{}{database}", hosts.join(",")).escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_has_its_url() {
        assert_eq!(StoreUrl::parse("memory:").unwrap(), StoreUrl::Memory);
        assert_eq!(StoreUrl::parse("sqlite:a/b.db").unwrap(), StoreUrl::Sqlite("a/b.db".into()));
        assert!(matches!(StoreUrl::parse("postgres://u@h/d").unwrap(), StoreUrl::Postgres(_)));
        assert!(matches!(StoreUrl::parse("postgresql://u@h/d").unwrap(), StoreUrl::Postgres(_)));
        for wrong in [
            "",
            "memory",
            "memory:x",
            "sqlite:",
            "sqlite",
            "redis://x",
            "postgres:x",
            "sqlite::memory:",
            "sqlite://x.db",
            "sqlite:~/x.db",
        ] {
            assert!(StoreUrl::parse(wrong).unwrap_err().to_string().starts_with("store:"), "{wrong}");
        }
    }

    #[test]
    fn only_host_port_and_database_are_shown() {
        for (url, shown) in [
            ("postgres://me:secret@db/x", "postgres://db:5432/x"),
            ("postgresql://me:se?cret@db/x", "postgres://db:5432/x"),
            ("postgres://me:se/cret@db/x", "postgres://db:5432/x"),
            ("postgres://me:se?c=ret@db/x", "postgres://***"),
            ("postgres://db:7/x?password=secret&user=me", "postgres://db:7/x"),
            ("postgres://db/x?pass%77ord=secret", "postgres://db:5432/x"),
            ("postgres://me@db?options=secret@x", "postgres://db:5432"),
            ("postgres://a:1,b:2/x", "postgres://a:1,b:2/x"),
            ("postgres://[::1]:7/x", "postgres://[::1]:7/x"),
            ("postgres:///x?host=/run/pg&user=me", "postgres://%2Frun%2Fpg:5432/x"),
            ("postgres://db/x%0Ay", "postgres://db:5432/x\\ny"),
        ] {
            let parsed = StoreUrl::parse(url).unwrap();
            assert_eq!((format!("{parsed:?}"), parsed.to_string()), (shown.to_owned(), shown.to_owned()), "{url}");
        }
    }

    #[test]
    fn an_invalid_store_url_is_refused_without_repeating_it() {
        for url in [
            "postgres://me@db/x?Password=secret",
            "postgres://me@db/x?sslpassword=secret",
            "postgres://me@db/x?secret",
            "postgres://me:p@db:secret/x",
            "postgres://me:12@se#cret:y/x",
            "postgres://db/x?password=12@secret&user=me",
            "postgres://db:7/x?password=12@secret",
            "postgres://me:12@secret@db:5432/x?sslmode=require",
            "postgres://me:12@sec/ret@db/x",
        ] {
            let refused = StoreUrl::parse(url).unwrap_err().to_string();
            assert!(refused.starts_with("store:") && !refused.contains("sec"), "{url}: {refused}");
        }
    }
}
