use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::model::Timestamp;

fn at(text: &str) -> DateTime<Utc> {
    Timestamp::parse(&format!("{}:00Z", text.replace(' ', "T"))).unwrap().to_utc()
}

fn category(text: &str) -> Category {
    Category::parse(text).unwrap()
}

fn preferences(patch: &Value) -> Preferences {
    Preferences::default().merge(patch).unwrap()
}

/// `bill` is mandatory, and `alert` is mailed by default.
fn rules() -> Rules {
    Rules { mandatory: vec![category("bill")], ..Rules::default() }
}

fn hold(until: &str, why: HeldFor) -> Decision {
    Decision::Hold { until: at(until), why }
}

fn skip(reason: SkippedFor) -> Decision {
    Decision::Skip { reason }
}

#[rstest]
#[case("message", Way::Push, json!({}), Choice::On, Because::Default)]
#[case("message", Way::Email, json!({}), Choice::Off, Because::Default)]
#[case("alert", Way::Push, json!({}), Choice::On, Because::Default)]
#[case("alert", Way::Email, json!({}), Choice::On, Because::Default)]
#[case("own", Way::Push, json!({}), Choice::On, Because::Default)]
#[case("own", Way::Email, json!({}), Choice::Off, Because::Default)]
// The user's channel before the default.
#[case("alert", Way::Email, json!({"channels": {"email": "off"}}), Choice::Off, Because::Channel)]
#[case("message", Way::Email, json!({"channels": {"email": "on"}}), Choice::On, Because::Channel)]
#[case("message", Way::Push, json!({"channels": {"email": "off"}}), Choice::On, Because::Default)]
// The user's category before the channel, even with the same choice, and before the default.
#[case("alert", Way::Email, json!({"channels": {"email": "off"}, "categories": {"alert": {"email": "on"}}}), Choice::On, Because::Category)]
#[case("alert", Way::Email, json!({"channels": {"email": "off"}, "categories": {"alert": {"email": "off"}}}), Choice::Off, Because::Category)]
#[case("alert", Way::Email, json!({"channels": {"email": "off"}, "categories": {"alert": {"push": "on"}}}), Choice::Off, Because::Channel)]
#[case("alert", Way::Email, json!({"channels": {"email": "off"}, "categories": {"message": {"email": "on"}}}), Choice::Off, Because::Channel)]
#[case("message", Way::Push, json!({"categories": {"message": {"push": "off"}}}), Choice::Off, Because::Category)]
// The operator before everything.
#[case("bill", Way::Email, json!({}), Choice::On, Because::Mandatory)]
#[case("bill", Way::Push, json!({"channels": {"push": "off"}}), Choice::On, Because::Mandatory)]
#[case("bill", Way::Email, json!({"categories": {"bill": {"email": "off"}}}), Choice::On, Because::Mandatory)]
#[case("bill", Way::Email, json!({"categories": {"bill": {"email": {"if_unread_after": 9}}}}), Choice::On, Because::Mandatory)]
fn what_counts_more_comes_first(
    #[case] of: &str,
    #[case] way: Way,
    #[case] patch: Value,
    #[case] choice: Choice,
    #[case] because: Because,
) {
    assert_eq!(value(&preferences(&patch), &rules(), &category(of), way), (choice, because));
}

#[test]
fn effective_choices_cover_every_named_category() {
    let patch = json!({"channels": {"push": "off"}, "categories": {"own": {"email": {"if_unread_after": 60}}}});
    let found = serde_json::to_value(effective(&preferences(&patch), &rules(), |_| true)).unwrap();
    let both = |email: &str, push: &str, email_because: &str, push_because: &str| json!({"email": {"value": email, "because": email_because}, "push": {"value": push, "because": push_because}});
    let expected = json!({
        "alert": both("on", "off", "default", "channel"),
        "bill": both("on", "on", "mandatory", "mandatory"),
        "message": both("off", "off", "default", "channel"),
        "own": {
            "email": {"value": {"if_unread_after": 60}, "because": "category"},
            "push": {"value": "off", "because": "channel"},
        },
        "system": both("off", "off", "default", "channel"),
        "update": both("off", "off", "default", "channel"),
    });
    assert_eq!(found, expected);
}

