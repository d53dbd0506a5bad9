//! Credentials: service keys, sessions and tickets. Every rule of [`Credentials`] is a named test of
//! `tests/store/credentials.rs`.
//!
//! Of every secret only the SHA-256 is kept. The secrets have 256 random bits, so nothing slower is
//! needed to keep them from being guessed.

mod grant;

use std::{collections::HashSet, fmt};

use async_trait::async_trait;

use super::StoreError;
use crate::{
    model::{Invalid, Timestamp},
    server::identity::{KeyId, Scopes},
};

pub use grant::{Grant, GrantKind};

/// The SHA-256 of a secret.
pub type SecretHash = [u8; 32];

/// A service key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its name for programs.
    pub id: KeyId,
    /// Its name for people, as [`Self::parse_name`] allows it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// What its secret must hash to.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to some seconds.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ServiceKey {
    /// The most characters (Unicode scalar values) a name may have.
    pub const NAME_MAX_CHARS: usize = 64;

    /// Takes a name as it is.
    ///
    /// # Errors
    /// When it is blank, longer than [`Self::NAME_MAX_CHARS`], or contains a control character.
    pub fn parse_name(text: &str) -> Result<String, Invalid> {
        let is_legal = !text.trim().is_empty()
            && text.chars().count() <= Self::NAME_MAX_CHARS
            && !text.chars().any(char::is_control);
        let wrong = || {
            let most = Self::NAME_MAX_CHARS;
            Invalid::new(format!("The name of a key is 1 to {most} characters, not blank, without control characters."))
        };
        is_legal.then(|| text.to_owned()).ok_or_else(wrong)
    }

    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.over(now).is_none()
    }

    /// Why it is not good any more at this moment, if it is not.
    #[must_use]
    pub fn over(&self, now: Timestamp) -> Option<KeyOver> {
        if self.revoked_at.is_some() {
            Some(KeyOver::Revoked)
        } else {
            self.expires_at.is_some_and(|end| end <= now).then_some(KeyOver::Expired)
        }
    }
}

/// Why a service key is not good any more. Only a caller that has its secret is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOver {
    /// Its time is over.
    Expired,
    /// An operator revoked it.
    Revoked,
}

impl fmt::Debug for ServiceKey {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Keeps what proves who a caller is. Several processes may use one at the same time, and what one
/// writes the others see at once.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// Adds a key. Where there is one of its id already, that one stays as it is and this fails.
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError>;

    /// All keys, also those that are no longer good, by when they were made, and then by id.
    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError>;

    /// One key, good or not; `None` when there is none of that id.
    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError>;

    /// Those keys that have one of these ids, good or not, by one look at all of them; in any order.
    async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ServiceKey>, StoreError>;

    /// Revokes a key, good or expired; `false` when there is none of that id that is not revoked already.
    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes when keys were last used; never an earlier moment than is noted. A key may come several
    /// times, and one that does not exist is passed over.
    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError>;

    /// Adds a session or a ticket, whose hash is new.
    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError>;

    /// A grant that is good at this moment; `None` when there is none of that kind and hash.
    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError>;

    /// Those of these sessions that are good at this moment, by one look at all of them.
    async fn good_sessions(&self, hashes: &[SecretHash], now: Timestamp) -> Result<HashSet<SecretHash>, StoreError>;

    /// One grant, as [`Self::grant`] finds it, and takes it away: of many who ask at once, one gets it.
    async fn take_grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp)
    -> Result<Option<Grant>, StoreError>;

    /// Takes away the grants that are no longer good at this moment, and returns how many.
    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError>;
}

/// A second key of the same id.
pub(super) fn id_is_taken(id: KeyId) -> StoreError {
    StoreError::failed(format!("there is a key {id} already."))
}
