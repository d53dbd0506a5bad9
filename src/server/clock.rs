//! The clock.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::model::Timestamp;

/// Tells the time. A trait, so that a test can choose any time.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }
}

/// The time this long after the given one, or before it when `by` is negative; limited to the first or the last one
/// that can be written: the years 0 to 9999.
#[must_use]
pub(in crate::server) fn moved(moment: Timestamp, by: TimeDelta) -> Timestamp {
    let year = |year: i32, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let first = year(0, 1, 1).and_time(chrono::NaiveTime::MIN).and_utc();
    let last = year(9999, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default().and_utc();
    let beyond = if by < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    Timestamp::new(moment.to_utc().checked_add_signed(by).unwrap_or(beyond).clamp(first, last))
}

/// The time this long after the given one, or the last that can be written.
#[must_use]
pub(in crate::server) fn after(moment: Timestamp, wait: std::time::Duration) -> Timestamp {
    moved(moment, TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_the_calendar_are_clamped() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(moved(now, TimeDelta::days(-1)).to_string(), "2025-12-31T00:00:00.000000Z");
        for far in [TimeDelta::MAX, TimeDelta::days(4_294_967_295), TimeDelta::days(3_000_000)] {
            assert_eq!(moved(now, far).to_string(), "9999-12-31T23:59:59.999999Z");
            assert_eq!(moved(now, -far).to_string(), "0000-01-01T00:00:00.000000Z");
        }
    }
}
