use super::*;
use crate::{
    app::words::Language,
    model::{Wanted, WebhookId},
};

fn english() -> &'static Desk {
    Words::none().language().desk()
}

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
fn a_lane_that_needs_action_is_red_and_names_the_action() {
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
    assert_eq!(lane(english(), &fine, None, now), Standing { tone: Tone::Good, word: "Open", why: None });
    let since = |text: &str| LaneView { waiting: 3, oldest: Some(moment(text)), ..fine.clone() };
    assert_eq!(lane(english(), &since("2026-01-01T00:59:00Z"), None, now).word, "Sending");
    let behind = lane(english(), &since("2026-01-01T00:49:00Z"), None, now);
    assert_eq!((behind.tone, behind.word), (Tone::Bad, "Behind"));
    assert!(behind.why.unwrap().contains("Test the webhook"));
    let fails = LaneView { failing_since: Some(now), waiting: 1, ..fine.clone() };
    assert_eq!(
        (lane(english(), &fails, None, now).tone, lane(english(), &fails, None, now).word),
        (Tone::Bad, "Failing")
    );
    let paused = |reason: &str| LaneView { state: "paused", reason: Some(reason.to_owned()), ..fine.clone() };
    assert_eq!(lane(english(), &paused("asked_to_wait"), None, now).tone, Tone::Wait);
    assert_eq!(lane(english(), &paused("misconfigured"), None, now).tone, Tone::Bad);
    assert_eq!(lane(english(), &fine, Some(&to(WebhookState::Disabled, "gone")), now).tone, Tone::Bad);
    assert_eq!(lane(english(), &fine, Some(&to(WebhookState::Disabled, "by_hand")), now).tone, Tone::Quiet);
}

#[test]
fn a_refusal_says_what_to_check_of_its_channel() {
    let paused = |name: &str| LaneView {
        lane: name.to_owned(),
        state: "paused",
        in_flight: 0,
        waiting: 1,
        oldest: None,
        paused_until: None,
        reason: Some("misconfigured".to_owned()),
        failing_since: None,
    };
    let now = moment("2026-01-01T01:00:00Z");
    for (name, setting) in [
        ("email", "smtp-password-file"),
        ("webpush:https://push.example", "push-contact"),
        ("fcm:a-project", "fcm-service-account"),
        ("apns:TEAM:production", "apns-key-id"),
        ("webhook:x", "Check its address"),
    ] {
        let Standing { tone, why, .. } = lane(english(), &paused(name), None, now);
        assert_eq!(tone, Tone::Bad);
        assert!(why.as_ref().is_some_and(|why| why.contains(setting) && why.contains("resume the channel")), "{why:?}");
    }
    let fails = LaneView { state: "open", failing_since: Some(now), ..paused("fcm:a-project") };
    assert!(!lane(english(), &fails, None, now).why.unwrap().contains("send-test"));
    let fails = LaneView { lane: "email".to_owned(), ..fails };
    assert!(lane(english(), &fails, None, now).why.unwrap().contains("send-test"));
}

#[test]
fn a_lane_is_taken_apart_at_its_first_colon() {
    assert_eq!(lane_parts("webpush:https://a.example:8443"), Some((Channel::Webpush, "https://a.example:8443")));
    assert_eq!(lane_parts("apns:TEAM:sandbox"), Some((Channel::Apns, "TEAM:sandbox")));
    assert_eq!(lane_parts("email"), Some((Channel::Email, "")));
    assert_eq!(lane_parts("pigeon:x"), None);
    assert_eq!(push_service(english(), "https://web.push.apple.com"), Some("Safari"));
    assert_eq!(push_service(english(), "https://notify.windows.com.evil.example"), None);
}

#[test]
fn a_reason_without_words_of_its_own_is_shown_as_it_is() {
    assert_eq!(why_it_stands(english(), "moonlight"), "The reason is moonlight.");
    assert_eq!(
        delivery(english(), DeliveryState::Sent, None),
        Standing { tone: Tone::Good, word: "Accepted", why: None }
    );
}

/// The reasons that stores and channels write today.
#[test]
fn every_reason_has_words_of_its_own() {
    const ALL: &str = "webhook_disabled webhook_deleted contact_deleted contact_suppressed contact_disabled \
        contact_dead sender_channels sender_no_email off_by_category off_by_channel off_by_default if_unread_after \
        quiet_hours digest together judged_anew limit not_set_up no_contact read deleted notification_expired \
        nothing_left backlog_full gave_up message_bad misconfigured asked_to_wait by_hand unreadable";
    for code in ["en", "de"] {
        let of = Language::of(code).unwrap().desk();
        let other = |reason: &&str| why_it_stands(of, reason) == fill(of.reasons.other, &[reason]);
        assert_eq!(ALL.split_whitespace().find(other), None);
        let mut said: Vec<_> = ALL.split_whitespace().map(|reason| why_it_stands(of, reason)).collect();
        let count = said.len();
        assert!(said.iter().all(|words| words.ends_with('.')), "{said:?}");
        said.sort();
        said.dedup();
        assert_eq!(said.len(), count);
    }
}

#[test]
fn a_choice_is_shown_in_the_largest_units() {
    let after = |seconds| choice(Words::none(), Choice::IfUnreadAfter(Delay::parse(seconds).unwrap()));
    for (seconds, said) in
        [(45, "45 s"), (90, "1 min 30 s"), (600, "10 min"), (3_600, "1 h"), (86_400, "1 day"), (604_800, "7 days")]
    {
        assert_eq!(after(seconds), format!("If unread after {said}"));
    }
}
