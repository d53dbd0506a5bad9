//! Which words say a state and its reason, and the advice that goes with them.

use crate::{
    app::{
        components::icons,
        words::{Desk, Words, fill},
    },
    model::{Channel, Choice, ContactState, Delay, DeliveryState, EventKind, Timestamp, WebhookState, WebhookView},
    server::delivery::LaneView,
};

/// A clock.
const CLOCK: &str = "M8 2.25a5.75 5.75 0 1 0 0 11.5 5.75 5.75 0 0 0 0-11.5zM8 4.75V8l2.25 1.75";
/// A ring with a bar in it.
const BARRED: &str = "M8 2.25a5.75 5.75 0 1 0 0 11.5 5.75 5.75 0 0 0 0-11.5zM5.25 8h5.5";

/// The age of the oldest delivery at which its lane is behind, in seconds: by then an attempt and its first repetition
/// have failed.
const BEHIND_AFTER: i64 = 600;

/// The meaning of a state for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// It takes its time, and needs no action.
    Wait,
    /// It needs action.
    Bad,
    /// It is over, or intended.
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

    /// Each tone has a shape of its own, for users who see no colours.
    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Good => icons::CHECK,
            Self::Wait => CLOCK,
            Self::Bad => icons::ALERT,
            Self::Quiet => BARRED,
        }
    }
}

/// A state, its reason, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    /// The reason, and what to do; nothing where that is obvious.
    pub(super) why: Option<String>,
}