/// Quiet from 22:00 to 07:00, in UTC.
fn quiet_hours() -> Value {
    json!({"zone": "UTC", "from": "22:00", "to": "07:00"})
}

/// The decision at noon about a notification created then.
fn decided(asked: &Routing, patch: &Value, of: &str, channel: Channel) -> Decision {
    let noon = at("2026-01-15 12:00");
    decide(asked, &preferences(patch), &rules(), &category(of), channel, noon, noon)
}

fn asked(send_email: Option<bool>, channels: Option<&[Channel]>) -> Routing {
    Routing { send_email, channels: channels.map(<[_]>::to_vec) }
}

use Channel::{Apns, Email, Fcm, Webhook, Webpush};
use SkippedFor::{OffByCategory, OffByChannel, OffByDefault, SenderChannels, SenderNoEmail};

#[rstest]
// No choices at all.
#[case(None, None, json!({}), "message", Webpush, Decision::Send)]
#[case(None, None, json!({}), "message", Email, skip(OffByDefault))]
#[case(None, None, json!({}), "alert", Email, Decision::Send)]
// The user's choice before the default.
#[case(None, None, json!({"channels": {"email": "on"}}), "message", Email, Decision::Send)]
#[case(None, None, json!({"channels": {"email": "off"}}), "alert", Email, skip(OffByChannel))]
#[case(None, None, json!({"categories": {"alert": {"email": "off"}}}), "alert", Email, skip(OffByCategory))]
#[case(None, None, json!({"channels": {"push": "off"}}), "alert", Webpush, skip(OffByChannel))]
#[case(None, None, json!({"channels": {"push": "off"}}), "alert", Fcm, skip(OffByChannel))]
#[case(None, None, json!({"channels": {"push": "off"}}), "alert", Apns, skip(OffByChannel))]
#[case(None, None, json!({"channels": {"push": "off"}, "categories": {"alert": {"push": "on"}}}), "alert", Apns, Decision::Send)]
// The operator's rules before the user's choice.
#[case(None, None, json!({"channels": {"email": "off"}}), "bill", Email, Decision::Send)]
#[case(None, None, json!({"categories": {"bill": {"push": "off"}}}), "bill", Fcm, Decision::Send)]
// The sender's exclusions before everything.
#[case(None, Some(&[][..]), json!({}), "alert", Webpush, skip(SenderChannels))]
#[case(None, Some(&[Fcm][..]), json!({}), "alert", Webpush, skip(SenderChannels))]
#[case(None, Some(&[Fcm][..]), json!({"channels": {"email": "on"}}), "alert", Email, skip(SenderChannels))]
#[case(None, Some(&[Fcm][..]), json!({"channels": {"email": "off"}}), "alert", Email, skip(SenderChannels))]
#[case(None, Some(&[Fcm][..]), json!({}), "bill", Email, skip(SenderChannels))]
#[case(Some(false), None, json!({}), "alert", Email, skip(SenderNoEmail))]
#[case(Some(false), None, json!({"channels": {"email": "on"}}), "alert", Email, skip(SenderNoEmail))]
#[case(Some(false), None, json!({"channels": {"email": "off"}}), "alert", Email, skip(SenderNoEmail))]
#[case(Some(false), None, json!({}), "bill", Email, skip(SenderNoEmail))]
#[case(Some(false), None, json!({}), "alert", Webpush, Decision::Send)]
#[case(Some(false), Some(&[Email][..]), json!({}), "alert", Email, skip(SenderNoEmail))]
#[case(Some(false), Some(&[][..]), json!({}), "alert", Email, skip(SenderChannels))]
#[case(Some(true), Some(&[Fcm][..]), json!({}), "alert", Email, skip(SenderChannels))]
// A list of channels restricts, and forces nothing.
#[case(None, Some(&[Email][..]), json!({}), "message", Email, skip(OffByDefault))]
#[case(None, Some(&[Email][..]), json!({}), "alert", Email, Decision::Send)]
#[case(None, Some(&[Fcm, Email][..]), json!({"channels": {"push": "off"}}), "alert", Fcm, skip(OffByChannel))]
// A mail that the sender asks for overrides the server's default, and not the user's choice.
#[case(Some(true), None, json!({}), "message", Email, Decision::Send)]
#[case(Some(true), Some(&[Email][..]), json!({}), "message", Email, Decision::Send)]
#[case(Some(true), None, json!({"channels": {"email": "off"}}), "message", Email, skip(OffByChannel))]
#[case(Some(true), None, json!({"categories": {"message": {"email": "off"}}}), "message", Email, skip(OffByCategory))]
#[case(Some(true), None, json!({"channels": {"push": "off"}}), "message", Webpush, skip(OffByChannel))]
#[case(Some(true), None, json!({"channels": {"email": "off"}}), "bill", Email, Decision::Send)]
// Neither users nor senders control webhooks.
#[case(Some(false), Some(&[][..]), json!({"channels": {"push": "off"}}), "message", Webhook, Decision::Send)]
fn a_channel_tells_a_user_or_not(
    #[case] send_email: Option<bool>,
    #[case] channels: Option<&[Channel]>,
    #[case] patch: Value,
    #[case] of: &str,
    #[case] channel: Channel,
    #[case] expected: Decision,
) {
    assert_eq!(decided(&asked(send_email, channels), &patch, of, channel), expected);
}

