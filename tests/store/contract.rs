//! Every rule of the store, by name, against every back end.

use campanile::{
    model::{
        Category, Event, Filter, Limit, Marking, Notification, NotificationDraft, NotificationId, Page, Search,
        Timestamp,
    },
    server::store::{Creation, Due, LOOKED_AT, Once, Store},
};

use super::{accepted, contents, create, draft, inbox, memory, once, postgres, send, sqlite, user};

/// Defines the rules, and one test of each rule for each back end.
///
/// A rule gets `open`, which makes a new empty store with the given window.
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

/// What changed after `since`, as `type:modseq` words.
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

/// What had expired at that moment, at most so many.
fn expired_at(time: &str, limit: usize) -> Due {
    Due { now: Timestamp::parse(time).unwrap(), accepted_before: None, limit }
}

/// The notifications as they were accepted.
fn done(notifications: &[Notification], created: Creation) -> Vec<Notification> {
    let Creation::Done(times) = created else { panic!("it was not created: {created:?}") };
    assert_eq!(notifications.len(), times.len());
    notifications.iter().cloned().zip(times).map(|(notification, at)| notification.with_timestamp(at)).collect()
}

contract! {
    async fn what_is_created_is_there(open) {
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
        assert_eq!(inbox(&*store, &user("ann")).await, [sent.clone()]);
        assert!(told(&*store, "ann", present).await.is_empty());
        let owner = Some(user("ann"));
        assert!(store.set_read(sent.id, owner.as_ref(), true).await.unwrap().unwrap().is_read);
        assert_eq!(store.delete(sent.id, owner.as_ref()).await.unwrap().unwrap().id, sent.id);
        assert_eq!(told(&*store, "ann", present).await, ["deleted:2"]);
    }

    async fn pages_follow_each_other_without_hole_or_repeat(open) {
        let store = open(1000).await;
        for number in 0..7 {
            send(&*store, "ann", &number.to_string()).await;
            send(&*store, "bob", "noise").await;
        }
        let filter = Filter::inbox(user("ann"));
        let (first, next) = contents(&*store, &filter, None, 3).await;
        assert_eq!(first, ["6", "5", "4"]);
        // What arrives in between moves nothing.
        send(&*store, "ann", "late").await;
        let (second, next) = contents(&*store, &filter, next, 3).await;
        assert_eq!(second, ["3", "2", "1"]);
        let (third, next) = contents(&*store, &filter, next, 3).await;
        assert_eq!((third, next), (vec!["0".to_owned()], None));
    }

    async fn the_last_page_has_no_next_even_when_it_is_full(open) {
        let store = open(1000).await;
        for content in ["a", "b"] {
            send(&*store, "ann", content).await;
        }
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 2).await.1, None);
        assert_eq!(contents(&*store, &Filter::default(), None, 2).await.1, None);
    }

    async fn a_limit_of_nothing_is_an_empty_page(open) {
        let store = open(1000).await;
        send(&*store, "ann", "a").await;
        assert_eq!(contents(&*store, &Filter::default(), None, 0).await, (vec![], None));
    }

    async fn filters_are_met_together(open) {
        let store = open(1000).await;
        for (user_id, category, content) in
            [("ann", "alert", "a"), ("ann", "update", "b"), ("bob", "alert", "c"), ("ann", "alert", "d")]
        {
            let new = NotificationDraft { category: Some(category.to_owned()), ..draft(user_id, content) };
            create(&*store, new).await;
        }
        store.mark_read_at(&user("ann"), 0).await.unwrap();
        let alert = Some(Category::parse("alert").unwrap());
        let all = Filter { category: alert.clone(), ..Filter::default() };
        assert_eq!(contents(&*store, &all, None, 50).await.0, ["d", "c", "a"]);
        let unread = Filter { unread: true, ..all };
        assert_eq!(contents(&*store, &unread, None, 50).await.0, ["c", "a"]);
        let of_ann = Filter { user_id: Some(user("ann")), ..unread };
        assert_eq!(contents(&*store, &of_ann, None, 50).await.0, ["a"]);
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

    async fn changes_tell_what_happened_since(open) {
        let store = open(1000).await;
        let a = send(&*store, "ann", "a").await;
        let b = send(&*store, "ann", "b").await;
        let since = modseq(&*store, "ann").await;
        send(&*store, "ann", "c").await;
        store.set_read(a.id, None, true).await.unwrap();
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        store.set_read(a.id, None, false).await.unwrap();
        store.delete(b.id, None).await.unwrap();
        // `a` was marked at +2 and again at +4: one event, with the newest number.
        assert_eq!(told(&*store, "ann", since).await, ["created:1", "all_read:3", "updated:4", "deleted:5"]);
        assert!(told(&*store, "ann", since + 5).await.is_empty());
        let changes = store.changes(&user("ann"), since, Limit::new(1000)).await.unwrap();
        assert_eq!((changes.modseq, changes.unread_count, changes.more), (since + 5, 1, false));
    }

    async fn changes_come_in_pages(open) {
        let store = open(1000).await;
        let since = modseq(&*store, "ann").await;
        for number in 0..5 {
            send(&*store, "ann", &number.to_string()).await;
        }
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        let mut position = since;
        let mut seen = Vec::new();
        loop {
            let changes = store.changes(&user("ann"), position, Limit::new(2)).await.unwrap();
            assert!(changes.events.len() <= 2);
            seen.extend(changes.events.iter().map(|event| event.modseq() - since));
            position = changes.modseq;
            if !changes.more {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
        assert_eq!(position, since + 6);
    }

    async fn changes_since_zero_tell_everything_and_never_reset(open) {
        let store = open(2).await;
        for number in 0..9 {
            send(&*store, "ann", &number.to_string()).await;
        }
        let changes = store.changes(&user("ann"), 0, Limit::new(1000)).await.unwrap();
        let created = changes.events.iter().filter(|event| matches!(event, Event::Created { .. })).count();
        assert_eq!((changes.reset, created), (false, 2));
    }

    async fn a_position_that_cannot_be_continued_is_reset(open) {
        let store = open(2).await;
        send(&*store, "ann", "a").await;
        let since = modseq(&*store, "ann").await;
        // A position from the future is none of this store's.
        let ahead = store.changes(&user("ann"), since + 1, Limit::new(10)).await.unwrap();
        assert_eq!((ahead.reset, ahead.modseq), (true, since));
        // More deletions than are remembered.
        for number in 0..6 {
            send(&*store, "ann", &number.to_string()).await;
        }
        let behind = store.changes(&user("ann"), since, Limit::new(10)).await.unwrap();
        assert!(behind.reset && behind.events.is_empty());
        assert_eq!(behind.modseq, modseq(&*store, "ann").await);
    }

    async fn the_window_keeps_the_newest(open) {
        let store = open(3).await;
        for number in 0..5 {
            send(&*store, "ann", &number.to_string()).await;
        }
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 50).await.0, ["4", "3", "2"]);
        assert_eq!(unread(&*store, "ann").await, 3);
        assert_eq!(store.mark_read_at(&user("ann"), 3).await.unwrap(), None);
    }

    async fn what_leaves_the_window_is_told_as_deleted(open) {
        let store = open(2).await;
        send(&*store, "ann", "a").await;
        send(&*store, "ann", "b").await;
        let since = modseq(&*store, "ann").await;
        send(&*store, "ann", "c").await;
        assert_eq!(told(&*store, "ann", since).await, ["created:1", "deleted:2"]);
    }

    async fn what_leaves_the_window_leaves_the_counts(open) {
        let store = open(2).await;
        let a = send(&*store, "ann", "a").await;
        store.set_read(a.id, None, true).await.unwrap();
        send(&*store, "ann", "b").await;
        send(&*store, "ann", "c").await;
        assert_eq!(unread(&*store, "ann").await, 2);
        send(&*store, "ann", "d").await;
        assert_eq!(unread(&*store, "ann").await, 2);
        assert_eq!(store.overview(Some(&user("ann"))).await.unwrap().total, 2);
    }

    async fn what_expires_is_deleted_and_told(open) {
        let store = open(1000).await;
        let new = |content: &str, expires_at: &str| {
            accepted(NotificationDraft { expires_at: Some(expires_at.to_owned()), ..draft("ann", content) })
        };
        let batch = [
            new("soon", "2026-02-01T00:00:00Z"),
            new("sooner", "2026-01-31T00:00:00Z"),
            new("later", "2027-01-01T00:00:00Z"),
            accepted(draft("ann", "never")),
        ];
        store.create(&batch, None).await.unwrap();
        let since = modseq(&*store, "ann").await;
        assert_eq!(store.delete_due(&expired_at("2026-01-30T23:59:59Z", 10)).await.unwrap(), 0);
        assert_eq!(store.delete_due(&expired_at("2026-02-01T00:00:00Z", 1)).await.unwrap(), 1);
        assert_eq!(store.delete_due(&expired_at("2026-02-01T00:00:00Z", 10)).await.unwrap(), 1);
        assert_eq!(contents(&*store, &Filter::default(), None, 50).await.0, ["never", "later"]);
        assert_eq!(told(&*store, "ann", since).await, ["deleted:1", "deleted:2"]);
        assert_eq!(unread(&*store, "ann").await, 2);
    }

    async fn what_was_deleted_does_not_expire_again(open) {
        let store = open(1000).await;
        let new = NotificationDraft { expires_at: Some("2026-02-01T00:00:00Z".to_owned()), ..draft("ann", "a") };
        let gone = create(&*store, new).await;
        store.delete(gone.id, None).await.unwrap();
        assert_eq!(store.delete_due(&expired_at("2026-03-01T00:00:00Z", 10)).await.unwrap(), 0);
    }

    async fn a_request_with_a_key_happens_once(open) {
        let store = open(1000).await;
        let first = [accepted(draft("ann", "a")), accepted(draft("bob", "b"))];
        let key = once("key", 1, "2026-01-01T00:00:00Z");
        let first = done(&first, store.create(&first, Some(&key)).await.unwrap());
        let again = [accepted(draft("ann", "a")), accepted(draft("bob", "b"))];
        let later = once("key", 1, "2026-01-01T23:59:59Z");
        let made = first.iter().map(|notification| (notification.id, notification.timestamp)).collect();
        assert_eq!(store.once(&later).await.unwrap(), Some(Creation::Before(made)));
        assert_eq!(store.create(&again, Some(&later)).await.unwrap(), store.once(&later).await.unwrap().unwrap());
        assert_eq!(inbox(&*store, &user("ann")).await, first[..1]);
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (1, 1));
        let other = once("other", 1, "2026-01-01T00:00:00Z");
        assert_eq!(store.once(&other).await.unwrap(), None);
        done(&again, store.create(&again, Some(&other)).await.unwrap());
        assert_eq!(unread(&*store, "ann").await, 2);
    }

    async fn a_key_belongs_to_its_caller(open) {
        let store = open(1000).await;
        let mine = once("key", 1, "2026-01-01T00:00:00Z");
        let of_another = Once { caller: Some("key:0123456789abcdef".to_owned()), ..mine.clone() };
        let first = [accepted(draft("ann", "a"))];
        done(&first, store.create(&first, Some(&mine)).await.unwrap());
        assert_eq!(store.once(&of_another).await.unwrap(), None);
        let second = [accepted(draft("bob", "b"))];
        let second = done(&second, store.create(&second, Some(&of_another)).await.unwrap());
        let made = vec![(second[0].id, second[0].timestamp)];
        assert_eq!(store.once(&of_another).await.unwrap(), Some(Creation::Before(made)));
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (1, 1));
        store.delete_due(&expired_at("2026-01-02T00:00:00Z", 10)).await.unwrap();
        for forgotten in [mine, of_another] {
            assert_eq!(store.once(&forgotten).await.unwrap(), None);
        }
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
            // Who created, lists, follows or asks for one is told the same.
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

    async fn a_key_belongs_to_one_request(open) {
        let store = open(1000).await;
        let key = once("key", 1, "2026-01-01T00:00:00Z");
        store.create(&[accepted(draft("ann", "a"))], Some(&key)).await.unwrap();
        let other = once("key", 2, "2026-01-01T00:00:01Z");
        let taken = store.create(&[accepted(draft("ann", "other"))], Some(&other)).await.unwrap();
        assert_eq!((taken, unread(&*store, "ann").await), (Creation::KeyTaken, 1));
    }

    async fn a_key_is_forgotten_after_a_day(open) {
        let store = open(1000).await;
        let day = |at: &str| once("key", 1, at);
        let create = async |key: Once| store.create(&[accepted(draft("ann", "a"))], Some(&key)).await.unwrap();
        assert!(matches!(create(day("2026-01-01T00:00:00Z")).await, Creation::Done(_)));
        assert!(matches!(create(day("2026-01-02T00:00:00Z")).await, Creation::Done(_)));
        assert!(matches!(create(day("2026-01-02T12:00:00Z")).await, Creation::Before(_)));
        store.delete_due(&expired_at("2026-01-02T23:59:59Z", 10)).await.unwrap();
        assert!(matches!(create(day("2026-01-02T12:00:00Z")).await, Creation::Before(_)));
        // Removed on time, even when the clock that asks is behind.
        store.delete_due(&expired_at("2026-01-03T00:00:00Z", 10)).await.unwrap();
        assert!(matches!(create(day("2026-01-02T12:00:00Z")).await, Creation::Done(_)));
    }

    async fn what_is_too_old_is_deleted_and_told(open) {
        let store = open(1000).await;
        let first = send(&*store, "ann", "a").await.timestamp;
        send(&*store, "ann", "b").await;
        let last = send(&*store, "ann", "c").await.timestamp;
        let since = modseq(&*store, "ann").await;
        let due = |accepted_before: Timestamp, limit| Due {
            accepted_before: Some(accepted_before),
            ..expired_at("2026-01-05T00:00:00Z", limit)
        };
        let after = Timestamp::from_micros(last.as_micros() + 1).unwrap();
        assert_eq!(store.delete_due(&due(first, 10)).await.unwrap(), 0);
        assert_eq!(store.delete_due(&due(after, 2)).await.unwrap(), 2);
        assert_eq!(contents(&*store, &Filter::default(), None, 50).await.0, ["c"]);
        assert_eq!(told(&*store, "ann", since).await, ["deleted:1", "deleted:2"]);
        assert_eq!(store.delete_due(&due(after, 2)).await.unwrap(), 1);
    }

    async fn a_search_finds_every_word_in_title_or_content(open) {
        let store = open(1000).await;
        let titled = NotificationDraft { title: Some("ÉCLAIR Shop".to_owned()), ..draft("ann", "parcel 7 is there") };
        create(&*store, titled).await;
        send(&*store, "ann", "Parcel 8 100%_sure 'underway'").await;
        send(&*store, "bob", "parcel 9").await;
        let find = async |user_id: Option<&str>, q: &str| {
            let search = Some(Search::parse(q).unwrap());
            let filter = Filter { user_id: user_id.map(user), search, ..Filter::default() };
            contents(&*store, &filter, None, 50).await.0.len()
        };
        assert_eq!(find(Some("ann"), "parcel").await, 2);
        assert_eq!(find(None, "PARCEL").await, 3);
        assert_eq!(find(Some("ann"), "there éclair").await, 1);
        assert_eq!(find(Some("ann"), "éclair 8").await, 0);
        assert_eq!(find(Some("ann"), "100%_sure").await, 1);
        assert_eq!(find(Some("ann"), "10%sure").await, 0);
        assert_eq!(find(Some("ann"), "E\u{301}CLAIR").await, 1, "the letter in two characters");
        assert_eq!(find(Some("ann"), "'underway'").await, 1);
    }

    async fn a_page_ends_when_much_was_looked_at(open) {
        let store = open(20_000).await;
        send(&*store, "ann", "needle").await;
        for _ in 0..LOOKED_AT / 1000 {
            let hay: Vec<_> = (0..1000).map(|_| accepted(draft("ann", "hay"))).collect();
            store.create(&hay, None).await.unwrap();
        }
        for user_id in [Some(user("ann")), None] {
            let filter = Filter { user_id, search: Some(Search::parse("needle").unwrap()), ..Filter::default() };
            let (found, next) = contents(&*store, &filter, None, 50).await;
            assert!(found.is_empty() && next.is_some());
            assert_eq!(contents(&*store, &filter, next, 50).await, (vec!["needle".to_owned()], None));
        }
    }

    async fn a_cursor_of_one_inbox_tells_nothing_of_others(open) {
        let store = open(1000).await;
        for content in ["1", "2", "3", "4"] {
            send(&*store, "ann", content).await;
        }
        let filter = Filter::inbox(user("ann"));
        let (newest, Some(first)) = contents(&*store, &filter, None, 2).await else { panic!("there is more") };
        assert_eq!(newest, ["4", "3"]);
        for _ in 0..7 {
            send(&*store, "bob", "x").await;
        }
        send(&*store, "ann", "5").await;
        let (newest, Some(second)) = contents(&*store, &filter, None, 2).await else { panic!("there is more") };
        assert_eq!(newest, ["5", "4"]);
        assert_eq!(second.position(), first.position() + 1, "as if no other user had got anything");
        assert!(second.of_kind(true).is_ok());
        assert_eq!(contents(&*store, &filter, Some(first), 9).await, (vec!["2".to_owned(), "1".to_owned()], None));
        let (_, overall) = contents(&*store, &Filter::default(), None, 9).await;
        let overall = overall.unwrap();
        assert!(overall.of_kind(false).is_ok());
        let rest = contents(&*store, &Filter::default(), Some(overall), 9).await;
        assert_eq!(rest, (vec!["3".to_owned(), "2".to_owned(), "1".to_owned()], None));
    }

    async fn a_page_has_at_most_two_mebibytes(open) {
        let store = open(1000).await;
        // Each takes 64 KiB as JSON, and 24 KiB in the store: a database that ends where 2 MiB are read has
        // read enough for the page, and not all.
        let large: Vec<_> = (0..100).map(|_| accepted(draft("ann", &"\u{1}é".repeat(8_192)))).collect();
        store.create(&large, None).await.unwrap();
        let since = modseq(&*store, "ann").await - 100;
        store.mark_read_at(&user("ann"), 70).await.unwrap();
        for filter in [Filter::inbox(user("ann")), Filter::default(), Filter { unread: true, ..Filter::default() }] {
            let (mut seen, mut pages, mut before) = (0, 0, None);
            loop {
                let page = store.list(&filter, before, Limit::new(1000)).await.unwrap();
                assert!(serde_json::to_vec(&page.notifications).unwrap().len() <= Page::MAX_BYTES);
                seen += page.notifications.len();
                pages += 1;
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            let all = if filter.unread { 99 } else { 100 };
            assert_eq!((seen, pages), (all, 4), "{filter:?}");
        }
        let (mut at, mut told) = (since, Vec::new());
        loop {
            let changes = store.changes(&user("ann"), at, Limit::new(1000)).await.unwrap();
            assert!(serde_json::to_vec(&changes).unwrap().len() <= Page::MAX_BYTES);
            told.extend(changes.events.iter().map(Event::modseq));
            at = changes.modseq;
            if !changes.more {
                break;
            }
        }
        let marked = since + 30;
        assert_eq!(told, (since + 1..=since + 101).filter(|modseq| *modseq != marked).collect::<Vec<_>>());
    }

    async fn an_overview_counts_what_is_there(open) {
        let store = open(1000).await;
        for (user_id, category) in [("ann", "update"), ("bob", "custom"), ("ann", "message"), ("ann", "update")] {
            let new = NotificationDraft { category: Some(category.to_owned()), ..draft(user_id, "x") };
            create(&*store, new).await;
        }
        store.mark_read_at(&user("ann"), 0).await.unwrap();
        let names = |counts: &[(Category, u64)]| {
            counts.iter().map(|(category, count)| format!("{category} {count}")).collect::<Vec<_>>()
        };
        let all = store.overview(None).await.unwrap();
        assert_eq!((all.total, all.unread_count), (4, 3));
        assert_eq!(names(&all.categories), ["message 1", "update 2", "custom 1"]);
        assert_eq!(all.recent, [user("ann"), user("bob")]);
        let ann = store.overview(Some(&user("ann"))).await.unwrap();
        assert_eq!((ann.total, ann.unread_count), (3, 2));
        assert_eq!(names(&ann.categories), ["message 1", "update 2"]);
        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        assert_eq!(store.overview(None).await.unwrap().unread_count, 1);
    }

    async fn it_says_that_it_can_serve(open) {
        open(1).await.ready().await.unwrap();
    }
}
