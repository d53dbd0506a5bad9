//! Decides the state of a delivery after an attempt, and of a webhook that keeps failing. Pure, without a clock or a
//! store.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    model::{DeliveryState, Timestamp},
    server::{
        channels::{
            backoff::{Schedule, with_jitter},
            outcome::Outcome,
        },
        store::outbox::{Health, Next},
    },
};

/// How long a delivery that may have arrived is not tried again, from the beginning of the attempt (RFC 5321, section
/// 4.5.3.2.6).
const MAY_HAVE_ARRIVED: Duration = Duration::from_secs(600);
/// How long a contact rests when a push service refuses only this user's contacts.
const REFUSED_ALONE: Duration = Duration::from_secs(900);
/// The reason for the pause of a lane whose other side refuses this server.
pub(super) const MISCONFIGURED: &str = "misconfigured";
/// The pauses of a lane that is not set up right: after the first failure, the second, and all others.
const PROBES: [Duration; 3] = [Duration::from_secs(300), Duration::from_secs(900), Duration::from_secs(3_600)];

/// The effort for a delivery so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effort {
    /// How many attempts that count were made.
    pub(super) tries: u32,
    /// How long ago it was first due.
    pub(super) age: Duration,
    /// How long the last attempt took.
    pub(super) took: Duration,
}

/// The verdict on a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The next step.
    pub(super) next: Next,
    /// Whether the attempt does not count.
    pub(super) refund: bool,
    /// Whether it succeeded, where that concerns its lane.
    pub(super) worked: Option<bool>,
    /// How long its lane pauses, and why.
    pub(super) pause: Option<(Duration, &'static str)>,
}

impl Verdict {
    /// The verdict on an outcome after this effort; `failures` counts the preceding failures of the lane in a row.
    pub(super) fn of(outcome: Outcome, schedule: Schedule, effort: Effort, failures: u64, jitter: u16) -> Self {
        let Effort { tries, age, took } = effort;
        let over = |state, reason: &str| Next::Over { state, reason: Some(reason.to_owned()) };
        let plain = |next, worked| Self { next, refund: false, worked, pause: None };
        match outcome {
            Outcome::Sent => plain(Next::Over { state: DeliveryState::Sent, reason: None }, Some(true)),
            Outcome::Retry { after } => {
                let next = match schedule.wait(tries, age, jitter, after) {
                    Some(wait) => Next::Again { wait },
                    None => over(DeliveryState::Dead, "gave_up"),
                };
                let pause = after.filter(|after| !after.is_zero()).map(|after| (after, "asked_to_wait"));
                Self { pause, ..plain(next, Some(false)) }
            }
            Outcome::RetryAlone { after } => match schedule.wait(tries, age, jitter, Some(after)) {
                Some(wait) => plain(Next::Again { wait }, None),
                None => plain(over(DeliveryState::Dead, "gave_up"), None),
            },
            Outcome::ContactDead { .. } => plain(over(DeliveryState::Dead, "contact_dead"), Some(false)),
            Outcome::MessageBad => plain(over(DeliveryState::Dead, "message_bad"), None),
            Outcome::Misconfigured => {
                let next = if schedule.is_over(age) {
                    over(DeliveryState::Dead, "gave_up")
                } else {
                    // The lane waits: once it is resumed, the delivery is tried at once.
                    Next::Again { wait: Duration::ZERO }
                };
                let at = usize::try_from(failures).unwrap_or(usize::MAX).min(PROBES.len() - 1);
                let pause = Some((PROBES[at], MISCONFIGURED));
                Self { refund: true, pause, ..plain(next, Some(false)) }
            }
            Outcome::RefusedAlone if schedule.is_over(age) => plain(over(DeliveryState::Dead, "gave_up"), None),
            Outcome::RefusedAlone => {
                let wait = with_jitter(REFUSED_ALONE, jitter);
                Self { refund: true, ..plain(Next::Again { wait }, None) }
            }
            Outcome::Ambiguous => {
                match schedule.wait(tries, age, jitter, Some(MAY_HAVE_ARRIVED.saturating_sub(took))) {
                    Some(wait) => plain(Next::Again { wait }, None),
                    None => plain(over(DeliveryState::Dead, "gave_up"), None),
                }
            }
        }
    }
}