#[rstest]
// If the notification is unread after ten minutes.
#[case("12:00", "12:00", json!({"email": {"if_unread_after": 600}}), Email, hold("2026-01-15 12:10", HeldFor::Unread))]
#[case("12:00", "12:09", json!({"email": {"if_unread_after": 600}}), Email, hold("2026-01-15 12:10", HeldFor::Unread))]
#[case("12:00", "12:10", json!({"email": {"if_unread_after": 600}}), Email, Decision::Send)]
#[case("12:00", "12:11", json!({"email": {"if_unread_after": 600}}), Email, Decision::Send)]
#[case("12:00", "12:00", json!({"push": {"if_unread_after": 600}}), Apns, hold("2026-01-15 12:10", HeldFor::Unread))]
// Quiet hours hold deliveries that are due in them.
#[case("21:59", "21:59", json!({"push": "on"}), Fcm, Decision::Send)]
#[case("22:00", "22:00", json!({"push": "on"}), Fcm, hold("2026-01-16 07:00", HeldFor::QuietHours))]
#[case("06:59", "06:59", json!({"push": "on"}), Fcm, hold("2026-01-15 07:00", HeldFor::QuietHours))]
#[case("06:59", "07:00", json!({"push": "on"}), Fcm, Decision::Send)]
#[case("22:00", "22:00", json!({"email": "on"}), Email, hold("2026-01-16 07:00", HeldFor::QuietHours))]
// Both: the due time counts, and not the time of creation.
#[case("21:49", "21:49", json!({"push": {"if_unread_after": 600}}), Fcm, hold("2026-01-15 21:59", HeldFor::Unread))]
#[case("21:50", "21:50", json!({"push": {"if_unread_after": 600}}), Fcm, hold("2026-01-16 07:00", HeldFor::QuietHours))]
#[case("06:49", "06:49", json!({"push": {"if_unread_after": 600}}), Fcm, hold("2026-01-15 07:00", HeldFor::QuietHours))]
#[case("06:50", "06:50", json!({"push": {"if_unread_after": 600}}), Fcm, hold("2026-01-15 07:00", HeldFor::Unread))]
#[case("21:30", "22:30", json!({"push": {"if_unread_after": 600}}), Fcm, hold("2026-01-16 07:00", HeldFor::QuietHours))]
fn it_waits_until(
    #[case] created: &str,
    #[case] now: &str,
    #[case] channels: Value,
    #[case] channel: Channel,
    #[case] expected: Decision,
) {
    let preferences = preferences(&json!({"channels": channels, "quiet_hours": quiet_hours()}));
    let day = |time| at(&format!("2026-01-15 {time}"));
    let found =
        decide(&Routing::default(), &preferences, &rules(), &category("message"), channel, day(created), day(now));
    assert_eq!(found, expected);
}

