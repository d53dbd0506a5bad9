//! The meaning of APNs' answers.

use std::time::{Duration, Instant, SystemTime};

use axum::http::StatusCode;
use serde::Deserialize;

use super::super::{
    answer::{Answer, shortened},
    backoff::retry_after,
    outcome::Outcome,
};
use crate::model::{ContactState, DeviceToken, Timestamp};

/// How long a device rests that was sent too much.
const TOO_MUCH: Duration = Duration::from_secs(60);
/// How long APNs is left alone when it has a problem.
const UNWELL: Duration = Duration::from_secs(15 * 60);
/// How long a contact rests whose app may not belong to this key.
const NOT_OURS: Duration = Duration::from_secs(3_600);
/// The time over which refused devices are counted.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// How many of them are not worth a log line.
const FEW: u32 = 5;

/// The device that receives a push.
pub(super) struct Device {
    /// Its token at APNs.
    pub(super) token: DeviceToken,
    /// When its app last registered it.
    pub(super) seen_at: Timestamp,
    /// The source of its topic.
    pub(super) named_by: NamedBy,
}

/// The source of a contact's topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// The operator too: it is the topic of `apns-topic`.
    Operator,
    /// The user only: the operator named another topic.
    UserAlone,
    /// The user, and the operator named none.
    Unknown,
}

/// The body of a refusal.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    reason: Option<String>,
    /// Time since which APNs knows that the device is gone, in milliseconds.
    timestamp: Option<i64>,
}

