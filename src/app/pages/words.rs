//! The words for states and reasons, and the advice that goes with them.

use crate::{
    app::components::icons,
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

pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "E-mail",
        Channel::Webpush => "Web Push",
        Channel::Fcm => "FCM",
        Channel::Apns => "APNs",
        Channel::Webhook => "Webhook",
    }
}

/// The words before a contact, for its owner.
pub(super) fn reached_by(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "E-mail to",
        Channel::Webpush => "Push to a browser",
        Channel::Fcm => "Push to a device",
        Channel::Apns => "Push to an Apple device",
        Channel::Webhook => "Webhook",
    }
}

/// Whether a contact receives messages, and why not.
pub(super) fn contact(state: ContactState, channel: Channel) -> Standing {
    let (tone, word, why) = match state {
        ContactState::Active => (Tone::Good, "Active", None),
        ContactState::Suppressed => {
            let why = "A mail server said that it takes nothing for this address. Nothing is sent there until the \
                       application sets it again.";
            (Tone::Bad, "Refused", Some(why))
        }
        ContactState::Disabled if channel == Channel::Email => {
            (Tone::Bad, "Off", Some("Nothing is sent there until the application sets it again."))
        }
        ContactState::Disabled if channel == Channel::Webpush => {
            let why = "Its push service does not take what this server sends there. Nothing is sent until push is turned on \
                       there again.";
            (Tone::Bad, "Refused", Some(why))
        }
        ContactState::Disabled => {
            let why = "Its push service does not take what this server sends there. Nothing is sent until the app adds \
                       itself again.";
            (Tone::Bad, "Refused", Some(why))
        }
        ContactState::Dead if channel == Channel::Webpush => {
            let why = "Its push service says that it is there no more: push was turned off there, or the browser was reset. \
                       It leaves this list after a week.";
            (Tone::Quiet, "Gone", Some(why))
        }
        ContactState::Dead => {
            let why = "Its push service says that it is there no more. It leaves this list after a week.";
            (Tone::Quiet, "Gone", Some(why))
        }
    };
    Standing { tone, word, why: why.map(str::to_owned) }
}

/// The words for a choice.
pub(super) fn choice(choice: Choice) -> String {
    match choice {
        Choice::On => "On".to_owned(),
        Choice::Off => "Off".to_owned(),
        Choice::IfUnreadAfter(after) => format!("If unread after {}", delay(after)),
    }
}

fn delay(delay: Delay) -> String {
    let seconds = delay.as_seconds();
    let days = seconds / 86_400;
    let parts = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    parts.join(" ")
}

pub(super) fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => "New notification",
        EventKind::Updated => "Marked read or unread",
        EventKind::Deleted => "Deleted",
        EventKind::AllRead => "Whole inbox marked read",
    }
}

/// The state of a delivery.
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
    Standing { tone, word, why: reason.map(why_it_stands) }
}

/// The reason of a delivery's state: why it was not sent, or what it waits for.
fn why_it_stands(reason: &str) -> String {
    let said = match reason {
        "gave_up" => "Every attempt failed, and there are no more.",
        "contact_dead" => "The other side says that it is gone for good.",
        "unreadable" => "What is stored about it cannot be read. See the log.",
        "message_bad" => "The other side does not take this message.",
        "misconfigured" => {
            "The other side does not take what this server shows it. An operator sees why under Channels."
        }
        "asked_to_wait" => "The other side asked for a pause.",
        "notification_expired" => "The notification expired before it was sent.",
        "count_expired" => "It could not be sent for a day.",
        "webhook_deleted" => "The webhook was deleted.",
        "webhook_disabled" => "The webhook was disabled.",
        "not_set_up" => "This channel is not set up on this server.",
        "backlog_full" => "Too much was waiting already.",
        "no_contact" => "The user has no address or device there.",
        "by_hand" => "An operator cancelled it.",
        "sender_channels" => "Its sender wanted it on other channels only.",
        "sender_no_email" => "Its sender wanted no e-mail of it.",
        "off_by_category" => "The user has this category off for this channel, under Notify me.",
        "off_by_channel" => "The user has this channel off for all categories, under Notify me.",
        "off_by_default" => "It is off by default for this category, and the user chose nothing else.",
        "if_unread_after" => "It is sent if it is still unread then.",
        "quiet_hours" => "It waits for the user's quiet hours to end.",
        "digest" => "It waits for the next digest.",
        "together" => "It goes with others, as one message.",
        "judged_anew" => "The user chose something else meanwhile, so it is decided again.",
        "limit" => "The user was told of much in a short time, so it waits its turn.",
        "contact_deleted" => "The address or device was removed.",
        "contact_suppressed" => "A mail server said that it takes nothing for this address.",
        "contact_disabled" => "The push service refuses this device.",
        "read" => "It was read before it was sent.",
        "deleted" => "The notification was deleted before it was sent.",
        "nothing_left" => "All that was to be in it was read or deleted before.",
        other => return format!("The reason is {other}."),
    };
    said.to_owned()
}

/// The result of an attempt.
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

