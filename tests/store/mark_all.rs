//! Marking a whole inbox read, or a part of it, against every back end.

use campanile::{
    model::{Category, Event, Marking, Notification, NotificationDraft, NotificationId},
    server::store::{ChangeNumbers, Store},
};

use super::{
    Announced,
    contract::{contract, modseq, told, unread},
    create, draft, inbox, memory, postgres, send, sqlite, user,
};

/// Notifications that were created by this change or an earlier one.
fn up_to(change: u64) -> Marking {
    Marking { up_to: Some(change), ..Marking::default() }
}

/// Notifications of this category.
fn only(category: &str) -> Marking {
    Marking { category: Some(Category::parse(category).unwrap()), ..Marking::default() }
}

async fn send_of(store: &dyn Store, category: &str, content: &str) -> Notification {
    create(store, NotificationDraft { category: Some(category.to_owned()), ..draft("ann", content) }).await
}

async fn mark(store: &dyn Store, marking: &Marking) -> u64 {
    store.mark_all_read(&user("ann"), marking).await.unwrap().count
}

/// The unread notifications of ann's inbox, newest first.
async fn unread_of_ann(store: &dyn Store) -> Vec<String> {
    let unread = inbox(store, &user("ann")).await.into_iter().filter(|notification| !notification.is_read);
    unread.map(|notification| notification.content.to_string()).collect()
}

/// By which changes the notification was created and last changed, as ann's inbox counts them from `since`.
async fn numbers(store: &dyn Store, id: NotificationId, since: u64) -> (u64, u64) {
    let ChangeNumbers { created, newest } = store.change_numbers(id).await.unwrap().unwrap();
    (created - since, newest - since)
}

