//! What proves who somebody is: service keys, and what was handed out to those who proved it.
//!
//! Of every secret only the SHA-256 is kept. The secrets have 256 random bits, so nothing slower is
//! needed to keep them from being guessed.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::model::{Invalid, Timestamp, UserId};

/// The SHA-256 of a secret.
pub type SecretHash = [u8; 32];

/// The name of a service key, which is no secret: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u64);

impl KeyId {
    /// The key of this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Reads 16 hexadecimal digits in lower case.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let number = if text.len() == 16 && text.bytes().all(is_digit) { u64::from_str_radix(text, 16).ok() } else { None };
        number.map(Self).ok_or_else(|| Invalid::new("The id of a key is 16 hexadecimal digits, as `campanile key list` shows it."))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a service key may do, for every user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Create notifications.
    Send,
    /// List, count and follow; it changes nothing.
    Read,
    /// Everything, also mark, delete, follow all inboxes, and sign in to the dashboard.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// The scopes of a key, at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// These scopes; `None` when there is none.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Option<Self> {
        let bits = scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u8);
        (bits != 0).then_some(Self(bits))
    }

    /// Reads names with commas between them, such as `send,read`.
    ///
    /// # Errors
    /// When there is none, or one that does not exist.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let scope = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name.trim());
        let scopes: Option<Vec<_>> = text.split(',').map(scope).collect();
        scopes.and_then(|scopes| Self::of(&scopes)).ok_or_else(|| Invalid::new("Scopes are send, read and admin, with commas between them."))
    }

    /// Whether this is one of them; `admin` is all of them.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8 | 1 << Scope::Admin as u8) != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Scope::ALL.into_iter().filter(|scope| self.0 & 1 << *scope as u8 != 0).map(Scope::as_str);
        f.write_str(&named.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A service key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its name for programs.
    pub id: KeyId,
    /// Its name for people.
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
    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl fmt::Debug for ServiceKey {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").field("id", &self.id).field("name", &self.name).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// Whom a session or a ticket speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Whoever runs the server, where nobody has to prove anything.
    Operator,
    /// Whoever has this key, for as long as it is good and with what it may do then.
    Key(KeyId),
    /// This user.
    User(UserId),
}

/// What a grant is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantKind {
    /// To use the dashboard, again and again.
    Session,
    /// To open one live stream, once.
    Ticket,
}

/// A session or a ticket, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// What its secret hashes to.
    pub hash: SecretHash,
    /// What it is good for.
    pub kind: GrantKind,
    /// Whom it speaks for.
    pub holder: Holder,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
    /// When a stream that it opened has to end, because what the holder showed is no longer good then.
    pub until: Option<Timestamp>,
}

impl fmt::Debug for Grant {
    /// Without the hash and the holder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("kind", &self.kind).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Keeps what proves who somebody is. Several processes may use one at the same time, and what one
/// writes the others see at once.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// Adds a key. Its id is new.
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError>;

    /// All keys, also those that are no longer good, in the order in which they were made.
    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError>;

    /// One key, good or not; `None` when there is none of that id.
    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError>;

    /// Revokes a key; `false` when there is none of that id that is not revoked already.
    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes when keys were last used; never an earlier moment than is noted.
    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError>;

    /// Adds a session or a ticket.
    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError>;

    /// A grant that is good at this moment; `None` when there is none of that kind and hash.
    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError>;

    /// The same, and takes it away: of many who ask at once, one gets it.
    async fn take_grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError>;

    /// Takes away the grants that are no longer good at this moment, and returns how many.
    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError>;
}
