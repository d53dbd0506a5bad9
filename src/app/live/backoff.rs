//! Decides when to reconnect.

/// The first wait, in milliseconds.
const FIRST: f64 = 1_000.0;
/// The longest wait, in milliseconds.
const LONGEST: f64 = 30_000.0;
/// How long a connection must have been up to count as stable, in milliseconds.
const STABLE: f64 = 30_000.0;
/// The least time between two attempts, even when it is urgent, in milliseconds.
const PAUSE: f64 = 1_000.0;

/// Waits longer each time, and starts over only after a stable connection. Times are milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    tried_at: Option<f64>,
    stood_since: Option<f64>,
}

impl Backoff {
    /// An attempt begins.
    pub(crate) fn begin(&mut self, now: f64) {
        self.tried_at = Some(now);
    }

    /// The connection is up.
    pub(crate) fn stands(&mut self, now: f64) {
        self.stood_since = Some(now);
    }

    /// The connection was lost, or was never up. Returns how long to wait. `chance` is a number from 0 to 1.
    pub(crate) fn lost(&mut self, now: f64, chance: f64) -> f64 {
        if self.stood_since.take().is_some_and(|since| now - since >= STABLE) {
            self.failures = 0;
        }
        let wait = (FIRST * 2_f64.powi(self.failures.min(16).cast_signed())).min(LONGEST);
        self.failures += 1;
        wait * (0.5 + chance / 2.0)
    }

    /// Whether an attempt may be made at once, because the situation has changed.
    pub(crate) fn may_hurry(&self, now: f64) -> bool {
        self.tried_at.is_none_or(|tried| now - tried >= PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_up_to_a_limit() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..8).map(|_| backoff.lost(0.0, 1.0)).collect();
        assert_eq!(waits, [1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3, 30e3]);
        assert_eq!(backoff.lost(0.0, 0.0), 15e3, "not all at once");
    }

    #[test]
    fn only_a_stable_connection_begins_anew() {
        let mut backoff = Backoff::default();
        backoff.lost(0.0, 1.0);
        backoff.stands(1_000.0);
        assert_eq!(backoff.lost(20_000.0, 1.0), 2e3);
        backoff.stands(30_000.0);
        assert_eq!(backoff.lost(60_000.0, 1.0), 1e3);
    }

    #[test]
    fn an_immediate_retry_is_allowed_once_a_second() {
        let mut backoff = Backoff::default();
        assert!(backoff.may_hurry(0.0));
        backoff.begin(5_000.0);
        assert!(!backoff.may_hurry(5_500.0));
        assert!(backoff.may_hurry(6_000.0));
    }
}
