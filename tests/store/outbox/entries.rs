//! Entries: events to be delivered.

use campanile::{
    model::{Event, EventKind, Marking, NotificationDraft, Timestamp, UserId, Wanted},
    server::store::{Creation, Due, Once, outbox::Entry},
};

use super::{Kept, WINDOW, category, contract, everything};
use crate::store::{Announced, accepted, contract::modseq, create, draft, once, send, user};

/// The announcements for ann's inbox from now on.
pub(super) struct Told<'a> {
    kept: &'a Kept,
    announced: std::sync::Arc<Announced>,
    since: u64,
}

impl<'a> Told<'a> {
    pub(super) async fn of(kept: &'a Kept) -> Self {
        Self { kept, announced: Announced::by(&*kept.inboxes), since: modseq(&*kept.inboxes, "ann").await }
    }

    /// All entries; checks that they match the announcements.
    pub(super) async fn entries(&self) -> Vec<Entry> {
        let (ann, entries) = (user("ann"), self.kept.unplanned().await);
        let until = modseq(&*self.kept.inboxes, "ann").await;
        let events = self.announced.of(&ann, self.since, until).await;
        assert_eq!(entries.len(), events.len());
        for (entry, event) in entries.iter().zip(&events) {
            assert_eq!((entry.kind, &entry.user_id), (kind_of(event), &ann));
            assert_eq!(entry.data, data_of(&ann, event));
            let (id, expires_at) = match event {
                Event::Created { notification, .. } | Event::Updated { notification, .. } => {
                    assert_eq!(entry.category.as_ref(), Some(&notification.category));
                    (Some(notification.id), notification.expires_at)
                }
                Event::Deleted { id, .. } => (Some(*id), entry.expires_at),
                Event::AllRead { .. } => (None, None),
            };
            assert_eq!((entry.notification_id, entry.expires_at), (id, expires_at));
        }
        assert!(entries.is_sorted_by(|a, b| a.seq < b.seq));
        entries
    }
}

pub(super) fn kind_of(event: &Event) -> EventKind {
    match event {
        Event::Created { .. } => EventKind::Created,
        Event::Updated { .. } => EventKind::Updated,
        Event::Deleted { .. } => EventKind::Deleted,
        Event::AllRead { .. } => EventKind::AllRead,
    }
}