impl Refusal {
    fn of(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

/// Whether APNs reports that the token of a request has expired.
pub(super) fn is_expired_token(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN && Refusal::of(answer).reason.as_deref() == Some("ExpiredProviderToken")
}

/// The part of an answer that is stored. A device token in it is removed, because it is a secret.
pub(super) fn kept(answer: &Answer, device: &Device) -> Option<String> {
    let text = Refusal::of(answer).reason.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    Some(shortened(&without(&text, device.token.as_str()))).filter(|text| !text.is_empty())
}

/// A text without a device token, in either case of its letters.
fn without(text: &str, token: &str) -> String {
    let (mut rest, mut kept) = (text, String::with_capacity(text.len()));
    // Converting to lower case keeps the length.
    while let Some(at) = rest.to_ascii_lowercase().find(token) {
        kept.push_str(&rest[..at]);
        kept.push('…');
        rest = &rest[at + token.len()..];
    }
    kept + rest
}

/// The meaning of an answer.
///
/// A user may name any app for a device, so a refusal of an app counts against the whole lane only where the operator
/// has named no other one. Otherwise only that contact rests, until its app registers again; where the key could be the
/// reason as well, it stays and is tried again every hour.
pub(super) fn judge(answer: &Answer, device: &Device, now: Timestamp) -> Outcome {
    let Answer { status, headers, .. } = answer;
    let asked = retry_after(headers, SystemTime::from(now.to_utc()));
    let Refusal { reason, timestamp } = Refusal::of(answer);
    let reason = reason.as_deref();
    let disabled = Outcome::ContactDead { as_of: None, state: ContactState::Disabled };
    match (status.as_u16(), reason) {
        (200..=299, _) => Outcome::Sent,
        (410, _) => gone(reason, timestamp, device, now),
        (400, Some("BadDeviceToken" | "DeviceTokenNotForTopic")) => disabled,
        (400, Some("BadTopic" | "TopicDisallowed")) if device.named_by == NamedBy::UserAlone => disabled,
        // The request always has one, so something between this server and APNs removes it.
        (400, Some("BadTopic" | "TopicDisallowed" | "MissingTopic")) => Outcome::Misconfigured,
        (403, Some("InvalidProviderToken" | "Forbidden")) if device.named_by == NamedBy::UserAlone => {
            Outcome::RetryAlone { after: NOT_OURS }
        }
        // A token that was just made is called expired, so the clock of this server is wrong.
        (403, _) => Outcome::Misconfigured,
        // Also for too many tokens: the device is not at fault, and the present token stays in use.
        (429, _) => Outcome::RetryAlone { after: asked.unwrap_or(TOO_MUCH) },
        (400 | 413, _) => Outcome::MessageBad,
        (500..=599, _) => Outcome::RetryAlone { after: asked.unwrap_or_default().max(UNWELL) },
        // APNs never redirects, and knows path and method: something else answers there.
        _ => Outcome::Misconfigured,
    }
}

/// The device is gone, unless its app has registered it again since: it was reinstalled. An answer with neither a
/// reason nor a time is not from APNs, and removes no contact.
fn gone(reason: Option<&str>, timestamp: Option<i64>, device: &Device, now: Timestamp) -> Outcome {
    let since = timestamp.and_then(|millis| Timestamp::from_micros(millis.saturating_mul(1_000)));
    let is_over = match since {
        Some(since) => device.seen_at < since,
        None => timestamp.is_none() && matches!(reason, Some("Unregistered" | "ExpiredToken")),
    };
    if is_over {
        // A clock ahead of ours must not keep it for longer.
        Outcome::ContactDead { as_of: since.map(|since| since.min(now)), state: ContactState::Dead }
    } else {
        Outcome::RetryAlone { after: Duration::ZERO }
    }
}

/// Counts refused devices.
#[derive(Default)]
pub(super) struct Refused {
    since: Option<Instant>,
    count: u32,
}

impl Refused {
    /// Counts one more, and returns whether they are many from this one on: once a minute at most.
    pub(super) fn jumps(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= COUNTED_FOR) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count = self.count.saturating_add(1);
        self.count == FEW + 1
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use rstest::rstest;

    use super::{
        NamedBy::{Operator, Unknown, UserAlone},
        *,
    };

    /// When the app of the device last registered it, in milliseconds.
    const SEEN: i64 = 1_767_225_600_000;

    fn device(named_by: NamedBy) -> Device {
        let seen_at = Timestamp::from_micros(SEEN * 1_000).unwrap();
        Device { token: DeviceToken::parse(&"ab".repeat(32)).unwrap(), seen_at, named_by }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    fn now() -> Timestamp {
        Timestamp::from_micros((SEEN + 3_600_000) * 1_000).unwrap()
    }

    fn alone(seconds: u64) -> Outcome {
        Outcome::RetryAlone { after: Duration::from_secs(seconds) }
    }

    fn dead(millis: Option<i64>) -> Outcome {
        let as_of = millis.map(|millis| Timestamp::from_micros(millis * 1_000).unwrap());
        Outcome::ContactDead { as_of, state: ContactState::Dead }
    }

    const DISABLED: Outcome = Outcome::ContactDead { as_of: None, state: ContactState::Disabled };

    #[rstest]
    #[case(200, "", Outcome::Sent)]
    #[case(400, "BadDeviceToken", DISABLED)]
    #[case(400, "DeviceTokenNotForTopic", DISABLED)]
    #[case(400, "MissingTopic", Outcome::Misconfigured)]
    #[case(400, "BadCollapseId", Outcome::MessageBad)]
    #[case(400, "PayloadEmpty", Outcome::MessageBad)]
    #[case(400, "WhatIsNew", Outcome::MessageBad)]
    #[case(400, "", Outcome::MessageBad)]
    #[case(401, "", Outcome::Misconfigured)]
    #[case(403, "ExpiredProviderToken", Outcome::Misconfigured)]
    #[case(403, "MissingProviderToken", Outcome::Misconfigured)]
    #[case(403, "BadCertificateEnvironment", Outcome::Misconfigured)]
    #[case(403, "", Outcome::Misconfigured)]
    #[case(404, "BadPath", Outcome::Misconfigured)]
    #[case(405, "MethodNotAllowed", Outcome::Misconfigured)]
    #[case(413, "PayloadTooLarge", Outcome::MessageBad)]
    #[case(413, "", Outcome::MessageBad)]
    #[case(429, "TooManyProviderTokenUpdates", alone(60))]
    #[case(429, "TooManyRequests", alone(60))]
    #[case(429, "", alone(60))]
    #[case(500, "InternalServerError", alone(900))]
    #[case(502, "", alone(900))]
    #[case(503, "ServiceUnavailable", alone(900))]
    #[case(503, "Shutdown", alone(900))]
    #[case(302, "", Outcome::Misconfigured)]
    fn a_reason_means_this_for_every_app(
        #[case] status: u16,
        #[case] reason: &str,
        #[case] outcome: Outcome,
        #[values(Operator, UserAlone, Unknown)] named_by: NamedBy,
    ) {
        let body = if reason.is_empty() { "<html>".to_owned() } else { format!(r#"{{"reason":"{reason}"}}"#) };
        assert_eq!(judge(&answer(status, &body), &device(named_by), now()), outcome);
    }

    #[rstest]
    #[case(400, "BadTopic", [Outcome::Misconfigured, DISABLED, Outcome::Misconfigured])]
    #[case(400, "TopicDisallowed", [Outcome::Misconfigured, DISABLED, Outcome::Misconfigured])]
    #[case(403, "InvalidProviderToken", [Outcome::Misconfigured, alone(3_600), Outcome::Misconfigured])]
    #[case(403, "Forbidden", [Outcome::Misconfigured, alone(3_600), Outcome::Misconfigured])]
    fn an_app_that_a_user_alone_named_stops_no_other(
        #[case] status: u16,
        #[case] reason: &str,
        #[case] outcomes: [Outcome; 3],
    ) {
        let answer = answer(status, &format!(r#"{{"reason":"{reason}"}}"#));
        let judged = [Operator, UserAlone, Unknown].map(|named_by| judge(&answer, &device(named_by), now()));
        assert_eq!(judged, outcomes);
    }

    #[rstest]
    #[case("Unregistered", Some(SEEN + 1), dead(Some(SEEN + 1)))]
    #[case("ExpiredToken", Some(SEEN + 1), dead(Some(SEEN + 1)))]
    #[case("WhatIsNew", Some(SEEN + 1), dead(Some(SEEN + 1)))]
    #[case("Unregistered", Some(SEEN), alone(0))]
    #[case("Unregistered", Some(SEEN - 1), alone(0))]
    #[case("Unregistered", Some(0), alone(0))]
    #[case("Unregistered", Some(-1), alone(0))]
    // An impossible time means nothing.
    #[case("Unregistered", Some(i64::MIN), alone(0))]
    #[case("Unregistered", Some(i64::MAX), alone(0))]
    // A time in the future counts as now.
    #[case("Unregistered", Some(SEEN + 7_200_000), dead(Some(SEEN + 3_600_000)))]
    #[case("Unregistered", None, dead(None))]
    #[case("WhatIsNew", None, alone(0))]
    fn a_device_that_was_registered_again_stays(
        #[case] reason: &str,
        #[case] timestamp: Option<i64>,
        #[case] outcome: Outcome,
    ) {
        let timestamp = timestamp.map(|millis| format!(r#","timestamp":{millis}"#)).unwrap_or_default();
        let body = format!(r#"{{"reason":"{reason}"{timestamp}}}"#);
        assert_eq!(judge(&answer(410, &body), &device(Operator), now()), outcome);
    }

    #[rstest]
    #[case("")]
    #[case("<html>Gone</html>")]
    #[case("[]")]
    #[case(r#"{"reason":7}"#)]
    #[case(r#"{"reason":"Unregistered","timestamp":"soon"}"#)]
    fn a_body_that_cannot_be_read_takes_no_device_away(#[case] body: &str) {
        assert_eq!(judge(&answer(410, body), &device(Operator), now()), alone(0));
    }

    #[rstest]
    #[case(429, "7", alone(7))]
    #[case(429, "soon", alone(60))]
    #[case(503, "7", alone(900))]
    #[case(503, "1000", alone(1_000))]
    fn apns_may_ask_for_more_time(#[case] status: u16, #[case] asks: &'static str, #[case] outcome: Outcome) {
        let mut answer = answer(status, "");
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static(asks));
        assert_eq!(judge(&answer, &device(Operator), now()), outcome);
    }

    #[test]
    fn only_a_refusal_of_the_token_has_it_replaced() {
        assert!(is_expired_token(&answer(403, r#"{"reason":"ExpiredProviderToken"}"#)));
        for (status, body) in
            [(400, r#"{"reason":"ExpiredProviderToken"}"#), (403, ""), (403, r#"{"reason":"InvalidProviderToken"}"#)]
        {
            assert!(!is_expired_token(&answer(status, body)), "{status} {body}");
        }
    }

    #[test]
    fn a_device_token_is_removed_from_answers_in_every_spelling() {
        let token = "ab".repeat(32);
        let kept = |body: &str| kept(&answer(404, body), &device(Operator));
        assert_eq!(kept(&format!("é /3/device/{token} or {}.", token.to_uppercase())).unwrap(), "é /3/device/… or ….");
        assert_eq!(kept(&format!(r#"{{"reason":"no\n{token}"}}"#)).unwrap(), "no …");
        assert_eq!(kept(r#"{"reason":"BadPath","timestamp":1}"#).unwrap(), "BadPath");
        assert_eq!(kept(""), None);
        assert_eq!(kept(&"x".repeat(9_000)).unwrap().len(), 512);
    }

    #[test]
    fn many_refused_devices_are_logged_once_a_minute() {
        let (began, mut refused) = (Instant::now(), Refused::default());
        let mut told = |from: u64, count: u64| {
            let at = |number: u64| began + Duration::from_millis(from + number);
            (0..count).filter(|number| refused.jumps(at(*number))).count()
        };
        assert_eq!(told(0, u64::from(FEW)), 0);
        assert_eq!(told(1_000, 1), 1);
        assert_eq!(told(2_000, 10_000), 0);
        assert_eq!(told(60_000, u64::from(FEW)), 0);
        assert_eq!(told(70_000, 100), 1);
    }
}
