use chrono::{Timelike, Weekday, WeekdaySet};
use rstest::rstest;

use super::*;
use crate::model::{TimeOfDay, Timestamp};

/// `2026-03-29 00:30`, in UTC.
fn at(text: &str) -> DateTime<Utc> {
    Timestamp::parse(&format!("{}:00Z", text.replace(' ', "T"))).unwrap().to_utc()
}

fn time(text: &str) -> TimeOfDay {
    TimeOfDay::parse(text).unwrap()
}

/// `22:00-07:00`, on all days or on these.
fn hours(zone: &str, range: &str, days: &[Weekday]) -> QuietHours {
    let (from, to) = range.split_once('-').unwrap();
    let days = if days.is_empty() { WeekdaySet::ALL } else { days.iter().copied().collect() };
    QuietHours { zone: zone.parse().unwrap(), from: time(from), to: time(to), days }
}

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";
const KATHMANDU: &str = "Asia/Kathmandu";
const ST_JOHNS: &str = "America/St_Johns";
const APIA: &str = "Pacific/Apia";

#[rstest]
// Within a day: `from` is quiet, `to` is not.
#[case(BERLIN, "12:00-14:00", "2026-01-15 10:59", None)]
#[case(BERLIN, "12:00-14:00", "2026-01-15 11:00", Some("2026-01-15 13:00"))]
#[case(BERLIN, "12:00-14:00", "2026-01-15 12:59", Some("2026-01-15 13:00"))]
#[case(BERLIN, "12:00-14:00", "2026-01-15 13:00", None)]
#[case("UTC", "00:00-23:59", "2026-01-15 00:00", Some("2026-01-15 23:59"))]
#[case("UTC", "00:00-23:59", "2026-01-15 23:59", None)]
// Over midnight.
#[case(BERLIN, "22:00-07:00", "2026-01-15 20:59", None)]
#[case(BERLIN, "22:00-07:00", "2026-01-15 21:00", Some("2026-01-16 06:00"))]
#[case(BERLIN, "22:00-07:00", "2026-01-16 05:59", Some("2026-01-16 06:00"))]
#[case(BERLIN, "22:00-07:00", "2026-01-16 06:00", None)]
#[case(BERLIN, "22:00-00:00", "2026-01-15 22:59", Some("2026-01-15 23:00"))]
#[case(BERLIN, "22:00-00:00", "2026-01-15 23:00", None)]
#[case(KATHMANDU, "22:00-07:00", "2026-01-15 16:14", None)]
#[case(KATHMANDU, "22:00-07:00", "2026-01-15 16:15", Some("2026-01-16 01:15"))]
#[case(KATHMANDU, "22:00-07:00", "2026-01-16 01:15", None)]
// From = to is off.
#[case(BERLIN, "22:00-22:00", "2026-01-15 21:00", None)]
#[case(BERLIN, "00:00-00:00", "2026-01-15 23:00", None)]
// When the clock moves forward or back, a night is shorter or longer.
#[case(BERLIN, "22:00-07:00", "2026-03-28 21:00", Some("2026-03-29 05:00"))]
#[case(BERLIN, "22:00-07:00", "2026-10-24 20:00", Some("2026-10-25 06:00"))]
#[case(BERLIN, "22:00-07:00", "2026-10-25 00:59", Some("2026-10-25 06:00"))]
#[case(BERLIN, "22:00-07:00", "2026-10-25 01:30", Some("2026-10-25 06:00"))]
#[case(NEW_YORK, "22:00-07:00", "2026-03-08 03:00", Some("2026-03-08 11:00"))]
#[case(NEW_YORK, "22:00-07:00", "2026-11-01 02:00", Some("2026-11-01 12:00"))]
#[case(LORD_HOWE, "22:00-07:00", "2026-10-03 11:30", Some("2026-10-03 20:00"))]
#[case(LORD_HOWE, "22:00-07:00", "2026-04-04 11:00", Some("2026-04-04 20:30"))]
// The end in a gap: 02:30 as if the clock had not moved, which is 03:30 by then.
#[case(BERLIN, "22:00-02:30", "2026-03-29 01:29", Some("2026-03-29 01:30"))]
#[case(BERLIN, "22:00-02:30", "2026-03-29 01:30", None)]
#[case(BERLIN, "22:00-02:00", "2026-03-29 00:59", Some("2026-03-29 01:00"))]
#[case(BERLIN, "22:00-03:00", "2026-03-29 00:59", Some("2026-03-29 01:00"))]
#[case(NEW_YORK, "22:00-02:30", "2026-03-08 07:29", Some("2026-03-08 07:30"))]
#[case(LORD_HOWE, "22:00-02:15", "2026-10-03 15:44", Some("2026-10-03 15:45"))]
#[case(LORD_HOWE, "22:00-02:15", "2026-10-03 15:45", None)]
// The beginning in a gap.
#[case(BERLIN, "02:30-05:00", "2026-03-29 01:29", None)]
#[case(BERLIN, "02:30-05:00", "2026-03-29 01:30", Some("2026-03-29 03:00"))]
// Both in a gap: the usual length. Only the beginning, with an end that has passed by then: no range.
#[case(BERLIN, "02:15-02:45", "2026-03-29 01:15", Some("2026-03-29 01:45"))]
#[case(BERLIN, "02:30-03:15", "2026-03-29 01:10", None)]
#[case(BERLIN, "02:30-03:15", "2026-03-29 01:30", None)]
// The end in a fold: the first 02:30, and not the second.
#[case(BERLIN, "22:00-02:30", "2026-10-25 00:29", Some("2026-10-25 00:30"))]
#[case(BERLIN, "22:00-02:30", "2026-10-25 00:30", None)]
#[case(BERLIN, "22:00-02:30", "2026-10-25 01:15", None)]
#[case(NEW_YORK, "22:00-01:30", "2026-11-01 05:29", Some("2026-11-01 05:30"))]
#[case(NEW_YORK, "22:00-01:30", "2026-11-01 06:15", None)]
#[case(LORD_HOWE, "22:00-01:45", "2026-04-04 14:44", Some("2026-04-04 14:45"))]
#[case(LORD_HOWE, "22:00-01:45", "2026-04-04 15:05", None)]
// The beginning in a fold: from the first 02:30 on, through the second 02:00.
#[case(BERLIN, "02:30-05:00", "2026-10-25 00:29", None)]
#[case(BERLIN, "02:30-05:00", "2026-10-25 00:30", Some("2026-10-25 04:00"))]
#[case(BERLIN, "02:30-05:00", "2026-10-25 01:10", Some("2026-10-25 04:00"))]
// Both in a fold: once, and not twice.
#[case(BERLIN, "02:15-02:45", "2026-10-25 00:30", Some("2026-10-25 00:45"))]
#[case(BERLIN, "02:15-02:45", "2026-10-25 01:30", None)]
// A clock that goes back over midnight (00:01 became 23:01): the day has begun, and does not begin again.
#[case(ST_JOHNS, "00:00-06:00", "2006-10-29 02:29", None)]
#[case(ST_JOHNS, "00:00-06:00", "2006-10-29 02:30", Some("2006-10-29 09:30"))]
#[case(ST_JOHNS, "00:00-06:00", "2006-10-29 02:45", Some("2006-10-29 09:30"))]
// A day that a clock skipped: the night of the 29th ends on the 31st.
#[case(APIA, "22:00-07:00", "2011-12-30 08:00", Some("2011-12-30 17:00"))]
#[case(APIA, "22:00-07:00", "2011-12-30 12:00", Some("2011-12-30 17:00"))]
// Ranges that touch or overlap because a gap moved an end: until the end of the next one.
#[case(BERLIN, "03:00-02:00", "2026-03-28 12:00", Some("2026-03-30 00:00"))]
#[case(BERLIN, "03:00-02:30", "2026-03-28 12:00", Some("2026-03-30 00:30"))]
#[case(BERLIN, "03:00-02:30", "2026-03-29 01:15", Some("2026-03-30 00:30"))]
#[case(BERLIN, "03:01-02:00", "2026-03-28 12:00", Some("2026-03-29 01:00"))]
#[case(BERLIN, "03:00-02:00", "2026-03-27 12:00", Some("2026-03-28 01:00"))]
fn it_is_quiet_until(#[case] zone: &str, #[case] range: &str, #[case] now: &str, #[case] until: Option<&str>) {
    assert_eq!(quiet_until(&hours(zone, range, &[]), at(now)), until.map(at));
}

