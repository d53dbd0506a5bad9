//! The changes after a change number.

use super::*;

contract! {
    async fn changes_since_a_number_are_returned(open) {
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
        // This store never had a later position.
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
}
