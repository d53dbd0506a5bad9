//! A time, to the microsecond.

use std::fmt::Write;

#[cfg(feature = "ssr")]
use chrono::{DateTime, Utc};

#[cfg(feature = "ssr")]
use super::problem::Invalid;

const SECOND: i64 = 1_000_000;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// A time in UTC, to the microsecond: RFC 3339 with six fractional digits and `Z`.
//
// It is written and read by hand, and its calendar is arithmetic: the browser does not have to load chrono.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime, example = "2025-11-05T10:30:00.123456Z"))]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// 0000-01-01T00:00:00Z, and the last microsecond of 9999: what can be written.
    #[cfg(feature = "ssr")]
    const FIRST: i64 = -62_167_219_200_000_000;
    #[cfg(feature = "ssr")]
    const LAST: i64 = 253_402_300_799_999_999;

    /// Takes a moment, without what is below the microsecond. A leap second, which this type lacks, is the end of the
    /// second before it.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn new(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp() * SECOND + i64::from(moment.timestamp_subsec_micros()).min(SECOND - 1))
    }

    /// The time this many microseconds after 1970-01-01T00:00:00Z; `None` when chrono cannot hold it.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        /// chrono's first and last moment, which the browser knows without chrono.
        const HELD: std::ops::RangeInclusive<i64> = -8_334_601_228_800_000_000..=8_210_266_876_799_999_999;
        HELD.contains(&micros).then_some(Self(micros))
    }

    /// A time that was accepted before, in microseconds, without checking it again. If a damaged file has an impossible
    /// one, it becomes the first or the last one that can be written.
    #[cfg(feature = "ssr")]
    pub(crate) fn stored(micros: i64) -> Self {
        Self(micros.clamp(Self::FIRST, Self::LAST))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// As chrono knows it.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        // Each constructor sees to it that chrono can hold it.
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Reads RFC 3339 in any offset.
    ///
    /// # Errors
    /// When it is not RFC 3339, or its year in UTC is not in 0 to 9999.
    #[cfg(feature = "ssr")]
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let moment = DateTime::parse_from_rfc3339(text).ok().map(|moment| Self::new(moment.to_utc()));
        moment
            .filter(|moment| (Self::FIRST..=Self::LAST).contains(&moment.0))
            .ok_or_else(|| Invalid::new("A time is written as in RFC 3339, such as 2030-01-31T12:00:00Z."))
    }

    /// Reads exactly the output of [`std::fmt::Display`].
    fn parse_canonical(text: &str) -> Option<Self> {
        let b: &[u8; 27] = text.as_bytes().try_into().ok()?;
        let number = |from: usize, to: usize| {
            b[from..to]
                .iter()
                .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| 10 * number + i64::from(digit - b'0')))
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days = days_from_civil(year, month, day);
        let moment = Self(((days * 24 + hour) * 60 + minute) * 60 * SECOND + second * SECOND + number(20, 26)?);
        // What no clock or calendar has is written as another moment, and so is what stands between the digits.
        (moment.canonical() == *b).then_some(moment)
    }

    /// `2025-11-05T10:30:00.123456Z`, in a buffer on the stack.
    fn canonical(self) -> [u8; 27] {
        let mut out = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, digits: usize, mut value: u64| {
            for place in (from..from + digits).rev() {
                out[place] = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        let seconds = self.0.div_euclid(SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY).unsigned_abs();
        put(0, 4, year.unsigned_abs());
        put(5, 2, month.unsigned_abs());
        put(8, 2, day.unsigned_abs());
        put(11, 2, second / 3_600);
        put(14, 2, second / 60 % 60);
        put(17, 2, second % 60);
        put(20, 6, self.0.rem_euclid(SECOND).unsigned_abs());
        out
    }
}

/// Year, month (1 to 12) and day of a day counted from 1970-01-01 (Howard Hinnant, `civil_from_days`).
pub(crate) fn civil_from_days(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month < 3), month, day_of_month)
}

/// The day counted from 1970-01-01, back from [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month < 3);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.canonical().into_iter().try_for_each(|byte| f.write_char(char::from(byte)))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.canonical()).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::parse_canonical(&text)
            .ok_or_else(|| serde::de::Error::custom("expected a time such as 2025-11-05T10:30:00.123456Z"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn from_micros_takes_what_chrono_can_hold() {
        for (within, beyond) in [
            (DateTime::<Utc>::MIN_UTC.timestamp_micros(), DateTime::<Utc>::MIN_UTC.timestamp_micros() - 1),
            (DateTime::<Utc>::MAX_UTC.timestamp_micros(), DateTime::<Utc>::MAX_UTC.timestamp_micros() + 1),
        ] {
            assert_eq!(Timestamp::from_micros(within).map(|moment| moment.to_utc().timestamp_micros()), Some(within));
            assert_eq!(Timestamp::from_micros(beyond), None);
        }
        assert_eq!(Timestamp::new(Timestamp::EPOCH.to_utc()), Timestamp::EPOCH);
    }

    #[test]
    fn a_leap_second_is_the_end_of_the_second_before_it() {
        let leap = Timestamp::parse("2016-12-31T23:59:60.5Z").unwrap();
        assert_eq!(leap.to_string(), "2016-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::parse("9999-12-31T23:59:60Z").unwrap().0, Timestamp::LAST);
    }

    #[test]
    fn only_the_exact_stored_format_is_read() {
        for wrong in [
            "2025-02-29T00:00:00.000000Z",
            "2025-13-01T00:00:00.000000Z",
            "2025-00-01T00:00:00.000000Z",
            "2025-01-00T00:00:00.000000Z",
            "2025-01-01T24:00:00.000000Z",
            "2025-01-01T00:60:00.000000Z",
            "2025-01-01T00:00:60.000000Z",
            "2025-01-01 00:00:00.000000Z",
            "2025-01-01T00:00:00.000000z",
            "2025-01-01T00:00:00.00000Z",
            "+025-01-01T00:00:00.000000Z",
            "2025-01-01T00:00:00.0000é",
        ] {
            assert_eq!(Timestamp::parse_canonical(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_calendar_is_that_of_chrono(day in -95_000_000_i64..95_000_000) {
            let date = NaiveDate::from_epoch_days(i32::try_from(day).unwrap()).unwrap();
            let civil = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            prop_assert_eq!(civil_from_days(day), civil);
            prop_assert_eq!(days_from_civil(civil.0, civil.1, civil.2), day);
        }

        #[test]
        fn it_is_written_as_chrono_writes_it_and_read_again(micros in Timestamp::FIRST..=Timestamp::LAST) {
            let moment = Timestamp::stored(micros);
            let text = moment.to_string();
            prop_assert_eq!(&text, &moment.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
            prop_assert_eq!(Timestamp::parse_canonical(&text), Some(moment));
            prop_assert_eq!(Timestamp::parse(&text).ok(), Some(moment));
        }
    }
}
