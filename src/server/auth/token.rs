//! User tokens: JSON Web Tokens (RFC 7519), signed as in RFC 7515 and checked as RFC 8725 advises.
//!
//! What a token says about itself decides nothing. Its algorithm has to be one that the key is for,
//! and keys come from the settings only: a `jwk`, `jku` or `x5u` in its header is not looked at.

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

/// The longest token that is looked at, in bytes. It has to fit a header of HTTP anyway.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How many verified tokens are remembered.
const REMEMBERED: usize = 16_384;

/// How user tokens are checked.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// Source of the keys.
    pub keys: KeySource,
    /// Audiences, at least one. The `aud` of a token must contain one of them.
    pub audience: Vec<String>,
    /// Issuer that `iss` must name; any holder of the key when absent.
    pub issuer: Option<String>,
    /// The algorithms that tokens may use, when that is less than what the keys are for.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How far the issuer's clock may be from ours, at most an hour.
    pub leeway: Duration,
}

/// Source of the keys, which decides their algorithms.
#[derive(Clone)]
pub enum KeySource {
    /// A secret that the issuer has too, at least 32 bytes long: HS256.
    Secret(Secret),
    /// A file with one public key in PEM: RS256 with an RSA key of at least 2048 bits, ES256 with an
    /// EC key on P-256, `EdDSA` with an Ed25519 key.
    Pem(PathBuf),
    /// The URL of the issuer's key set (RFC 7517): RS256, ES256 and `EdDSA`, as each key is. HTTPS, or
    /// HTTP to this machine.
    Jwks(String),
}

impl std::fmt::Debug for KeySource {
    /// Without the secret, and without the URL, which may hold one.
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
    /// Whose token it is: its `sub`.
    pub user_id: UserId,
    /// When it is over: its `exp` and the leeway, so that what is verified is never already over.
    pub expires_at: Timestamp,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not valid. Why is for the log, and nothing that a caller is told.
    #[error("the token is not valid")]
    Invalid(&'static str),
    /// The issuer's keys were not had for a day or ever, and cannot be had now. Says why, for the log.
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

/// A token as it was shown, hashed once.
pub(in crate::server) struct PresentedToken<'a> {
    text: &'a str,
    /// `None` for one that is too long to be looked at.
    fingerprint: Option<Fingerprint>,
}

impl<'a> PresentedToken<'a> {
    pub(in crate::server) fn new(text: &'a str) -> Self {
        Self { text, fingerprint: (text.len() <= MAX_TOKEN_BYTES).then(|| verified::fingerprint(text)) }
    }
}

/// Checks user tokens, and remembers those that were good.
pub struct Tokens {
    keys: Keys,
    rules: Rules,
    verified: Verified,
}

enum Keys {
    /// The one that the settings name.
    Fixed(Arc<Key>),
    /// Those that the issuer has at the time.
    Issuer(Jwks),
}

impl Tokens {
    /// Prepares to check tokens. An issuer is asked for its keys when the first token comes, so that
    /// it need not be there yet.
    ///
    /// # Errors
    /// The first option that is wrong.
    pub fn new(options: TokenOptions) -> Result<Self, WrongOption> {
        Self::with_pace(options, Pace::default())
    }

    /// The same, with the task that asks an issuer for its keys among these.
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

    /// Checks a token, or remembers that it was good. Keys of an issuer are asked for on tokio; who
    /// comes first waits for them, at most five seconds.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], whatever is wrong with the token, and
    /// [`TokenError::Unavailable`] when the issuer's keys cannot be had.
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

    /// The token as it was verified before, if it is still valid. Costs a hash and a lookup.
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
            // Nothing is understood that could stand there (RFC 7515, section 4.1.11).
            return Err(Refused("its header has crit").into());
        }
        let algorithm = Algorithm::of(header.alg).ok_or(Refused("its algorithm is none that is known"))?;
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

    /// The key for a token, and in which generation of the keys it is. A key that the settings name
    /// has no name of its own, so it does not matter what the token calls it.
    async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<(Arc<Key>, u64), Failure> {
        match self {
            Self::Fixed(key) if key.algorithm == algorithm => Ok((Arc::clone(key), self.generation())),
            Self::Fixed(_) => Err(Refused("its algorithm is not the key's").into()),
            Self::Issuer(jwks) => jwks.find(kid, algorithm).await,
        }
    }

    /// Which set of keys is the present one.
    fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Issuer(jwks) => jwks.generation(),
        }
    }
}

/// The algorithms that may be used: those that the keys are for, or fewer.
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
