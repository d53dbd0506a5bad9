use rstest::rstest;
use serde_json::json;

use super::*;

fn merged(old: &Value, patch: &Value) -> Value {
    let old = Preferences::default().merge(old).unwrap();
    serde_json::to_value(old.merge(patch).unwrap()).unwrap()
}

/// The places of the errors, in the order in which they are reported.
fn wrong(old: &Value, patch: &Value) -> Vec<String> {
    let old = Preferences::default().merge(old).unwrap();
    old.merge(patch).unwrap_err().into_iter().map(|error| error.field).collect()
}

fn why(patch: &Value) -> String {
    let errors = Preferences::default().merge(patch).unwrap_err();
    errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
}

/// Preferences with every part.
fn everything() -> Value {
    json!({
        "channels": {"email": "off"},
        "categories": {"alert": {"email": "on", "push": {"if_unread_after": 600}}},
        "quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "sun"]},
        "digest": {"email": "daily 08:00"},
    })
}

#[test]
fn preferences_are_written_as_they_are_read() {
    let text = r#"{"channels":{"email":"off","push":"on"},"categories":{"alert":{"email":"on","push":{"if_unread_after":600}},"own":{"push":"off"}},"quiet_hours":{"zone":"Europe/Berlin","from":"22:00","to":"07:00","days":["mon","tue","wed","thu","fri","sat","sun"]},"digest":{"email":"1h"}}"#;
    let preferences: Preferences = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&preferences).unwrap(), text);
    assert_eq!(serde_json::to_string(&Preferences::default()).unwrap(), "{}");
    let error = serde_json::from_str::<Preferences>(r#"{"digest":{"email":"2h"}}"#).unwrap_err().to_string();
    assert!(error.starts_with("digest.email: A digest is off, 1h, or daily"), "{error}");
}

#[rstest]
#[case(json!({}), json!({}), json!({}))]
#[case(everything(), json!({}), everything())]
#[case(json!({}), everything(), everything())]
#[case(everything(), everything(), everything())]
// Members are merged, and replace the old ones.
#[case(json!({"channels": {"email": "off"}}), json!({"channels": {"push": "on"}}), json!({"channels": {"email": "off", "push": "on"}}))]
#[case(json!({"channels": {"email": "off"}}), json!({"channels": {"email": "on"}}), json!({"channels": {"email": "on"}}))]
#[case(json!({"channels": {"email": "off"}}), json!({"channels": {}}), json!({"channels": {"email": "off"}}))]
#[case(
    json!({"categories": {"alert": {"email": "on"}}}),
    json!({"categories": {"alert": {"push": "off"}, "own": {"push": "on"}}}),
    json!({"categories": {"alert": {"email": "on", "push": "off"}, "own": {"push": "on"}}})
)]
// Null removes a part, on each level, even an absent one; a part that becomes empty disappears.
#[case(everything(), json!({"channels": null, "categories": null, "quiet_hours": null, "digest": null}), json!({}))]
#[case(json!({}), json!({"channels": null, "categories": null, "quiet_hours": null, "digest": null}), json!({}))]
#[case(json!({"channels": {"email": "off"}}), json!({"channels": {"email": null, "push": null}}), json!({}))]
#[case(json!({"categories": {"alert": {"email": "on", "push": "on"}}}), json!({"categories": {"alert": {"push": null}}}), json!({"categories": {"alert": {"email": "on"}}}))]
#[case(json!({"categories": {"alert": {"email": "on"}}}), json!({"categories": {"alert": {"email": null}}}), json!({}))]
#[case(json!({"categories": {"alert": {"email": "on"}}}), json!({"categories": {"alert": null, "own": null}}), json!({}))]
#[case(json!({}), json!({"categories": {"alert": {}}}), json!({}))]
#[case(json!({"digest": {"email": "1h"}}), json!({"digest": {"email": null}}), json!({}))]
#[case(json!({"digest": {"email": "1h"}}), json!({"digest": {"email": "off"}}), json!({}))]
#[case(json!({"digest": {"email": "1h"}}), json!({"digest": {}}), json!({"digest": {"email": "1h"}}))]
// A choice that is an object is merged too, and is validated after that.
#[case(json!({"channels": {"push": {"if_unread_after": 5}}}), json!({"channels": {"push": {"if_unread_after": 6}}}), json!({"channels": {"push": {"if_unread_after": 6}}}))]
#[case(json!({"channels": {"push": {"if_unread_after": 5}}}), json!({"channels": {"push": {}}}), json!({"channels": {"push": {"if_unread_after": 5}}}))]
#[case(json!({"channels": {"push": {"if_unread_after": 5}}}), json!({"channels": {"push": "off"}}), json!({"channels": {"push": "off"}}))]
#[case(json!({"channels": {"push": "off"}}), json!({"channels": {"push": {"if_unread_after": 604_800}}}), json!({"channels": {"push": {"if_unread_after": 604_800}}}))]
#[case(json!({}), json!({"channels": {"push": {"if_unread_after": 1.0}}}), json!({"channels": {"push": {"if_unread_after": 1}}}))]
fn a_patch_is_merged(#[case] old: Value, #[case] patch: Value, #[case] expected: Value) {
    assert_eq!(merged(&old, &patch), expected);
}