contract! {
    async fn a_notification_has_the_numbers_of_its_creation_and_its_newest_change(open) {
        let store = open(1000).await;
        let began = modseq(&*store, "ann").await;
        let a = send(&*store, "ann", "a").await.id;
        let b = send(&*store, "ann", "b").await.id;
        assert_eq!((numbers(&*store, a, began).await, numbers(&*store, b, began).await), ((1, 1), (2, 2)));
        store.set_read(a, None, true).await.unwrap();
        assert_eq!((numbers(&*store, a, began).await, numbers(&*store, b, began).await), ((1, 3), (2, 2)));
        // One change, which concerns only what was unread.
        mark(&*store, &Marking::default()).await;
        assert_eq!((numbers(&*store, a, began).await, numbers(&*store, b, began).await), ((1, 3), (2, 4)));
        store.set_read(b, None, false).await.unwrap();
        assert_eq!(numbers(&*store, b, began).await, (2, 5));
        store.delete(a, None).await.unwrap();
        assert_eq!(store.change_numbers(a).await.unwrap(), None);
    }

    async fn notifications_created_later_stay_unread(open) {
        let store = open(1000).await;
        for content in ["a", "b"] {
            send(&*store, "ann", content).await;
        }
        let seen = modseq(&*store, "ann").await;
        send(&*store, "ann", "c").await;
        send(&*store, "bob", "d").await;
        assert_eq!(mark(&*store, &up_to(seen)).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["c"]);
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (1, 1));
        assert_eq!(store.overview(None).await.unwrap().unread_count, 2);
        assert_eq!(told(&*store, "ann", seen).await, ["created:1", "updated:2", "updated:3"]);
    }

    async fn only_one_kind_is_marked(open) {
        let store = open(1000).await;
        for (category, content) in [("alert", "a"), ("message", "b"), ("alert", "c"), ("odd_1", "d")] {
            send_of(&*store, category, content).await;
        }
        assert_eq!(mark(&*store, &only("alert")).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["d", "b"]);
        assert_eq!(mark(&*store, &only("odd_1")).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["b"]);
    }

    async fn a_kind_is_marked_up_to_a_change(open) {
        let store = open(1000).await;
        for (category, content) in [("alert", "a"), ("message", "b")] {
            send_of(&*store, category, content).await;
        }
        let seen = modseq(&*store, "ann").await;
        send_of(&*store, "alert", "c").await;
        assert_eq!(mark(&*store, &Marking { category: only("alert").category, up_to: Some(seen) }).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["c", "b"]);
    }

    /// Even if only a part was asked for: afterwards everything up to its number is read.
    async fn everything_that_is_unread_is_one_change(open) {
        let store = open(1000).await;
        let announced = Announced::by(&*store);
        let first = modseq(&*store, "ann").await;
        let a = send_of(&*store, "alert", "a").await;
        let created = modseq(&*store, "ann").await;
        send_of(&*store, "message", "b").await;
        let c = send_of(&*store, "message", "c").await;
        let since = modseq(&*store, "ann").await;
        // `a` is read, so all unread notifications are of one category.
        store.set_read(a.id, None, true).await.unwrap();
        assert_eq!(mark(&*store, &only("message")).await, 2);
        // All later notifications are read, and `a` was created before.
        store.set_read(a.id, None, false).await.unwrap();
        assert_eq!(mark(&*store, &up_to(created)).await, 1);
        // No notification was created since the last creation, though others changed.
        store.set_read(c.id, None, false).await.unwrap();
        store.set_read(a.id, None, false).await.unwrap();
        assert_eq!(mark(&*store, &up_to(created + 2)).await, 2);
        assert_eq!(unread(&*store, "ann").await, 0);
        let events = announced.of(&user("ann"), first, since + 7).await;
        let of_all = events.iter().filter(|event| matches!(event, Event::AllRead { unread_count: 0, .. }));
        let numbers: Vec<_> = of_all.map(Event::modseq).collect();
        assert_eq!(numbers, [since + 2, since + 4, since + 7]);
        assert_eq!(told(&*store, "ann", since).await, ["updated:5", "updated:6", "all_read:7"]);
    }

    async fn a_part_is_one_change_for_each_oldest_first(open) {
        let store = open(1000).await;
        let announced = Announced::by(&*store);
        let first = modseq(&*store, "ann").await;
        let mut parts = Vec::new();
        for (category, content) in [("alert", "a"), ("message", "b"), ("alert", "c"), ("alert", "d")] {
            parts.push(send_of(&*store, category, content).await);
        }
        store.set_read(parts[2].id, None, true).await.unwrap();
        let since = modseq(&*store, "ann").await;
        assert_eq!(mark(&*store, &only("alert")).await, 2);
        let updated = |place: usize, modseq: u64, unread_count: u64| {
            let notification = parts[place].clone().with_read(true);
            Event::Updated { modseq, unread_count, notification }
        };
        let events = [updated(0, since + 1, 2), updated(3, since + 2, 1)];
        assert_eq!(announced.of(&user("ann"), first, since + 2).await.split_off(5), events);
        assert!(announced.0.lock().unwrap().iter().is_sorted_by_key(|change| change.event.modseq()));
        assert_eq!((modseq(&*store, "ann").await, unread(&*store, "ann").await), (since + 2, 1));
    }

    async fn where_there_is_nothing_to_mark_no_change_is_taken(open) {
        let store = open(1000).await;
        let announced = Announced::by(&*store);
        let before = modseq(&*store, "ann").await;
        let a = send_of(&*store, "alert", "a").await;
        send(&*store, "ann", "b").await;
        store.set_read(a.id, None, true).await.unwrap();
        let since = modseq(&*store, "ann").await;
        for nothing in [up_to(0), up_to(before), up_to(before + 1), only("alert"), only("system")] {
            assert_eq!(mark(&*store, &nothing).await, 0, "{nothing:?}");
        }
        let both = Marking { up_to: Some(before + 1), ..only("message") };
        assert_eq!(mark(&*store, &both).await, 0);
        assert_eq!(modseq(&*store, "ann").await, since);
        assert_eq!(mark(&*store, &up_to(u64::MAX)).await, 1);
        for nothing in [up_to(u64::MAX), only("alert"), Marking::default()] {
            assert_eq!(mark(&*store, &nothing).await, 0, "{nothing:?}");
            assert_eq!(store.mark_all_read(&user("nobody"), &nothing).await.unwrap().count, 0);
        }
        assert_eq!(announced.of(&user("ann"), before, since + 1).await.len(), 4);
        assert_eq!(modseq(&*store, "ann").await, since + 1);
    }

    /// The time of creation counts, and not that of the last marking.
    async fn marking_does_not_change_the_age_of_a_notification(open) {
        let store = open(1000).await;
        let a = send(&*store, "ann", "a").await;
        let seen = modseq(&*store, "ann").await;
        send(&*store, "ann", "b").await;
        mark(&*store, &Marking::default()).await;
        store.set_read(a.id, None, false).await.unwrap();
        send(&*store, "ann", "c").await;
        assert_eq!(mark(&*store, &up_to(seen)).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["c"]);
        // `b` is already read with all the others, and is not marked again.
        assert_eq!(mark(&*store, &up_to(seen + 1)).await, 0);
    }

    async fn a_part_of_the_window_is_marked(open) {
        let store = open(3).await;
        let first = modseq(&*store, "ann").await;
        for content in ["a", "b", "c", "d"] {
            send(&*store, "ann", content).await;
        }
        // `d` was the fourth creation, and `a` left with the fifth change.
        assert_eq!(mark(&*store, &up_to(first + 2)).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["d", "c"]);
        assert_eq!(unread(&*store, "ann").await, 2);
    }
}
