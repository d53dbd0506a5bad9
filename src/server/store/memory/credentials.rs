//! Keys, sessions and tickets in memory, lost at restart.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    model::{Timestamp, UserId},
    server::{
        identity::{Holder, KeyId},
        store::{Credentials, Grant, GrantKind, SecretHash, ServiceKey, StoreError, credentials::id_is_taken},
    },
};

/// The keys, sessions and tickets.
#[derive(Default)]
pub(super) struct Known(Mutex<CredentialTables>);

#[derive(Default)]
struct CredentialTables {
    keys: HashMap<KeyId, ServiceKey>,
    grants: HashMap<SecretHash, Grant>,
    /// The same grants, in the order in which they expire.
    ends: BTreeSet<(Timestamp, SecretHash)>,
}

impl Known {
    /// No operation can panic half-way, so the data is still consistent after a panic.
    fn kept(&self) -> MutexGuard<'_, CredentialTables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Removes the grants of a user, and those that are valid only for that inbox, and returns their number. They have
    /// no index: examining every grant in memory takes a moment.
    pub(super) fn forget_of(&self, user_id: &UserId) -> usize {
        let mut kept = self.kept();
        let is_of = |grant: &&Grant| {
            matches!(&grant.holder, Holder::User(holder) if holder == user_id) || grant.inbox.as_ref() == Some(user_id)
        };
        let gone: Vec<_> = kept.grants.values().filter(is_of).map(|grant| (grant.expires_at, grant.hash)).collect();
        for end in &gone {
            kept.ends.remove(end);
            kept.grants.remove(&end.1);
        }
        gone.len()
    }
}

impl CredentialTables {
    fn good(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Option<&Grant> {
        self.grants.get(hash).filter(|grant| grant.kind == kind && now < grant.expires_at)
    }
}

#[async_trait]
impl Credentials for MemoryStore {
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError> {
        match self.known.kept().keys.entry(key.id) {
            Entry::Occupied(_) => Err(id_is_taken(key.id)),
            Entry::Vacant(place) => {
                place.insert(key.clone());
                Ok(())
            }
        }
    }

    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError> {
        let mut keys: Vec<_> = self.known.kept().keys.values().cloned().collect();
        keys.sort_unstable_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError> {
        Ok(self.known.kept().keys.get(&id).cloned())
    }

    async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ServiceKey>, StoreError> {
        let kept = self.known.kept();
        Ok(ids.iter().filter_map(|id| kept.keys.get(id).cloned()).collect())
    }

    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError> {
        let mut kept = self.known.kept();
        let Some(key) = kept.keys.get_mut(&id).filter(|key| key.revoked_at.is_none()) else { return Ok(false) };
        key.revoked_at = Some(at);
        Ok(true)
    }

    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut kept = self.known.kept();
        for (id, at) in uses {
            if let Some(key) = kept.keys.get_mut(id) {
                key.last_used_at = key.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        let mut kept = self.known.kept();
        if let Some(before) = kept.grants.insert(grant.hash, grant.clone()) {
            kept.ends.remove(&(before.expires_at, before.hash));
        }
        kept.ends.insert((grant.expires_at, grant.hash));
        Ok(())
    }

    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        Ok(self.known.kept().good(kind, hash, now).cloned())
    }

    async fn good_sessions(&self, hashes: &[SecretHash], now: Timestamp) -> Result<HashSet<SecretHash>, StoreError> {
        let kept = self.known.kept();
        Ok(hashes.iter().filter(|hash| kept.good(GrantKind::Session, hash, now).is_some()).copied().collect())
    }

    async fn take_grant(
        &self,
        kind: GrantKind,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        let mut kept = self.known.kept();
        let Some(end) = kept.good(kind, hash, now).map(|grant| grant.expires_at) else { return Ok(None) };
        kept.ends.remove(&(end, *hash));
        Ok(kept.grants.remove(hash))
    }

    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut kept = self.known.kept();
        let mut forgotten = 0;
        while let Some((_, hash)) = kept.ends.first().copied().filter(|(end, _)| *end <= now) {
            kept.ends.pop_first();
            kept.grants.remove(&hash);
            forgotten += 1;
        }
        Ok(forgotten)
    }
}