#[rstest]
#[case(json!({}), json!({"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "sun"]}))]
#[case(json!({"zone": "Asia/Kathmandu"}), json!({"zone": "Asia/Kathmandu", "from": "22:00", "to": "07:00", "days": ["mon", "sun"]}))]
#[case(json!({"from": "00:00", "to": "23:59"}), json!({"zone": "Europe/Berlin", "from": "00:00", "to": "23:59", "days": ["mon", "sun"]}))]
#[case(json!({"to": "22:00"}), json!({"zone": "Europe/Berlin", "from": "22:00", "to": "22:00", "days": ["mon", "sun"]}))]
// Days are an array, which is not merged; they are a set, in the order of the week.
#[case(json!({"days": ["sat", "fri", "sat"]}), json!({"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["fri", "sat"]}))]
#[case(json!({"days": null}), json!({"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}))]
fn quiet_hours_are_merged_member_by_member(#[case] patch: Value, #[case] expected: Value) {
    assert_eq!(merged(&everything(), &json!({"quiet_hours": patch}))["quiet_hours"], expected);
}

#[rstest]
// Errors in the patch itself.
#[case(json!(null), &["body"])]
#[case(json!([]), &["body"])]
#[case(json!("off"), &["body"])]
// Errors in names, even with the value null.
#[case(json!({"channel": {}, "Digest": null}), &["Digest", "channel"])]
#[case(json!({"channels": {"fcm": "on", "webhook": null}}), &["channels.fcm", "channels.webhook"])]
#[case(json!({"categories": {"Alert": {"email": "on"}, "a.b": null}}), &["categories.Alert", "categories.a.b"])]
#[case(json!({"categories": {"alert": {"sms": "on"}}}), &["categories.alert.sms"])]
#[case(json!({"quiet_hours": {"until": "07:00"}}), &["quiet_hours.until", "quiet_hours.zone", "quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"digest": {"push": "1h"}}), &["digest.push"])]
// Other values in place of objects.
#[case(json!({"channels": "off", "categories": [], "quiet_hours": true, "digest": "1h"}), &["categories", "channels", "digest", "quiet_hours"])]
#[case(json!({"categories": {"alert": "off"}}), &["categories.alert"])]
// Errors in choices.
#[case(json!({"channels": {"email": "ON"}}), &["channels.email"])]
#[case(json!({"channels": {"email": true}}), &["channels.email"])]
#[case(json!({"channels": {"email": ["on"]}}), &["channels.email"])]
#[case(json!({"categories": {"alert": {"email": "", "push": 5}}}), &["categories.alert.email", "categories.alert.push"])]
#[case(json!({"channels": {"email": {}}}), &["channels.email"])]
#[case(json!({"channels": {"email": {"if_unread_after": null}}}), &["channels.email"])]
#[case(json!({"channels": {"email": {"after": 5}}}), &["channels.email.after"])]
#[case(json!({"channels": {"email": {"if_unread_after": 5, "x": null}}}), &["channels.email.x"])]
#[case(json!({"channels": {"email": {"if_unread_after": 0}, "push": {"if_unread_after": 604_801}}}), &["channels.email.if_unread_after", "channels.push.if_unread_after"])]
#[case(json!({"channels": {"email": {"if_unread_after": -1}, "push": {"if_unread_after": 1.5}}}), &["channels.email.if_unread_after", "channels.push.if_unread_after"])]
#[case(json!({"channels": {"email": {"if_unread_after": "5"}, "push": {"if_unread_after": 1e300}}}), &["channels.email.if_unread_after", "channels.push.if_unread_after"])]
// Errors in quiet hours.
#[case(json!({"quiet_hours": {}}), &["quiet_hours.zone", "quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "22:00"}}), &["quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": "Europe/berlin", "from": "22:00", "to": "24:00"}}), &["quiet_hours.zone", "quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": "+01:00", "from": "7:00", "to": "07:60"}}), &["quiet_hours.zone", "quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": "", "from": "+7:00", "to": "07:00:00"}}), &["quiet_hours.zone", "quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": 1, "from": 2200, "to": null}}), &["quiet_hours.zone", "quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "22:00", "to": "07:00", "days": "mon"}}), &["quiet_hours.days"])]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "22:00", "to": "07:00", "days": []}}), &["quiet_hours.days"])]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "22:00", "to": "07:00", "days": ["mon", "mon", "mon", "mon", "mon", "mon", "mon", "mon"]}}), &["quiet_hours.days"])]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "22:00", "to": "07:00", "days": ["mon", "Tue", 3]}}), &["quiet_hours.days[1]", "quiet_hours.days[2]"])]
// Errors in digests.
#[case(json!({"digest": {"email": "2h"}}), &["digest.email"])]
#[case(json!({"digest": {"email": "daily"}}), &["digest.email"])]
#[case(json!({"digest": {"email": "daily 8:00"}}), &["digest.email"])]
#[case(json!({"digest": {"email": "daily  08:00"}}), &["digest.email"])]
#[case(json!({"digest": {"email": 1}}), &["digest.email"])]
// All at once.
#[case(
    json!({"categories": {"alert": {"email": 1}}, "channels": {"push": 1}, "digest": {"email": 1}, "quiet_hours": {"zone": "Mars"}, "x": 1}),
    &["categories.alert.email", "channels.push", "digest.email", "quiet_hours.zone", "quiet_hours.from", "quiet_hours.to", "x"]
)]
fn each_mistake_is_reported_at_its_place(#[case] patch: Value, #[case] places: &[&str]) {
    assert_eq!(wrong(&json!({}), &patch), places);
}

