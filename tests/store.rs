//! The rules for every store: one by one, at random, and from many tasks at once.

mod concurrency;
mod contacts;
mod contract;
mod credentials;
mod each;
mod forget;
mod keys;
mod listing;
mod mark_all;
mod migrations;
mod outbox;
mod postgres_around;
mod postgres_certificates;
mod postgres_hosts;
mod postgres_locks;
mod postgres_only;
mod postgres_outbox;
mod postgres_recipes;
mod postgres_rights;
mod postgres_trouble;
mod profiles;
mod random;
mod sqlite_beside;
mod sqlite_only;
mod transfer;
mod unfit;
mod unmark;
mod window;
mod wishes;

use std::sync::{Arc, Mutex};

use campanile::{
    model::{
        Change, Cursor, Event, Filter, Limit, NewNotification, Notification, NotificationDraft, NotificationId,
        Timestamp, UserId,
    },
    server::store::{Announce, Creation, MemoryStore, Once, SqliteOptions, SqliteStore, Store},
};
use uuid::{NoContext, Uuid};

use crate::harness::{new_folder, started};

/// A new empty memory store with this window.
pub(crate) async fn memory(window: usize) -> Box<dyn Store> {
    Box::new(MemoryStore::new(window, started()))
}

/// A new empty SQLite store with this window.
pub(crate) async fn sqlite(window: usize) -> Box<dyn Store> {
    let options = SqliteOptions { window, ..SqliteOptions::new(new_folder().join("campanile.db")) };
    Box::new(SqliteStore::open(&options).unwrap())
}

/// A new empty PostgreSQL store with this window.
pub(crate) async fn postgres(window: usize) -> Box<dyn Store> {
    let url = crate::postgres::new_database().await;
    Box::new(crate::postgres::open(&url, window).await)
}

/// Records the changes that a store announces.
#[derive(Default)]
pub(crate) struct Announced(Mutex<Vec<Change>>);

impl Announce for Announced {
    fn announce(&self, changes: Arc<[Change]>) {
        assert!(!changes.is_empty());
        self.0.lock().unwrap().extend(changes.iter().cloned());
    }
}

impl Announced {
    /// Records the changes that this store announces from now on.
    pub(crate) fn by(store: &dyn Store) -> Arc<Self> {
        let announced = Arc::new(Self::default());
        store.announce_to(Arc::<Self>::clone(&announced));
        announced
    }

    /// The announced events of one inbox, in the order of the change numbers, once all of them up to `until` have
    /// arrived. Checks that none is missing and none was announced twice.
    pub(crate) async fn of(&self, user_id: &UserId, since: u64, until: u64) -> Vec<Event> {
        for _ in 0..500 {
            let all = self.0.lock().unwrap().clone();
            let mut events: Vec<_> =
                all.into_iter().filter(|change| change.user_id == *user_id).map(|change| change.event).collect();
            if events.len() as u64 >= until - since {
                events.sort_by_key(Event::modseq);
                let numbers: Vec<_> = events.iter().map(Event::modseq).collect();
                assert_eq!(numbers, (since + 1..=until).collect::<Vec<_>>());
                return events;
            }
            // A store may return a moment before it announces.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("not every change of {user_id} up to {until} was announced");
    }
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// Accepts a notification as the service does.
pub(crate) fn accepted(draft: NotificationDraft) -> Notification {
    let id = NotificationId::new(Uuid::new_v7(uuid::Timestamp::now(NoContext)));
    let timestamp = Timestamp::parse("2026-01-02T00:00:00Z").unwrap();
    Notification::new(id, timestamp, NewNotification::parse(draft).unwrap())
}

/// The key of a request of the operator.
pub(crate) fn once(key: &str, fingerprint: u8, at: &str) -> Once {
    Once {
        caller: Some("operator".to_owned()),
        key: key.to_owned(),
        fingerprint: [fingerprint; 32],
        fingerprint_of_old: None,
        at: Timestamp::parse(at).unwrap(),
    }
}

pub(crate) fn draft(user_id: &str, content: &str) -> NotificationDraft {
    NotificationDraft {
        user_id: Some(user_id.to_owned()),
        content: Some(content.to_owned()),
        ..NotificationDraft::default()
    }
}

pub(crate) async fn create(store: &dyn Store, draft: NotificationDraft) -> Notification {
    let notification = accepted(draft);
    let created = store.create(std::slice::from_ref(&notification), None).await.unwrap();
    let Creation::Done(times) = created else { panic!("there was no key: {created:?}") };
    notification.with_timestamp(times[0])
}

pub(crate) async fn send(store: &dyn Store, user_id: &str, content: &str) -> Notification {
    create(store, draft(user_id, content)).await
}

/// All notifications of one inbox, newest first.
pub(crate) async fn inbox(store: &dyn Store, user_id: &UserId) -> Vec<Notification> {
    store.list(&Filter::inbox(user_id.clone()), None, Limit::new(1000)).await.unwrap().notifications
}

/// The contents of the notifications of a page.
pub(crate) async fn contents(
    store: &dyn Store,
    filter: &Filter,
    before: Option<Cursor>,
    limit: u64,
) -> (Vec<String>, Option<Cursor>) {
    let page = store.list(filter, before, Limit::new(limit)).await.unwrap();
    (page.notifications.iter().map(|notification| notification.content.to_string()).collect(), page.next)
}
