//! Preferences of users, and the server's own keys. Every rule of the traits here is a named test of
//! `tests/store/wishes.rs`.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{Preferences, UserId};

/// Keeps what users want to be told of, which way, and when.
#[async_trait]
pub trait Wishes: Send + Sync + 'static {
    /// What a user wants, and how often that was changed: the default, and 0, where the user never said.
    async fn preferences(&self, user_id: &UserId) -> Result<(Preferences, u64), StoreError>;

    /// Puts these in the place of what was seen; `false`, and nothing is done, when it was changed since.
    async fn set_preferences(&self, user_id: &UserId, preferences: &Preferences, seen: u64)
    -> Result<bool, StoreError>;

    /// Forgets what a user wants.
    async fn forget_preferences(&self, user_id: &UserId) -> Result<(), StoreError>;
}

/// Keeps keys that the server makes for itself, in plain: it has to read them.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The key of this name; from now on this one, where there was none.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;
}
