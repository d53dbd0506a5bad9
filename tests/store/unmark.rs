//! Undoing that a whole inbox was marked read, or a part of it, against every back end.

use campanile::{
    model::{Category, Event, Marked, MarkedBy, Marking, Notification, NotificationDraft},
    server::store::{Store, Unmarked},
};

use super::{
    Announced,
    contract::{contract, modseq, told, unread},
    create, draft, inbox, memory, postgres, send, sqlite, user,
};

/// More than any inbox here contains.
const ALL: usize = 1000;

fn only(category: &str) -> Marking {
    Marking { category: Some(Category::parse(category).unwrap()), ..Marking::default() }
}

async fn send_of(store: &dyn Store, category: &str, content: &str) -> Notification {
    create(store, NotificationDraft { category: Some(category.to_owned()), ..draft("ann", content) }).await
}

async fn mark(store: &dyn Store, marking: &Marking) -> Marked {
    store.mark_all_read(&user("ann"), marking).await.unwrap()
}

async fn unmark(store: &dyn Store, by: &MarkedBy) -> u64 {
    let step = store.unmark(&user("ann"), by, ALL).await.unwrap();
    assert_eq!(step.rest, None);
    step.count
}

/// The unread notifications of ann's inbox, newest first.
async fn unread_of_ann(store: &dyn Store) -> Vec<String> {
    let unread = inbox(store, &user("ann")).await.into_iter().filter(|notification| !notification.is_read);
    unread.map(|notification| notification.content.to_string()).collect()
}

