//! Preferences of users, and the server's own keys, in memory, lost at restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    model::{Preferences, UserId},
    server::store::{Profiles, Secrets, StoreError, Wishes},
};

/// The preferences of all users, and the keys.
#[derive(Default)]
pub(super) struct Wanted {
    preferences: Mutex<HashMap<UserId, (Preferences, u64)>>,
    secrets: Mutex<HashMap<String, Vec<u8>>>,
}

/// No operation can panic half-way, so the data is still consistent after a panic.
fn whole<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Wishes for MemoryStore {
    async fn preferences(&self, user_id: &UserId) -> Result<(Preferences, u64), StoreError> {
        Ok(whole(&self.wanted.preferences).get(user_id).cloned().unwrap_or_default())
    }

    async fn set_preferences(
        &self,
        user_id: &UserId,
        preferences: &Preferences,
        seen: u64,
    ) -> Result<bool, StoreError> {
        let mut all = whole(&self.wanted.preferences);
        let is_as_seen = all.get(user_id).map_or(0, |(_, version)| *version) == seen;
        if is_as_seen {
            all.insert(user_id.clone(), (preferences.clone(), seen + 1));
        }
        Ok(is_as_seen)
    }

    async fn forget_preferences(&self, user_id: &UserId) -> Result<(), StoreError> {
        whole(&self.wanted.preferences).remove(user_id);
        Ok(())
    }
}

impl Profiles for MemoryStore {}

#[async_trait]
impl Secrets for MemoryStore {
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut secrets = whole(&self.wanted.secrets);
        Ok(secrets.entry(name.to_owned()).or_insert_with(|| fresh.to_vec()).clone())
    }
}
