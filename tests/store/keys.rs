//! Idempotency keys, against every back end.

use campanile::server::store::{Creation, Once, Store};

use super::{
    accepted,
    contract::{contract, done, expired_at, unread},
    draft, inbox, memory, once, postgres, sqlite, user,
};

contract! {
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
        // Removed on time, even when the caller's clock is behind.
        store.delete_due(&expired_at("2026-01-03T00:00:00Z", 10)).await.unwrap();
        assert!(matches!(create(day("2026-01-02T12:00:00Z")).await, Creation::Done(_)));
    }
}