contract! {
    /// The smallest case: two are unread, one was read before.
    async fn notifications_read_before_stay_read(open) {
        let store = open(1000).await;
        let a = send(&*store, "ann", "a").await;
        for content in ["b", "c"] {
            send(&*store, "ann", content).await;
        }
        send(&*store, "bob", "d").await;
        store.set_read(a.id, None, true).await.unwrap();
        let marked = mark(&*store, &Marking::default()).await;
        assert_eq!((marked.count, marked.by.is_whole), (2, true));
        assert_eq!(unmark(&*store, &marked.by).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["c", "b"]);
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (2, 1));
        assert_eq!(store.overview(None).await.unwrap().unread_count, 3);
        assert_eq!(store.overview(Some(&user("ann"))).await.unwrap().unread_count, 2);
    }

    async fn only_the_kind_that_was_marked_is_unread_again(open) {
        let store = open(1000).await;
        let read = send_of(&*store, "alert", "read").await;
        for (category, content) in [("alert", "a"), ("message", "b"), ("alert", "c")] {
            send_of(&*store, category, content).await;
        }
        store.set_read(read.id, None, true).await.unwrap();
        let marked = mark(&*store, &only("alert")).await;
        assert_eq!((marked.count, marked.by.is_whole), (2, false));
        assert_eq!(unread_of_ann(&*store).await, ["b"]);
        assert_eq!(unmark(&*store, &marked.by).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["c", "b", "a"]);
    }

    /// If all unread notifications are of one category, marking it is one change, as if everything was asked for.
    async fn a_kind_that_is_all_that_is_unread_is_taken_back(open) {
        let store = open(1000).await;
        let message = send_of(&*store, "message", "a").await;
        for content in ["b", "c"] {
            send_of(&*store, "alert", content).await;
        }
        store.set_read(message.id, None, true).await.unwrap();
        let marked = mark(&*store, &only("alert")).await;
        assert_eq!((marked.count, marked.by.is_whole), (2, true));
        assert_eq!(unmark(&*store, &marked.by).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["c", "b"]);
    }

    /// Changed on another device: marked unread and read again, still unread, or deleted.
    async fn notifications_changed_since_stay_as_they_are(open) {
        for marking in [Marking::default(), only("alert")] {
            let store = open(1000).await;
            send_of(&*store, "message", "other").await;
            let mut sent = Vec::new();
            for content in ["a", "b", "c", "d"] {
                sent.push(send_of(&*store, "alert", content).await);
            }
            let marked = mark(&*store, &marking).await;
            for is_read in [false, true] {
                store.set_read(sent[0].id, None, is_read).await.unwrap();
            }
            store.set_read(sent[1].id, None, false).await.unwrap();
            store.delete(sent[2].id, None).await.unwrap();
            let later = send_of(&*store, "alert", "later").await;
            store.set_read(later.id, None, true).await.unwrap();
            unmark(&*store, &marked.by).await;
            let mut left = unread_of_ann(&*store).await;
            left.retain(|content| content != "other");
            assert_eq!(left, ["d", "b"], "{marking:?}");
        }
    }

    async fn notifications_of_an_earlier_marking_stay_read(open) {
        let store = open(1000).await;
        send(&*store, "ann", "a").await;
        let first = mark(&*store, &Marking::default()).await;
        let b = send(&*store, "ann", "b").await;
        let second = mark(&*store, &Marking::default()).await;
        assert_eq!(unmark(&*store, &second.by).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["b"]);
        // And the earlier marking can be undone after the later one.
        store.set_read(b.id, None, true).await.unwrap();
        assert_eq!(unmark(&*store, &first.by).await, 1);
        assert_eq!(unread_of_ann(&*store).await, ["a"]);
    }

    /// A notification that was marked unread before the marking has a later number than its creation.
    async fn notifications_marked_unread_before_are_undone_too(open) {
        for marking in [Marking::default(), only("alert")] {
            let store = open(1000).await;
            send_of(&*store, "message", "other").await;
            let a = send_of(&*store, "alert", "a").await;
            send_of(&*store, "alert", "b").await;
            mark(&*store, &Marking::default()).await;
            store.set_read(a.id, None, false).await.unwrap();
            send_of(&*store, "message", "another").await;
            let marked = mark(&*store, &marking).await;
            unmark(&*store, &marked.by).await;
            assert_eq!(unread_of_ann(&*store).await, ["another", "a"], "{marking:?}");
        }
    }

    async fn it_happens_once_and_takes_no_number_for_nothing(open) {
        let store = open(1000).await;
        for content in ["a", "b"] {
            send(&*store, "ann", content).await;
        }
        let marked = mark(&*store, &Marking::default()).await;
        assert_eq!(unmark(&*store, &marked.by).await, 2);
        let present = modseq(&*store, "ann").await;
        assert_eq!(unmark(&*store, &marked.by).await, 0);
        let nothing = Marked::default();
        assert_eq!(mark(&*store, &only("system")).await, nothing);
        assert_eq!(unmark(&*store, &nothing.by).await, 0);
        assert_eq!(store.unmark(&user("nobody"), &marked.by, ALL).await.unwrap(), Unmarked::default());
        for is_whole in [true, false] {
            // Numbers that belong to no marking match no unread notification, and none that was never marked.
            for (after, up_to) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (present, present + 9)] {
                assert_eq!(unmark(&*store, &MarkedBy { after, up_to, is_whole }).await, 0);
            }
        }
        assert_eq!((modseq(&*store, "ann").await, unread(&*store, "ann").await), (present, 2));
    }

    async fn each_is_a_separate_change(open) {
        let store = open(1000).await;
        let announced = Announced::by(&*store);
        let first = modseq(&*store, "ann").await;
        let (a, b) = (send(&*store, "ann", "a").await, send(&*store, "ann", "b").await);
        let by = mark(&*store, &Marking::default()).await.by;
        let since = modseq(&*store, "ann").await;
        unmark(&*store, &by).await;
        let updated = |of: &Notification, modseq: u64, unread_count: u64| {
            let notification = of.clone().with_read(false);
            Event::Updated { modseq, unread_count, notification }
        };
        let events = announced.of(&user("ann"), first, since + 2).await.split_off(3);
        assert_eq!(events, [updated(&a, since + 1, 1), updated(&b, since + 2, 2)]);
        assert_eq!(told(&*store, "ann", since).await, ["updated:1", "updated:2"]);
    }

    async fn no_step_takes_more_than_it_may(open) {
        for marking in [Marking::default(), only("alert")] {
            let store = open(1000).await;
            send_of(&*store, "message", "other").await;
            for number in 0..7 {
                let sent = send_of(&*store, "alert", &number.to_string()).await;
                // Some were marked before, some never.
                if number % 3 == 0 {
                    store.set_read(sent.id, None, true).await.unwrap();
                    store.set_read(sent.id, None, false).await.unwrap();
                }
            }
            let before = unread_of_ann(&*store).await;
            let marked = mark(&*store, &marking).await;
            let (mut left, mut steps) = (Some(marked.by), Vec::new());
            while let Some(by) = left {
                let step = store.unmark(&user("ann"), &by, 3).await.unwrap();
                steps.push(step.count);
                left = step.rest;
            }
            assert_eq!(steps, if marked.by.is_whole { [3, 3, 2] } else { [3, 3, 1] });
            assert_eq!(unread_of_ann(&*store).await, before, "{marking:?}");
        }
    }

    async fn undo_skips_evicted_notifications(open) {
        let store = open(3).await;
        for content in ["a", "b", "c"] {
            send(&*store, "ann", content).await;
        }
        let marked = mark(&*store, &Marking::default()).await;
        send(&*store, "ann", "d").await;
        assert_eq!(unmark(&*store, &marked.by).await, 2);
        assert_eq!(unread_of_ann(&*store).await, ["d", "c", "b"]);
        assert_eq!(unread(&*store, "ann").await, 3);
    }
}
