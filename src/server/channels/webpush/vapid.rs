//! Authenticates this server to push services (VAPID, RFC 8292), with a token for each of them.

mod key;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::OnceCell;

pub use self::key::VapidKey;
use super::WebPushOptions;
use crate::{
    model::Timestamp,
    server::store::{Secrets, StoreError},
};

/// The name of the key in the store.
const KEY: &str = "vapid";
/// The lifetime of a token. Push services accept at most a day.
const GOOD_FOR: TimeDelta = TimeDelta::hours(12);
/// The age from which on a token is replaced, so that none has expired when it arrives.
const USED_FOR: TimeDelta = TimeDelta::hours(6);
/// How many push services have a cached token. There are a few in the world, and any number of names that users make
/// up.
const MOST_KEPT: usize = 256;

/// Authenticates this server to push services.
pub(in crate::server) struct Vapid {
    /// The operator's key, or the stored one, once it was read.
    key: OnceCell<VapidKey>,
    secrets: Arc<dyn Secrets>,
    /// Contact for push services.
    contact: String,
    tokens: Mutex<HashMap<String, Token>>,
}

/// The token for one push service.
struct Token {
    made_at: Timestamp,
    shown: HeaderValue,
}

impl Vapid {
    /// With the operator's key, or else the one in this store.
    pub(super) fn new(options: &WebPushOptions, secrets: Arc<dyn Secrets>) -> Self {
        let WebPushOptions { contact, key } = options.clone();
        Self { key: OnceCell::new_with(key), secrets, contact, tokens: Mutex::default() }
    }

    /// The public key, in the form for browsers' subscriptions: 65 bytes in base64url.
    ///
    /// # Errors
    /// When the key is not available.
    pub(in crate::server) async fn public_key(&self) -> Result<&str, StoreError> {
        Ok(self.key().await?.public())
    }

    /// The value of the header `Authorization` for a push service.
    ///
    /// # Errors
    /// When the key is not available, or cannot sign.
    pub(super) async fn authorization(&self, origin: &str, now: Timestamp) -> Result<HeaderValue, StoreError> {
        if let Some(token) = self.tokens().get(origin).filter(|token| token.is_fresh(now)) {
            return Ok(token.shown.clone());
        }
        let shown = self.sign(self.key().await?, origin, now)?;
        let mut tokens = self.tokens();
        if tokens.len() >= MOST_KEPT && !tokens.contains_key(origin) {
            let oldest = tokens.iter().min_by_key(|(_, token)| token.made_at).map(|(origin, _)| origin.clone());
            oldest.and_then(|oldest| tokens.remove(&oldest));
        }
        tokens.insert(origin.to_owned(), Token { made_at: now, shown: shown.clone() });
        Ok(shown)
    }

    fn sign(&self, key: &VapidKey, origin: &str, now: Timestamp) -> Result<HeaderValue, StoreError> {
        let claims = json!({"aud": origin, "exp": (now.to_utc() + GOOD_FOR).timestamp(), "sub": self.contact});
        let parts = [r#"{"typ":"JWT","alg":"ES256"}"#.to_owned(), claims.to_string()];
        let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = key.sign(signed.as_bytes()).map_err(|_| StoreError::failed("the VAPID key does not sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let mut shown = HeaderValue::try_from(format!("vapid t={signed}.{signature}, k={}", key.public()))
            .map_err(|_| StoreError::failed("the VAPID token is no header"))?;
        shown.set_sensitive(true);
        Ok(shown)
    }

    /// The key, read or created at its first use.
    async fn key(&self) -> Result<&VapidKey, StoreError> {
        let make = async || {
            let fresh = VapidKey::generate().map_err(|_| StoreError::unavailable("no VAPID key can be made"))?;
            let kept = self.secrets.secret(KEY, fresh.private()).await?;
            VapidKey::from_bytes(&kept).ok_or_else(|| StoreError::failed("the VAPID key in the store is none"))
        };
        self.key.get_or_try_init(make).await
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<String, Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// Whether it may be used at this time. If the clock went back, it may be valid for longer than push services
    /// accept.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.to_utc() - self.made_at.to_utc();
        TimeDelta::zero() <= age && age < USED_FOR
    }
}

#[cfg(test)]
mod tests;
