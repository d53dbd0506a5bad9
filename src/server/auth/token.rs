//! User tokens: JSON Web Tokens (RFC 7519), signed as in RFC 7515 and checked as RFC 8725 advises.
//!
//! A token's own claims about itself decide nothing. Its algorithm has to be that of the key, and keys come from the
//! settings only: a `jwk`, `jku` or `x5u` in its header is ignored.

mod algorithm;
mod claims;
mod fetch;
mod jwks;
mod keys;
#[cfg(test)]
mod tests;
mod verified;
mod wrong_option;

use std::{path::PathBuf, sync::Arc, time::Duration};

use jsonwebtoken::decode_header;

pub use self::{algorithm::Algorithm, wrong_option::WrongOption};
use self::{
    claims::{Refused, Rules},
    jwks::{Jwks, Pace},
    keys::Key,
    verified::{Fingerprint, Verified},
};
use crate::{
    model::{Timestamp, UserId},
    server::{secret::Secret, tasks::Tasks},
};

/// The longest token that is checked, in bytes. It has to fit into an HTTP header anyway.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How many verified tokens are cached.
const REMEMBERED: usize = 16_384;

/// The settings for user tokens.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// Source of the keys.
    pub keys: KeySource,
    /// Audiences, at least one. The `aud` of a token must contain one of them.
    pub audience: Vec<String>,
    /// Issuer that `iss` must name; any holder of the key when absent.
    pub issuer: Option<String>,
    /// The algorithms that tokens may use, when those are fewer than the keys have.
    pub algorithms: Option<Vec<Algorithm>>,
    /// The largest accepted difference between the issuer's clock and ours, at most an hour.
    pub leeway: Duration,
}

/// Source of the keys, which decides their algorithms.
#[derive(Clone)]
pub enum KeySource {
    /// A secret shared with the issuer, at least 32 bytes long: HS256.
    Secret(Secret),
    /// A file with one public key in PEM: RS256 with an RSA key of at least 2048 bits, ES256 with an
    /// EC key on P-256, `EdDSA` with an Ed25519 key.
    Pem(PathBuf),
    /// The URL of the issuer's key set (RFC 7517): RS256, ES256 and `EdDSA`, by the type of each key. HTTPS, or HTTP to
    /// this machine.
    Jwks(String),
}

impl std::fmt::Debug for KeySource {
    /// Without the secret, and without the URL, which may contain one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(secret) => f.debug_tuple("Secret").field(secret).finish(),
            Self::Pem(path) => f.debug_tuple("Pem").field(path).finish(),
            Self::Jwks(_) => f.write_str("Jwks"),
        }
    }
}

/// A verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The user: its `sub`.
    pub user_id: UserId,
    /// When it expires: its `exp` plus the leeway, so that a verified token has never expired already.
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not valid. The reason is for the log, and not for the caller.
    #[error("the token is not valid")]
    Invalid(&'static str),
    /// The issuer's keys are unavailable, and were never fetched or more than a day ago. The reason is for the log.
    #[error("tokens cannot be checked: {0}")]
    Unavailable(String),
}

/// The failure, before it is turned into an error for the caller.
enum Failure {
    Refused(Refused),
    Unavailable(String),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A token from a request, hashed once.
pub(in crate::server) struct PresentedToken<'a> {
    text: &'a str,
    /// `None` for one that is too long to be checked.
    fingerprint: Option<Fingerprint>,
}

impl<'a> PresentedToken<'a> {
    pub(in crate::server) fn new(text: &'a str) -> Self {
        Self { text, fingerprint: (text.len() <= MAX_TOKEN_BYTES).then(|| verified::fingerprint(text)) }
    }
}

/// Checks user tokens, and caches the valid ones.
pub struct Tokens {
    keys: Keys,
    rules: Rules,
    verified: Verified,
}

enum Keys {
    /// The key in the settings.
    Fixed(Arc<Key>),
    /// The present keys of the issuer.
    Issuer(Jwks),
}

impl Tokens {
    /// Prepares to check tokens. An issuer's keys are fetched when the first token comes, so that it need not be
    /// available yet.
    ///
    /// # Errors
    /// The first invalid option.
    pub fn new(options: TokenOptions) -> Result<Self, WrongOption> {
        Self::with_pace(options, Pace::default())
    }

    /// The same, with the task that fetches an issuer's keys among these.
    #[must_use]
    pub fn among(self, tasks: &Tasks) -> Self {
        let keys = match self.keys {
            Keys::Issuer(jwks) => Keys::Issuer(jwks.among(tasks.clone())),
            fixed @ Keys::Fixed(_) => fixed,
        };
        Self { keys, ..self }
    }

