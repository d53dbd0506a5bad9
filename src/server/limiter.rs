//! Rate limits for many callers.
//!
//! Each caller has a bucket that holds `burst` tokens and is refilled at a steady rate. A full bucket is dropped.

mod buckets;

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use buckets::{Buckets, Refused, Shape};

/// The longest time until an empty bucket is full again, in seconds: a year.
const LONGEST_WINDOW: u64 = 366 * 86_400;

/// A number of events in a period, and the number that may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// Reads a rate such as `50/s`, `600/m:100` or `1000/h`: the number in a second, minute or hour, and after a colon
    /// the number at once (else as many as the rate). `off` means no limit.
    ///
    /// # Errors
    /// When it is not a rate; the sentence says what would be valid.
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

    /// The time until one more event is allowed.
    fn period(self) -> Duration {
        self.per / self.count.get()
    }

    /// The time until an empty bucket is full again, in seconds; at least one.
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

/// The remainder of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The most events at once.
    pub burst: u32,
    /// The seconds until all of them are allowed again.
    pub window: u64,
    /// How many are left now.
    pub left: u32,
    /// The seconds until one more is allowed.
    pub next: u64,
}

/// The error for a caller that exceeded its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// The most events at once.
    pub burst: u32,
    /// The seconds until all of them are allowed again.
    pub window: u64,
    /// The seconds until the same is allowed, at least one; `None` when it is more at once than is ever allowed.
    pub again_in: Option<u64>,
}

/// The weight of a request in a rate limit.
///
/// One more for every ten notifications and for every 64 KiB of them. So a thousand small ones weigh 101 requests,
/// which is much less than a thousand requests cost, and the largest announcement to a thousand users weighs some
/// hundreds.
#[must_use]
pub fn weight(notifications: usize, bytes: usize) -> NonZeroU32 {
    const NOTIFICATIONS: usize = 10;
    const BYTES: usize = 64 * 1024;
    let more = (notifications / NOTIFICATIONS).saturating_add(bytes / BYTES);
    NonZeroU32::MIN.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Counts the events of each caller.
pub struct Limiter<K> {
    rate: Rate,
    buckets: Buckets<K>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// A limiter with this rate for each caller.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: Buckets::new(rate.shape()) }
    }

    /// Counts one event, unless that exceeds the limit.
    ///
    /// # Errors
    /// When it does; then nothing was counted.
    pub fn check(&self, who: &K) -> Result<Remaining, TooOften> {
        let left = self.buckets.take(who, NonZeroU32::MIN).map_err(|refused| self.too_often(refused))?;
        let (burst, window) = (self.rate.burst.get(), self.rate.window());
        Ok(Remaining { burst, window, left, next: self.rate.period().as_secs().max(1) })
    }

    /// Counts this many events at once, or none of them.
    ///
    /// # Errors
    /// When that exceeds the limit, or the most at once.
    pub fn check_many(&self, who: &K, count: NonZeroU32) -> Result<(), TooOften> {
        self.buckets.take(who, count).map(drop).map_err(|refused| self.too_often(refused))
    }

    /// Counts all of these, with each caller named once, or none.
    ///
    /// # Errors
    /// When one of them exceeds the limit, or the most at once; the error tells when none would any more.
    pub fn check_all(&self, all: &[(&K, NonZeroU32)]) -> Result<(), TooOften> {
        self.buckets.take_all(all).map_err(|refused| self.too_often(refused))
    }

    /// Counts further events of a caller that [`Self::check`] admitted, because its request turned out to weigh more
    /// than one. That request is not refused any more; the caller's next one waits until the debt is paid. A debt is
    /// never more than a burst.
    pub fn charge(&self, who: &K, count: u32) {
        self.buckets.charge(who, count);
    }

    /// Drops full buckets.
    pub fn forget_idle(&self) {
        self.buckets.forget_full();
    }

    /// The number of buckets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether there are no buckets.
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
    fn requests_over_the_burst_are_refused_for_that_caller_only() {
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
    fn a_batch_refused_for_one_recipient_is_counted_for_none() {
        let limiter = Limiter::new(rate("1/m:3"));
        let [one, two, four] = [1, 2, 4].map(|count| NonZeroU32::new(count).unwrap());
        limiter.check_many(&"bob", two).unwrap();
        assert!(limiter.check_all(&[(&"ann", two), (&"bob", two)]).unwrap_err().again_in.is_some());
        assert_eq!(limiter.check_all(&[(&"ann", four), (&"bob", two)]).unwrap_err().again_in, None);
        assert!(limiter.check_all(&[(&"ann", two), (&"bob", one)]).is_ok());
        assert_eq!(limiter.check(&"ann").unwrap().left, 0);
    }

    #[test]
    fn extra_weight_delays_the_next_requests_by_a_bounded_time() {
        let limiter = Limiter::new(rate("1/s:10"));
        assert_eq!(limiter.check(&"ann").unwrap().left, 9);
        limiter.charge(&"ann", 4);
        assert_eq!(limiter.check(&"ann").unwrap().left, 4);
        limiter.charge(&"ann", u32::MAX);
        let again_in = limiter.check(&"ann").unwrap_err().again_in.unwrap();
        assert!((10..=12).contains(&again_in), "{again_in}");
    }

    #[test]
    fn a_weight_grows_with_the_number_and_size_of_notifications() {
        let weights = [(1, 100), (9, 0), (10, 0), (1000, 0), (1, 64 * 1024), (usize::MAX, usize::MAX)];
        let weights = weights.map(|(notifications, bytes)| weight(notifications, bytes).get());
        assert_eq!(weights, [1, 1, 2, 101, 2, u32::MAX]);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
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
    fn idle_callers_are_forgotten() {
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
