//! Tells whether many callers wait for writes at this moment.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Whether many callers wait for writes.
pub(super) struct Pressure {
    began: Instant,
    /// The time until which there is pressure, in microseconds since then.
    until: AtomicU64,
}

impl Pressure {
    /// So many writes at once, being carried out or waiting behind them, are many.
    const MUCH: usize = 32;
    /// How long there is pressure after that.
    const LASTS: Duration = Duration::from_millis(20);

    pub(super) fn new() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0) }
    }

    fn micros(&self, from_now: Duration) -> u64 {
        u64::try_from((self.began.elapsed() + from_now).as_micros()).unwrap_or(u64::MAX)
    }

    /// Records the number of writes at the end of a transaction: its own, and those that arrived meanwhile.
    pub(super) fn note(&self, writes: usize) {
        if writes >= Self::MUCH {
            self.until.store(self.micros(Self::LASTS), Ordering::Relaxed);
        }
    }

    pub(super) fn is_felt(&self) -> bool {
        self.micros(Duration::ZERO) < self.until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_writes_in_one_transaction_are_felt_for_a_moment_and_few_are_not() {
        let pressure = Pressure::new();
        assert!(!pressure.is_felt());
        pressure.note(Pressure::MUCH - 1);
        assert!(!pressure.is_felt());
        pressure.note(Pressure::MUCH);
        assert!(pressure.is_felt());
        // A small transaction after a large one does not end the pressure early.
        pressure.note(1);
        assert!(pressure.is_felt());
        std::thread::sleep(2 * Pressure::LASTS);
        assert!(!pressure.is_felt());
    }
}
