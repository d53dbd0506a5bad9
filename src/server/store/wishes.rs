//! Preferences of users, and the server's own keys. Every rule of these traits is a named test of
//! `tests/store/wishes.rs`.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{Preferences, UserId};

/// Stores the preferences of users: which notifications reach them, by which channel, and when.
#[async_trait]
pub trait Wishes: Send + Sync + 'static {
    /// The preferences of a user, and how often they were changed: the default, and 0, where the user never set them.
    async fn preferences(&self, user_id: &UserId) -> Result<(Preferences, u64), StoreError>;

    /// Replaces the preferences of the version `seen`; `false`, and nothing is changed, when they were changed since.
    async fn set_preferences(&self, user_id: &UserId, preferences: &Preferences, seen: u64)
    -> Result<bool, StoreError>;

    /// Forgets the preferences of a user.
    async fn forget_preferences(&self, user_id: &UserId) -> Result<(), StoreError>;
}

/// Stores keys that the server creates for itself, in plain text, because it has to read them.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The key with this name; where there was none, `fresh` is stored and returned.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;
}