#[rstest]
// Mails that are on go into it, whichever rule turned them on.
#[case(None, json!({}), "alert", Email, hold("2026-01-15 13:00", HeldFor::Digest))]
#[case(None, json!({"channels": {"email": "on"}}), "message", Email, hold("2026-01-15 13:00", HeldFor::Digest))]
#[case(None, json!({"categories": {"message": {"email": "on"}}}), "message", Email, hold("2026-01-15 13:00", HeldFor::Digest))]
// Mails that are off do not, nor do those with a time of their own, nor pushes.
#[case(None, json!({}), "message", Email, skip(OffByDefault))]
#[case(None, json!({"channels": {"email": {"if_unread_after": 600}}}), "alert", Email, hold("2026-01-15 12:10", HeldFor::Unread))]
#[case(None, json!({}), "bill", Email, Decision::Send)]
#[case(Some(true), json!({}), "message", Email, Decision::Send)]
#[case(Some(true), json!({}), "alert", Email, Decision::Send)]
#[case(Some(true), json!({"channels": {"email": "on"}}), "alert", Email, Decision::Send)]
#[case(Some(true), json!({"channels": {"email": {"if_unread_after": 600}}}), "alert", Email, hold("2026-01-15 12:10", HeldFor::Unread))]
#[case(None, json!({}), "alert", Webpush, Decision::Send)]
#[case(Some(true), json!({}), "alert", Webpush, Decision::Send)]
fn a_digest_takes_the_categories_that_are_on(
    #[case] send_email: Option<bool>,
    #[case] patch: Value,
    #[case] of: &str,
    #[case] channel: Channel,
    #[case] expected: Decision,
) {
    let mut patch = patch;
    patch["digest"] = json!({"email": "1h"});
    assert_eq!(decided(&asked(send_email, None), &patch, of, channel), expected);
}

#[rstest]
// After an hour, or at the time of the day; and where that is quiet, at the end of the quiet hours.
#[case("1h", json!(null), "12:00", "12:00", "2026-01-15 13:00")]
#[case("1h", json!(null), "12:00", "12:59", "2026-01-15 13:00")]
#[case("daily 18:30", json!(null), "12:00", "12:00", "2026-01-15 18:30")]
#[case("daily 08:00", json!(null), "12:00", "12:00", "2026-01-16 08:00")]
#[case("1h", quiet_hours(), "20:59", "20:59", "2026-01-15 21:59")]
#[case("1h", quiet_hours(), "21:30", "21:30", "2026-01-16 07:00")]
#[case("1h", quiet_hours(), "06:00", "06:00", "2026-01-15 07:00")]
#[case("daily 06:00", quiet_hours(), "12:00", "12:00", "2026-01-16 07:00")]
// In the zone of the quiet hours, even where they are off.
#[case("daily 18:30", json!({"zone": "Asia/Kathmandu", "from": "01:00", "to": "01:00"}), "12:00", "12:00", "2026-01-15 12:45")]
// A late digest is due now, and still a digest.
#[case("1h", json!(null), "12:00", "14:00", "2026-01-15 14:00")]
#[case("1h", quiet_hours(), "12:00", "22:30", "2026-01-16 07:00")]
fn a_digest_is_due_at(
    #[case] digest: &str,
    #[case] quiet: Value,
    #[case] created: &str,
    #[case] now: &str,
    #[case] until: &str,
) {
    let preferences = preferences(&json!({"digest": {"email": digest}, "quiet_hours": quiet}));
    let day = |time| at(&format!("2026-01-15 {time}"));
    let found = decide(&Routing::default(), &preferences, &rules(), &category("alert"), Email, day(created), day(now));
    assert_eq!(found, hold(until, HeldFor::Digest));
}

