//! Every rule of the store, by name, against every back end.

mod changes;

use campanile::{
    model::{
        Category, Event, Filter, Limit, Marking, Notification, NotificationDraft, NotificationId, Overview, Timestamp,
    },
    server::store::{Creation, Due, Store},
};

use super::{accepted, contents, create, draft, inbox, memory, postgres, send, sqlite, user};

/// Defines the rules, and one test of each rule for each back end.
///
/// A rule gets `open`, which creates a new empty store with the given window.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $rule:ident($open:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($open: impl AsyncFn(usize) -> Box<dyn Store>) $body)*

        mod memory_store {
            $(#[tokio::test] async fn $rule() { super::$rule(super::memory).await })*
        }

        mod sqlite_store {
            $(#[tokio::test] async fn $rule() { super::$rule(super::sqlite).await })*
        }

        mod postgres_store {
            $(#[tokio::test] async fn $rule() { super::$rule(super::postgres).await })*
        }
    };
}
pub(super) use contract;

/// The changes after `since`, as `type:modseq` words.
pub(super) async fn told(store: &dyn Store, user_id: &str, since: u64) -> Vec<String> {
    let changes = store.changes(&user(user_id), since, Limit::new(1000)).await.unwrap();
    assert!(!changes.reset);
    let word = |event: &Event| match event {
        Event::Created { .. } => "created",
        Event::Updated { .. } => "updated",
        Event::AllRead { .. } => "all_read",
        Event::Deleted { .. } => "deleted",
    };
    changes.events.iter().map(|event| format!("{}:{}", word(event), event.modseq() - since)).collect()
}

pub(super) async fn modseq(store: &dyn Store, user_id: &str) -> u64 {
    store.list(&Filter::inbox(user(user_id)), None, Limit::new(0)).await.unwrap().modseq.unwrap()
}

pub(super) async fn unread(store: &dyn Store, user_id: &str) -> u64 {
    store.unread_count(&user(user_id)).await.unwrap()
}

/// Reads an inbox like a client that repeats its requests: the count and the first page match the stored notifications,
/// even if the store caches answers.
async fn assert_present(store: &dyn Store, user_id: &str) {
    let filter = Filter::inbox(user(user_id));
    let all = inbox(store, &user(user_id)).await;
    let expected = all.iter().filter(|notification| !notification.is_read).count() as u64;
    for _ in 0..2 {
        assert_eq!(unread(store, user_id).await, expected);
        let page = store.list(&filter, None, Limit::new(3)).await.unwrap();
        assert_eq!(page.notifications, all[..all.len().min(3)]);
        let rendered = store.list_rendered(&filter, None, Limit::new(3)).await.unwrap();
        assert_eq!(rendered.json, serde_json::to_vec(&page.notifications).unwrap());
        assert_eq!((rendered.next, rendered.modseq), (page.next, page.modseq));
        let changes = store.changes(&user(user_id), u64::MAX, Limit::new(1)).await.unwrap();
        assert_eq!((page.modseq.unwrap(), expected), (changes.modseq, changes.unread_count));
    }
}

/// Notifications that have expired at that time, with a limit.
pub(super) fn expired_at(time: &str, limit: usize) -> Due {
    Due { now: Timestamp::parse(time).unwrap(), accepted_before: None, limit }
}

/// The notifications with the times of the creation.
pub(super) fn done(notifications: &[Notification], created: Creation) -> Vec<Notification> {
    let Creation::Done(times) = created else { panic!("it was not created: {created:?}") };
    assert_eq!(notifications.len(), times.len());
    notifications.iter().cloned().zip(times).map(|(notification, at)| notification.with_timestamp(at)).collect()
}

contract! {
    async fn a_created_notification_exists(open) {
        let store = open(1000).await;
        let full = NotificationDraft {
            category: Some("alert".to_owned()),
            title: Some("Disk".to_owned()),
            link: Some("/disks/1".to_owned()),
            data: serde_json::from_str(r#"{"free":5e-1,"big":18446744073709551616,"huge":1e400,"a":1,"a":2}"#).unwrap(),
            expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
            ..draft("ann", "Almost full")
        };
        let created = create(&*store, full).await;
        assert!(!created.is_read);
        assert_eq!(store.get(created.id).await.unwrap().unwrap(), created);
        assert_eq!(inbox(&*store, &user("ann")).await, [created]);
    }

    async fn a_list_is_newest_first_in_the_order_of_acceptance(open) {
        let store = open(1000).await;
        for content in ["a", "b", "c"] {
            send(&*store, "ann", content).await;
        }
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 50).await.0, ["c", "b", "a"]);
        assert_eq!(contents(&*store, &Filter::default(), None, 50).await.0, ["c", "b", "a"]);
    }

    async fn an_inbox_shows_nothing_of_another(open) {
        let store = open(1000).await;
        send(&*store, "ann", "a").await;
        send(&*store, "Ann", "A").await;
        send(&*store, "a%2Fnn", "slash").await;
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 50).await.0, ["a"]);
        assert_eq!(contents(&*store, &Filter::default(), None, 50).await.0, ["slash", "A", "a"]);
    }

    async fn an_unknown_inbox_is_empty(open) {
        let store = open(1000).await;
        assert_eq!(unread(&*store, "nobody").await, 0);
        assert!(inbox(&*store, &user("nobody")).await.is_empty());
        assert_eq!(store.mark_all_read(&user("nobody"), &Marking::default()).await.unwrap().count, 0);
        assert_eq!(store.mark_read_at(&user("nobody"), 0).await.unwrap(), None);
        let present = modseq(&*store, "nobody").await;
        assert!(told(&*store, "nobody", present).await.is_empty());
    }

    async fn an_unknown_id_is_nothing(open) {
        let store = open(1000).await;
        let id = NotificationId::parse("019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f").unwrap();
        assert_eq!(store.get(id).await.unwrap(), None);
        assert_eq!(store.set_read(id, None, true).await.unwrap(), None);
        assert_eq!(store.delete(id, None).await.unwrap(), None);
    }

    async fn another_owner_changes_nothing(open) {
        let store = open(1000).await;
        let sent = send(&*store, "ann", "a").await;
        let present = modseq(&*store, "ann").await;
        for other in ["bob", "Ann", "an"] {
            let other = Some(user(other));
            assert_eq!(store.set_read(sent.id, other.as_ref(), true).await.unwrap(), None);
            assert_eq!(store.delete(sent.id, other.as_ref()).await.unwrap(), None);
        }
        assert_eq!(inbox(&*store, &user("ann")).await, std::slice::from_ref(&sent));
        assert!(told(&*store, "ann", present).await.is_empty());
        let owner = Some(user("ann"));
        assert!(store.set_read(sent.id, owner.as_ref(), true).await.unwrap().unwrap().is_read);
        assert_eq!(store.delete(sent.id, owner.as_ref()).await.unwrap().unwrap().id, sent.id);
        assert_eq!(told(&*store, "ann", present).await, ["deleted:2"]);
    }

    async fn an_index_counts_from_the_newest(open) {
        let store = open(1000).await;
        for content in ["a", "b", "c"] {
            send(&*store, "ann", content).await;
            send(&*store, "bob", "noise").await;
        }
        let marked = store.mark_read_at(&user("ann"), 1).await.unwrap().unwrap();
        assert_eq!((marked.content.as_str(), marked.is_read), ("b", true));
        let reads: Vec<_> = inbox(&*store, &user("ann")).await.iter().map(|n| n.is_read).collect();
        assert_eq!(reads, [false, true, false]);
        for beyond in [3, 4, u64::MAX] {
            assert_eq!(store.mark_read_at(&user("ann"), beyond).await.unwrap(), None);
        }
    }

    async fn an_index_moves_with_deletions(open) {
        let store = open(1000).await;
        send(&*store, "ann", "a").await;
        let gone = send(&*store, "ann", "b").await;
        send(&*store, "ann", "c").await;
        store.delete(gone.id, None).await.unwrap();
        assert_eq!(store.mark_read_at(&user("ann"), 1).await.unwrap().unwrap().content.as_str(), "a");
        assert_eq!(store.mark_read_at(&user("ann"), 2).await.unwrap(), None);
    }

    async fn counts_follow_every_change(open) {
        let store = open(1000).await;
        let a = send(&*store, "ann", "a").await;
        let b = send(&*store, "ann", "b").await;
        assert_eq!(unread(&*store, "ann").await, 2);
        store.set_read(a.id, None, true).await.unwrap();
        assert_eq!(unread(&*store, "ann").await, 1);
        store.set_read(a.id, None, false).await.unwrap();
        assert_eq!(unread(&*store, "ann").await, 2);
        store.set_read(b.id, None, true).await.unwrap();
        store.delete(b.id, None).await.unwrap();
        assert_eq!(unread(&*store, "ann").await, 1);
        store.delete(a.id, None).await.unwrap();
        assert_eq!(unread(&*store, "ann").await, 0);
    }

    async fn a_repeated_read_follows_every_change(open) {
        let store = open(4).await;
        let new = |content| accepted(NotificationDraft {
            expires_at: Some("2026-02-01T00:00:00Z".to_owned()),
            ..draft("ann", content)
        });
        assert_present(&*store, "ann").await;
        let a = send(&*store, "ann", "a").await;
        assert_present(&*store, "ann").await;
        store.create(&[new("b"), new("c"), accepted(draft("ann", "d"))], None).await.unwrap();
        assert_present(&*store, "ann").await;
        store.set_read(a.id, None, true).await.unwrap();
        assert_present(&*store, "ann").await;
        store.set_read(a.id, None, false).await.unwrap();
        assert_present(&*store, "ann").await;
        store.mark_read_at(&user("ann"), 1).await.unwrap();
        assert_present(&*store, "ann").await;
        send(&*store, "ann", "pushes a out").await;
        assert_present(&*store, "ann").await;
        let marked = store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        assert_present(&*store, "ann").await;
        store.unmark(&user("ann"), &marked.by, 10).await.unwrap();
        assert_present(&*store, "ann").await;
        assert_eq!(store.delete_due(&expired_at("2026-03-01T00:00:00Z", 10)).await.unwrap(), 2);
        assert_present(&*store, "ann").await;
        let last = send(&*store, "ann", "e").await;
        assert_present(&*store, "ann").await;
        store.delete(last.id, None).await.unwrap();
        assert_present(&*store, "ann").await;
        let too_old = Due { accepted_before: Some(Timestamp::parse("2030-01-01T00:00:00Z").unwrap()), ..expired_at("2030-01-01T00:00:00Z", 10) };
        assert_eq!(store.delete_due(&too_old).await.unwrap(), 2);
        assert_present(&*store, "ann").await;
        send(&*store, "bob", "f").await;
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (0, 1));
    }

    async fn a_change_takes_one_number_and_none_takes_none(open) {
        let store = open(1000).await;
        let before = modseq(&*store, "ann").await;
        let a = send(&*store, "ann", "a").await;
        send(&*store, "ann", "b").await;
        store.set_read(a.id, None, true).await.unwrap();
        assert_eq!(modseq(&*store, "ann").await, before + 3);
        store.set_read(a.id, None, true).await.unwrap();
        store.mark_read_at(&user("ann"), 1).await.unwrap();
        assert_eq!(modseq(&*store, "ann").await, before + 3);
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        assert_eq!(modseq(&*store, "ann").await, before + 4);
        store.delete(a.id, None).await.unwrap();
        store.delete(a.id, None).await.unwrap();
        assert_eq!(modseq(&*store, "ann").await, before + 5);
    }

    async fn a_batch_takes_a_number_for_each_in_the_order_given(open) {
        let store = open(1000).await;
        let before = modseq(&*store, "ann").await;
        store.create(&["a", "b", "c"].map(|content| accepted(draft("ann", content))), None).await.unwrap();
        assert_eq!(told(&*store, "ann", before).await, ["created:1", "created:2", "created:3"]);
        assert_eq!(contents(&*store, &Filter::default(), None, 50).await.0, ["c", "b", "a"]);
    }

    async fn mark_all_says_how_many_and_leaves_other_inboxes(open) {
        let store = open(1000).await;
        for content in ["a", "b", "c"] {
            send(&*store, "ann", content).await;
        }
        send(&*store, "bob", "d").await;
        store.mark_read_at(&user("ann"), 0).await.unwrap();
        assert_eq!(store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap().count, 2);
        assert_eq!(store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap().count, 0);
        assert!(inbox(&*store, &user("ann")).await.iter().all(|n| n.is_read));
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (0, 1));
    }

    async fn unread_after_mark_all_is_unread(open) {
        let store = open(1000).await;
        let a = send(&*store, "ann", "a").await;
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        let marked = store.set_read(a.id, None, false).await.unwrap().unwrap();
        assert!(!marked.is_read);
        assert_eq!(unread(&*store, "ann").await, 1);
        let b = send(&*store, "ann", "b").await;
        assert!(!store.get(b.id).await.unwrap().unwrap().is_read);
        let only_unread = Filter { unread: true, ..Filter::inbox(user("ann")) };
        assert_eq!(contents(&*store, &only_unread, None, 50).await.0, ["b", "a"]);
    }

    async fn timestamps_of_an_inbox_never_go_back(open) {
        let store = open(1000).await;
        let at = |time: &str| Timestamp::parse(&format!("2026-01-02T{time}Z")).unwrap();
        let since = modseq(&*store, "ann").await;
        let mut given = Vec::new();
        for time in ["00:00:05", "00:00:01", "00:00:05", "00:00:07", "00:00:06.999999"] {
            let new = ["ann", "ann", "bob"].map(|name| accepted(draft(name, "x")).with_timestamp(at(time)));
            given.extend(done(&new, store.create(&new, None).await.unwrap()));
        }
        for name in ["ann", "bob"] {
            let mut mine: Vec<_> = given.iter().filter(|n| n.user_id == user(name)).cloned().collect();
            assert!(mine.is_sorted_by_key(|notification| notification.timestamp));
            mine.reverse();
            // Creating, listing, following and reading all return the same notification.
            assert_eq!(inbox(&*store, &user(name)).await, mine);
            assert_eq!(store.get(mine[0].id).await.unwrap().as_ref(), Some(&mine[0]));
        }
        let changes = store.changes(&user("ann"), since, Limit::new(1000)).await.unwrap();
        let told = changes.events.into_iter().map(|event| match event {
            Event::Created { notification, .. } => notification.timestamp,
            other => panic!("only created: {other:?}"),
        });
        assert!(told.is_sorted());
    }

    async fn an_overview_counts_notifications(open) {
        let store = open(1000).await;
        for (user_id, category) in [("ann", "update"), ("bob", "custom"), ("ann", "message"), ("ann", "update")] {
            let new = NotificationDraft { category: Some(category.to_owned()), ..draft(user_id, "x") };
            create(&*store, new).await;
        }
        store.mark_read_at(&user("ann"), 0).await.unwrap();
        let names = |counts: &[(Category, u64)]| {
            counts.iter().map(|(category, count)| format!("{category} {count}")).collect::<Vec<_>>()
        };
        let recent = |overview: &Overview| {
            let named = overview.recent.iter().map(|inbox| format!("{} {}", inbox.user_id, inbox.unread_count));
            named.collect::<Vec<_>>()
        };
        let all = store.overview(None).await.unwrap();
        assert_eq!((all.total, all.unread_count), (4, 3));
        assert_eq!(names(&all.categories), ["message 1", "update 1", "custom 1"], "what is unread");
        assert_eq!(recent(&all), ["ann 2", "bob 1"]);
        let ann = store.overview(Some(&user("ann"))).await.unwrap();
        assert_eq!((ann.total, ann.unread_count), (3, 2));
        assert_eq!(names(&ann.categories), ["message 1", "update 1"]);
        assert_eq!(recent(&ann), ["ann 2"]);
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        let all = store.overview(None).await.unwrap();
        assert_eq!(all.unread_count, 1);
        assert_eq!(names(&all.categories), ["message 0", "update 0", "custom 1"], "what is there");
        assert_eq!(recent(&all), ["ann 0", "bob 1"]);
        assert_eq!(names(&store.overview(Some(&user("ann"))).await.unwrap().categories), ["message 0", "update 0"]);
        let nobody = store.overview(Some(&user("carl"))).await.unwrap();
        assert_eq!((nobody.total, nobody.categories.len(), recent(&nobody)), (0, 0, vec!["carl 0".to_owned()]));
    }

    async fn it_says_that_it_can_serve(open) {
        open(1).await.ready().await.unwrap();
    }
}
