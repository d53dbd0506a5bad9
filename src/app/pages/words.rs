//! What states and reasons are called, and what is to be done about them.

use crate::{
    app::icons,
    model::{Channel, DeliveryState, EventKind, Timestamp, WebhookState, WebhookView},
    server::delivery::LaneView,
};

/// A clock.
const CLOCK: &str = "M8 2.25a5.75 5.75 0 1 0 0 11.5 5.75 5.75 0 0 0 0-11.5zM8 4.75V8l2.25 1.75";
/// A ring with a bar in it.
const BARRED: &str = "M8 2.25a5.75 5.75 0 1 0 0 11.5 5.75 5.75 0 0 0 0-11.5zM5.25 8h5.5";

/// How old the oldest of a lane is before its lane is behind, in seconds: by then an attempt and its first repetition
/// have failed.
const BEHIND_AFTER: i64 = 600;

/// What a state means to those who look after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// It takes its time, and nothing is to be done.
    Wait,
    /// Something is to be done.
    Bad,
    /// It is over, or was wanted so.
    Quiet,
}

impl Tone {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }

    /// Each has a shape of its own, for those who see no colours.
    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Good => icons::CHECK,
            Self::Wait => CLOCK,
            Self::Bad => icons::ALERT,
            Self::Quiet => BARRED,
        }
    }
}

/// Where something stands, why, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    /// Why, and what is to be done; nothing where that goes without saying.
    pub(super) why: Option<String>,
}

pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "E-mail",
        Channel::Webpush => "Web Push",
        Channel::Fcm => "FCM",
        Channel::Apns => "APNs",
        Channel::Webhook => "Webhook",
    }
}

pub(super) fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => "New notification",
        EventKind::Updated => "Marked read or unread",
        EventKind::Deleted => "Deleted",
        EventKind::AllRead => "Whole inbox marked read",
    }
}

/// Where a delivery stands.
pub(super) fn delivery(state: DeliveryState, reason: Option<&str>) -> Standing {
    let (tone, word) = match state {
        DeliveryState::Held => (Tone::Wait, "Held back"),
        DeliveryState::Ready => (Tone::Wait, "Waiting"),
        DeliveryState::Leased => (Tone::Wait, "Being sent"),
        DeliveryState::Sent => (Tone::Good, "Accepted"),
        DeliveryState::Dead => (Tone::Bad, "Given up"),
        DeliveryState::Cancelled => (Tone::Quiet, "Cancelled"),
        DeliveryState::Expired => (Tone::Quiet, "Expired"),
        DeliveryState::Skipped => (Tone::Quiet, "Skipped"),
    };
    Standing { tone, word, why: reason.map(why_not_sent) }
}

/// Why something was not sent.
fn why_not_sent(reason: &str) -> String {
    let said = match reason {
        "gave_up" => "Every attempt failed, and there are no more.",
        "contact_dead" => "The other side says that it is gone for good.",
        "unreadable" => "What is stored about it cannot be read. See the log.",
        "message_bad" => "The other side does not take this message.",
        "notification_expired" => "The notification expired before it was sent.",
        "webhook_deleted" => "The webhook was deleted.",
        "webhook_disabled" => "The webhook was disabled.",
        "not_set_up" => "This channel is not set up.",
        "backlog_full" => "Too much was waiting already.",
        "no_contact" => "The user has no address there.",
        "by_hand" => "An operator cancelled it.",
        "off_by_default" => "Mail is sent for alerts only, unless the user wants more.",
        "contact_deleted" => "The address or device was removed.",
        "contact_suppressed" => "A mail server said that it takes nothing for this address.",
        "contact_disabled" => "The push service refuses this device.",
        "read" => "It was read before it was sent.",
        "deleted" => "The notification was deleted before it was sent.",
        other => return format!("The reason is {other}."),
    };
    said.to_owned()
}

/// How an attempt ended.
pub(super) fn attempt(result: &str) -> &str {
    match result {
        "sent" => "Accepted",
        "retry" => "Failed; to be tried again",
        "contact_dead" => "Gone",
        "message_bad" => "Refused",
        "misconfigured" => "Not set up right",
        "ambiguous" => "May have arrived",
        other => other,
    }
}

/// Whether an endpoint is told.
pub(super) fn webhook(webhook: &WebhookView) -> Standing {
    let reason = webhook.reason.as_deref();
    match webhook.state {
        WebhookState::Active if webhook.failing_since.is_some() => failing(),
        WebhookState::Active => Standing { tone: Tone::Good, word: "Active", why: None },
        WebhookState::Paused => Standing { tone: Tone::Wait, word: "Paused", why: Some(why_paused(reason)) },
        WebhookState::Disabled => {
            let tone = if reason == Some("by_hand") { Tone::Quiet } else { Tone::Bad };
            let why = match reason {
                Some("by_hand") => "An operator disabled it. Nothing is sent until it is enabled.".to_owned(),
                Some("gone") => {
                    "It answered 410 Gone. Enable it when it is there again, or delete it if it will not be.".to_owned()
                }
                Some("failing") => {
                    "Nothing reached it for five days. Repair it, test it, and enable it; what it missed can then be \
                     sent again under Channels."
                        .to_owned()
                }
                other => format!("The reason is {}.", other.unwrap_or("not known")),
            };
            Standing { tone, word: "Disabled", why: Some(why) }
        }
    }
}

