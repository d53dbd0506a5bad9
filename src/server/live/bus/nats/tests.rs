use proptest::prelude::*;
use serde_json::json;

use super::*;

fn created(user_id: &str, of: &str, modseq: u64) -> Vec<u8> {
    let notification = json!({
        "id": "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", "user_id": of, "content": "hush", "category": "message",
        "timestamp": "2026-01-01T00:00:00.000000Z", "is_read": false,
    });
    let event = json!({"user_id": user_id, "type": "created", "modseq": modseq, "unread_count": 1, "notification": notification});
    serde_json::to_vec(&event).unwrap()
}

#[test]
fn a_message_is_believed_about_the_inbox_that_its_subject_names_and_no_other() {
    let [ann, bob] = ["ann", "bob"].map(|user_id| subject("c", &UserId::parse(user_id).unwrap()));
    assert_eq!(read("c", &ann, &created("ann", "ann", 7)).unwrap().event.modseq(), 7);
    for (sent_to, payload) in [
        (&ann, created("bob", "bob", 7)),
        (&bob, created("ann", "ann", 7)),
        (&ann, created("ann", "bob", 7)),
        (&format!("{ann}="), created("ann", "ann", 7)),
        (&ann.replace("c.", "d."), created("ann", "ann", 7)),
        (&"c.inbox.".to_owned(), created("ann", "ann", 7)),
        (&ann, created("ann", "ann", u64::MAX)),
        (&ann, b"".to_vec()),
        (&ann, b"\xff\xfe{".to_vec()),
        (&ann, b"[".repeat(100_000)),
        (&ann, created("ann", "ann", 7).into_iter().chain(b" ".repeat(MAX_MESSAGE_BYTES)).collect()),
    ] {
        let why = read("c", sent_to, &payload).unwrap_err();
        assert!(!why.contains("hush"), "{why}");
    }
}

proptest! {
    #[test]
    fn a_message_that_was_changed_is_of_its_subject_or_not_believed(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(), is_cut: bool,
    ) {
        let mut payload = created("ann", "ann", 7);
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if is_cut {
            payload.truncate(length.index(payload.len()));
        }
        let ann = subject("c", &UserId::parse("ann").unwrap());
        if let Ok(change) = read("c", &ann, &payload) {
            prop_assert_eq!(subject("c", &change.user_id), ann);
            prop_assert!(change.event.modseq() <= MAX_NUMBER);
        }
    }
}

#[test]
fn the_largest_notification_fits() {
    let content = "\u{1}".repeat(crate::model::Content::MAX_CHARS - 1) + "a";
    let data = json!({"a": "\u{2}".repeat(2_700)});
    let text = serde_json::to_string(&json!([content, data, content.len()])).unwrap();
    assert!(text.len() * 2 < MAX_MESSAGE_BYTES, "{}", text.len());
}
