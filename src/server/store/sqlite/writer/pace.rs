//! How many of the waiting writes one transaction takes.
//!
//! The callers of one transaction are answered together, so their next writes arrive together. Soon all callers wait for
//! the same flush of the disk, and the processors idle meanwhile. So where a flush is short, a transaction takes half of
//! the writes: while they are flushed, the runtime prepares the other half. Where a flush takes longer than carrying out
//! all of them, every write that waits shares it.

use std::time::Duration;

/// The most writes in one transaction, so that no caller waits long for the others.
pub(super) const MOST_AT_ONCE: usize = 256;
/// So few writes are not divided: there would be a flush for almost every one of them.
const FEWEST: usize = 16;
/// How many transactions the averages reflect.
const REMEMBERED: u32 = 8;

/// The pace of recent transactions.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How long a commit takes, flush included.
    commit: Duration,
    /// How long carrying out one write takes.
    write: Duration,
    /// How many writes wait or are carried out at once; a peak that wanes.
    waiting: usize,
}

impl Pace {
    /// The most writes that the next transaction takes.
    pub(super) fn limit(&self) -> usize {
        let together = self.write.saturating_mul(u32::try_from(self.waiting).unwrap_or(u32::MAX));
        if self.commit < together { self.waiting.div_ceil(2).clamp(FEWEST, MOST_AT_ONCE) } else { MOST_AT_ONCE }
    }

    /// Records a transaction of this many writes: how long it took to carry them out and to commit them, and how many
    /// writes had arrived in the meantime.
    pub(super) fn note(&mut self, writes: usize, carried_out: Duration, committed: Duration, arrived: usize) {
        let writes_at_least_one = u32::try_from(writes).unwrap_or(u32::MAX).max(1);
        self.commit = average(self.commit, committed);
        self.write = average(self.write, carried_out / writes_at_least_one);
        let wanes = self.waiting - self.waiting.div_ceil(REMEMBERED as usize);
        self.waiting = wanes.max(writes + arrived);
    }
}

fn average(before: Duration, now: Duration) -> Duration {
    (before * (REMEMBERED - 1) + now) / REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit after many transactions of 40 writes, with 24 more that arrived, at 8 µs a write and this commit.
    fn limit_with(commit: Duration) -> usize {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.note(40, Duration::from_micros(320), commit, 24);
        }
        pace.limit()
    }

    #[test]
    fn half_of_the_writes_are_taken_where_a_flush_is_short_and_all_where_it_is_long() {
        assert_eq!(limit_with(Duration::from_micros(250)), 32);
        assert_eq!(limit_with(Duration::from_millis(5)), MOST_AT_ONCE);
        assert_eq!(Pace::default().limit(), MOST_AT_ONCE, "nothing is known yet");
    }

    #[test]
    fn few_writes_are_not_divided_and_many_are_bounded() {
        let short = Duration::from_micros(1);
        let mut pace = Pace::default();
        pace.note(4, Duration::from_millis(4), short, 0);
        assert_eq!(pace.limit(), FEWEST);
        pace.note(256, Duration::from_millis(256), short, 10_000);
        assert_eq!(pace.limit(), MOST_AT_ONCE);
        for _ in 0..100 {
            pace.note(4, Duration::from_millis(4), short, 0);
        }
        assert_eq!(pace.limit(), FEWEST, "a peak wanes");
    }
}
