//! The body of a request to FCM
//! ([reference](https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages)).

use serde_json::{Value, json};

use crate::{
    model::{FcmKind, FcmToken, Timestamp},
    server::{
        channels::push::{Note, Push},
        clock::after,
    },
};

/// The most bytes of a message. FCM counts less than the whole body, which is counted here.
const MOST_BYTES: usize = 4_096;
/// Collapse key of silent updates: of those that wait, only the last is delivered.
const BADGE: &str = "badge";
/// How long a silent update waits for a device that is offline, in seconds.
const BADGE_TTL: u64 = 86_400;

/// The body of a request for a push to a device.
///
/// # Errors
/// One sentence, when it cannot be made small enough.
pub(super) fn body(push: &Push, token: &FcmToken, kind: FcmKind, now: Timestamp) -> Result<Vec<u8>, String> {
    let target = match kind {
        FcmKind::Token => "token",
        FcmKind::Fid => "fid",
    };
    let addressed = |mut message: Value| {
        message[target] = token.as_str().into();
        json!({ "message": message })
    };
    let Some(note) = &push.note else {
        let silent = serde_json::to_vec(&addressed(silent(push))).map_err(|error| error.to_string())?;
        let fits = silent.len() <= MOST_BYTES;
        return if fits { Ok(silent) } else { Err("there is no room for it in a push".to_owned()) };
    };
    note.fitted(MOST_BYTES, |note| serde_json::to_vec(&addressed(shown(note, push, now))))
}

/// A message that a device shows.
fn shown(note: &Note, push: &Push, now: Timestamp) -> Value {
    let Note { id, title, text, link, category, is_urgent, .. } = note;
    let lives_for = note.lives_for(now);
    let (priority, apns_priority) = if *is_urgent { ("HIGH", "10") } else { ("NORMAL", "5") };
    let mut data = counts(push);
    data["id"] = id.to_string().into();
    data["category"] = category.as_str().into();
    if let Some(link) = link {
        data["link"] = link.as_str().into();
    }
    json!({
        "notification": { "title": title, "body": text },
        "data": data,
        "android": {
            "collapse_key": id,
            "ttl": format!("{}s", lives_for.as_secs()),
            "priority": priority,
            "notification": { "tag": id },
        },
        // FCM does not pass the fields of `android` on to Apple.
        "apns": {
            "headers": {
                "apns-collapse-id": id,
                "apns-expiration": after(now, lives_for).to_utc().timestamp().to_string(),
                "apns-priority": apns_priority,
            },
            "payload": { "aps": { "badge": push.unread_count, "thread-id": category.as_str(), "sound": "default" } },
        },
    })
}

/// A silent message, with the count for the device's app.
fn silent(push: &Push) -> Value {
    json!({
        "data": counts(push),
        "android": { "collapse_key": BADGE, "ttl": format!("{BADGE_TTL}s"), "priority": "NORMAL" },
        "apns": {
            "headers": { "apns-collapse-id": BADGE, "apns-priority": "5", "apns-push-type": "background" },
            "payload": { "aps": { "content-available": 1, "badge": push.unread_count } },
        },
    })
}

/// The data of every message, as strings, which FCM requires.
fn counts(push: &Push) -> Value {
    json!({ "modseq": push.modseq.to_string(), "unread_count": push.unread_count.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Category, Title},
        server::channels::push::tests::note,
    };

    const ID: &str = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

    fn written(push: &Push, token: &str, kind: FcmKind) -> Result<Value, String> {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let body = body(push, &FcmToken::parse(token).unwrap(), kind, now)?;
        assert!(body.len() <= 4_096, "{}", body.len());
        Ok(serde_json::from_slice(&body).unwrap())
    }

    fn push(note: Note) -> Push {
        Push { note: Some(note), modseq: 7, unread_count: 3 }
    }

    #[test]
    fn a_message_is_what_the_reference_says() {
        let expires_at = Some(Timestamp::parse("2026-01-01T01:00:00Z").unwrap());
        let note = Note { is_urgent: true, expires_at, ..note("Hi", "Text", Some("https://example.com/a")) };
        let expected = json!({ "message": {
            "token": "device:1",
            "notification": { "title": "Hi", "body": "Text" },
            "data": {
                "id": ID, "category": "message", "link": "https://example.com/a", "modseq": "7", "unread_count": "3",
            },
            "android": {
                "collapse_key": ID, "ttl": "3600s", "priority": "HIGH", "notification": { "tag": ID },
            },
            "apns": {
                "headers": { "apns-collapse-id": ID, "apns-expiration": "1767229200", "apns-priority": "10" },
                "payload": { "aps": { "badge": 3, "thread-id": "message", "sound": "default" } },
            },
        }});
        assert_eq!(written(&push(note), "device:1", FcmKind::Token).unwrap(), expected);
    }

    #[test]
    fn an_installation_is_addressed_by_its_id_and_what_can_wait_is_not_urgent() {
        let written = written(&push(note("Hi", "Text", None)), "installation", FcmKind::Fid).unwrap();
        let message = &written["message"];
        assert_eq!((&message["fid"], message.get("token")), (&json!("installation"), None));
        assert_eq!(message["android"]["priority"], "NORMAL");
        assert_eq!(message["android"]["ttl"], "86400s");
        assert_eq!(message["data"].get("link"), None);
        assert!(message["data"].as_object().unwrap().values().all(Value::is_string), "{message}");
    }

    #[test]
    fn a_silent_update_shows_nothing() {
        let push = Push { note: None, modseq: 7, unread_count: 0 };
        let expected = json!({ "message": {
            "token": "device:1",
            "data": { "modseq": "7", "unread_count": "0" },
            "android": { "collapse_key": "badge", "ttl": "86400s", "priority": "NORMAL" },
            "apns": {
                "headers": { "apns-collapse-id": "badge", "apns-priority": "5", "apns-push-type": "background" },
                "payload": { "aps": { "content-available": 1, "badge": 0 } },
            },
        }});
        assert_eq!(written(&push, "device:1", FcmKind::Token).unwrap(), expected);
    }

    #[test]
    fn no_body_is_longer_than_its_limit() {
        for text in ["👩‍👩‍👧‍👦".repeat(2_340), "👍".repeat(16_384), "\u{1}\"\\".repeat(5_461)] {
            let note = note("Title", &text, Some("https://example.com/a"));
            let shown = written(&push(note), &"t".repeat(200), FcmKind::Token).unwrap();
            let shown = shown["message"]["notification"]["body"].as_str().unwrap();
            assert!(shown.ends_with('…') && shown.len() > 500, "{shown}");
        }
        // The limit is reached, and not exceeded.
        let lengths = (3_000..3_800).map(|length| {
            let text = "x".repeat(length);
            written(&push(note("T", &text, None)), "device:1", FcmKind::Token).unwrap().to_string().len()
        });
        assert_eq!(lengths.max(), Some(4_096));
        // The longest of all fields at once.
        let (long, title) = ("t".repeat(FcmToken::MAX_BYTES), "👍".repeat(Title::MAX_CHARS));
        let category = Category::stored(&"c".repeat(Category::MAX_CHARS));
        let note = Note { category, ..note(&title, "x", None) };
        assert!(written(&push(note), &long, FcmKind::Token).is_ok());
        let silent = Push { note: None, modseq: u64::MAX, unread_count: u64::MAX };
        assert!(written(&silent, &long, FcmKind::Token).is_ok());
    }
}
