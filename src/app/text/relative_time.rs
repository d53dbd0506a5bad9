//! Moments as people say them. All of it is arithmetic: the clock and the time zone come from
//! the caller.

use crate::model::{Timestamp, civil_from_days};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// How long ago it was, as short as a list needs it: `now`, `5 min`, `3 h`, `2 d`, `7 Nov`,
/// `7 Nov 2024`. What lies ahead is `now`: clocks differ.
pub(crate) fn ago(then: Timestamp, now: Timestamp, offset_minutes: i32) -> String {
    let seconds = (now.as_micros() - then.as_micros()) / 1_000_000;
    match seconds {
        ..MINUTE => "now".to_owned(),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ if seconds < 7 * DAY => format!("{} d", seconds / DAY),
        _ => {
            let (year, month, day) = date(local_day(then, offset_minutes));
            let (this_year, _, _) = date(local_day(now, offset_minutes));
            if year == this_year { format!("{day} {month}") } else { format!("{day} {month} {year}") }
        }
    }
}

/// How long it takes or took, for a sentence: `8 s`, `3 min`, `2 h`.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..MINUTE => format!("{} s", seconds.max(0)),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        _ => format!("{} h", seconds / HOUR),
    }
}

/// Which day it was, counted from 1970-01-01, on a clock that is so many minutes ahead of UTC.
pub(crate) fn local_day(moment: Timestamp, offset_minutes: i32) -> i64 {
    (moment.as_micros() / 1_000_000 + i64::from(offset_minutes) * MINUTE).div_euclid(DAY)
}

/// What a day is called when it is `today` today: `Today`, `Yesterday`, `Wednesday`, `7 Nov 2026`.
pub(crate) fn day_name(day: i64, today: i64) -> String {
    match today - day {
        // A clock that is behind puts what just arrived into tomorrow.
        ..=0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        2..=6 => WEEKDAYS[usize::try_from(day.rem_euclid(7)).unwrap_or(0)].to_owned(),
        _ => {
            let (year, month, day) = date(day);
            format!("{day} {month} {year}")
        }
    }
}

/// The moment to the microsecond: `7 Nov 2026, 10:30:00.123456 UTC`, or with an offset such as
/// `+01:00`.
pub(crate) fn exact(moment: Timestamp, offset_minutes: i32) -> String {
    let (year, month, day) = date(local_day(moment, offset_minutes));
    let micros = moment.as_micros() + i64::from(offset_minutes) * MINUTE * 1_000_000;
    let second = micros.div_euclid(1_000_000).rem_euclid(DAY);
    let fraction = micros.rem_euclid(1_000_000);
    let zone = match offset_minutes {
        0 => "UTC".to_owned(),
        ahead => {
            let sign = if ahead < 0 { '−' } else { '+' };
            format!("{sign}{:02}:{:02}", ahead.abs() / 60, ahead.abs() % 60)
        }
    };
    let (hour, minute, second) = (second / HOUR, second / MINUTE % 60, second % 60);
    format!("{day} {month} {year}, {hour:02}:{minute:02}:{second:02}.{fraction:06} {zone}")
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(day: i64) -> (i64, &'static str, i64) {
    let (year, month, day) = civil_from_days(day);
    (year, MONTHS[usize::try_from(month - 1).unwrap_or(0)], day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[rstest]
    #[case("2026-11-22T12:00:01Z", "now")]
    #[case("2026-11-22T11:59:01Z", "now")]
    #[case("2026-11-22T11:59:00Z", "1 min")]
    #[case("2026-11-22T11:00:01Z", "59 min")]
    #[case("2026-11-22T11:00:00Z", "1 h")]
    #[case("2026-11-21T12:00:01Z", "23 h")]
    #[case("2026-11-21T12:00:00Z", "1 d")]
    #[case("2026-11-15T12:00:01Z", "6 d")]
    #[case("2026-11-15T12:00:00Z", "15 Nov")]
    #[case("2025-12-31T23:59:59Z", "31 Dec 2025")]
    fn ago_is_as_short_as_it_can_be(#[case] then: &str, #[case] want: &str) {
        assert_eq!(ago(at(then), at("2026-11-22T12:00:00Z"), 0), want);
    }

    #[rstest]
    #[case("2026-11-22T23:30:00Z", 0, "Today")]
    #[case("2026-11-21T23:30:00Z", 0, "Yesterday")]
    #[case("2026-11-21T23:30:00Z", 60, "Today")]
    #[case("2026-11-22T00:30:00Z", -60, "Yesterday")]
    #[case("2026-11-18T12:00:00Z", 0, "Wednesday")]
    #[case("2026-11-16T12:00:00Z", 0, "Monday")]
    #[case("2026-11-15T12:00:00Z", 0, "15 Nov 2026")]
    #[case("2026-11-23T12:00:00Z", 0, "Today")]
    fn days_are_called_as_people_call_them(#[case] then: &str, #[case] offset: i32, #[case] want: &str) {
        let today = local_day(at("2026-11-22T12:00:00Z"), offset);
        assert_eq!(day_name(local_day(at(then), offset), today), want);
    }

    #[rstest]
    #[case(0, "5 Nov 2025, 23:30:00.123456 UTC")]
    #[case(60, "6 Nov 2025, 00:30:00.123456 +01:00")]
    #[case(-210, "5 Nov 2025, 20:00:00.123456 −03:30")]
    fn exact_has_every_microsecond(#[case] offset: i32, #[case] want: &str) {
        assert_eq!(exact(at("2025-11-05T23:30:00.123456Z"), offset), want);
    }

    #[rstest]
    #[case(-1, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(7_200, "2 h")]
    fn spans_are_short(#[case] seconds: i64, #[case] want: &str) {
        assert_eq!(span(seconds), want);
    }

    proptest! {
        #[test]
        fn dates_agree_with_chrono(day in -700_000_i64..2_900_000) {
            use chrono::Datelike;
            let moment = chrono::DateTime::from_timestamp(day * DAY, 0).unwrap();
            let month = MONTHS[usize::try_from(moment.month0()).unwrap()];
            prop_assert_eq!(date(day), (i64::from(moment.year()), month, i64::from(moment.day())));
        }
    }
}
