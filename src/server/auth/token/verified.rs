//! A cache of verified tokens, so that the next request with one costs a hash and a lookup.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use aws_lc_rs::digest::{SHA256, digest};

use super::VerifiedToken;
use crate::model::Timestamp;

/// The number of parts of the cache, so that threads rarely need the same one.
const SHARDS: usize = 32;

/// SHA-256 of a token: unique, and of no use to a reader.
pub(super) type Fingerprint = [u8; 32];

/// The fingerprint of a token.
pub(super) fn fingerprint(token: &str) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    fingerprint
}

struct Entry {
    token: VerifiedToken,
    /// The key set that verified it. The next one invalidates it.
    generation: u64,
}

impl Entry {
    fn holds(&self, generation: u64, now: Timestamp) -> bool {
        self.generation == generation && now < self.token.expires_at
    }
}

/// Verified tokens, by their fingerprints.
pub(super) struct Verified {
    shards: [RwLock<HashMap<Fingerprint, Entry>>; SHARDS],
    /// The most tokens in one part.
    room: usize,
}

impl Verified {
    /// A cache for this many tokens.
    pub(super) fn new(capacity: usize) -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), room: (capacity / SHARDS).max(1) }
    }

    fn shard(&self, fingerprint: &Fingerprint) -> &RwLock<HashMap<Fingerprint, Entry>> {
        &self.shards[usize::from(fingerprint[0]) % SHARDS]
    }

    /// The verified token, if it is still valid under this key set.
    pub(super) fn get(&self, fingerprint: &Fingerprint, generation: u64, now: Timestamp) -> Option<VerifiedToken> {
        let shard = self.shard(fingerprint).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(fingerprint).filter(|entry| entry.holds(generation, now)).map(|entry| entry.token.clone())
    }

    /// Caches a token that was valid under this key set.
    pub(super) fn insert(&self, fingerprint: Fingerprint, generation: u64, token: VerifiedToken, now: Timestamp) {
        let mut shard = self.shard(&fingerprint).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.room {
            shard.retain(|_, entry| entry.holds(generation, now));
            if shard.len() >= self.room {
                // It matters little which ones are dropped: they cost one signature check when they come again.
                let mut kept = false;
                shard.retain(|_, _| {
                    kept = !kept;
                    kept && self.room > 1
                });
            }
        }
        shard.insert(fingerprint, Entry { token, generation });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    fn token(expires: i64) -> VerifiedToken {
        VerifiedToken { user_id: UserId::parse("ann").unwrap(), expires_at: at(expires) }
    }

    fn count(verified: &Verified) -> usize {
        verified.shards.iter().map(|shard| shard.read().unwrap().len()).sum()
    }

    #[test]
    fn an_entry_is_valid_until_it_expires_or_the_keys_change() {
        let verified = Verified::new(100);
        let name = fingerprint("a.b.c");
        verified.insert(name, 1, token(10), at(0));
        assert_eq!(verified.get(&name, 1, at(9)), Some(token(10)));
        assert_eq!(verified.get(&name, 1, at(10)), None);
        assert_eq!(verified.get(&name, 2, at(9)), None);
        assert_eq!(verified.get(&fingerprint("a.b.d"), 1, at(9)), None);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        for capacity in [0, 1, SHARDS, 4 * SHARDS, 1024] {
            let verified = Verified::new(capacity);
            for number in 0..5_000 {
                let name = fingerprint(&number.to_string());
                verified.insert(name, 0, token(10), at(0));
                assert!(verified.get(&name, 0, at(0)).is_some(), "the newest is there");
            }
            let most = capacity.max(SHARDS);
            assert!((most / 3..=most).contains(&count(&verified)), "{} of {capacity}", count(&verified));
        }
    }

    #[test]
    fn expired_entries_are_evicted_first() {
        let verified = Verified::new(SHARDS * 4);
        let in_one_shard = |number: u8| {
            let mut name = [0; 32];
            name[1] = number;
            name
        };
        verified.insert(in_one_shard(0), 1, token(100), at(0));
        verified.insert(in_one_shard(1), 1, token(5), at(0));
        verified.insert(in_one_shard(2), 0, token(100), at(0));
        verified.insert(in_one_shard(3), 1, token(100), at(0));
        verified.insert(in_one_shard(4), 1, token(100), at(5));
        let held: Vec<_> = (0..5).filter(|n| verified.get(&in_one_shard(*n), 1, at(5)).is_some()).collect();
        assert_eq!((held, count(&verified)), (vec![0, 3, 4], 3));
    }

    #[test]
    fn many_threads_read_and_write_it() {
        let verified = Verified::new(256);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let verified = &verified;
                scope.spawn(move || {
                    for number in 0..2_000 {
                        let name = fingerprint(&(number % 400 + thread).to_string());
                        verified.insert(name, 0, token(10), at(0));
                        let found = verified.get(&name, 0, at(0));
                        assert!(found.is_none_or(|found| found == token(10)));
                    }
                });
            }
        });
        assert!(count(&verified) <= 256);
    }
}