/// Whether a webhook receives events.
pub(super) fn webhook(webhook: &WebhookView) -> Standing {
    let reason = webhook.reason.as_deref();
    match webhook.state {
        WebhookState::Active if webhook.failing_since.is_some() => failing(),
        WebhookState::Active => Standing { tone: Tone::Good, word: "Active", why: None },
        WebhookState::Paused => {
            Standing { tone: Tone::Wait, word: "Paused", why: Some(why_paused(reason, Some(Channel::Webhook))) }
        }
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

/// Deliveries to a webhook fail.
fn failing() -> Standing {
    let why =
        "What was sent last failed, and is sent again with growing pauses. Test the webhook to see what it answers.";
    Standing { tone: Tone::Bad, word: "Failing", why: Some(why.to_owned()) }
}

/// Deliveries to users fail.
fn failing_to_users(channel: Option<Channel>) -> Standing {
    let more =
        if channel == Some(Channel::Email) { "; the command campanile send-test tries it at once." } else { "." };
    let why = format!(
        "What was sent last failed, and is sent again with growing pauses. The deliveries of a notification tell what was \
         answered{more}"
    );
    Standing { tone: Tone::Bad, word: "Failing", why: Some(why) }
}

/// The channel of a lane, and the rest of its name.
pub(super) fn lane_parts(lane: &str) -> Option<(Channel, &str)> {
    let (channel, rest) = lane.split_once(':').unwrap_or((lane, ""));
    Some((Channel::parse(channel).ok()?, rest))
}

/// The browsers that use a push service, where they are known.
pub(super) fn push_service(origin: &str) -> Option<&'static str> {
    let host = origin.strip_prefix("https://")?;
    match host {
        "fcm.googleapis.com" => Some("Chrome and others"),
        "updates.push.services.mozilla.com" => Some("Firefox"),
        _ if host.ends_with(".push.apple.com") => Some("Safari"),
        _ if host.ends_with(".notify.windows.com") => Some("Edge"),
        _ => None,
    }
}

/// The advice for a lane whose other side rejects this server's credentials.
fn refuses_us(channel: Option<Channel>) -> &'static str {
    match channel {
        Some(Channel::Email) => RELAY_REFUSES,
        Some(Channel::Webpush) => PUSH_SERVICE_REFUSES,
        Some(Channel::Fcm) => FCM_REFUSES,
        Some(Channel::Apns) => APNS_REFUSES,
        Some(Channel::Webhook) | None => {
            "The other side does not take what it is shown. Check its address, and what proves who we are, and resume the \
             channel."
        }
    }
}

/// A push service of browsers rejects this server.
const PUSH_SERVICE_REFUSES: &str = "This push service does not take what this server is known by. Check the settings \
    push-contact, which is to be an address that is read, and vapid-key, if there is one, and the clock of this server; \
    then resume the channel. The deliveries of a notification tell what was answered.";

/// FCM rejects this server.
const FCM_REFUSES: &str = "FCM refuses the service account. Check that the file of the setting fcm-service-account is of \
    this project and was not revoked, that the Firebase Cloud Messaging API is on in the project, and the clock of this \
    server; restart the server after a change, or resume the channel.";

/// APNs rejects this server.
const APNS_REFUSES: &str = "Apple refuses the key. Check that the settings apns-key, apns-key-id and apns-team-id belong \
    together, that the key was not revoked and is for this environment, and the clock of this server; restart the server \
    after a change, or resume the channel.";

/// The mail relay rejects this server.
const RELAY_REFUSES: &str = "The relay does not let this server in, or does not take mail from it. The command campanile \
    check says what it answers: put the settings smtp, smtp-password-file and mail-from right, and restart the server or \
    resume the channel.";

fn why_paused(reason: Option<&str>, channel: Option<Channel>) -> String {
    let said = match reason {
        Some("asked_to_wait") => {
            "The other side asked for a pause. Sending goes on by itself then, or at once when the channel is resumed."
        }
        Some("misconfigured") => refuses_us(channel),
        other => return format!("The reason is {}.", other.unwrap_or("not known")),
    };
    said.to_owned()
}

/// The state of a lane; `to` is the webhook that it serves, if any.
pub(super) fn lane(lane: &LaneView, to: Option<&WebhookView>, now: Timestamp) -> Standing {
    if let Some(webhook_of) = to.filter(|webhook| webhook.state == WebhookState::Disabled) {
        return webhook(webhook_of);
    }
    let channel = lane_parts(&lane.lane).map(|(channel, _)| channel);
    if lane.state == "paused" {
        let tone = if lane.reason.as_deref() == Some("misconfigured") { Tone::Bad } else { Tone::Wait };
        let why = why_paused(lane.reason.as_deref(), channel);
        return Standing { tone, word: "Paused", why: Some(why) };
    }
    // Deliveries that a user's rules hold back may wait long without a problem.
    if channel != Some(Channel::Webhook) {
        let (tone, word) = if lane.waiting > 0 { (Tone::Wait, "Waiting") } else { (Tone::Good, "Open") };
        return if lane.failing_since.is_some() {
            failing_to_users(channel)
        } else {
            Standing { tone, word, why: None }
        };
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
mod tests;
