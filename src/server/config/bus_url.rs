//! How several servers tell each other what changed, as one word.

use anyhow::{Result, bail};

use super::store_url::without_password;

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
        let is_nats = |url: &str| {
            let rest = url.trim().strip_prefix("nats://").or_else(|| url.trim().strip_prefix("tls://"));
            rest.is_some_and(|rest| !rest.is_empty())
        };
        match url {
            "local" => Ok(Self::Local),
            _ if url.split(',').all(is_nats) => Ok(Self::Nats(url.to_owned())),
            _ => bail!("bus: this is no bus. Say local, or nats://HOST:PORT."),
        }
    }
}

impl std::fmt::Display for BusUrl {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Nats(urls) => {
                let shown: Vec<_> = urls.split(',').map(|url| without_token(&without_password(url))).collect();
                f.write_str(&shown.join(","))
            }
        }
    }
}

/// What stands alone before the host is a token, and as secret as a password.
fn without_token(url: &str) -> String {
    match url.split_once("//").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, host))) if !user.contains(':') => format!("{scheme}//***@{host}"),
        _ => url.to_owned(),
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
        for url in ["nats://localhost:4222", "tls://a,nats://b:1"] {
            assert_eq!(BusUrl::parse(url).unwrap().to_string(), url);
        }
        for wrong in ["", "nats", "nats://", "redis://me:secret@x", "nats://a,http://b"] {
            let error = BusUrl::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("bus:") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", BusUrl::parse("nats://me:secret@a:4222,nats://secret@b").unwrap());
        assert_eq!(shown, "nats://me:***@a:4222,nats://***@b");
    }
}
