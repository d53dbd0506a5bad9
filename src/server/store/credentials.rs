//! Credentials: service keys, sessions and tickets. Every rule of [`Credentials`] is a named test of
//! `tests/store/credentials.rs`.
//!
//! Of every secret only the SHA-256 is stored. The secrets have 256 random bits, so no slower hash is needed to keep
//! them from being guessed.

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

/// A service key as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its name for programs.
    pub id: KeyId,
    /// Its name for people, as [`Self::parse_name`] allows it.
    pub name: String,
    /// Its scopes.
    pub scopes: Scopes,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// Time at which it was created.
    pub created_at: Timestamp,
    /// Time from which it is no longer valid.
    pub expires_at: Option<Timestamp>,
    /// Time of its last use, to some seconds.
    pub last_used_at: Option<Timestamp>,
    /// Time at which it was revoked.
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

    /// Whether it is valid at this time.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.over(now).is_none()
    }

    /// Why it is no longer valid at this time, if it is not.
    #[must_use]
    pub fn over(&self, now: Timestamp) -> Option<KeyOver> {
        if self.revoked_at.is_some() {
            Some(KeyOver::Revoked)
        } else {
            self.expires_at.is_some_and(|end| end <= now).then_some(KeyOver::Expired)
        }
    }
}

/// Why a service key is no longer valid. Only a caller that has its secret learns it.
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

/// Stores the credentials of callers. Several processes may use one store at the same time, and each sees at once what
/// another writes.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// Adds a key. When a key with its id exists, that one stays as it is and this fails.
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError>;

    /// All keys, also those that are no longer valid, by the time of their creation, and then by id.
    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError>;

    /// One key, valid or not; `None` when none has this id.
    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError>;

    /// The keys with one of these ids, valid or not, read in one query; in any order.
    async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ServiceKey>, StoreError>;

    /// Revokes a key, valid or expired; `false` when no key has this id, or it is revoked already.
    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError>;

    /// Stores when keys were last used; never an earlier time than is stored already. A key may come several times, and
    /// an unknown one is ignored.
    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError>;

    /// Adds a session or a ticket with a new hash.
    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError>;

    /// A grant that is valid at this time; `None` when none has this kind and hash.
    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError>;

    /// Those of these sessions that are valid at this time, read in one query.
    async fn good_sessions(&self, hashes: &[SecretHash], now: Timestamp) -> Result<HashSet<SecretHash>, StoreError>;

    /// Removes and returns a grant, as [`Self::grant`] finds it: of many callers that ask at once, one gets it.
    async fn take_grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp)
    -> Result<Option<Grant>, StoreError>;

    /// Removes the grants that are no longer valid at this time, and returns their number.
    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError>;
}

/// The error for a second key with the same id.
pub(super) fn id_is_taken(id: KeyId) -> StoreError {
    StoreError::failed(format!("there is a key {id} already."))
}
