//! The bounds of settings.
//!
//! The server works with every value between them: no sum with one of them overflows anywhere.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;

use super::{needed, parse_age};
use crate::server::listener::LEAST_HEADER_BYTES;

/// The number of notifications that are kept.
pub(super) const WINDOW: RangeInclusive<usize> = 1..=1_000_000_000;
/// The number of objects in memory at once.
pub(super) const AT_ONCE: RangeInclusive<usize> = 1..=1_000_000;
/// At most more connections than any database accepts.
pub(super) const POSTGRES_CONNECTIONS: RangeInclusive<usize> = 1..=10_000;
/// The number of notifications in a batch.
pub(super) const BATCH: RangeInclusive<usize> = 1..=100_000;
/// The size of a body, in bytes: up to 1 GiB.
pub(super) const BODY_BYTES: RangeInclusive<usize> = 1..=1 << 30;
/// The bytes of bodies and answers at once: from 1 MiB, which is enough for the pages and lists of a few users, up to 1
/// TiB.
pub(super) const MEMORY: RangeInclusive<usize> = 1 << 20..=1 << 40;
/// The size of headers, in bytes: up to 1 MiB.
pub(super) const HEADER_BYTES: RangeInclusive<usize> = LEAST_HEADER_BYTES..=1 << 20;
/// Time-outs, in seconds: up to a day.
pub(super) const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// Delays, in seconds: up to an hour.
pub(super) const DELAY: RangeInclusive<u64> = 0..=3_600;
/// The number of deliveries that may wait in one lane.
pub(super) const BACKLOG: RangeInclusive<u64> = 1..=1_000_000_000;
/// The difference between two clocks, in seconds: up to an hour.
pub(super) const LEEWAY: RangeInclusive<u64> = 0..=3_600;
/// The longest time for which anything is kept or valid, in days: a hundred years.
const MOST_DAYS: i64 = 36_500;

/// A required number within its bounds.
pub(super) fn within<T: PartialOrd + Display>(name: &str, value: Option<T>, limits: &RangeInclusive<T>) -> Result<T> {
    in_unit(name, value, limits, "")
}

/// A required number of bytes within its bounds.
pub(super) fn bytes(name: &str, value: Option<usize>, limits: &RangeInclusive<usize>) -> Result<usize> {
    in_unit(name, value, limits, " bytes")
}

fn in_unit<T: PartialOrd + Display>(name: &str, value: Option<T>, limits: &RangeInclusive<T>, unit: &str) -> Result<T> {
    let value = needed(name, value)?;
    if !limits.contains(&value) {
        bail!("{name}: must be {} to {}{unit}.", limits.start(), limits.end());
    }
    Ok(value)
}

/// A required time in seconds.
pub(super) fn seconds(name: &str, value: Option<u64>) -> Result<Duration> {
    within_seconds(name, value, &SECONDS)
}

/// A required time in seconds within its bounds.
pub(super) fn within_seconds(name: &str, value: Option<u64>, limits: &RangeInclusive<u64>) -> Result<Duration> {
    in_unit(name, value, limits, " seconds").map(Duration::from_secs)
}

/// A duration with its unit.
pub(super) fn age(name: &'static str, text: &str) -> Result<TimeDelta> {
    let age = parse_age(text).context(name)?;
    if age > TimeDelta::days(MOST_DAYS) {
        bail!("{name}: must be 1s to {MOST_DAYS}d.");
    }
    Ok(age)
}