#[rstest]
#[case(json!({"zone": null}), &["quiet_hours.zone"])]
#[case(json!({"from": null, "to": "7"}), &["quiet_hours.from", "quiet_hours.to"])]
#[case(json!({"zone": "Mars"}), &["quiet_hours.zone"])]
#[case(json!([]), &["quiet_hours"])]
fn a_patch_cannot_remove_a_required_field_of_quiet_hours(#[case] patch: Value, #[case] places: &[&str]) {
    assert_eq!(wrong(&everything(), &json!({"quiet_hours": patch})), places);
}

#[rstest]
#[case(json!("on"), "This must be an object, not a string.")]
#[case(json!({"x\u{1b}": 1}), r"There is no field `x\u{1b}`. The fields are `channels`, `categories`, `quiet_hours` and `digest`.")]
#[case(json!({"categoris": {}}), "There is no field `categoris`; did you mean `categories`?")]
#[case(json!({"channels": {"fcm": "on"}}), "There is no field `fcm`. The fields are `email` and `push`.")]
#[case(json!({"channels": {"push": "no"}}), r#"This must be "on", "off", or {"if_unread_after": seconds}."#)]
#[case(json!({"channels": {"push": {"if_unread_after": 0}}}), "This must be 1 to 604800 seconds.")]
#[case(json!({"channels": {"push": {"if_unread_after": 0.5}}}), "This must be a whole number of seconds.")]
#[case(json!({"channels": {"push": {"if_unread_after": "5"}}}), "This must be a number of seconds, not a string.")]
#[case(json!({"quiet_hours": {"zone": "UTC", "from": "x"}}), "A time of the day is 00:00 to 23:59. This field is required.")]
#[case(json!({"digest": {"email": null, "x": null}}), "There is no field `x`. The only field is `email`.")]
fn a_mistake_is_reported_in_a_sentence(#[case] patch: Value, #[case] expected: &str) {
    assert_eq!(why(&patch), expected);
}

/// This many categories, from the first of these numbers on.
fn categories(numbers: std::ops::Range<u32>, value: &Value) -> Value {
    let all: serde_json::Map<_, _> = numbers.map(|number| (format!("c{number}"), value.clone())).collect();
    json!({ "categories": all })
}

#[test]
fn a_hundred_categories_are_named_at_most() {
    let on = json!({"push": "on"});
    let full = categories(0..100, &on);
    assert_eq!(
        merged(&full, &json!({"categories": {"c0": {"email": "on"}}}))["categories"].as_object().unwrap().len(),
        100
    );
    assert_eq!(wrong(&full, &categories(100..101, &on)), ["categories"]);
    assert_eq!(why(&categories(0..102, &on)), "Name at most 100 categories; with these there are 102.");
    // Removed categories, and empty ones, are not counted.
    assert_eq!(merged(&full, &categories(50..300, &json!(null)))["categories"].as_object().unwrap().len(), 50);
    assert_eq!(merged(&full, &categories(100..300, &json!({}))), full);
    let mut swap = categories(0..1, &json!(null));
    swap["categories"]["other"] = on;
    assert_eq!(merged(&full, &swap)["categories"].as_object().unwrap().len(), 100);
}

#[test]
fn the_number_and_length_of_errors_are_bounded() {
    assert_eq!(wrong(&json!({}), &categories(0..5_000, &json!(1))).len(), 100);
    let long = "é".repeat(100_000);
    let errors = Preferences::default().merge(&json!({&long: 1, "categories": {&long: null}})).unwrap_err();
    assert!(errors.iter().all(|error| error.field.chars().count() < 80 && error.message.chars().count() < 200));
}

#[test]
fn a_patch_that_is_wrong_changes_nothing() {
    let old = Preferences::default().merge(&everything()).unwrap();
    assert!(old.merge(&json!({"channels": null, "digest": {"email": "x"}})).is_err());
    assert_eq!(serde_json::to_value(old).unwrap(), everything());
}

#[test]
fn a_channel_is_one_of_the_ways() {
    let ways: Vec<_> = Channel::ALL.iter().map(|channel| Way::of(*channel)).collect();
    assert_eq!(ways, [Some(Way::Email), Some(Way::Push), Some(Way::Push), Some(Way::Push), None]);
}