/// The 16th of January 2026 is a Friday.
#[rstest]
#[case("22:00-07:00", &[Weekday::Fri], "2026-01-16 05:59", None)]
#[case("22:00-07:00", &[Weekday::Fri], "2026-01-16 22:00", Some("2026-01-17 07:00"))]
#[case("22:00-07:00", &[Weekday::Fri], "2026-01-17 06:59", Some("2026-01-17 07:00"))]
#[case("22:00-07:00", &[Weekday::Fri], "2026-01-17 22:00", None)]
#[case("22:00-07:00", &[Weekday::Sun, Weekday::Thu], "2026-01-16 06:59", Some("2026-01-16 07:00"))]
#[case("22:00-07:00", &[Weekday::Sun, Weekday::Thu], "2026-01-19 00:00", Some("2026-01-19 07:00"))]
#[case("12:00-14:00", &[Weekday::Fri], "2026-01-16 13:00", Some("2026-01-16 14:00"))]
#[case("12:00-14:00", &[Weekday::Fri], "2026-01-15 13:00", None)]
fn a_range_belongs_to_the_day_it_begins_on(
    #[case] range: &str,
    #[case] days: &[Weekday],
    #[case] now: &str,
    #[case] until: Option<&str>,
) {
    assert_eq!(quiet_until(&hours("UTC", range, days), at(now)), until.map(at));
}

