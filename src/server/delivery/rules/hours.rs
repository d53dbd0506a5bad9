//! Local time across changes of the clock.
//!
//! A local time that a clock skips is read with the offset from before the gap, and of one that it shows twice, the
//! first counts (RFC 5545, section 3.3.5).

use std::{iter, ops::Range};

use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::model::{Digest, QuietHours};

/// How many adjacent quiet ranges are joined; after that, the silence has lasted long enough.
const MOST_RANGES: usize = 8;

/// The end of the quiet hours around this time. Where the next range begins before or when this one ends, they are
/// joined, for at most 8 days.
#[must_use]
pub(in crate::server::delivery) fn quiet_until(&hours: &QuietHours, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    chained(at, |at| end_of_range(hours, at))
}

fn chained(at: DateTime<Utc>, end: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    iter::successors(end(at), |at| end(*at)).take(MOST_RANGES).last()
}

/// The end of a range around this time. Where two overlap, either will do: they are joined.
fn end_of_range(hours: QuietHours, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut ranges = days_around(hours.zone, at).filter_map(|day| range(hours, day));
    ranges.find(|range| range.contains(&at)).map(|range| range.end)
}

/// The range that begins on a day, if one does.
fn range(hours: QuietHours, day: NaiveDate) -> Option<Range<DateTime<Utc>>> {
    if hours.from == hours.to || !hours.days.contains(day.weekday()) {
        return None;
    }
    let last = if hours.from < hours.to { day } else { day.succ_opt()? };
    let start = moment(hours.zone, day.and_time(hours.from.to_naive()))?;
    Some(start..moment(hours.zone, last.and_time(hours.to.to_naive()))?)
}

/// The time at which a digest is due that was opened at this time: an hour later, or when the local clock next shows
/// the chosen time, once on each day. At once, where there are no digests.
#[must_use]
pub(in crate::server::delivery) fn digest_due(digest: Digest, zone: Tz, opened: DateTime<Utc>) -> DateTime<Utc> {
    let due = match digest {
        Digest::Off => None,
        Digest::Hourly => opened.checked_add_signed(TimeDelta::hours(1)),
        Digest::Daily(at) => {
            let moments = days_around(zone, opened).filter_map(|day| moment(zone, day.and_time(at.to_naive())));
            moments.filter(|moment| *moment > opened).min()
        }
    };
    due.unwrap_or(opened)
}

/// The days on which a range or a digest around this time may begin: its own day, and those around it. A range over
/// midnight began the day before; and where a clock skips a day, or repeats a part of one, there is one more on either
/// side.
fn days_around(zone: Tz, at: DateTime<Utc>) -> impl Iterator<Item = NaiveDate> {
    let day = at.with_timezone(&zone).date_naive();
    (-2..=2).filter_map(move |days| day.checked_add_signed(TimeDelta::days(days)))
}

/// The time at which a clock shows a local time.
fn moment(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let offset = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => offset.fix(),
        MappedLocalTime::None => before_gap(zone, local)?,
    };
    local.checked_sub_offset(offset).map(|utc| utc.and_utc())
}

/// The offset before the gap that contains a local time.
fn before_gap(zone: Tz, local: NaiveDateTime) -> Option<FixedOffset> {
    /// The longest gap was a whole day (Pacific/Apia, 2011-12-30).
    const STEPS: i64 = 25 * 60 / STEP_MINUTES;
    const STEP_MINUTES: i64 = 15;
    let offset_at = |steps| {
        let earlier = local.checked_sub_signed(TimeDelta::minutes(STEP_MINUTES * steps))?;
        match zone.offset_from_local_datetime(&earlier) {
            MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(_, offset) => Some(offset.fix()),
            MappedLocalTime::None => None,
        }
    };
    (1..=STEPS).find_map(offset_at)
}

#[cfg(test)]
mod tests;
