//! Moments in words. All of it is arithmetic: the clock, the time zone and the language come from the caller.

use crate::{
    app::words::{Words, fill},
    model::{Timestamp, civil_from_days},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When it was, as short as a list needs it: `now`, `5 min`, `14:32`, `Wed 14:32`, `7 Nov`, `7 Nov 2024`. What lies
/// ahead is `now`: clocks differ.
pub(crate) fn ago(words: &Words, then: Timestamp, now: Timestamp, offset_minutes: i32) -> String {
    let seconds = (now.as_micros() - then.as_micros()) / 1_000_000;
    let (day, today) = (local_day(then, offset_minutes), local_day(now, offset_minutes));
    match (seconds, today - day) {
        (..MINUTE, _) => words.now.to_owned(),
        (MINUTE..HOUR, _) => span(words, seconds),
        (_, ..=0) => clock(then, offset_minutes),
        (_, 1..=6) => fill(words.weekday_and_time, &[weekday(words.weekdays_short, day), &clock(then, offset_minutes)]),
        _ => {
            let (year, month, day_of_month) = date(day);
            let (day, month) = (day_of_month.to_string(), nth(words.months_short, month));
            if year == date(today).0 {
                fill(words.day_and_month, &[&day, month])
            } else {
                fill(words.date, &[&day, month, &year.to_string()])
            }
        }
    }
}

/// The time of the day: `14:32`.
fn clock(moment: Timestamp, offset_minutes: i32) -> String {
    let minute = (moment.as_micros() / 1_000_000 / MINUTE + i64::from(offset_minutes)).rem_euclid(DAY / MINUTE);
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The name of the weekday, out of those from Monday on.
fn weekday(names: &'static str, day: i64) -> &'static str {
    // The first day was a Thursday.
    nth(names, (day + 3).rem_euclid(7))
}

/// One of a list of names with a space between them.
fn nth(names: &'static str, place: i64) -> &'static str {
    usize::try_from(place).ok().and_then(|place| names.split(' ').nth(place)).unwrap_or_default()
}

/// How long it takes or took, for a sentence: `8 s`, `3 min`, `2 h`.
pub(crate) fn span(words: &Words, seconds: i64) -> String {
    let (word, count) = match seconds {
        ..MINUTE => (words.seconds, seconds.max(0)),
        MINUTE..HOUR => (words.minutes, seconds / MINUTE),
        _ => (words.hours, seconds / HOUR),
    };
    fill(word, &[&count.to_string()])
}

/// The day of a moment, counted from 1970-01-01, on a clock that is this many minutes ahead of UTC.
pub(crate) fn local_day(moment: Timestamp, offset_minutes: i32) -> i64 {
    (moment.as_micros() / 1_000_000 + i64::from(offset_minutes) * MINUTE).div_euclid(DAY)
}

/// The last day of those that are called the same as this one when it is `today` today: the week before the last seven
/// days, and before that each month.
pub(crate) fn group(day: i64, today: i64) -> i64 {
    match today - day {
        // A clock that is behind puts what just arrived into tomorrow.
        ..=0 => today,
        1..=6 => day,
        7..=13 => today - 7,
        _ => {
            let (_, _, day_of_month) = date(day);
            // No month has more days; what is after its end is after its first day too.
            let next = date(day - day_of_month + 32).2;
            (day - day_of_month + 32 - next).min(today - 14)
        }
    }
}

/// What a day, or the group that it belongs to, is called when it is `today` today: `Today`, `Yesterday`, `Wednesday`,
/// `Last week`, `October`, `October 2025`.
pub(crate) fn day_name(words: &Words, day: i64, today: i64) -> String {
    match today - day {
        ..=0 => words.today.to_owned(),
        1 => words.yesterday.to_owned(),
        2..=6 => weekday(words.weekdays, day).to_owned(),
        7..=13 => words.last_week.to_owned(),
        _ => {
            let (year, month, _) = date(day);
            let month = nth(words.months, month);
            if year == date(today).0 {
                month.to_owned()
            } else {
                fill(words.month_and_year, &[month, &year.to_string()])
            }
        }
    }
}

/// The moment to the microsecond: `7 Nov 2026, 10:30:00.123456 UTC`, or with an offset such as
/// `+01:00`.
pub(crate) fn exact(words: &Words, moment: Timestamp, offset_minutes: i32) -> String {
    let (year, month, day) = date(local_day(moment, offset_minutes));
    let date = fill(words.date, &[&day.to_string(), nth(words.months_short, month), &year.to_string()]);
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
    let time = format!("{hour:02}:{minute:02}:{second:02}{}{fraction:06} {zone}", words.decimal);
    fill(words.date_and_time, &[&date, &time])
}

/// Year, month, from 0 on, and day of a day counted from 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    let (year, month, day) = civil_from_days(day);
    (year, month - 1, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::app::words::Language;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn words(code: &str) -> &'static Words {
        &Language::of(code).unwrap().words
    }

    #[rstest]
    #[case("2026-11-22T12:00:01Z", "now")]
    #[case("2026-11-22T11:59:01Z", "now")]
    #[case("2026-11-22T11:59:00Z", "1 min")]
    #[case("2026-11-22T11:00:01Z", "59 min")]
    #[case("2026-11-22T11:00:00Z", "11:00")]
    #[case("2026-11-22T00:05:59Z", "00:05")]
    #[case("2026-11-21T23:59:59Z", "Sat 23:59")]
    #[case("2026-11-16T00:00:00Z", "Mon 00:00")]
    #[case("2026-11-15T23:59:59Z", "15 Nov")]
    #[case("2025-12-31T23:59:59Z", "31 Dec 2025")]
    fn ago_is_as_short_as_it_can_be(#[case] then: &str, #[case] want: &str) {
        assert_eq!(ago(words("en"), at(then), at("2026-11-22T12:00:00Z"), 0), want);
    }

    #[rstest]
    #[case("2026-11-22T11:59:01Z", "jetzt")]
    #[case("2026-11-22T11:59:00Z", "1 min")]
    #[case("2026-11-21T23:59:59Z", "Sa 23:59")]
    #[case("2026-11-07T23:59:59Z", "7. Nov.")]
    #[case("2025-03-31T23:59:59Z", "31. März 2025")]
    fn a_german_reads_it_in_german(#[case] then: &str, #[case] want: &str) {
        let (then, now) = (at(then), at("2026-11-22T12:00:00Z"));
        assert_eq!(ago(words("de"), then, now, 0), want);
        assert_eq!(exact(words("de"), at("2025-11-05T23:30:00.123456Z"), 60), "6. Nov. 2025, 00:30:00,123456 +01:00");
        assert_eq!(day_name(words("de"), 18_940, 20_000), "November 2021");
    }

    #[rstest]
    #[case(60, "00:30")]
    #[case(-60, "Sat 22:30")]
    fn the_time_of_a_day_is_that_of_the_clock_on_the_wall(#[case] offset: i32, #[case] want: &str) {
        assert_eq!(ago(words("en"), at("2026-11-21T23:30:00Z"), at("2026-11-22T12:00:00Z"), offset), want);
    }

    #[rstest]
    #[case("2026-11-22T23:30:00Z", 0, "Today")]
    #[case("2026-11-21T23:30:00Z", 0, "Yesterday")]
    #[case("2026-11-21T23:30:00Z", 60, "Today")]
    #[case("2026-11-22T00:30:00Z", -60, "Yesterday")]
    #[case("2026-11-18T12:00:00Z", 0, "Wednesday")]
    #[case("2026-11-16T12:00:00Z", 0, "Monday")]
    #[case("2026-11-15T12:00:00Z", 0, "Last week")]
    #[case("2026-11-09T12:00:00Z", 0, "Last week")]
    #[case("2026-11-08T12:00:00Z", 0, "November")]
    #[case("2026-10-31T12:00:00Z", 0, "October")]
    #[case("2025-11-30T12:00:00Z", 0, "November 2025")]
    #[case("2026-11-23T12:00:00Z", 0, "Today")]
    fn days_are_called_as_people_call_them(#[case] then: &str, #[case] offset: i32, #[case] want: &str) {
        let today = local_day(at("2026-11-22T12:00:00Z"), offset);
        assert_eq!(day_name(words("en"), local_day(at(then), offset), today), want);
    }

    #[rstest]
    #[case(0, "5 Nov 2025, 23:30:00.123456 UTC")]
    #[case(60, "6 Nov 2025, 00:30:00.123456 +01:00")]
    #[case(-210, "5 Nov 2025, 20:00:00.123456 −03:30")]
    fn exact_has_every_microsecond(#[case] offset: i32, #[case] want: &str) {
        assert_eq!(exact(words("en"), at("2025-11-05T23:30:00.123456Z"), offset), want);
    }

    #[rstest]
    #[case(-1, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(7_200, "2 h")]
    fn spans_are_short(#[case] seconds: i64, #[case] want: &str) {
        assert_eq!(span(words("en"), seconds), want);
    }

    proptest! {
        #[test]
        fn days_are_in_one_group_just_when_they_are_called_the_same(day in 0_i64..800, today in 20_000_i64..21_000) {
            let (day, before) = (today - day, today - day - 1);
            let named = |day| day_name(words("en"), day, today);
            prop_assert!(group(day, today) >= day && group(before, today) <= group(day, today));
            prop_assert_eq!(named(group(day, today)), named(day));
            let is_same = named(before) == named(day);
            prop_assert_eq!(group(before, today) == group(day, today), is_same);
        }

        #[test]
        fn dates_agree_with_chrono(day in -700_000_i64..2_900_000) {
            use chrono::Datelike;
            let moment = chrono::DateTime::from_timestamp(day * DAY, 0).unwrap();
            let month = i64::from(moment.month0());
            prop_assert_eq!(date(day), (i64::from(moment.year()), month, i64::from(moment.day())));
            let name = moment.format("%A").to_string();
            prop_assert_eq!(weekday(words("en").weekdays, day), name);
        }
    }
}
