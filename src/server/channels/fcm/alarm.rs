//! Warns an operator once about a failure that many devices share.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The least time between two warnings.
const EVERY: Duration = Duration::from_secs(60);

/// Counts failures, and tells when a warning is due.
#[derive(Default)]
pub(super) struct Alarm(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    told_at: Option<Instant>,
    since: u64,
}

impl Alarm {
    /// Counts one failure; returns how many there were since the last warning, when one is due now.
    pub(super) fn counts(&self) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        if counted.told_at.is_some_and(|at| at.elapsed() < EVERY) {
            return None;
        }
        counted.told_at = Some(Instant::now());
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_repeated_alarm_is_logged_once_a_minute_with_its_count() {
        let alarm = Alarm::default();
        assert_eq!([alarm.counts(), alarm.counts(), alarm.counts()], [Some(1), None, None]);
        tokio::time::sleep(EVERY).await;
        assert_eq!([alarm.counts(), alarm.counts()], [Some(3), None]);
    }
}
