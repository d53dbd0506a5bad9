//! The request to APNs for a push: headers and a JSON body.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::push::{Note, Push};
use crate::{
    model::{DeliveryId, Timestamp, Topic},
    server::clock::after,
};

/// The most bytes of a body.
const MOST_BYTES: usize = 4_096;
/// Collapse id of badge updates: a new one replaces one that was not delivered yet.
const BADGE: &str = "badge";
/// How long APNs stores an update of the count.
const BADGE_LIVES_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Priority that wakes a device.
const AT_ONCE: &str = "10";
/// Priority that waits until the device is awake.
const WHEN_AWAKE: &str = "5";

/// A request to APNs for one device.
pub(super) struct Message {
    /// All headers but the one that authenticates this server.
    pub(super) headers: HeaderMap,
    /// JSON.
    pub(super) body: Bytes,
}

impl Message {
    /// The request for the device of a contact.
    ///
    /// An update of the count alone is an `alert` with nothing but a badge, and not a `background` push: in Apple's
    /// *Pushing background updates to your App* those have no badge (`aps` may have only `content-available`), an app
    /// gets two or three of them an hour, and none after its user ended it. *Sending notification requests to APNs*
    /// lists a badge among the uses of the type `alert`. It shows nothing, makes no sound and, at priority 5, wakes
    /// nothing.
    ///
    /// # Errors
    /// One sentence, when it is too large.
    pub(super) fn of(push: &Push, id: DeliveryId, topic: &Topic, now: Timestamp) -> Result<Self, String> {
        let Push { note, modseq, unread_count } = push;
        let (body, collapse_id, lives_for, is_urgent) = match note {
            Some(note) => {
                let write = |note: &Note| serde_json::to_vec(&shown(note, *modseq, *unread_count));
                let body = note.fitted(MOST_BYTES, write)?;
                (body, note.id.to_string(), note.lives_for(now), note.is_urgent)
            }
            None => {
                let silent = json!({"aps": {"badge": unread_count}, "modseq": modseq});
                (silent.to_string().into_bytes(), BADGE.to_owned(), BADGE_LIVES_FOR, false)
            }
        };
        let expires_at = after(now, lives_for).to_utc().timestamp();
        let priority = if is_urgent { AT_ONCE } else { WHEN_AWAKE };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("apns-id", id.to_string()),
            ("apns-collapse-id", collapse_id),
            ("apns-push-type", "alert".to_owned()),
            ("apns-priority", priority.to_owned()),
            ("apns-expiration", expires_at.to_string()),
            ("apns-topic", topic.as_str().to_owned()),
        ] {
            let value = HeaderValue::try_from(value).map_err(|_| format!("{name} cannot be written in a header"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(Self { headers, body: body.into() })
    }
}

fn shown(note: &Note, modseq: u64, unread_count: u64) -> Value {
    let Note { id, title, text, link, category, .. } = note;
    let aps = json!({
        "alert": {"title": title, "body": text},
        "badge": unread_count,
        "thread-id": category.as_str(),
        "sound": "default",
    });
    let mut body = json!({"aps": aps, "id": id.to_string(), "category": category.as_str(), "modseq": modseq});
    if let Some(link) = link {
        body["link"] = link.as_str().into();
    }
    body
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::server::channels::push::tests::note;

    fn sent(note: Option<Note>) -> (Message, Value) {
        let push = Push { note, modseq: 7, unread_count: 3 };
        let (id, topic) = (DeliveryId::new(Uuid::from_u128(5)), Topic::parse("com.example.app").unwrap());
        let message = Message::of(&push, id, &topic, Timestamp::parse("2026-01-01T00:00:00Z").unwrap()).unwrap();
        let body = serde_json::from_slice(&message.body).unwrap();
        (message, body)
    }

    fn header<'m>(message: &'m Message, name: &str) -> &'m str {
        message.headers[name].to_str().unwrap()
    }

    #[test]
    fn a_note_is_an_alert_with_the_count_of_the_inbox() {
        let (message, body) = sent(Some(note("Hello", "World", Some("https://example.com/x"))));
        let id = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";
        let alert = json!({"title": "Hello", "body": "World"});
        let aps = json!({"alert": alert, "badge": 3, "thread-id": "message", "sound": "default"});
        let link = "https://example.com/x";
        assert_eq!(body, json!({"aps": aps, "id": id, "category": "message", "link": link, "modseq": 7}));
        for (name, value) in [
            ("apns-id", "00000000-0000-0000-0000-000000000005"),
            ("apns-collapse-id", id),
            ("apns-push-type", "alert"),
            ("apns-priority", "5"),
            ("apns-expiration", "1767312000"),
            ("apns-topic", "com.example.app"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(header(&message, name), value, "{name}");
        }
        let expires_at = Some(Timestamp::parse("2026-01-01T00:01:00Z").unwrap());
        let (message, body) = sent(Some(Note { is_urgent: true, expires_at, ..note("Hello", "World", None) }));
        assert_eq!((header(&message, "apns-priority"), header(&message, "apns-expiration")), ("10", "1767225660"));
        assert!(body.get("link").is_none());
    }

    #[test]
    fn an_update_of_the_count_shows_nothing() {
        let (message, body) = sent(None);
        assert_eq!(body, json!({"aps": {"badge": 3}, "modseq": 7}));
        assert_eq!((header(&message, "apns-priority"), header(&message, "apns-push-type")), ("5", "alert"));
        assert_eq!(header(&message, "apns-collapse-id"), "badge");
    }

    #[test]
    fn a_body_has_4096_bytes_at_most_whatever_is_in_it() {
        for text in ["\u{1F600}".repeat(16_384), "\u{1}".repeat(16_384), "\"\\".repeat(8_192), "é".repeat(16_384)] {
            let (message, body) = sent(Some(note(&"T".repeat(200), &text, Some("https://example.com/x"))));
            assert!((4_080..=4_096).contains(&message.body.len()), "{}", message.body.len());
            assert!(body["aps"]["alert"]["body"].as_str().unwrap().ends_with('…'));
        }
    }
}