/// What is sent to an endpoint fails.
fn failing() -> Standing {
    let why =
        "What was sent last failed, and is sent again with growing pauses. Test the webhook to see what it answers.";
    Standing { tone: Tone::Bad, word: "Failing", why: Some(why.to_owned()) }
}

fn why_paused(reason: Option<&str>) -> String {
    let said = match reason {
        Some("asked_to_wait") => {
            "The other side asked for a pause. Sending goes on by itself then, or at once when the channel is resumed."
        }
        Some("misconfigured") => {
            "The other side does not take what it is shown. Check its address and secret, and resume the channel."
        }
        other => return format!("The reason is {}.", other.unwrap_or("not known")),
    };
    said.to_owned()
}

/// How a lane does; the webhook is the one that it leads to, if there is one.
pub(super) fn lane(lane: &LaneView, to: Option<&WebhookView>, now: Timestamp) -> Standing {
    if let Some(webhook_of) = to.filter(|webhook| webhook.state == WebhookState::Disabled) {
        return webhook(webhook_of);
    }
    if lane.state == "paused" {
        let tone = if lane.reason.as_deref() == Some("misconfigured") { Tone::Bad } else { Tone::Wait };
        return Standing { tone, word: "Paused", why: Some(why_paused(lane.reason.as_deref())) };
    }
    let is_behind = |oldest: Timestamp| now.as_micros() - oldest.as_micros() > BEHIND_AFTER * 1_000_000;
    if lane.waiting > 0 && lane.oldest.is_some_and(is_behind) {
        let why =
            "Attempts fail and are repeated with growing pauses. Test the webhook to see what it answers.".to_owned();
        return Standing { tone: Tone::Bad, word: "Behind", why: Some(why) };
    }
    if lane.failing_since.is_some() {
        return failing();
    }
    let (tone, word) = if lane.waiting > 0 { (Tone::Wait, "Sending") } else { (Tone::Good, "Open") };
    Standing { tone, word, why: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Wanted, WebhookId};

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn to(state: WebhookState, reason: &str) -> WebhookView {
        WebhookView {
            id: WebhookId::new(uuid::Uuid::nil()),
            url: "https://a.example/".to_owned(),
            wanted: Wanted::default(),
            state,
            reason: Some(reason.to_owned()),
            failing_since: None,
            old_secret_until: None,
            created_at: moment("2026-01-01T00:00:00Z"),
            version: 0,
        }
    }

    #[test]
    fn a_lane_is_red_where_something_is_to_be_done_and_says_what() {
        let now = moment("2026-01-01T01:00:00Z");
        let fine = LaneView {
            lane: "webhook:x".to_owned(),
            state: "open",
            in_flight: 0,
            waiting: 0,
            oldest: None,
            paused_until: None,
            reason: None,
            failing_since: None,
        };
        assert_eq!(lane(&fine, None, now), Standing { tone: Tone::Good, word: "Open", why: None });
        let since = |text: &str| LaneView { waiting: 3, oldest: Some(moment(text)), ..fine.clone() };
        assert_eq!(lane(&since("2026-01-01T00:59:00Z"), None, now).word, "Sending");
        let behind = lane(&since("2026-01-01T00:49:00Z"), None, now);
        assert_eq!((behind.tone, behind.word), (Tone::Bad, "Behind"));
        assert!(behind.why.unwrap().contains("Test the webhook"));
        let fails = LaneView { failing_since: Some(now), waiting: 1, ..fine.clone() };
        assert_eq!((lane(&fails, None, now).tone, lane(&fails, None, now).word), (Tone::Bad, "Failing"));
        let paused = |reason: &str| LaneView { state: "paused", reason: Some(reason.to_owned()), ..fine.clone() };
        assert_eq!(lane(&paused("asked_to_wait"), None, now).tone, Tone::Wait);
        assert_eq!(lane(&paused("misconfigured"), None, now).tone, Tone::Bad);
        assert_eq!(lane(&fine, Some(&to(WebhookState::Disabled, "gone")), now).tone, Tone::Bad);
        assert_eq!(lane(&fine, Some(&to(WebhookState::Disabled, "by_hand")), now).tone, Tone::Quiet);
    }

    #[test]
    fn a_reason_without_words_of_its_own_is_said_as_it_is() {
        assert_eq!(why_not_sent("quiet_hours"), "The reason is quiet_hours.");
        assert_eq!(delivery(DeliveryState::Sent, None), Standing { tone: Tone::Good, word: "Accepted", why: None });
    }
}