#[rstest]
// On Saturday only: there is no range on Sunday that could touch it.
#[case(&[Weekday::Sat], Some("2026-03-29 01:00"))]
#[case(&[Weekday::Sat, Weekday::Sun], Some("2026-03-30 00:00"))]
#[case(&[Weekday::Sun], None)]
fn only_a_range_that_there_is_goes_on(#[case] days: &[Weekday], #[case] until: Option<&str>) {
    assert_eq!(quiet_until(&hours(BERLIN, "03:00-02:00", days), at("2026-03-28 12:00")), until.map(at));
}

#[test]
fn the_day_is_that_of_the_users_clock() {
    // Friday, 22:00 in New York, is Saturday in UTC.
    let found = quiet_until(&hours(NEW_YORK, "22:00-07:00", &[Weekday::Fri]), at("2026-01-17 03:00"));
    assert_eq!(found, Some(at("2026-01-17 12:00")));
}

/// The Friday that Samoa skipped: a range in it begins a day later, when the clock shows that time again.
#[test]
fn a_range_may_begin_at_the_end_of_a_gap_of_a_day() {
    let hours = hours(APIA, "23:45-23:50", &[Weekday::Fri]);
    assert_eq!(quiet_until(&hours, at("2011-12-31 09:44")), None);
    assert_eq!(quiet_until(&hours, at("2011-12-31 09:45")), Some(at("2011-12-31 09:50")));
}

