//! User tokens: JSON Web Tokens (RFC 7519), signed as in RFC 7515 and checked as RFC 8725 advises.
//!
//! What a token says about itself decides nothing. Its algorithm has to be the one that the key is for,
//! and the key comes from the settings only: a `jwk`, `jku` or `x5u` in its header is not looked at.

mod algorithm;
mod claims;
mod keys;
#[cfg(test)]
mod tests;
mod verified;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use jsonwebtoken::decode_header;

pub use self::algorithm::Algorithm;
use self::{
    claims::{Refused, Rules},
    keys::Key,
    verified::{Fingerprint, Verified},
};
use crate::{
    model::{Timestamp, UserId},
    server::secret::Secret,
};

/// The longest token that is looked at, in bytes. It has to fit a header of HTTP anyway.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How many verified tokens are remembered.
const REMEMBERED: usize = 16_384;

/// How user tokens are checked.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// Where the keys come from.
    pub keys: KeySource,
    /// Whom a token may be meant for: one of these must be in its `aud`. At least one.
    pub audience: Vec<String>,
    /// Who must have issued a token: its `iss`. Everybody who has the key, when absent.
    pub issuer: Option<String>,
    /// The algorithms that tokens may use, when that is less than what the keys are for.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How far the issuer's clock may be from ours, at most an hour.
    pub leeway: Duration,
}

/// Where the keys come from, and so which algorithms they are for.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A secret that the issuer has too, at least 32 bytes long: HS256.
    Secret(Secret),
    /// A file with one public key in PEM: RS256 with an RSA key of at least 2048 bits, ES256 with an
    /// EC key on P-256, `EdDSA` with an Ed25519 key.
    Pem(PathBuf),
}

/// What a good token proves.
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
    /// It is not valid. Why is for whoever runs the server, and only in the log at `debug`.
    #[error("the token is not valid")]
    Invalid,
}

/// Checks user tokens, and remembers those that were good.
pub struct Tokens {
    key: Key,
    rules: Rules,
    verified: Verified,
}

impl Tokens {
    /// Prepares to check tokens.
    ///
    /// # Errors
    /// One sentence about the first setting that is wrong.
    pub fn new(options: TokenOptions) -> Result<Self> {
        let key = match &options.keys {
            KeySource::Secret(secret) => Key::from_secret(secret)?,
            KeySource::Pem(file) => Key::from_pem_file(file)?,
        };
        let allowed = narrowed(vec![key.algorithm], options.algorithms)?;
        let rules = Rules::new(&allowed, &options.audience, options.issuer.as_deref(), options.leeway)?;
        Ok(Self { key, rules, verified: Verified::new(REMEMBERED) })
    }

    /// Checks a token, or remembers that it was good.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], the same whatever is wrong with the token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        let checked = match fingerprint(token) {
            None => Err(Refused("it is too long")),
            Some(fingerprint) => match self.remembered(&fingerprint, now) {
                Some(verified) => Ok(verified),
                None => self.check(token, fingerprint, now),
            },
        };
        checked.map_err(|Refused(why)| {
            tracing::debug!(why, "a token was refused");
            TokenError::Invalid
        })
    }

    /// What was proved by this token before, if it still holds. That costs a hash and a look.
    #[must_use]
    pub fn cached(&self, token: &str, now: Timestamp) -> Option<VerifiedToken> {
        self.remembered(&fingerprint(token)?, now)
    }

    fn remembered(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<VerifiedToken> {
        self.verified.get(fingerprint, now)
    }

    fn check(&self, token: &str, fingerprint: Fingerprint, now: Timestamp) -> Result<VerifiedToken, Refused> {
        let header = decode_header(token).map_err(|error| claims::refusal(&error))?;
        if header.crit.is_some() {
            // Nothing is understood that could stand there (RFC 7515, section 4.1.11).
            return Err(Refused("its header has crit"));
        }
        let algorithm = Algorithm::of(header.alg).ok_or(Refused("its algorithm is none that is known"))?;
        if algorithm != self.key.algorithm || !self.rules.allows(algorithm) {
            return Err(Refused("its algorithm is not allowed"));
        }
        let verified = self.rules.check(token, &self.key, now)?;
        self.verified.insert(fingerprint, verified.clone(), now);
        Ok(verified)
    }
}

fn fingerprint(token: &str) -> Option<Fingerprint> {
    (token.len() <= MAX_TOKEN_BYTES).then(|| verified::fingerprint(token))
}

/// The algorithms that may be used: those that the keys are for, or fewer.
fn narrowed(possible: Vec<Algorithm>, said: Option<Vec<Algorithm>>) -> Result<Vec<Algorithm>> {
    let Some(said) = said else { return Ok(possible) };
    if said.is_empty() {
        bail!("jwt-algorithms: none is named. Leave the setting out, and the keys decide.");
    }
    if let Some(foreign) = said.iter().find(|algorithm| !possible.contains(algorithm)) {
        let possible: Vec<_> = possible.iter().map(Algorithm::to_string).collect();
        bail!("jwt-algorithms: the keys are not for {foreign}, but for {}.", possible.join(", "));
    }
    Ok(said)
}