pub(super) fn channel(of: &'static Desk, channel: Channel) -> &'static str {
    match channel {
        Channel::Email => of.states.email,
        Channel::Webpush => "Web Push",
        Channel::Fcm => "FCM",
        Channel::Apns => "APNs",
        Channel::Webhook => of.states.webhook,
    }
}

/// The words before a contact, for its owner.
pub(super) fn reached_by(of: &'static Desk, channel: Channel) -> &'static str {
    match channel {
        Channel::Email => of.states.email_to,
        Channel::Webpush => of.states.push_to_browser,
        Channel::Fcm => of.states.push_to_device,
        Channel::Apns => of.states.push_to_apple,
        Channel::Webhook => of.states.webhook,
    }
}

/// Whether a contact receives messages, and why not.
pub(super) fn contact(of: &'static Desk, state: ContactState, channel: Channel) -> Standing {
    let Desk { states, reasons, .. } = of;
    let (tone, word, why) = match state {
        ContactState::Active => (Tone::Good, states.active, None),
        ContactState::Suppressed => (Tone::Bad, states.refused, Some(reasons.suppressed)),
        ContactState::Disabled => match channel {
            Channel::Email => (Tone::Bad, states.off, Some(reasons.email_off)),
            Channel::Webpush => (Tone::Bad, states.refused, Some(reasons.push_refused_browser)),
            _ => (Tone::Bad, states.refused, Some(reasons.push_refused_device)),
        },
        ContactState::Dead if channel == Channel::Webpush => (Tone::Quiet, states.gone, Some(reasons.gone_browser)),
        ContactState::Dead => (Tone::Quiet, states.gone, Some(reasons.gone_device)),
    };
    Standing { tone, word, why: why.map(str::to_owned) }
}

/// The words for a choice.
pub(super) fn choice(words: &'static Words, choice: Choice) -> String {
    let of = &words.language().desk().states;
    match choice {
        Choice::On => of.on.to_owned(),
        Choice::Off => of.off.to_owned(),
        Choice::IfUnreadAfter(after) => fill(of.if_unread_after, &[&delay(words, after)]),
    }
}

/// The same within a sentence.
pub(super) fn choice_within(words: &'static Words, choice: Choice) -> String {
    let of = &words.language().desk().states;
    match choice {
        Choice::On => of.is_on.to_owned(),
        Choice::Off => of.is_off.to_owned(),
        Choice::IfUnreadAfter(after) => fill(of.is_if_unread_after, &[&delay(words, after)]),
    }
}

fn delay(words: &'static Words, delay: Delay) -> String {
    let seconds = delay.as_seconds();
    let parts = [
        (seconds / 86_400, words.language().desk().states.days),
        (seconds / 3_600 % 24, words.hours),
        (seconds / 60 % 60, words.minutes),
        (seconds % 60, words.seconds),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| words.count(unit, u64::from(*count)))
        .collect();
    parts.join(" ")
}

pub(super) fn event(of: &'static Desk, kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => of.states.created,
        EventKind::Updated => of.states.updated,
        EventKind::Deleted => of.states.deleted,
        EventKind::AllRead => of.states.all_read,
    }
}

/// The state of a delivery.
pub(super) fn delivery(of: &'static Desk, state: DeliveryState, reason: Option<&str>) -> Standing {
    let states = &of.states;
    let (tone, word) = match state {
        DeliveryState::Held => (Tone::Wait, states.held),
        DeliveryState::Ready => (Tone::Wait, states.waiting),
        DeliveryState::Leased => (Tone::Wait, states.leased),
        DeliveryState::Sent => (Tone::Good, states.accepted),
        DeliveryState::Dead => (Tone::Bad, states.given_up),
        DeliveryState::Cancelled => (Tone::Quiet, states.cancelled),
        DeliveryState::Expired => (Tone::Quiet, states.expired),
        DeliveryState::Skipped => (Tone::Quiet, states.skipped),
    };
    Standing { tone, word, why: reason.map(|reason| why_it_stands(of, reason)) }
}

/// The reason of a delivery's state: why it was not sent, or what it waits for.
fn why_it_stands(of: &'static Desk, reason: &str) -> String {
    let of = &of.reasons;
    let said = match reason {
        "gave_up" => of.gave_up,
        "contact_dead" => of.contact_dead,
        "unreadable" => of.unreadable,
        "message_bad" => of.message_bad,
        "misconfigured" => of.misconfigured,
        "asked_to_wait" => of.asked_to_wait,
        "notification_expired" => of.notification_expired,
        "count_expired" => of.count_expired,
        "webhook_deleted" => of.webhook_deleted,
        "webhook_disabled" => of.webhook_disabled,
        "not_set_up" => of.not_set_up,
        "backlog_full" => of.backlog_full,
        "no_contact" => of.no_contact,
        "by_hand" => of.by_hand,
        "sender_channels" => of.sender_channels,
        "sender_no_email" => of.sender_no_email,
        "off_by_category" => of.off_by_category,
        "off_by_channel" => of.off_by_channel,
        "off_by_default" => of.off_by_default,
        "if_unread_after" => of.if_unread_after,
        "quiet_hours" => of.quiet_hours,
        "digest" => of.digest,
        "together" => of.together,
        "judged_anew" => of.judged_anew,
        "limit" => of.limit,
        "contact_deleted" => of.contact_deleted,
        "contact_suppressed" => of.contact_suppressed,
        "contact_disabled" => of.contact_disabled,
        "read" => of.read,
        "deleted" => of.deleted,
        "nothing_left" => of.nothing_left,
        other => return fill(of.other, &[other]),
    };
    said.to_owned()
}

/// The result of an attempt.
pub(super) fn attempt<'a>(of: &'static Desk, result: &'a str) -> &'a str {
    let of = &of.states;
    match result {
        "sent" => of.accepted,
        "retry" => of.to_retry,
        "contact_dead" => of.gone,
        "message_bad" => of.refused,
        "misconfigured" => of.not_right,
        "ambiguous" => of.may_have_arrived,
        other => other,
    }
}

/// Whether a webhook receives events.
pub(super) fn webhook(of: &'static Desk, webhook: &WebhookView) -> Standing {
    let Desk { states, reasons, .. } = of;
    let reason = webhook.reason.as_deref();
    match webhook.state {
        WebhookState::Active if webhook.failing_since.is_some() => failing(of, reasons.fails_to_webhook),
        WebhookState::Active => Standing { tone: Tone::Good, word: states.active, why: None },
        WebhookState::Paused => {
            let why = why_paused(of, reason, Some(Channel::Webhook));
            Standing { tone: Tone::Wait, word: states.paused, why: Some(why) }
        }
        WebhookState::Disabled => {
            let tone = if reason == Some("by_hand") { Tone::Quiet } else { Tone::Bad };
            let why = match reason {
                Some("by_hand") => reasons.disabled_by_hand.to_owned(),
                Some("gone") => reasons.answered_gone.to_owned(),
                Some("failing") => reasons.failing_for_long.to_owned(),
                other => fill(reasons.other, &[other.unwrap_or(reasons.unknown)]),
            };
            Standing { tone, word: states.disabled, why: Some(why) }
        }
    }
}

/// Deliveries fail.
fn failing(of: &'static Desk, why: &str) -> Standing {
    Standing { tone: Tone::Bad, word: of.states.failing, why: Some(why.to_owned()) }
}

/// The channel of a lane, and the rest of its name.
pub(super) fn lane_parts(lane: &str) -> Option<(Channel, &str)> {
    let (channel, rest) = lane.split_once(':').unwrap_or((lane, ""));
    Some((Channel::parse(channel).ok()?, rest))
}

/// The browsers that use a push service, where they are known.
pub(super) fn push_service(of: &'static Desk, origin: &str) -> Option<&'static str> {
    let host = origin.strip_prefix("https://")?;
    match host {
        "fcm.googleapis.com" => Some(of.channels.chrome_and_others),
        "updates.push.services.mozilla.com" => Some("Firefox"),
        _ if host.ends_with(".push.apple.com") => Some("Safari"),
        _ if host.ends_with(".notify.windows.com") => Some("Edge"),
        _ => None,
    }
}

/// The advice for a lane whose other side rejects this server's credentials.
fn refuses_us(of: &'static Desk, channel: Option<Channel>) -> &'static str {
    match channel {
        Some(Channel::Email) => of.reasons.relay_refuses,
        Some(Channel::Webpush) => of.reasons.push_service_refuses,
        Some(Channel::Fcm) => of.reasons.fcm_refuses,
        Some(Channel::Apns) => of.reasons.apns_refuses,
        Some(Channel::Webhook) | None => of.reasons.webhook_refuses,
    }
}

fn why_paused(of: &'static Desk, reason: Option<&str>, channel: Option<Channel>) -> String {
    match reason {
        Some("asked_to_wait") => of.reasons.pause_asked_for.to_owned(),
        Some("misconfigured") => refuses_us(of, channel).to_owned(),
        other => fill(of.reasons.other, &[other.unwrap_or(of.reasons.unknown)]),
    }
}

/// The state of a lane; `to` is the webhook that it serves, if any.
pub(super) fn lane(of: &'static Desk, lane: &LaneView, to: Option<&WebhookView>, now: Timestamp) -> Standing {
    let Desk { states, reasons, .. } = of;
    if let Some(webhook_of) = to.filter(|webhook| webhook.state == WebhookState::Disabled) {
        return webhook(of, webhook_of);
    }
    let channel = lane_parts(&lane.lane).map(|(channel, _)| channel);
    if lane.state == "paused" {
        let tone = if lane.reason.as_deref() == Some("misconfigured") { Tone::Bad } else { Tone::Wait };
        let why = why_paused(of, lane.reason.as_deref(), channel);
        return Standing { tone, word: states.paused, why: Some(why) };
    }
    // Deliveries that a user's rules hold back may wait long without a problem.
    if channel != Some(Channel::Webhook) {
        let (tone, word) = if lane.waiting > 0 { (Tone::Wait, states.waiting) } else { (Tone::Good, states.open) };
        return if lane.failing_since.is_some() {
            let is_email = channel == Some(Channel::Email);
            failing(of, if is_email { reasons.fails_to_email } else { reasons.fails_to_users })
        } else {
            Standing { tone, word, why: None }
        };
    }
    let is_behind = |oldest: Timestamp| now.as_micros() - oldest.as_micros() > BEHIND_AFTER * 1_000_000;
    if lane.waiting > 0 && lane.oldest.is_some_and(is_behind) {
        return Standing { tone: Tone::Bad, word: states.behind, why: Some(reasons.behind.to_owned()) };
    }
    if lane.failing_since.is_some() {
        return failing(of, reasons.fails_to_webhook);
    }
    let (tone, word) = if lane.waiting > 0 { (Tone::Wait, states.sending) } else { (Tone::Good, states.open) };
    Standing { tone, word, why: None }
}

#[cfg(test)]
mod tests;