#[test]
fn adjacent_quiet_ranges_are_joined_at_most_eight_times() {
    let day_later = |at: DateTime<Utc>| at.checked_add_signed(TimeDelta::days(1));
    assert_eq!(chained(at("2026-01-01 00:00"), day_later), Some(at("2026-01-09 00:00")));
    let twice = |now: DateTime<Utc>| day_later(now).filter(|end| *end <= at("2026-01-03 00:00"));
    assert_eq!(chained(at("2026-01-01 00:00"), twice), Some(at("2026-01-03 00:00")));
    assert_eq!(chained(at("2026-01-01 00:00"), |_| None), None);
}

/// The whole year, every quarter of an hour: where no clock moves for days, local times alone decide; and always, the
/// end is not quiet, and everything before it is.
#[rstest]
fn quiet_hours_match_the_local_clock_and_end_when_announced(
    #[values(BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, "America/St_Johns", "Africa/Casablanca")] zone: &str,
    #[values("22:00-07:00", "01:15-02:45", "03:00-02:30", "00:00-23:59")] range: &str,
) {
    let hours = hours(zone, range, &[Weekday::Mon, Weekday::Wed, Weekday::Sat, Weekday::Sun]);
    let offset = |at: DateTime<Utc>| hours.zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let (from, to) = (hours.from.to_naive(), hours.to.to_naive());
    let mut last: Option<DateTime<Utc>> = None;
    for quarter in 0..365 * 96 {
        let now = at("2026-01-01 00:00") + TimeDelta::minutes(15 * quarter);
        let until = quiet_until(&hours, now);
        if let Some(last) = last.filter(|last| now < *last) {
            assert_eq!(until, Some(last), "{now}");
        }
        if let Some(until) = until {
            assert!(until > now && quiet_until(&hours, until).is_none(), "{now}");
        }
        last = until;
        if offset(now - TimeDelta::days(2)) == offset(now) && offset(now) == offset(now + TimeDelta::days(2)) {
            let local = now.with_timezone(&hours.zone).naive_local();
            let (today, yesterday) = (local.weekday(), local.weekday().pred());
            let expected = if from < to {
                hours.days.contains(today) && (from..to).contains(&local.time())
            } else {
                (hours.days.contains(today) && local.time() >= from)
                    || (hours.days.contains(yesterday) && local.time() < to)
            };
            assert_eq!(until.is_some(), expected, "{now}");
        }
    }
}

