//! A moment, to the microsecond.

use chrono::{DateTime, NaiveDate, SubsecRound, Timelike, Utc};

use super::problem::Invalid;

/// A time in UTC, to the microsecond: RFC 3339 with six fractional digits and `Z`.
//
// It is written and read by hand and not by chrono's format strings, whose machinery the browser
// would have to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime, example = "2025-11-05T10:30:00.123456Z"))]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Takes a moment, without what is below the microsecond.
    #[must_use]
    pub fn new(moment: DateTime<Utc>) -> Self {
        Self(moment.trunc_subsecs(6))
    }

    /// The moment so many microseconds after 1970-01-01T00:00:00Z; `None` when chrono cannot hold it.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// A moment that was accepted once, in microseconds. Where a damaged file has one that no calendar
    /// has, it is the first or the last one that can be written.
    #[cfg(feature = "ssr")]
    pub(crate) fn stored(micros: i64) -> Self {
        const FIRST: i64 = -62_167_219_200_000_000;
        const LAST: i64 = 253_402_300_799_999_999;
        Self::from_micros(micros.clamp(FIRST, LAST)).unwrap_or(Self(DateTime::UNIX_EPOCH))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// As chrono knows it.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Reads RFC 3339 in any offset.
    ///
    /// # Errors
    /// When it is not RFC 3339, or its year in UTC is not in 0 to 9999.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("A time is written as in RFC 3339, such as 2030-01-31T12:00:00Z.");
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?.to_utc();
        if !(0..=9999).contains(&chrono::Datelike::year(&moment)) {
            return Err(wrong());
        }
        Ok(Self::new(moment))
    }

    /// Reads exactly what [`std::fmt::Display`] writes.
    fn parse_canonical(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() != 27 || !text.ends_with('Z') {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let date = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)?;
        let time = date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?)?;
        Some(Self(time.and_utc()))
    }

    /// `2025-11-05T10:30:00.123456Z`, in a buffer on the stack.
    fn canonical(self) -> [u8; 27] {
        let mut out = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, digits: usize, mut value: u32| {
            for place in (from..from + digits).rev() {
                out[place] = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        let (date, time) = (self.0.date_naive(), self.0.time());
        use chrono::Datelike as _;
        put(0, 4, date.year().unsigned_abs());
        put(5, 2, date.month());
        put(8, 2, date.day());
        put(11, 2, time.hour());
        put(14, 2, time.minute());
        put(17, 2, time.second());
        put(20, 6, (time.nanosecond() / 1_000).min(999_999));
        out
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(str::from_utf8(&self.canonical()).map_err(|_| std::fmt::Error)?)
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
