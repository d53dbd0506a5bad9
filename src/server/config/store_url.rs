//! Where notifications are kept, as one word.

use std::path::PathBuf;

use anyhow::{Result, bail};

/// Where notifications are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`, gone at restart.
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
    /// When it is none. The sentence does not repeat it, because it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", "")) => bail!("store: say which file, such as sqlite:data/campanile.db."),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(url.to_owned())),
            _ => bail!("store: this is no store. Say sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE or memory:."),
        }
    }
}

impl std::fmt::Display for StoreUrl {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The URL with stars where a password is: behind the user, or in the query.
pub(super) fn without_password(url: &str) -> String {
    let (start, query) = url.split_once('?').unwrap_or((url, ""));
    let mut shown = match start.split_once("//").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, host))) => {
            let (user, password) = user.split_once(':').map_or((user, ""), |(user, _)| (user, ":***"));
            format!("{scheme}//{user}{password}@{host}")
        }
        None => start.to_owned(),
    };
    for (place, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        shown.push(if place == 0 { '?' } else { '&' });
        shown.push_str(if pair.starts_with("password=") { "password=***" } else { pair });
    }
    shown
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
        for wrong in ["", "memory", "memory:x", "sqlite:", "sqlite", "redis://x", "postgres:x"] {
            assert!(StoreUrl::parse(wrong).unwrap_err().to_string().starts_with("store:"), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            ("postgres://me:secret@db/x", "postgres://me:***@db/x"),
            ("postgres://me:se@cret@db:5432/x?sslmode=require", "postgres://me:***@db:5432/x?sslmode=require"),
            ("postgres://db/x?password=secret&user=me", "postgres://db/x?password=***&user=me"),
            ("postgres://me@db/x", "postgres://me@db/x"),
        ] {
            assert_eq!(format!("{:?}", StoreUrl::parse(url).unwrap()), shown);
        }
    }
}