    fn with_pace(options: TokenOptions, pace: Pace) -> Result<Self, WrongOption> {
        let (keys, possible) = match &options.keys {
            KeySource::Secret(secret) => Keys::fixed(Key::from_secret(secret)?),
            KeySource::Pem(file) => Keys::fixed(Key::from_pem_file(file)?),
            KeySource::Jwks(url) => (Keys::Issuer(Jwks::new(url, pace)?), keys::OF_A_KEY_SET.to_vec()),
        };
        let allowed = narrowed(possible, options.algorithms)?;
        let rules = Rules::new(&allowed, &options.audience, options.issuer.as_deref(), options.leeway)?;
        Ok(Self { keys, rules, verified: Verified::new(REMEMBERED) })
    }

    /// Checks a token, or finds it in the cache. An issuer's keys are fetched on tokio; the first caller waits for
    /// them, at most five seconds.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] for every fault of the token, and [`TokenError::Unavailable`] when the issuer's keys are
    /// unavailable.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        self.verify_shown(&PresentedToken::new(token), now).await
    }

    /// The same, for a token that is hashed already.
    pub(in crate::server) async fn verify_shown(
        &self,
        shown: &PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<VerifiedToken, TokenError> {
        let checked = match shown.fingerprint {
            None => Err(Failure::Refused(Refused("it is too long"))),
            Some(fingerprint) => match self.remembered(&fingerprint, now) {
                Some(verified) => Ok(verified),
                None => self.check(shown.text, fingerprint, now).await,
            },
        };
        checked.map_err(|failure| match failure {
            Failure::Refused(Refused(why)) => {
                tracing::debug!(why, "a token was refused");
                TokenError::Invalid(why)
            }
            Failure::Unavailable(why) => TokenError::Unavailable(why),
        })
    }

    /// The token from the cache, if it is still valid. Costs a hash and a lookup.
    #[must_use]
    pub fn cached(&self, token: &str, now: Timestamp) -> Option<VerifiedToken> {
        self.cached_shown(&PresentedToken::new(token), now)
    }

    /// The same, for a token that is hashed already.
    pub(in crate::server) fn cached_shown(&self, shown: &PresentedToken<'_>, now: Timestamp) -> Option<VerifiedToken> {
        self.remembered(&shown.fingerprint?, now)
    }

    fn remembered(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<VerifiedToken> {
        self.verified.get(fingerprint, self.keys.generation(), now)
    }

    async fn check(&self, token: &str, fingerprint: Fingerprint, now: Timestamp) -> Result<VerifiedToken, Failure> {
        let header = decode_header(token).map_err(|error| claims::refused_header(token, &error))?;
        if header.crit.is_some() {
            // No extension that it could list is supported (RFC 7515, section 4.1.11).
            return Err(Refused("its header has crit").into());
        }
        let algorithm = Algorithm::of(header.alg).ok_or(Refused("its algorithm is unknown"))?;
        if !self.rules.allows(algorithm) {
            return Err(Refused("its algorithm is not allowed").into());
        }
        let (key, generation) = self.keys.find(header.kid.as_deref(), algorithm).await?;
        let verified = self.rules.check(token, &key, now)?;
        self.verified.insert(fingerprint, generation, verified.clone(), now);
        Ok(verified)
    }
}

impl Keys {
    fn fixed(key: Key) -> (Self, Vec<Algorithm>) {
        let possible = vec![key.algorithm];
        (Self::Fixed(Arc::new(key)), possible)
    }

    /// The key for a token, and the generation of keys that it belongs to. A key from the settings has no id, so the
    /// token may use any.
    async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<(Arc<Key>, u64), Failure> {
        match self {
            Self::Fixed(key) if key.algorithm == algorithm => Ok((Arc::clone(key), self.generation())),
            Self::Fixed(_) => Err(Refused("its algorithm is not the key's").into()),
            Self::Issuer(jwks) => jwks.find(kid, algorithm).await,
        }
    }

    /// The generation of the present set of keys.
    fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Issuer(jwks) => jwks.generation(),
        }
    }
}

/// The allowed algorithms: those of the keys, or fewer.
fn narrowed(possible: Vec<Algorithm>, said: Option<Vec<Algorithm>>) -> Result<Vec<Algorithm>, WrongOption> {
    let Some(said) = said else { return Ok(possible) };
    if said.is_empty() {
        return Err(WrongOption::Algorithms("none is named. Leave the setting out, and the keys decide.".to_owned()));
    }
    if let Some(foreign) = said.iter().find(|algorithm| !possible.contains(algorithm)) {
        let possible: Vec<_> = possible.iter().map(Algorithm::to_string).collect();
        let why = format!("the keys are not for {foreign}, but for {}.", possible.join(", "));
        return Err(WrongOption::Algorithms(why));
    }
    Ok(said)
}