#[rstest]
#[case(BERLIN, "08:00", "2026-01-15 06:59", "2026-01-15 07:00")]
#[case(BERLIN, "08:00", "2026-01-15 07:00", "2026-01-16 07:00")]
#[case(BERLIN, "00:00", "2026-01-15 22:59", "2026-01-15 23:00")]
#[case(BERLIN, "00:00", "2026-01-15 23:00", "2026-01-16 23:00")]
#[case("UTC", "08:00", "2026-12-31 08:00", "2027-01-01 08:00")]
#[case(KATHMANDU, "08:00", "2026-01-15 02:14", "2026-01-15 02:15")]
#[case(KATHMANDU, "08:00", "2026-01-15 02:15", "2026-01-16 02:15")]
// Over a change of the clock, 23 or 25 hours.
#[case(BERLIN, "08:00", "2026-03-28 07:00", "2026-03-29 06:00")]
#[case(BERLIN, "08:00", "2026-10-24 06:00", "2026-10-25 07:00")]
#[case(NEW_YORK, "08:00", "2026-03-07 13:00", "2026-03-08 12:00")]
#[case(NEW_YORK, "08:00", "2026-10-31 12:00", "2026-11-01 13:00")]
// In a gap: as if the clock had not moved.
#[case(BERLIN, "02:30", "2026-03-28 01:30", "2026-03-29 01:30")]
#[case(BERLIN, "02:30", "2026-03-29 01:00", "2026-03-29 01:30")]
#[case(BERLIN, "02:30", "2026-03-29 01:30", "2026-03-30 00:30")]
#[case(NEW_YORK, "02:30", "2026-03-08 07:29", "2026-03-08 07:30")]
#[case(NEW_YORK, "02:30", "2026-03-08 07:30", "2026-03-09 06:30")]
#[case(LORD_HOWE, "02:15", "2026-10-03 15:44", "2026-10-03 15:45")]
#[case(LORD_HOWE, "02:15", "2026-10-03 15:45", "2026-10-04 15:15")]
// In a fold: at the first of the two, and not again at the second.
#[case(BERLIN, "02:30", "2026-10-24 00:30", "2026-10-25 00:30")]
#[case(BERLIN, "02:30", "2026-10-25 00:29", "2026-10-25 00:30")]
#[case(BERLIN, "02:30", "2026-10-25 00:30", "2026-10-26 01:30")]
#[case(BERLIN, "02:30", "2026-10-25 01:10", "2026-10-26 01:30")]
#[case(NEW_YORK, "01:30", "2026-11-01 05:29", "2026-11-01 05:30")]
#[case(NEW_YORK, "01:30", "2026-11-01 05:45", "2026-11-02 06:30")]
#[case(LORD_HOWE, "01:45", "2026-04-04 14:44", "2026-04-04 14:45")]
#[case(LORD_HOWE, "01:45", "2026-04-04 15:00", "2026-04-05 15:15")]
// A clock that goes back over midnight, and one that skips a day.
#[case(ST_JOHNS, "23:30", "2006-10-29 02:10", "2006-10-30 03:00")]
#[case(ST_JOHNS, "00:00", "2006-10-29 02:31", "2006-10-30 03:30")]
#[case(APIA, "08:00", "2011-12-29 18:00", "2011-12-30 18:00")]
#[case(APIA, "08:00", "2011-12-30 18:00", "2011-12-31 18:00")]
fn a_daily_digest_is_due_at(#[case] zone: &str, #[case] daily: &str, #[case] opened: &str, #[case] due: &str) {
    assert_eq!(digest_due(Digest::Daily(time(daily)), zone.parse().unwrap(), at(opened)), at(due));
}

#[rstest]
fn a_daily_digest_is_due_once_a_day(
    #[values(BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, "Africa/Casablanca")] zone: &str,
    #[values("00:00", "01:45", "02:00", "02:30", "03:00", "23:59")] daily: &str,
) {
    let zone: Tz = zone.parse().unwrap();
    let (digest, mut due) = (Digest::Daily(time(daily)), at("2026-01-01 00:00"));
    let first = digest_due(digest, zone, due).with_timezone(&zone).date_naive();
    for number in 0..365 {
        due = digest_due(digest, zone, due);
        let local = due.with_timezone(&zone);
        assert_eq!(local.date_naive(), first + TimeDelta::days(number));
        assert_eq!(local.second(), 0);
    }
}

#[test]
fn an_hourly_digest_ignores_daylight_saving() {
    let due = |digest, opened| digest_due(digest, BERLIN.parse().unwrap(), at(opened));
    assert_eq!(due(Digest::Hourly, "2026-03-29 00:30"), at("2026-03-29 01:30"));
    assert_eq!(due(Digest::Hourly, "2026-10-25 00:30"), at("2026-10-25 01:30"));
    assert_eq!(due(Digest::Off, "2026-10-25 00:30"), at("2026-10-25 00:30"));
}

/// No time that can be written is too early or too late to be judged.
#[rstest]
fn digests_are_due_later_even_at_the_ends_of_the_calendar(
    #[values("0000-01-01 00:00", "9999-12-31 23:59")] now: &str,
    #[values(BERLIN, NEW_YORK, KATHMANDU, APIA)] zone: &str,
) {
    let digest = Digest::Daily(time("12:00"));
    assert!(digest_due(digest, zone.parse().unwrap(), at(now)) > at(now));
    let is_quiet = |range| quiet_until(&hours(zone, range, &[]), at(now)).is_some();
    assert!(is_quiet("00:00-12:00") ^ is_quiet("12:00-00:00"));
}
