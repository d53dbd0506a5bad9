//! When a failed attempt is retried.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};

/// The longest that an answer can delay a delivery, even if it asks for more.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3_600);

/// The waits of a channel, and thereby its number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Schedule {
    /// The waits after the first attempt, the second, and so on; after the last one it gives up.
    waits: &'static [Duration],
    /// The longest time over all attempts, where the waits that the other side asks for could exceed it.
    within: Option<Duration>,
}

const fn seconds<const N: usize>(seconds: [u64; N]) -> [Duration; N] {
    let mut waits = [Duration::ZERO; N];
    let mut at = 0;
    while at < N {
        waits[at] = Duration::from_secs(seconds[at]);
        at += 1;
    }
    waits
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Soon at first, and then every hour, for three days.
const EMAIL: [Duration; 75] = {
    let mut waits = [Duration::from_secs(HOUR); 75];
    let first = seconds([MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE]);
    let mut at = 0;
    while at < first.len() {
        waits[at] = first[at];
        at += 1;
    }
    waits
};

/// Soon at first, and then every hour, for a day.
const PUSH: [Duration; 33] = {
    let mut waits = [Duration::from_secs(HOUR); 33];
    let first = seconds([10, 20, 40, 80, 160, 320, 640, 1_280, 2_560]);
    let mut at = 0;
    while at < first.len() {
        waits[at] = first[at];
        at += 1;
    }
    waits
};

impl Schedule {
    /// Webhooks, as Standard Webhooks recommends: ten attempts within three days and three hours.
    pub(in crate::server) const WEBHOOK: Self = Self {
        waits: &seconds([5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]),
        within: None,
    };

    /// E-mail: for three days.
    pub(in crate::server) const EMAIL: Self = Self { waits: &EMAIL, within: None };

    /// Push: 10 seconds, doubled up to an hour, for a day.
    pub(in crate::server) const PUSH: Self = Self { waits: &PUSH, within: Some(Duration::from_secs(24 * HOUR)) };

    /// FCM: 10 seconds, doubled, for an hour.
    pub(in crate::server) const FCM: Self =
        Self { waits: &seconds([10, 20, 40, 80, 160, 320, 640, 1_280]), within: Some(Duration::from_secs(HOUR)) };

    /// The wait after this many failed attempts, at least one, for a delivery of this age; `None` when there are no
    /// further attempts.
    ///
    /// The wait of the schedule is the least; `jitter`, which is drawn anew each time, adds up to a fifth of it, so
    /// that deliveries that failed together do not return together. The wait that the other side asked for counts when
    /// it is longer.
    pub(in crate::server) fn wait(
        self,
        attempts: u32,
        age: Duration,
        jitter: u16,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let least = *self.waits.get(at)?;
        if self.is_over(age.saturating_add(least)) {
            return None;
        }
        let wait = with_jitter(least, jitter);
        Some(asked.map_or(wait, |asked| wait.max(asked.min(LONGEST_ASKED))))
    }

    /// Whether a delivery of this age is given up.
    pub(in crate::server) fn is_over(self, age: Duration) -> bool {
        self.within.is_some_and(|within| age > within)
    }
}

/// A wait, longer by up to a fifth, as `jitter` has it.
pub(in crate::server) fn with_jitter(wait: Duration, jitter: u16) -> Duration {
    wait + wait * u32::from(jitter) / (5 * u32::from(u16::MAX))
}

/// The wait that an answer asks for (RFC 9110, section 10.2.3): in seconds, or until a time in the future. `None` for
/// anything else.
pub(in crate::server) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a wait longer than any.
        return Some(text.parse().map_or(LONGEST_ASKED, Duration::from_secs).min(LONGEST_ASKED));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    at.duration_since(now).ok().map(|wait| wait.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[rstest]
    #[case(0, Some(5))]
    #[case(1, Some(5))]
    #[case(2, Some(300))]
    #[case(3, Some(1_800))]
    #[case(4, Some(7_200))]
    #[case(5, Some(18_000))]
    #[case(6, Some(36_000))]
    #[case(7, Some(50_400))]
    #[case(8, Some(72_000))]
    #[case(9, Some(86_400))]
    #[case(10, None)]
    #[case(u32::MAX, None)]
    fn a_webhook_is_tried_ten_times(#[case] attempts: u32, #[case] seconds: Option<u64>) {
        assert_eq!(Schedule::WEBHOOK.wait(attempts, Duration::ZERO, 0, None), seconds.map(Duration::from_secs));
    }

    #[rstest]
    #[case(1, 10)]
    #[case(2, 20)]
    #[case(9, 2_560)]
    #[case(10, 3_600)]
    #[case(33, 3_600)]
    fn a_push_is_tried_after_10_seconds_and_doubles_up_to_an_hour(#[case] attempts: u32, #[case] seconds: u64) {
        assert_eq!(Schedule::PUSH.wait(attempts, Duration::ZERO, 0, None), Some(Duration::from_secs(seconds)));
        assert_eq!(Schedule::PUSH.wait(34, Duration::ZERO, 0, None), None);
    }

    #[test]
    fn a_push_is_given_up_after_a_day_and_one_by_fcm_after_an_hour() {
        for (schedule, hours) in [(Schedule::PUSH, 24), (Schedule::FCM, 1)] {
            let last = Duration::from_secs(hours * HOUR) - 10 * SECOND;
            assert_eq!(schedule.wait(1, last, 0, None), Some(10 * SECOND));
            // The wait that the other side asks for is respected once.
            assert_eq!(schedule.wait(1, last, 0, Some(7_200 * SECOND)), Some(7_200 * SECOND));
            assert_eq!(schedule.wait(1, last + SECOND, 0, None), None);
            assert_eq!(schedule.wait(1, Duration::MAX, 0, Some(SECOND)), None);
        }
        assert_eq!(Schedule::EMAIL.wait(1, Duration::MAX, 0, None), Some(60 * SECOND));
    }

    #[rstest]
    #[case(0, None, 300)]
    #[case(u16::MAX, None, 360)]
    #[case(u16::MAX / 3, None, 320)]
    #[case(0, Some(1), 300)]
    #[case(0, Some(301), 301)]
    #[case(u16::MAX, Some(301), 360)]
    #[case(u16::MAX, Some(1_000_000), 86_400)]
    #[case(0, Some(u64::MAX), 86_400)]
    fn jitter_adds_a_fifth_and_a_longer_requested_wait_wins(
        #[case] jitter: u16,
        #[case] asked: Option<u64>,
        #[case] seconds: u64,
    ) {
        let asked = asked.map(Duration::from_secs);
        assert_eq!(Schedule::WEBHOOK.wait(2, Duration::ZERO, jitter, asked).map(|wait| wait.as_secs()), Some(seconds));
    }

    #[rstest]
    #[case("0", Some(0))]
    #[case("120", Some(120))]
    #[case(" 7 ", Some(7))]
    #[case("90000", Some(86_400))]
    #[case("99999999999999999999999", Some(86_400))]
    #[case("Fri, 02 Jan 1970 00:01:00 GMT", Some(60))]
    #[case("Friday, 02-Jan-70 00:01:00 GMT", Some(60))]
    #[case("Fri, 02 Jan 1970 00:00:00 GMT", Some(0))]
    #[case("Thu, 01 Jan 1970 23:59:59 GMT", None)]
    #[case("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400))]
    #[case("", None)]
    #[case("-1", None)]
    #[case("1.5", None)]
    #[case("1e3", None)]
    #[case("soon", None)]
    #[case("Fri, 99 Jan 1970 00:00:00 GMT", None)]
    fn retry_after_is_seconds_or_a_moment_and_garbage_is_ignored(#[case] text: &str, #[case] seconds: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + 86_400 * SECOND;
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