/// Whether a webhook with this health is disabled: no attempt succeeded for five days, and ten attempts or more failed
/// over twelve hours or more.
pub(super) fn is_given_up(health: &Health, enabled_at: Timestamp, now: Timestamp) -> bool {
    let ago = |moment: Timestamp| now.to_utc() - moment.to_utc();
    let worked_at = health.worked_at.map_or(enabled_at, |worked_at| worked_at.max(enabled_at));
    health.failures >= 10
        && ago(worked_at) >= TimeDelta::days(5)
        && health.failing_since.is_some_and(|since| ago(since) >= TimeDelta::hours(12))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::ContactState;

    const SECOND: Duration = Duration::from_secs(1);

    fn over(state: DeliveryState, reason: &str) -> Next {
        Next::Over { state, reason: Some(reason.to_owned()) }
    }

    #[test]
    fn each_outcome_means_one_thing() {
        let age = Duration::ZERO;
        let of = |outcome, tries, failures| {
            Verdict::of(outcome, Schedule::WEBHOOK, Effort { tries, age, took: age }, failures, 0)
        };
        let plain = |next, worked| Verdict { next, refund: false, worked, pause: None };
        let again = |seconds| Next::Again { wait: seconds * SECOND };
        let retry = |after: Option<u32>| Outcome::Retry { after: after.map(|after| after * SECOND) };
        let late = Outcome::RetryAlone { after: 3_600 * SECOND };
        let sent = Next::Over { state: DeliveryState::Sent, reason: None };
        let paused = |seconds, why| Some((seconds * SECOND, why));
        for (outcome, tries, failures, expected) in [
            (Outcome::Sent, 1, 0, plain(sent, Some(true))),
            (retry(None), 1, 0, plain(again(5), Some(false))),
            (retry(None), 9, 0, plain(again(86_400), Some(false))),
            (retry(None), 10, 0, plain(over(DeliveryState::Dead, "gave_up"), Some(false))),
            (retry(None), 11, 0, plain(over(DeliveryState::Dead, "gave_up"), Some(false))),
            (retry(Some(0)), 1, 0, plain(again(5), Some(false))),
            (retry(Some(60)), 1, 0, Verdict { pause: paused(60, "asked_to_wait"), ..plain(again(60), Some(false)) }),
            (
                Outcome::ContactDead { as_of: None, state: ContactState::Dead },
                1,
                0,
                plain(over(DeliveryState::Dead, "contact_dead"), Some(false)),
            ),
            (Outcome::MessageBad, 1, 0, plain(over(DeliveryState::Dead, "message_bad"), None)),
            (
                Outcome::Misconfigured,
                9,
                0,
                Verdict { refund: true, pause: paused(300, "misconfigured"), ..plain(again(0), Some(false)) },
            ),
            (
                Outcome::Misconfigured,
                9,
                7,
                Verdict { refund: true, pause: paused(3_600, "misconfigured"), ..plain(again(0), Some(false)) },
            ),
            (Outcome::RefusedAlone, 9, 7, Verdict { refund: true, ..plain(again(900), None) }),
            (late, 1, 0, plain(again(3_600), None)),
            (late, 4, 0, plain(again(7_200), None)),
            (late, 10, 0, plain(over(DeliveryState::Dead, "gave_up"), None)),
            (Outcome::Ambiguous, 1, 0, plain(again(600), None)),
            (Outcome::Ambiguous, 10, 0, plain(over(DeliveryState::Dead, "gave_up"), None)),
        ] {
            assert_eq!(of(outcome, tries, failures), expected, "{outcome:?} {tries}");
        }
        // The time that the attempt took counts.
        let effort = Effort { tries: 1, age, took: MAY_HAVE_ARRIVED };
        let patient = Verdict::of(Outcome::Ambiguous, Schedule::EMAIL, effort, 0, 0);
        assert_eq!(patient, plain(again(60), None));
        // A delivery that is too old for its channel ends, even where the lane is not set up right.
        let effort = Effort { tries: 1, age: 90_000 * SECOND, took: age };
        let old = Verdict::of(Outcome::Misconfigured, Schedule::PUSH, effort, 0, 0);
        assert_eq!(old.next, over(DeliveryState::Dead, "gave_up"));
        let old = Verdict::of(Outcome::RefusedAlone, Schedule::PUSH, effort, 0, 0);
        assert_eq!(old.next, over(DeliveryState::Dead, "gave_up"));
        assert_eq!(Verdict::of(late, Schedule::PUSH, effort, 0, 0).next, over(DeliveryState::Dead, "gave_up"));
    }

    #[rstest]
    #[case(10, Some("12:00:00"), None, "2026-01-06T00:00:00", true)]
    #[case(9, Some("12:00:00"), None, "2026-01-06T00:00:00", false)]
    #[case(10, Some("12:00:00"), None, "2026-01-05T23:59:59", false)]
    #[case(10, None, None, "2026-01-09T00:00:00", false)]
    #[case(10, Some("12:00:00"), Some("11:00:00"), "2026-01-06T10:59:59", false)]
    #[case(10, Some("12:00:00"), Some("11:00:00"), "2026-01-06T11:00:00", true)]
    fn an_endpoint_is_given_up_after_five_days(
        #[case] failures: u64,
        #[case] failing_since: Option<&str>,
        #[case] worked_at: Option<&str>,
        #[case] now: &str,
        #[case] expected: bool,
    ) {
        let at = |text: String| Timestamp::parse(&format!("{text}Z")).unwrap();
        let first_day = |time: &str| at(format!("2026-01-01T{time}"));
        let health =
            Health { failures, failing_since: failing_since.map(first_day), worked_at: worked_at.map(first_day) };
        assert_eq!(is_given_up(&health, first_day("00:00:00"), at(now.to_owned())), expected);
    }

    #[test]
    fn an_endpoint_that_fails_for_less_than_twelve_hours_is_not_given_up() {
        let at = |text| Timestamp::parse(text).unwrap();
        let failing_since = Some(at("2026-01-20T00:00:00Z"));
        let health = Health { failures: 500, failing_since, worked_at: None };
        let enabled_at = at("2026-01-01T00:00:00Z");
        assert!(!is_given_up(&health, enabled_at, at("2026-01-20T11:59:59Z")));
        assert!(is_given_up(&health, enabled_at, at("2026-01-20T12:00:00Z")));
    }
}
