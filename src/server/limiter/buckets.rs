//! Buckets that drain by the clock: the generic cell rate algorithm (ITU-T I.371).
//!
//! A bucket is one time: when it will be full again. Written here, because a batch has to check the buckets of all its
//! recipients before it takes from any of them.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The number of parts of the map, so that a walk through one of them blocks few callers.
const SHARDS: usize = 64;

/// Nanoseconds. 64 bits would be too few for the slowest rate with the largest burst.
type Nanos = u128;

/// The size of every bucket, and how fast it fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The time until there is one more token.
    pub(super) period: Nanos,
    /// The number of tokens in a full bucket.
    pub(super) burst: NonZeroU32,
}

/// Why no token was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There will be enough after this time.
    For(Duration),
    /// A full bucket does not hold as many.
    Ever,
}

impl Shape {
    fn worth(self, count: u32) -> Nanos {
        self.period * Nanos::from(count)
    }

    /// The time when a bucket will be full again after this many tokens are taken now, and the number that is left.
    fn take(self, full_at: Nanos, now: Nanos, count: NonZeroU32) -> Result<(Nanos, u32), Refused> {
        if count > self.burst {
            return Err(Refused::Ever);
        }
        let full_at = full_at.max(now) + self.worth(count.get());
        let (missing, all) = (full_at - now, self.worth(self.burst.get()));
        if missing > all {
            return Err(Refused::For(Duration::from_nanos_u128(missing - all)));
        }
        Ok((full_at, u32::try_from((all - missing) / self.period).unwrap_or(u32::MAX)))
    }

    /// The same, without checking that the tokens are there; the debt is at most a burst.
    fn charge(self, full_at: Nanos, now: Nanos, count: u32) -> Nanos {
        let most = now + 2 * self.worth(self.burst.get());
        (full_at.max(now) + self.worth(count)).min(most)
    }
}

type Shard<K> = HashMap<K, Nanos>;

/// A bucket for each caller.
pub(super) struct Buckets<K> {
    shape: Shape,
    started: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard<K>>; SHARDS],
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(shape: Shape) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(HashMap::new()));
        Self { shape, started: Instant::now(), hasher: RandomState::new(), shards }
    }

    /// Takes this many tokens, or none, and returns the number that is left.
    pub(super) fn take(&self, who: &K, count: NonZeroU32) -> Result<u32, Refused> {
        let mut shard = lock(&self.shards[self.shard_of(who)]);
        let now = self.now();
        let (full_at, left) = self.shape.take(shard.get(who).copied().unwrap_or(0), now, count)?;
        put(&mut shard, who, full_at);
        Ok(left)
    }

    /// Takes tokens from all of these, with each caller named once, or none; the error is the longest wait.
    pub(super) fn take_all(&self, all: &[(&K, NonZeroU32)]) -> Result<(), Refused> {
        let places: Vec<usize> = all.iter().map(|(who, _)| self.shard_of(who)).collect();
        let wanted = places.iter().fold(0_u64, |wanted, place| wanted | 1 << place);
        // Always in the same order, so that no two callers wait for each other.
        let mut shards: [Option<MutexGuard<'_, Shard<K>>>; SHARDS] =
            std::array::from_fn(|place| (wanted >> place & 1 == 1).then(|| lock(&self.shards[place])));
        let now = self.now();
        let mut taken = Vec::with_capacity(all.len());
        let mut longest = None;
        for (place, (who, count)) in places.iter().zip(all) {
            let full_at = shards[*place].as_ref().and_then(|shard| shard.get(*who)).copied().unwrap_or(0);
            match self.shape.take(full_at, now, *count) {
                Ok((full_at, _)) => taken.push(full_at),
                Err(Refused::Ever) => return Err(Refused::Ever),
                Err(Refused::For(wait)) => longest = longest.max(Some(wait)),
            }
        }
        if let Some(wait) = longest {
            return Err(Refused::For(wait));
        }
        for ((place, (who, _)), full_at) in places.iter().zip(all).zip(taken) {
            if let Some(shard) = &mut shards[*place] {
                put(shard, who, full_at);
            }
        }
        Ok(())
    }

    /// Takes this many tokens, without checking that they are there.
    pub(super) fn charge(&self, who: &K, count: u32) {
        let mut shard = lock(&self.shards[self.shard_of(who)]);
        let full_at = self.shape.charge(shard.get(who).copied().unwrap_or(0), self.now(), count);
        put(&mut shard, who, full_at);
    }

    pub(super) fn forget_full(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let now = self.now();
            shard.retain(|_, full_at| *full_at > now);
            shard.shrink_to_fit();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn now(&self) -> Nanos {
        self.started.elapsed().as_nanos()
    }

    fn shard_of(&self, who: &K) -> usize {
        self.hasher.hash_one(who) as usize % SHARDS
    }
}

/// Nothing panics while it holds a shard, and its data is always consistent.
fn lock<K>(shard: &Mutex<Shard<K>>) -> MutexGuard<'_, Shard<K>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put<K: Hash + Eq + Clone>(shard: &mut Shard<K>, who: &K, full_at: Nanos) {
    match shard.get_mut(who) {
        Some(bucket) => *bucket = full_at,
        None => drop(shard.insert(who.clone(), full_at)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    /// Two at a time: a token that both need is there once.
    #[test]
    fn of_two_batches_at_once_that_need_the_same_one_is_refused() {
        for _ in 0..200 {
            let shape = Shape { period: 3_600_000_000_000, burst: count(1) };
            let buckets = Buckets::new(shape);
            let passed: usize = std::thread::scope(|scope| {
                let batches = [[1, 2, 3], [3, 4, 5]].map(|users| {
                    let buckets = &buckets;
                    scope.spawn(move || {
                        let all: Vec<_> = users.iter().map(|user| (user, NonZeroU32::MIN)).collect();
                        usize::from(buckets.take_all(&all).is_ok())
                    })
                });
                batches.into_iter().map(|batch| batch.join().unwrap()).sum()
            });
            assert_eq!(passed, 1);
            assert_eq!(buckets.len(), 3);
        }
    }

    proptest! {
        /// For any requests at any times: no period gets more tokens than a burst and its share of the rate, and a
        /// client that waits as long as it is told is not refused again.
        #[test]
        fn a_bucket_never_gives_more_than_its_rate(
            period in 1_u128..1_000,
            burst in 1_u32..20,
            asked in proptest::collection::vec((0_u128..3_000, 1_u32..25), 1..60),
        ) {
            let shape = Shape { period, burst: count(burst) };
            let (mut now, mut full_at, mut taken) = (0, 0, Vec::new());
            for (later, many) in asked {
                now += later;
                match shape.take(full_at, now, count(many)) {
                    Ok((next, left)) => {
                        full_at = next;
                        taken.push((now, many));
                        prop_assert!(left + many <= burst);
                        prop_assert!(left == 0 || shape.take(full_at, now, count(left)).is_ok());
                        prop_assert!(shape.take(full_at, now, count(left + 1)).is_err());
                    }
                    Err(Refused::Ever) => prop_assert!(many > burst),
                    Err(Refused::For(wait)) => {
                        prop_assert!(shape.take(full_at, now + wait.as_nanos(), count(many)).is_ok());
                        prop_assert!(shape.take(full_at, now + wait.as_nanos() - 1, count(many)).is_err());
                    }
                }
            }
            for from in 0..taken.len() {
                let mut sum = 0;
                for (at, many) in &taken[from..] {
                    sum += u128::from(*many);
                    prop_assert!(sum <= u128::from(burst) + (at - taken[from].0) / period);
                }
            }
        }
    }
}
