//! A cache of the service keys in use, at most a second old.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::key::KeySecret;
use crate::{
    model::Timestamp,
    server::{
        identity::KeyId,
        store::{Credentials, KeyOver, ServiceKey, StoreError},
    },
};

/// From this age on, one of the requests with a key reads it again, and the others continue.
const FRESH: Duration = Duration::from_millis(400);
/// From this age on, every request with the key waits for that read. So a key that was revoked, on any server, is
/// refused within a second.
const STALE: Duration = Duration::from_millis(800);
/// A key that was not used for this long is dropped from the cache.
const IDLE: Duration = Duration::from_secs(60);

/// Caches the keys in use, for a moment, so that most requests need no read.
pub(super) struct Keyring {
    credentials: Arc<dyn Credentials>,
    keys: RwLock<HashMap<KeyId, Arc<Remembered>>>,
}

/// A key as it was read.
pub(super) struct Remembered {
    pub(super) key: ServiceKey,
    /// When the store was queried for it.
    pub(super) read_at: Instant,
    is_being_read: AtomicBool,
    /// Time of its last use, in microseconds since 1970; 0 when it was not used.
    used_at: AtomicI64,
    /// The last use that was stored.
    noted_at: AtomicI64,
}

impl Keyring {
    pub(super) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, keys: RwLock::default() }
    }

    /// The key with this secret. It may no longer be valid.
    pub(super) async fn open(&self, secret: &KeySecret) -> Result<Option<Arc<Remembered>>, StoreError> {
        if let Some(remembered) = self.fresh(secret.id())
            && secret.matches(&remembered.key.hash)
        {
            return Ok(Some(remembered));
        }
        // A wrong secret is handled like an unknown key: the time does not tell which it was.
        let found = self.read(secret.id()).await?;
        let hash = found.as_ref().map_or([0; 32], |remembered| remembered.key.hash);
        let matches = secret.matches(&hash);
        Ok(found.filter(|_| matches))
    }

    /// Whether this is the secret of a cached and valid key.
    pub(super) fn knows(&self, secret: &KeySecret, now: Timestamp) -> bool {
        let remembered = self.remembered(secret.id());
        remembered.is_some_and(|known| known.key.is_good(now) && secret.matches(&known.key.hash))
    }

    /// The valid keys among these, and when the store was queried for each: with one query for all keys that were not
    /// read a moment ago.
    pub(super) async fn all_good(
        &self,
        ids: &HashSet<KeyId>,
        now: Timestamp,
    ) -> Result<HashMap<KeyId, Instant>, StoreError> {
        let is_stale = |id: &KeyId| self.remembered(*id).is_none_or(|known| known.read_at.elapsed() >= FRESH);
        let stale: Vec<_> = ids.iter().copied().filter(is_stale).collect();
        if !stale.is_empty() {
            let read_at = Instant::now();
            let found = self.credentials.keys_of(&stale).await?;
            let mut found: HashMap<_, _> = found.into_iter().map(|key| (key.id, key)).collect();
            for id in stale {
                self.keep(id, found.remove(&id), read_at);
            }
        }
        let known = ids.iter().filter_map(|id| self.remembered(*id));
        let good = known.filter(|known| known.key.is_good(now));
        Ok(good.map(|known| (known.key.id, known.read_at)).collect())
    }

    /// The key with this id, if it is valid.
    pub(super) async fn good(&self, id: KeyId, now: Timestamp) -> Result<Option<Arc<Remembered>>, StoreError> {
        let found = match self.fresh(id) {
            Some(remembered) => Some(remembered),
            None => self.read(id).await?,
        };
        Ok(found.filter(|remembered| remembered.key.is_good(now)))
    }

    /// Stores when keys were used, and drops idle keys from the cache.
    pub(super) async fn note_uses(&self) -> Result<(), StoreError> {
        let all: Vec<_> = self.keys.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut uses = Vec::new();
        for remembered in &all {
            let used_at = remembered.used_at.load(Ordering::Relaxed);
            if used_at > remembered.noted_at.load(Ordering::Relaxed)
                && let Some(at) = Timestamp::from_micros(used_at)
            {
                uses.push((remembered.key.id, at));
            }
        }
        if !uses.is_empty() {
            self.credentials.note_uses(&uses).await?;
        }
        for (id, at) in &uses {
            if let Some(remembered) = self.remembered(*id) {
                remembered.noted_at.fetch_max(at.as_micros(), Ordering::Relaxed);
            }
        }
        self.keys.write().unwrap_or_else(PoisonError::into_inner).retain(|_, remembered| {
            let is_noted = remembered.used_at.load(Ordering::Relaxed) <= remembered.noted_at.load(Ordering::Relaxed);
            !is_noted || remembered.read_at.elapsed() < IDLE
        });
        Ok(())
    }

    fn remembered(&self, id: KeyId) -> Option<Arc<Remembered>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The cached key, unless this caller is the one to read it again.
    fn fresh(&self, id: KeyId) -> Option<Arc<Remembered>> {
        let remembered = self.remembered(id)?;
        let age = remembered.read_at.elapsed();
        let may_be_used = age < FRESH || (age < STALE && remembered.is_being_read.swap(true, Ordering::Relaxed));
        may_be_used.then_some(remembered)
    }

    async fn read(&self, id: KeyId) -> Result<Option<Arc<Remembered>>, StoreError> {
        let read_at = Instant::now();
        let found = self.credentials.key(id).await?;
        Ok(self.keep(id, found, read_at))
    }

    /// Caches the store's answer to a query at this time.
    fn keep(&self, id: KeyId, found: Option<ServiceKey>, read_at: Instant) -> Option<Arc<Remembered>> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let Some(key) = found else {
            // Only existing keys are cached, so that no caller can fill the memory with others.
            keys.remove(&id);
            return None;
        };
        let before = keys.get(&id);
        let kept =
            |value: fn(&Remembered) -> &AtomicI64| before.map_or(0, |known| value(known).load(Ordering::Relaxed));
        let remembered = Arc::new(Remembered {
            key,
            read_at,
            is_being_read: AtomicBool::new(false),
            used_at: AtomicI64::new(kept(|known| &known.used_at)),
            noted_at: AtomicI64::new(kept(|known| &known.noted_at)),
        });
        keys.insert(id, Arc::clone(&remembered));
        Some(remembered)
    }
}

impl Remembered {
    /// Records that the key is used now, or returns why it is no longer valid.
    pub(super) fn used(&self, now: Timestamp) -> Result<(), KeyOver> {
        match self.key.over(now) {
            Some(over) => Err(over),
            None => {
                self.used_at.fetch_max(now.as_micros(), Ordering::Relaxed);
                Ok(())
            }
        }
    }
}
