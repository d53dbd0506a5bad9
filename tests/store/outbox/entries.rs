//! What happened and is to be told.

use campanile::{
    model::{Channel, Event, EventKind, Marking, NotificationDraft, Routing, Timestamp, UserId, Wanted},
    server::store::{
        Creation, Due, Once,
        outbox::{Entry, Webhook},
    },
};

use super::{Kept, WINDOW, cancelling::reach, category, contract, everything};
use crate::store::{Announced, accepted, contract::modseq, create, draft, once, send, user};

/// What is announced of ann's inbox from a moment on.
struct Told<'a> {
    kept: &'a Kept,
    announced: std::sync::Arc<Announced>,
    since: u64,
}

impl<'a> Told<'a> {
    async fn of(kept: &'a Kept) -> Self {
        Self { kept, announced: Announced::by(&*kept.inboxes), since: modseq(&*kept.inboxes, "ann").await }
    }

    /// All entries; checks that they are what was announced meanwhile.
    async fn entries(&self) -> Vec<Entry> {
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

fn kind_of(event: &Event) -> EventKind {
    match event {
        Event::Created { .. } => EventKind::Created,
        Event::Updated { .. } => EventKind::Updated,
        Event::Deleted { .. } => EventKind::Deleted,
        Event::AllRead { .. } => EventKind::AllRead,
    }
}

/// An event as its receivers read it.
fn data_of(user_id: &UserId, event: &Event) -> String {
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

/// What entries tell, and of what category, as `created alert`.
fn words(entries: &[Entry]) -> Vec<String> {
    let word = |entry: &Entry| {
        let kind = entry.kind.as_str().split_once('.').map_or("", |(_, kind)| kind);
        entry.category.as_ref().map_or_else(|| kind.to_owned(), |category| format!("{kind} {category}"))
    };
    entries.iter().map(word).collect()
}

fn of(category: &str, content: &str) -> NotificationDraft {
    NotificationDraft { category: Some(category.to_owned()), ..draft("ann", content) }
}

/// Lets everything of these users happen once, in an inbox each: two creations, an update, a deletion, and all is read.
async fn live(kept: &Kept, names: &[&str]) {
    for name in names {
        let alert =
            create(&*kept.inboxes, NotificationDraft { user_id: Some((*name).to_owned()), ..of("alert", "a") }).await;
        let system =
            create(&*kept.inboxes, NotificationDraft { user_id: Some((*name).to_owned()), ..of("system", "b") }).await;
        kept.inboxes.set_read(alert.id, None, true).await.unwrap();
        kept.inboxes.mark_all_read(&user(name), &Marking::default()).await.unwrap();
        kept.inboxes.delete(system.id, None).await.unwrap();
    }
}

/// What a sender says of the ways on which a user is told.
fn asking(user_id: &str, send_email: Option<bool>, channels: Option<&[&str]>) -> NotificationDraft {
    let channels = channels.map(|channels| channels.iter().map(|name| (*name).to_owned()).collect());
    NotificationDraft { send_email, channels, ..draft(user_id, "x") }
}

/// Of whom entries are, whether they are for contacts, and what their senders say.
fn routed(entries: &[Entry]) -> Vec<(&str, bool, Routing)> {
    entries.iter().map(|entry| (entry.user_id.as_str(), entry.to_contacts, entry.routing.clone())).collect()
}

contract! {
    async fn what_the_sender_says_of_channels_is_kept_until_it_is_planned(kept) {
        kept.outbox.reach_contacts();
        reach(&kept, "ann").await;
        let all = [
            asking("ann", Some(false), Some(&["webpush", "email", "apns"])),
            asking("ann", Some(true), None),
            asking("ann", None, Some(&[])),
            asking("ann", Some(false), None),
            draft("ann", "x"),
        ];
        for asked in all {
            let created = create(&*kept.inboxes, asked).await;
            let entries = kept.unplanned().await;
            assert_eq!(entries.last().unwrap().notification_id, Some(created.id));
            kept.inboxes.set_read(created.id, None, true).await.unwrap();
        }
        let said = |send_email, channels: Option<&[Channel]>| {
            ("ann", true, Routing { send_email, channels: channels.map(<[_]>::to_vec) })
        };
        let expected = [
            said(Some(false), Some(&[Channel::Webpush, Channel::Email, Channel::Apns])),
            said(Some(true), None),
            said(None, Some(&[])),
            said(Some(false), None),
            said(None, None),
        ];
        assert_eq!(routed(&kept.unplanned().await), expected);
    }

    async fn who_asks_for_a_channel_leaves_an_entry_without_a_way_or_a_contact(kept) {
        let all = [(None, None), (Some(false), None), (None, Some(&[][..])), (Some(false), Some(&[]))];
        for (send_email, channels) in all {
            create(&*kept.inboxes, asking("ann", send_email, channels)).await;
        }
        assert!(kept.unplanned().await.is_empty());
        let by_mail = create(&*kept.inboxes, asking("ann", Some(true), None)).await;
        create(&*kept.inboxes, asking("bob", Some(false), Some(&["fcm"]))).await;
        kept.inboxes.set_read(by_mail.id, None, true).await.unwrap();
        kept.inboxes.delete(by_mail.id, None).await.unwrap();
        let entries = kept.unplanned().await;
        let mail = Routing { send_email: Some(true), channels: None };
        let push = Routing { send_email: Some(false), channels: Some(vec![Channel::Fcm]) };
        assert_eq!(routed(&entries), [("ann", true, mail), ("bob", true, push)]);
        assert_eq!((entries[0].notification_id, entries[0].at), (Some(by_mail.id), by_mail.timestamp));
        assert!(entries.iter().all(|entry| entry.data.is_empty() && entry.kind == EventKind::Created));
    }

    async fn each_of_a_batch_has_what_was_said_of_it(kept) {
        kept.outbox.reach_contacts();
        reach(&kept, "dan").await;
        let batch = || {
            let asked = [
                asking("ann", Some(true), None),
                draft("bob", "x"),
                asking("carol", None, Some(&["apns"])),
                asking("ann", Some(false), None),
                asking("dan", Some(false), None),
                draft("ann", "x"),
            ];
            asked.map(accepted)
        };
        kept.inboxes.create(&batch(), None).await.unwrap();
        let said = |send_email, channels| Routing { send_email, channels };
        let asked = [
            ("ann", true, said(Some(true), None)),
            ("carol", true, said(None, Some(vec![Channel::Apns]))),
            ("dan", true, said(Some(false), None)),
        ];
        assert_eq!(routed(&kept.unplanned().await), asked);
        // An endpoint is told of all, and of those alone that are for contacts it is known what was said.
        kept.listen(Wanted::default()).await;
        kept.inboxes.create(&batch(), None).await.unwrap();
        let silent = |user_id| (user_id, false, Routing::default());
        let [first, second, third] = asked;
        let all = [first, silent("bob"), second, silent("ann"), third, silent("ann")];
        let entries = kept.unplanned().await;
        assert_eq!(routed(&entries[3..]), all);
        assert!(entries[3..].iter().all(|entry| !entry.data.contains("channels") && !entry.data.contains("email")));
    }

    async fn without_a_webhook_nothing_is_to_be_told(kept) {
        live(&kept, &["ann"]).await;
        assert!(kept.unplanned().await.is_empty());
        // What happened before there was one is not told later.
        kept.listen(everything()).await;
        assert!(kept.unplanned().await.is_empty());
    }

    async fn each_kind_of_event_leaves_an_entry_that_says_what_is_announced(kept) {
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

    async fn several_webhooks_that_want_the_same_share_an_entry(kept) {
        let told = Told::of(&kept).await;
        for wanted in [everything(), Wanted::default(), everything()] {
            kept.listen(wanted).await;
        }
        send(&*kept.inboxes, "ann", "a").await;
        assert_eq!(words(&told.entries().await), ["created message"]);
    }

    async fn what_changes_nothing_leaves_no_entry(kept) {
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

    async fn what_was_said_is_told_byte_for_byte(kept) {
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

    async fn a_name_of_a_user_is_told_byte_for_byte(kept) {
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

    async fn what_was_not_given_is_not_told(kept) {
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

    async fn what_leaves_the_window_is_told_as_deleted_with_its_category(kept) {
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

    async fn what_expires_is_told_as_deleted_with_its_category(kept) {
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

    async fn what_is_too_old_is_told_as_deleted_with_its_category(kept) {
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
        // Only one was unread, and that was everything.
        assert_eq!(words(&entries[7..]), ["all_read"]);
    }

    async fn only_the_events_that_a_webhook_wants_leave_entries(kept) {
        kept.listen(Wanted { events: vec![EventKind::Deleted, EventKind::AllRead], ..Wanted::default() }).await;
        live(&kept, &["ann"]).await;
        assert_eq!(words(&kept.unplanned().await), ["all_read", "deleted system"]);
    }

    async fn only_the_categories_that_a_webhook_wants_leave_entries(kept) {
        kept.listen(Wanted { categories: Some(vec![category("odd_1"), category("alert")]), ..everything() }).await;
        live(&kept, &["ann"]).await;
        create(&*kept.inboxes, of("odd_1", "c")).await;
        // What concerns a whole inbox is told all the same.
        assert_eq!(words(&kept.unplanned().await), ["created alert", "updated alert", "all_read", "created odd_1"]);
    }

    async fn only_the_inbox_that_a_webhook_wants_leaves_entries(kept) {
        kept.listen(Wanted { user_id: Some(user("ann")), ..everything() }).await;
        live(&kept, &["Ann", "ann", "bob"]).await;
        let entries = kept.unplanned().await;
        let expected = ["created alert", "created system", "updated alert", "all_read", "deleted system"];
        assert_eq!(words(&entries), expected);
        assert!(entries.iter().all(|entry| entry.user_id == user("ann")));
    }

    async fn what_any_webhook_wants_leaves_an_entry(kept) {
        kept.listen(Wanted { user_id: Some(user("bob")), ..Wanted::default() }).await;
        kept.listen(Wanted {
            categories: Some(vec![category("system")]),
            events: vec![EventKind::Deleted],
            user_id: None,
        })
        .await;
        live(&kept, &["ann", "bob"]).await;
        assert_eq!(
            words(&kept.unplanned().await),
            ["deleted system", "created alert", "created system", "deleted system"]
        );
    }

    async fn a_webhook_that_is_changed_or_deleted_takes_effect_for_the_next_write(kept) {
        let told = async |expected: &[&str]| {
            let before = kept.unplanned().await.len();
            let a = create(&*kept.inboxes, of("alert", "a")).await;
            kept.inboxes.set_read(a.id, None, true).await.unwrap();
            assert_eq!(words(&kept.unplanned().await[before..]), expected);
        };
        let webhook = kept.listen(Wanted::default()).await;
        told(&["created alert"]).await;
        let changed = Webhook { wanted: Wanted { events: vec![EventKind::Updated], ..Wanted::default() }, ..webhook };
        assert!(kept.webhooks.change_webhook(&changed).await.unwrap());
        told(&["updated alert"]).await;
        // A change that was refused takes none.
        assert!(!kept.webhooks.change_webhook(&Webhook { wanted: everything(), ..changed.clone() }).await.unwrap());
        told(&["updated alert"]).await;
        assert!(kept.webhooks.delete_webhook(changed.id).await.unwrap());
        told(&[]).await;
    }

    async fn a_webhook_that_is_disabled_still_has_entries(kept) {
        let webhook = kept.listen(Wanted::default()).await;
        assert!(
            kept.webhooks.change_webhook(&Webhook { disabled: Some("it fails".to_owned()), ..webhook }).await.unwrap()
        );
        send(&*kept.inboxes, "ann", "a").await;
        assert_eq!(words(&kept.unplanned().await), ["created message"]);
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
