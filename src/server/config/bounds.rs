//! The bounds of settings.
//!
//! Whatever is between them is served with, so that no sum with one of them overflows anywhere.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;

use super::{needed, parse_age};
use crate::server::listener::LEAST_HEADER_BYTES;

/// How many notifications are kept.
pub(super) const WINDOW: RangeInclusive<usize> = 1..=1_000_000_000;
/// How many of something there may be at once, in memory.
pub(super) const AT_ONCE: RangeInclusive<usize> = 1..=1_000_000;
/// More connections than a database takes.
pub(super) const POSTGRES_CONNECTIONS: RangeInclusive<usize> = 1..=10_000;
/// How many notifications a batch may have.
pub(super) const BATCH: RangeInclusive<usize> = 1..=100_000;
/// How long a body may be: up to 1 GiB.
pub(super) const BODY_BYTES: RangeInclusive<usize> = 1..=1 << 30;
/// How many bytes of bodies and answers there may be at once: from 1 MiB, with which the pages and lists of a few people can be
/// had, up to 1 TiB.
pub(super) const MEMORY: RangeInclusive<usize> = 1 << 20..=1 << 40;
/// How long headers may be: up to 1 MiB.
pub(super) const HEADER_BYTES: RangeInclusive<usize> = LEAST_HEADER_BYTES..=1 << 20;
/// Time-outs, in seconds: up to a day.
pub(super) const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// How long to wait before something, in seconds: up to an hour.
pub(super) const DELAY: RangeInclusive<u64> = 0..=3_600;
/// How many deliveries may wait in one lane.
pub(super) const BACKLOG: RangeInclusive<u64> = 1..=1_000_000_000;
/// How far two clocks may be from each other, in seconds: up to an hour.
pub(super) const LEEWAY: RangeInclusive<u64> = 0..=3_600;
/// How long something is kept or good, in days: up to a hundred years.
const MOST_DAYS: i64 = 36_500;

/// A number that has to be said, when it is within its limits.
pub(super) fn within<T: PartialOrd + Display>(name: &str, value: Option<T>, limits: &RangeInclusive<T>) -> Result<T> {
    let value = needed(name, value)?;
    if !limits.contains(&value) {
        bail!("{name}: must be {} to {}.", limits.start(), limits.end());
    }
    Ok(value)
}

/// A time that has to be said in seconds.
pub(super) fn seconds(name: &str, value: Option<u64>) -> Result<Duration> {
    let seconds = within(name, value, &SECONDS)?;
    Ok(Duration::from_secs(seconds))
}

/// A time with its unit.
pub(super) fn age(name: &'static str, text: &str) -> Result<TimeDelta> {
    let age = parse_age(text).context(name)?;
    if age > TimeDelta::days(MOST_DAYS) {
        bail!("{name}: must be 1s to {MOST_DAYS}d.");
    }
    Ok(age)
}
