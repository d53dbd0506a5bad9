//! Fetches the keys of an issuer.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header, redirect::Policy};
use serde::Deserialize;
use serde_json::Value;

use super::{WrongOption, keys::KeySet};
use crate::server::{address::is_loopback, causes::with_causes};

/// How long the issuer may take, from the connection to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// The most keys in a set.
const MAX_KEYS: usize = 100;

/// Why there are no keys. The errors do not repeat the URL, which may contain a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the issuer answered {0}")]
    Status(StatusCode),
    #[error("the issuer's answer is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    #[error("the issuer's answer is no key set")]
    NoKeySet,
    #[error("the issuer has {0} keys, and {MAX_KEYS} may be")]
    TooMany(usize),
}

/// A key set according to RFC 7517, section 5. Each key is read by itself, because one of an unknown kind is no reason
/// to refuse the others.
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The URL of an issuer's keys.
pub(super) struct Issuer {
    client: Client,
    url: Url,
}

impl Issuer {
    /// # Errors
    /// When keys may not come from this URL.
    pub(super) fn new(url: &str) -> Result<Self, WrongOption> {
        let wrong = |why: &str| Err(WrongOption::Jwks(why.to_owned()));
        let Some(url) = Url::parse(url).ok().filter(Url::has_host) else {
            return wrong("this is not a URL. Use one such as https://issuer.example/jwks.json.");
        };
        let is_local = url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
        if url.scheme() != "https" && !is_local {
            return wrong("a machine on the way could put in keys. Use https://, or http:// to this machine.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("keys are public. Leave the user and the password out of the URL.");
        }
        // No redirects and no proxies: the keys come from this very URL, or not at all.
        let client = Client::builder()
            .user_agent(concat!("campanile/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .https_only(!is_local);
        // Without encryption no certificates are needed, and a small container may have none.
        let client = if is_local { client.tls_certs_only([]) } else { client };
        match client.build() {
            Ok(client) => Ok(Self { client, url }),
            Err(error) => wrong(&format!("TLS cannot be set up: {}.", with_causes(&error))),
        }
    }

    /// Fetches the present keys.
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let unreachable = |error: reqwest::Error| FetchError::Unreachable(error.without_url());
        let request = self.client.get(self.url.clone()).header(header::ACCEPT, "application/json, */*;q=0.5");
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let Document { keys } = serde_json::from_slice(&body).map_err(|_| FetchError::NoKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(FetchError::TooMany(keys.len()));
        }
        Ok(KeySet::new(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for url in [
            "https://id.example/keys?tenant=1",
            "HTTPS://id.example:8443",
            "http://localhost:1/jwks",
            "http://127.9.9.9/",
            "http://[::1]:80/jwks",
        ] {
            assert!(Issuer::new(url).is_ok(), "{url}");
        }
        for wrong in [
            "",
            "id.example",
            "/etc/keys",
            "file:///etc/keys",
            "data:application/json,{}",
            "ftp://id.example/keys",
            "http://id.example/keys",
            "http://10.0.0.1/keys",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "https://me:secret@id.example/keys",
            "https://secret@id.example/keys",
        ] {
            let error = Issuer::new(wrong).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("secret"), "{wrong}: {error}");
        }
    }
}
