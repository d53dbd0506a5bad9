//! Parsing: for any input, a parsed value is valid, and valid input is stored unchanged.

use std::sync::LazyLock;

use campanile::model::{
    Category, Content, Cursor, Limit, Link, NewNotification, Notification, NotificationDraft, NotificationId,
    Timestamp, Title, UserId, parse_whole_number,
};
use proptest::prelude::*;
use regex::Regex;

proptest! {
    #[test]
    fn user_ids(text in any::<String>()) {
        let legal = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        prop_assert_eq!(UserId::parse(&text).ok().map(|id| id.to_string()), legal.then_some(text));
    }

    #[test]
    fn contents_and_titles(text in "\\PC{0,210}|[\\s\\x00-\\x1f]{0,5}|[\\u{2800}\\u{3164}\\u{200b} ]{0,5}|.{0,20}") {
        let legal = shows(&text) && !text.contains('\0');
        prop_assert_eq!(Content::parse(&text).ok().map(|c| c.to_string()), legal.then(|| text.clone()));
        let legal = legal && text.chars().count() <= 200;
        prop_assert_eq!(Title::parse(&text).ok().map(|t| t.to_string()), legal.then_some(text));
    }

    #[test]
    fn categories(text in "[a-zA-Z0-9_ -]{0,40}") {
        let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let legal = (1..=32).contains(&text.len()) && text.chars().all(slug) && !text.starts_with(['_', '-']);
        prop_assert_eq!(Category::parse(&text).ok().map(|c| c.to_string()), legal.then_some(text));
    }

    /// An accepted link cannot lead to another scheme or, if relative, to another host.
    #[test]
    fn links(text in "(https?:|javascript:|data:|//|/|\\?|#|[a-z]{0,3}:?)[ -~]{0,20}") {
        if let Ok(link) = Link::parse(&text) {
            let lower = link.as_str().to_lowercase();
            let scheme = lower.split(['/', '?', '#']).next().unwrap_or("");
            prop_assert!(!scheme.contains(':') || scheme == "http:" || scheme == "https:", "{}", text);
            prop_assert!(!lower.starts_with("//") && !lower.contains('\\') && !lower.contains(' '));
            prop_assert_eq!(link.as_str(), text);
        }
    }

    #[test]
    fn times(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
        let time = Timestamp::from_micros(micros).unwrap();
        let text = time.to_string();
        prop_assert_eq!(text.len(), 27);
        prop_assert_eq!(Timestamp::parse(&text).unwrap(), time);
        prop_assert_eq!(text.clone(), time.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
        let json = serde_json::to_string(&time).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
    }

    #[test]
    fn nothing_that_comes_in_as_time_id_cursor_or_limit_panics(text in any::<String>()) {
        let _ = Timestamp::parse(&text);
        let _ = serde_json::from_value::<Timestamp>(text.clone().into());
        let _ = NotificationId::parse(&text);
        let _ = Cursor::parse(&text);
        let _ = Limit::parse(&text);
    }

    #[test]
    fn whole_numbers(number in any::<u64>()) {
        prop_assert_eq!(parse_whole_number(&number.to_string()).unwrap(), number);
        prop_assert_eq!(Limit::parse(&number.to_string()).unwrap().get() as u64, number.min(1000));
        let negative = format!("-{number}");
        prop_assert!(parse_whole_number(&negative).is_err());
    }

    #[test]
    fn cursors(position in 0_u64..1_000_000_000_000_000_000) {
        for (cursor, in_inbox) in [(Cursor::overall(position), false), (Cursor::in_inbox(position), true)] {
            prop_assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
            prop_assert_eq!(cursor.position(), position);
            prop_assert_eq!(cursor.of_kind(in_inbox).unwrap(), cursor);
            prop_assert!(cursor.of_kind(!in_inbox).is_err());
        }
    }

    #[test]
    fn ids(bytes in any::<[u8; 16]>()) {
        let id = NotificationId::new(uuid::Uuid::from_bytes(bytes));
        prop_assert_eq!(NotificationId::parse(&id.to_string()).unwrap(), id);
        prop_assert_eq!(NotificationId::parse(&id.to_string().to_uppercase()).unwrap(), id);
    }

    #[test]
    fn drafts_never_panic_and_name_their_fields(
        user_id in any::<Option<String>>(), content in any::<Option<String>>(), category in any::<Option<String>>(),
        link in any::<Option<String>>(), expires_at in any::<Option<String>>(),
    ) {
        let draft = NotificationDraft { user_id, content, category, link, expires_at, ..NotificationDraft::default() };
        match NewNotification::parse(draft.clone()) {
            Ok(new) => {
                prop_assert_eq!(Some(new.user_id.to_string()), draft.user_id);
                prop_assert_eq!(Some(new.content.to_string()), draft.content);
            }
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }
}

/// Whether a text is visible on a screen, by the Unicode properties of its characters, and by name for characters that
/// are drawn blank without such a property.
fn shows(text: &str) -> bool {
    static SHOWN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u{2800}\u{FFF9}-\u{FFFB}\u{13430}-\u{13442}\u{1D159}]")
            .unwrap()
    });
    SHOWN.is_match(text)
}

#[test]
fn times_of_any_offset_are_accepted_and_returned_in_utc() {
    for (given, told) in [
        ("2025-11-05T10:30:00Z", "2025-11-05T10:30:00.000000Z"),
        ("2025-11-05T10:30:00.1234567+01:00", "2025-11-05T09:30:00.123456Z"),
        ("2025-11-05t10:30:00z", "2025-11-05T10:30:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(Timestamp::parse(given).unwrap().to_string(), told, "{given}");
    }
    for wrong in ["", "2025-11-05", "2025-11-05T10:30:00", "10:30", "2025-13-05T10:30:00Z", "+12025-11-05T10:30:00Z"] {
        assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
    }
}

/// Accepted data is not checked again: a server with stricter rules than an earlier one still reads and shows what that
/// one accepted.
#[test]
fn a_notification_that_was_accepted_is_read_whatever_today_s_rules_say() {
    let json = r#"{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f","user_id":"ann","content":"hi","timestamp":
        "2025-11-05T10:30:00.123456Z","is_read":false,"category":"message"}"#;
    assert!(serde_json::from_str::<Notification>(json).is_ok());
    for (today, once) in [("\"ann\"", "\"\""), ("\"hi\"", "\"\u{200b}\""), ("\"message\"", "\"No\"")] {
        let read: Notification = serde_json::from_str(&json.replace(today, once)).unwrap();
        assert!(serde_json::to_string(&read).unwrap().contains(once), "{once}");
    }
    assert!(serde_json::from_str::<Notification>(&json.replace(".123456Z", "Z")).is_err());
}
