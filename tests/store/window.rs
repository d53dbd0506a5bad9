//! Which notifications leave an inbox by themselves: by the window, their expiry or their age, against every back end.

use std::collections::HashMap;

use campanile::{
    model::{Category, Event, Filter, Marking, NotificationDraft, Timestamp},
    server::store::{Due, Store},
};
use futures_util::future::join_all;

use super::{
    Announced, accepted, contents,
    contract::{contract, expired_at, modseq, told, unread},
    create, draft, memory, postgres, send, sqlite, user,
};

contract! {
    async fn the_window_keeps_the_newest(open) {
        let store = open(3).await;
        for number in 0..5 {
            send(&*store, "ann", &number.to_string()).await;
        }
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 50).await.0, ["4", "3", "2"]);
        assert_eq!(unread(&*store, "ann").await, 3);
        assert_eq!(store.mark_read_at(&user("ann"), 3).await.unwrap(), None);
    }

    async fn eviction_is_announced_as_a_deletion(open) {
        let store = open(2).await;
        send(&*store, "ann", "a").await;
        send(&*store, "ann", "b").await;
        let since = modseq(&*store, "ann").await;
        send(&*store, "ann", "c").await;
        assert_eq!(told(&*store, "ann", since).await, ["created:1", "deleted:2"]);
    }

    async fn eviction_updates_the_counts(open) {
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

    async fn an_inbox_that_grows_beyond_the_window_many_times_at_once_has_the_right_counts(open) {
        let store = open(5).await;
        let (announced, first) = (Announced::by(&*store), modseq(&*store, "ann").await);
        store.create(&std::array::from_fn::<_, 12, _>(|_| accepted(draft("ann", "batch"))), None).await.unwrap();
        let store = &*store;
        join_all((0..60).map(async |number| {
            let sent = send(store, "ann", "alone").await;
            if number % 3 == 0 {
                store.set_read(sent.id, None, true).await.unwrap();
            }
            if number % 7 == 0 {
                store.delete(sent.id, None).await.unwrap();
            }
        }))
        .await;
        // However many of the newest were deleted, these are new.
        store.create(&std::array::from_fn::<_, 5, _>(|_| accepted(draft("ann", "last"))), None).await.unwrap();
        assert_eq!(contents(store, &Filter::inbox(user("ann")), None, 50).await.0, ["last"; 5]);
        assert_eq!(unread(store, "ann").await, 5);
        let overview = store.overview(Some(&user("ann"))).await.unwrap();
        assert_eq!((overview.total, overview.unread_count), (5, 5));
        let events = announced.of(&user("ann"), first, modseq(store, "ann").await).await;
        let mut marks = HashMap::new();
        for event in &events {
            match event {
                Event::Created { notification, .. } | Event::Updated { notification, .. } => {
                    marks.insert(notification.id, notification.is_read);
                }
                Event::Deleted { id, .. } => assert!(marks.remove(id).is_some(), "it was there, and goes once"),
                Event::AllRead { .. } => unreachable!(),
            }
            assert_eq!(event.unread_count(), marks.values().filter(|is_read| !**is_read).count() as u64);
        }
        assert_eq!(marks.len(), 5);
    }

    async fn a_request_beside_creations_sees_no_more_than_the_window(open) {
        let store = open(5).await;
        let store = &*store;
        let creations = || join_all((0..5).map(|_| send(store, "ann", "x")));
        creations().await;
        let (ann, whole) = (user("ann"), Marking::default());
        let part = Marking { category: Some(Category::parse("message").unwrap()), ..Marking::default() };
        for marking in [&whole, &part].into_iter().cycle().take(60) {
            let (_, found) = tokio::join!(creations(), store.mark_read_at(&ann, 5));
            assert_eq!(found.unwrap(), None);
            let (_, marked) = tokio::join!(creations(), store.mark_all_read(&ann, marking));
            assert!(marked.unwrap().count <= 5);
        }
    }

    async fn expired_notifications_are_deleted_and_announced(open) {
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

    async fn deleted_notifications_do_not_expire_again(open) {
        let store = open(1000).await;
        let new = NotificationDraft { expires_at: Some("2026-02-01T00:00:00Z".to_owned()), ..draft("ann", "a") };
        let gone = create(&*store, new).await;
        store.delete(gone.id, None).await.unwrap();
        assert_eq!(store.delete_due(&expired_at("2026-03-01T00:00:00Z", 10)).await.unwrap(), 0);
    }

    async fn old_notifications_are_deleted_and_announced(open) {
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
}