#[rstest]
#[case("bill", None, Email, Decision::Send)]
#[case("bill", Some(true), Email, Decision::Send)]
#[case("bill", None, Fcm, Decision::Send)]
#[case("message", Some(true), Email, hold("2026-01-15 07:00", HeldFor::QuietHours))]
#[case("alert", None, Email, hold("2026-01-15 07:00", HeldFor::Digest))]
#[case("alert", None, Fcm, hold("2026-01-15 07:00", HeldFor::QuietHours))]
#[case("message", None, Email, skip(OffByDefault))]
#[case("alert", Some(false), Email, skip(SenderNoEmail))]
#[case("alert", None, Webhook, Decision::Send)]
fn only_mandatory_notifications_disturb(
    #[case] of: &str,
    #[case] send_email: Option<bool>,
    #[case] channel: Channel,
    #[case] expected: Decision,
) {
    let preferences = preferences(&json!({"quiet_hours": quiet_hours(), "digest": {"email": "daily 05:00"}}));
    let now = at("2026-01-15 03:00");
    let found = decide(&asked(send_email, None), &preferences, &rules(), &category(of), channel, now, now);
    assert_eq!(found, expected);
}

/// When its time has come, a delivery held by itself is sent; the time of a digest does not move.
#[rstest]
fn a_held_delivery_is_released_when_it_is_due(
    #[values(r#""on""#, r#"{"if_unread_after":1}"#, r#"{"if_unread_after":3600}"#, r#"{"if_unread_after":604800}"#)]
    choice: &str,
    #[values("off", "1h", "daily 02:30", "daily 23:00")] digest: &str,
    #[values("02:30-03:00", "22:00-07:00", "03:00-02:00")] quiet: &str,
) {
    let choice: Value = serde_json::from_str(choice).unwrap();
    let (from, to) = quiet.split_once('-').unwrap();
    let quiet = json!({"zone": "Europe/Berlin", "from": from, "to": to});
    let patch = json!({"channels": {"email": choice}, "digest": {"email": digest}, "quiet_hours": quiet});
    let preferences = preferences(&patch);
    let decide =
        |created, now| decide(&Routing::default(), &preferences, &rules(), &category("message"), Email, created, now);
    for quarter in 0..4 * 96 {
        let created = at("2026-03-27 12:00") + TimeDelta::minutes(15 * quarter);
        match decide(created, created) {
            Decision::Hold { until, why: HeldFor::Digest } => {
                let again = decide(created, until);
                assert_eq!(again, Decision::Hold { until, why: HeldFor::Digest }, "{created}");
            }
            Decision::Hold { until, .. } => {
                assert!(until > created);
                assert_eq!(decide(created, until), Decision::Send, "{created}");
            }
            Decision::Send => {}
            Decision::Skip { .. } => panic!("{created}"),
        }
    }
}

#[test]
fn reasons_are_written_as_the_answers_have_them() {
    let written = |all: &[Because]| all.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(written(Because::ALL), "mandatory category channel default not_set_up");
    let held: Vec<_> = HeldFor::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(held, ["if_unread_after", "quiet_hours", "digest"]);
    let skipped: Vec<_> = SkippedFor::ALL.iter().map(|word| word.as_str()).collect();
    let expected = ["sender_channels", "sender_no_email", "off_by_category", "off_by_channel", "off_by_default"];
    assert_eq!(skipped, expected);
}
