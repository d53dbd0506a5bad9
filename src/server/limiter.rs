//! Rate limits for many callers.
//!
//! Each has a bucket that holds `burst` and is filled again at a steady rate. A bucket that is full
//! again is forgotten.

mod buckets;

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use buckets::{Buckets, Refused, Shape};

/// An empty bucket is full again within a year.
const LONGEST_WINDOW: u64 = 366 * 86_400;

/// So many in so much time, and how many of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// Reads a rate such as `50/s`, `600/m:100` or `1000/h`: how many in a second, minute or hour,
    /// and after a colon how many at once (else as many as the rate says). `off` is no limit.
    ///
    /// # Errors
    /// When it is anything else; the sentence says what would be legal.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text == "off" {
            return Ok(None);
        }
        let read = || {
            let (rate, burst) = text.split_once(':').map_or((text, None), |(rate, burst)| (rate, Some(burst)));
            let (count, unit) = rate.split_once('/')?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                _ => return None,
            };
            let count = count.parse::<NonZeroU32>().ok()?;
            let burst = burst.map_or(Ok(count), str::parse).ok()?;
            // More than one in a nanosecond is no limit.
            let is_slow_enough = count.get() <= 1_000_000_000;
            let rate = Self { count, per: Duration::from_secs(seconds), burst };
            (is_slow_enough && rate.window() <= LONGEST_WINDOW).then_some(rate)
        };
        match read() {
            Some(rate) => Ok(Some(rate)),
            None => Err(format!("{text:?} is not a rate such as 50/s, 600/m:100 (100 at once) or off.")),
        }
    }

    /// How long it takes until one more may be done.
    fn period(self) -> Duration {
        self.per / self.count.get()
    }

    /// In how many seconds an empty bucket is full again; at least one.
    fn window(self) -> u64 {
        (self.period() * self.burst.get()).as_secs().max(1)
    }

    fn shape(self) -> Shape {
        Shape { period: self.period().as_nanos(), burst: self.burst }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(f, "{}/{unit}:{}", self.count, self.burst)
    }
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// How many they may do at once, at most.
    pub burst: u32,
    /// In how many seconds they may do all of them again.
    pub window: u64,
    /// How many are left now.
    pub left: u32,
    /// In how many seconds there is at least one more than now.
    pub next: u64,
}

/// One did it too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// How many they may do at once, at most.
    pub burst: u32,
    /// In how many seconds they may do all of them again.
    pub window: u64,
    /// In how many seconds they may do it again, at least one; `None` when it is more at once than
    /// they ever may.
    pub again_in: Option<u64>,
}