/// An event in the form that its receivers get.
pub(super) fn data_of(user_id: &UserId, event: &Event) -> String {
    let user_id = serde_json::to_string(user_id).unwrap();
    let about = match event {
        Event::Created { notification, .. } | Event::Updated { notification, .. } => {
            format!(r#","notification":{}"#, serde_json::to_string(notification).unwrap())
        }
        Event::Deleted { id, .. } => format!(r#","id":"{id}""#),
        Event::AllRead { .. } => String::new(),
    };
    format!(r#"{{"user_id":{user_id},"modseq":{},"unread_count":{}{about}}}"#, event.modseq(), event.unread_count())
}

/// The event and category of entries, such as `created alert`.
pub(super) fn words(entries: &[Entry]) -> Vec<String> {
    let word = |entry: &Entry| {
        let kind = entry.kind.as_str().split_once('.').map_or("", |(_, kind)| kind);
        entry.category.as_ref().map_or_else(|| kind.to_owned(), |category| format!("{kind} {category}"))
    };
    entries.iter().map(word).collect()
}

pub(super) fn of(category: &str, content: &str) -> NotificationDraft {
    NotificationDraft { category: Some(category.to_owned()), ..draft("ann", content) }
}

contract! {
    async fn each_kind_of_event_writes_an_entry_that_matches_the_announcement(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let a = create(&*kept.inboxes, of("alert", "a")).await;
        create(&*kept.inboxes, of("odd_1", "b")).await;
        kept.inboxes.set_read(a.id, None, true).await.unwrap();
        kept.inboxes.set_read(a.id, None, false).await.unwrap();
        kept.inboxes.mark_read_at(&user("ann"), 0).await.unwrap();
        kept.inboxes.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        kept.inboxes.delete(a.id, None).await.unwrap();
        let entries = told.entries().await;
        let expected = [
            "created alert",
            "created odd_1",
            "updated alert",
            "updated alert",
            "updated odd_1",
            "all_read",
            "deleted alert",
        ];
        assert_eq!(words(&entries), expected);
        assert_eq!(entries[0].at, a.timestamp);
    }

    async fn a_request_without_effect_writes_no_entry(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let a = send(&*kept.inboxes, "ann", "a").await;
        kept.inboxes.set_read(a.id, None, false).await.unwrap();
        kept.inboxes.delete(a.id, None).await.unwrap();
        kept.inboxes.delete(a.id, None).await.unwrap();
        kept.inboxes.set_read(a.id, None, true).await.unwrap();
        kept.inboxes.mark_read_at(&user("ann"), 0).await.unwrap();
        kept.inboxes.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        assert_eq!(words(&told.entries().await), ["created message", "deleted message"]);
    }

    async fn an_entry_has_the_text_byte_for_byte(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let texts = [
            r#"quotes " ' \ / </script> \u0041 \\"#,
            "control \u{1}\u{8}\u{b}\u{c}\u{1f}\u{7f}\u{9f} characters",
            "lines\nand\ttabs",
            "🎉 👩‍👩‍👧 e\u{301} \u{202e} \u{feff}x \u{10ffff}",
            "separators \u{2028}\u{2029}",
            "$1 ?1 %s {} E'\\x00' NULL",
        ];
        let data = [
            r#"{"n":18446744073709551616,"e":1e400,"z":1.0,"a":1,"a":2}"#,
            r#"{"z":-0,"x":1.50,"y":7.887233511355131e+211,"deep":[[[{"":null}]]]}"#,
            r#"{"é":"\u00e9\ud83d\udd14\/ \" \\"}"#,
            "{}",
        ];
        for (number, text) in texts.into_iter().enumerate() {
            let data = data[number % data.len()];
            let new = NotificationDraft { data: serde_json::from_str(data).unwrap(), ..of("alert", text) };
            let created = create(&*kept.inboxes, new).await;
            kept.inboxes.set_read(created.id, None, true).await.unwrap();
            let newest = kept.unplanned().await;
            for entry in &newest[newest.len() - 2..] {
                assert!(entry.data.contains(&format!(r#""data":{data}"#)), "{}", entry.data);
                assert!(
                    entry.data.contains(&serde_json::to_string(created.content.as_str()).unwrap()),
                    "{}",
                    entry.data
                );
            }
        }
        assert_eq!(told.entries().await.len(), 2 * texts.len());
    }

    async fn an_entry_has_the_user_id_byte_for_byte(kept) {
        kept.listen(everything()).await;
        let names = ["Zoë's \"🎉\" % \\", "a\u{2028}b", "ann"];
        for name in names {
            send(&*kept.inboxes, name, "a").await;
        }
        for (entry, name) in kept.unplanned().await.iter().zip(names) {
            assert_eq!(entry.user_id, user(name));
            let starts = format!(r#"{{"user_id":{},"modseq":"#, serde_json::to_string(name).unwrap());
            assert!(entry.data.starts_with(&starts), "{}", entry.data);
        }
    }

    async fn an_entry_omits_absent_fields(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let full = NotificationDraft {
            title: Some("A \"title\"".to_owned()),
            link: Some("/disks/1?a=b&c=\"d\"".to_owned()),
            expires_at: Some("2200-01-01T00:00:00.5Z".to_owned()),
            ..of("alert", "full")
        };
        for new in [full, of("alert", "plain")] {
            let is_full = new.title.is_some();
            let created = create(&*kept.inboxes, new).await;
            kept.inboxes.set_read(created.id, None, true).await.unwrap();
            let entries = told.entries().await;
            let expires_at = is_full.then(|| Timestamp::parse("2200-01-01T00:00:00.5Z").unwrap());
            for entry in &entries[entries.len() - 2..] {
                assert_eq!(entry.expires_at, expires_at);
                for field in ["title", "link", "expires_at"] {
                    assert_eq!(entry.data.contains(&format!("\"{field}\":")), is_full, "{}", entry.data);
                }
            }
        }
    }

    async fn a_batch_leaves_an_entry_for_each_in_the_order_given(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let batch = ["alert", "message", "system"].map(|category| accepted(of(category, "x")));
        kept.inboxes.create(&batch, None).await.unwrap();
        assert_eq!(words(&told.entries().await), ["created alert", "created message", "created system"]);
    }

    async fn eviction_writes_a_deletion_with_its_category(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let oldest = create(&*kept.inboxes, of("alert", "oldest")).await;
        let full: Vec<_> = (1..WINDOW).map(|_| accepted(of("message", "x"))).collect();
        kept.inboxes.create(&full, None).await.unwrap();
        create(&*kept.inboxes, of("system", "newest")).await;
        let entries = told.entries().await;
        assert_eq!(words(&entries[WINDOW..]), ["created system", "deleted alert"]);
        assert_eq!(entries[WINDOW + 1].notification_id, Some(oldest.id));
    }

    async fn expiry_writes_a_deletion_with_its_category(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        for (category, expires_at) in
            [("alert", Some("2026-02-01T00:00:00Z")), ("odd_1", Some("2026-01-31T00:00:00Z")), ("system", None)]
        {
            create(
                &*kept.inboxes,
                NotificationDraft { expires_at: expires_at.map(str::to_owned), ..of(category, "x") },
            )
            .await;
        }
        let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
        assert_eq!(kept.inboxes.delete_due(&Due { now, accepted_before: None, limit: 10 }).await.unwrap(), 2);
        let mut gone = words(&told.entries().await[3..]);
        gone.sort();
        assert_eq!(gone, ["deleted alert", "deleted odd_1"]);
    }

    async fn the_maximum_age_writes_a_deletion_with_its_category(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let old = create(&*kept.inboxes, of("alert", "x")).await;
        let after = Timestamp::from_micros(old.timestamp.as_micros() + 1);
        let due = Due { now: Timestamp::parse("2026-01-05T00:00:00Z").unwrap(), accepted_before: after, limit: 10 };
        assert_eq!(kept.inboxes.delete_due(&due).await.unwrap(), 1);
        assert_eq!(words(&told.entries().await), ["created alert", "deleted alert"]);
    }

    async fn marking_a_part_tells_an_update_for_each(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        for category in ["alert", "message", "alert", "system"] {
            create(&*kept.inboxes, of(category, "x")).await;
        }
        let alerts = Marking { category: Some(category("alert")), ..Marking::default() };
        assert_eq!(kept.inboxes.mark_all_read(&user("ann"), &alerts).await.unwrap().count, 2);
        assert_eq!(words(&told.entries().await[4..]), ["updated alert", "updated alert"]);
        let first = Marking { up_to: Some(told.since + 2), ..Marking::default() };
        assert_eq!(kept.inboxes.mark_all_read(&user("ann"), &first).await.unwrap().count, 1);
        assert_eq!(words(&told.entries().await[6..]), ["updated message"]);
        kept.inboxes.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        let entries = told.entries().await;
        assert!(entries[4..].iter().all(|entry| entry.data.contains(r#""is_read":true"#) == entry.category.is_some()));
        // Only one was unread, so that was everything.
        assert_eq!(words(&entries[7..]), ["all_read"]);
    }

    async fn entries_come_oldest_first_and_at_most_as_many_as_asked(kept) {
        kept.listen(Wanted::default()).await;
        let mut sent = Vec::new();
        for name in ["bob", "ann", "eve", "ann", "bob"] {
            sent.push(send(&*kept.inboxes, name, "x").await.id);
        }
        let asked = async |most| {
            let entries = kept.outbox.unplanned(most).await.unwrap();
            entries.iter().filter_map(|entry| entry.notification_id).collect::<Vec<_>>()
        };
        assert_eq!(asked(2).await, sent[..2]);
        assert_eq!(asked(2).await, sent[..2], "they stay until they are planned");
        assert_eq!(asked(5).await, sent);
        assert_eq!(asked(100).await, sent);
        assert!(asked(0).await.is_empty());
    }

    async fn a_creation_that_its_key_refuses_leaves_no_entry(kept) {
        kept.listen(everything()).await;
        let create = async |key: &Once| kept.inboxes.create(&[accepted(draft("ann", "a"))], Some(key)).await.unwrap();
        let key = once("key", 1, "2026-01-01T00:00:00Z");
        assert!(matches!(create(&key).await, Creation::Done(_)));
        assert!(matches!(create(&key).await, Creation::Before(_)));
        assert!(matches!(create(&once("key", 2, "2026-01-01T00:00:00Z")).await, Creation::KeyTaken));
        assert_eq!(words(&kept.unplanned().await), ["created message"]);
    }

    async fn writers_at_once_leave_an_entry_for_each(kept) {
        let told = Told::of(&kept).await;
        kept.listen(everything()).await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let kept = kept.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let sent = send(&*kept.inboxes, "ann", "x").await;
                        kept.inboxes.set_read(sent.id, None, true).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(told.entries().await.len(), 160);
    }
}