/// The weight of a request in a rate limit.
///
/// One more for every ten notifications and for every 64 KiB of them. So a thousand small ones are 101
/// requests, which is much less than a thousand requests cost, and the most that can be sent to a
/// thousand users at once is some hundreds.
#[must_use]
pub fn weight(notifications: usize, bytes: usize) -> NonZeroU32 {
    const NOTIFICATIONS: usize = 10;
    const BYTES: usize = 64 * 1024;
    let more = (notifications / NOTIFICATIONS).saturating_add(bytes / BYTES);
    NonZeroU32::MIN.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Counts how often each does something.
pub struct Limiter<K> {
    rate: Rate,
    buckets: Buckets<K>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Each may do it this often.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: Buckets::new(rate.shape()) }
    }

    /// Counts one of them, unless that is too often.
    ///
    /// # Errors
    /// When it is; then nothing was counted.
    pub fn check(&self, who: &K) -> Result<Remaining, TooOften> {
        let left = self.buckets.take(who, NonZeroU32::MIN).map_err(|refused| self.too_often(refused))?;
        let (burst, window) = (self.rate.burst.get(), self.rate.window());
        Ok(Remaining { burst, window, left, next: self.rate.period().as_secs().max(1) })
    }

    /// Counts so many at once, or none of them.
    ///
    /// # Errors
    /// When that is too often, or more than one may do at once.
    pub fn check_many(&self, who: &K, count: NonZeroU32) -> Result<(), TooOften> {
        self.buckets.take(who, count).map(drop).map_err(|refused| self.too_often(refused))
    }

    /// Counts all of these, each of whom is named once, or nothing of any.
    ///
    /// # Errors
    /// When it is too often for one of them, or more than one may do at once; says when it would
    /// be for none.
    pub fn check_all(&self, all: &[(&K, NonZeroU32)]) -> Result<(), TooOften> {
        self.buckets.take_all(all).map_err(|refused| self.too_often(refused))
    }

    /// Counts so many more of a caller whom [`Self::check`] let in, because what they asked for turned
    /// out to weigh more than one. It is not refused any more: who asks next waits until it is paid.
    /// A debt is never more than a burst.
    pub fn charge(&self, who: &K, count: u32) {
        self.buckets.charge(who, count);
    }

    /// Forgets those who have all of their burst again.
    pub fn forget_idle(&self) {
        self.buckets.forget_full();
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn too_often(&self, refused: Refused) -> TooOften {
        let again_in = match refused {
            // A client that waits as long as it is told must not be refused again.
            Refused::For(wait) => Some(wait.as_secs() + 1),
            Refused::Ever => None,
        };
        TooOften { burst: self.rate.burst.get(), window: self.rate.window(), again_in }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap().unwrap()
    }

    #[test]
    fn a_rate_has_a_unit_and_may_have_a_burst() {
        assert_eq!(Rate::parse("off"), Ok(None));
        for (text, same) in [("50/s", "50/s:50"), ("600/m:100", "600/m:100"), ("1/h:1", "1/h:1")] {
            assert_eq!(rate(text).to_string(), same);
            assert_eq!(rate(same), rate(text));
        }
        for wrong in
            ["", "50", "/s", "50/", "50/d", "0/s", "50/s:0", "50/s:", "-1/s", "1.5/s", "2000000000/s", "on", "1/h:9000"]
        {
            let error = Rate::parse(wrong).unwrap_err();
            assert!(error.contains("50/s"), "{error}");
        }
    }

    #[test]
    fn what_is_more_than_the_burst_waits_and_others_do_not() {
        let limiter = Limiter::new(rate("1/m:3"));
        let left: Vec<_> = (0..3).map(|_| limiter.check(&"ann").unwrap().left).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limiter.check(&"ann").unwrap_err();
        assert_eq!((refused.burst, refused.window), (3, 180));
        let again_in = refused.again_in.unwrap();
        assert!((59..=61).contains(&again_in), "{again_in}");
        assert!(limiter.check(&"bob").is_ok());
    }

    #[test]
    fn many_at_once_are_counted_all_or_none() {
        let limiter = Limiter::new(rate("1/m:3"));
        let many = |count| limiter.check_many(&"ann", NonZeroU32::new(count).unwrap());
        assert_eq!(many(4).unwrap_err().again_in, None);
        assert!(many(2).is_ok());
        assert!(many(2).unwrap_err().again_in.is_some());
        assert!(many(1).is_ok());
    }

    #[test]
    fn what_is_refused_for_one_is_counted_for_none() {
        let limiter = Limiter::new(rate("1/m:3"));
        let [one, two, four] = [1, 2, 4].map(|count| NonZeroU32::new(count).unwrap());
        limiter.check_many(&"bob", two).unwrap();
        assert!(limiter.check_all(&[(&"ann", two), (&"bob", two)]).unwrap_err().again_in.is_some());
        assert_eq!(limiter.check_all(&[(&"ann", four), (&"bob", two)]).unwrap_err().again_in, None);
        assert!(limiter.check_all(&[(&"ann", two), (&"bob", one)]).is_ok());
        assert_eq!(limiter.check(&"ann").unwrap().left, 0);
    }

    #[test]
    fn what_weighs_more_is_paid_by_the_next_and_never_for_ever() {
        let limiter = Limiter::new(rate("1/s:10"));
        assert_eq!(limiter.check(&"ann").unwrap().left, 9);
        limiter.charge(&"ann", 4);
        assert_eq!(limiter.check(&"ann").unwrap().left, 4);
        limiter.charge(&"ann", u32::MAX);
        let again_in = limiter.check(&"ann").unwrap_err().again_in.unwrap();
        assert!((10..=12).contains(&again_in), "{again_in}");
    }

    #[test]
    fn a_weight_grows_with_what_is_sent() {
        let weights = [(1, 100), (9, 0), (10, 0), (1000, 0), (1, 64 * 1024), (usize::MAX, usize::MAX)];
        let weights = weights.map(|(notifications, bytes)| weight(notifications, bytes).get());
        assert_eq!(weights, [1, 1, 2, 101, 2, u32::MAX]);
    }

    #[test]
    fn no_rate_is_too_extreme() {
        let slowest = format!("1/h:{}", LONGEST_WINDOW / 3_600);
        for text in [&*slowest, "1000000000/s:1", "1000000000/s:4294967295", "1/h:1"] {
            let limiter = Limiter::new(rate(text));
            let burst = limiter.rate.burst;
            limiter.check_many(&"ann", burst).unwrap();
            limiter.charge(&"ann", u32::MAX);
            limiter.charge(&"ann", u32::MAX);
            let again = limiter.check_many(&"ann", burst);
            assert!(again.is_err() || text.starts_with("1000000000/s"), "{text}");
        }
    }

    #[test]
    fn one_that_is_idle_is_forgotten() {
        let limiter = Limiter::new(rate("1000/s:1"));
        for who in 0..1_000 {
            limiter.check(&who).unwrap();
        }
        assert!(!limiter.is_empty());
        while !limiter.is_empty() {
            limiter.forget_idle();
            std::thread::yield_now();
        }
    }
}
