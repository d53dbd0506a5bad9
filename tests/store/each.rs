//! Changing several notifications in one step, against every back end.

use std::sync::Arc;

use campanile::{
    model::{Notification, NotificationId},
    server::store::{SqliteOptions, SqliteStore, Store},
};

use super::{
    accepted,
    contract::{contract, modseq, told, unread},
    draft, inbox, memory, postgres, send, sqlite, user,
};
use crate::harness::new_folder;

/// The ids in the order of their text, in which those of one millisecond are not as they were created.
fn ids(notifications: &[Notification]) -> Vec<NotificationId> {
    sorted(notifications.iter().map(|notification| notification.id))
}

fn sorted(ids: impl IntoIterator<Item = NotificationId>) -> Vec<NotificationId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort();
    ids
}

/// An id that no notification has.
fn unknown() -> NotificationId {
    NotificationId::parse("019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f").unwrap()
}

/// Two notifications of ann, and one of bob.
async fn three(store: &dyn Store) -> [NotificationId; 3] {
    [send(store, "ann", "a").await.id, send(store, "ann", "b").await.id, send(store, "bob", "c").await.id]
}

contract! {
    async fn several_are_marked_at_once_and_each_takes_a_change_number(open) {
        let store = open(1000).await;
        let [a, b, c] = three(&*store).await;
        let (ann, bob) = (modseq(&*store, "ann").await, modseq(&*store, "bob").await);
        store.set_read(b, None, true).await.unwrap();
        let marked = store.set_read_each(&[c, unknown(), b, a], None, true).await.unwrap();
        assert_eq!(ids(&marked), sorted([a, b, c]));
        assert!(marked.iter().all(|notification| notification.is_read));
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (0, 0));
        assert_eq!(told(&*store, "ann", ann).await, ["updated:1", "updated:2"], "what was marked so takes none");
        assert_eq!(told(&*store, "bob", bob).await, ["updated:1"]);
        assert_eq!(store.set_read_each(&[unknown()], None, true).await.unwrap(), []);
    }

    async fn several_are_deleted_at_once_and_each_takes_a_change_number(open) {
        let store = open(1000).await;
        let [a, b, c] = three(&*store).await;
        let (ann, bob) = (modseq(&*store, "ann").await, modseq(&*store, "bob").await);
        let deleted = store.delete_each(&[c, unknown(), a], None).await.unwrap();
        assert_eq!(sorted(deleted), sorted([a, c]));
        assert_eq!(ids(&inbox(&*store, &user("ann")).await), sorted([b]));
        assert_eq!((unread(&*store, "ann").await, unread(&*store, "bob").await), (1, 0));
        assert_eq!(told(&*store, "ann", ann).await, ["deleted:1"]);
        assert_eq!(told(&*store, "bob", bob).await, ["deleted:1"]);
        assert_eq!(store.delete_each(&[a, c], None).await.unwrap(), []);
    }

    async fn of_several_only_those_of_the_owner_change(open) {
        let store = open(1000).await;
        let [a, b, c] = three(&*store).await;
        let ann = Some(user("ann"));
        assert_eq!(ids(&store.set_read_each(&[a, b, c], ann.as_ref(), true).await.unwrap()), sorted([a, b]));
        assert_eq!(sorted(store.delete_each(&[a, b, c], ann.as_ref()).await.unwrap()), sorted([a, b]));
        assert_eq!((ids(&inbox(&*store, &user("bob")).await), unread(&*store, "bob").await), (vec![c], 1));
    }
}

/// Tries to change three notifications, of which the store cannot change the last one.
async fn assert_none(store: &dyn Store, of: [NotificationId; 3]) {
    let present = modseq(store, "ann").await;
    assert!(store.set_read_each(&of, None, true).await.is_err());
    assert!(store.delete_each(&of, None).await.is_err());
    assert_eq!((unread(store, "ann").await, unread(store, "bob").await), (2, 1));
    assert_eq!((modseq(store, "ann").await, told(store, "ann", present).await), (present, Vec::new()));
    // The others can be changed.
    assert_eq!(store.delete_each(&of[..2], None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn none_is_changed_where_sqlite_fails_midway() {
    const FAIL: &str = "CREATE TRIGGER no_mark BEFORE UPDATE ON notifications WHEN old.content = 'c'
        BEGIN SELECT RAISE(ABORT, 'no'); END;
        CREATE TRIGGER no_delete BEFORE DELETE ON notifications WHEN old.content = 'c'
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    let path = new_folder().join("campanile.db");
    let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
    let three = three(&store).await;
    rusqlite::Connection::open(&path).unwrap().execute_batch(FAIL).unwrap();
    assert_none(&store, three).await;
}

#[tokio::test]
async fn none_is_changed_where_postgres_fails_midway() {
    const FAIL: &str = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER no BEFORE UPDATE OR DELETE ON notifications FOR EACH ROW WHEN (old.content = 'c')
        EXECUTE FUNCTION no()";
    let url = crate::postgres::new_database().await;
    let store = crate::postgres::open(&url, 1000).await;
    let three = three(&store).await;
    crate::postgres::connect(&url).await.batch_execute(FAIL).await.unwrap();
    assert_none(&store, three).await;
}

/// Sends a notification to each, the last one first, and returns their ids.
async fn one_each(store: &dyn Store, names: &[String]) -> Vec<NotificationId> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names.iter().rev() {
        ids.push(send(store, name, "x").await.id);
    }
    ids
}

/// Each locks several inboxes: in one order, whatever the order of the ids is and that of their creation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_that_change_several_inboxes_do_not_lock_each_other_out_of_postgres() {
    let url = crate::postgres::new_database().await;
    let store = Arc::new(crate::postgres::open(&url, 1000).await);
    let names: Vec<_> = (10..30).map(|number| format!("user {number}")).collect();
    let marked = one_each(&*store, &names).await;
    let mut to_delete = Vec::new();
    for _ in 0..20 {
        to_delete.push(one_each(&*store, &names).await);
    }
    let (of_creation, of_marks, of_deletions) = (Arc::clone(&store), Arc::clone(&store), Arc::clone(&store));
    let to_create: Vec<Vec<_>> =
        (0..20).map(|_| names.iter().map(|name| accepted(draft(name, "x"))).collect()).collect();
    let creation = tokio::spawn(async move {
        for batch in to_create {
            of_creation.create(&batch, None).await.unwrap();
        }
    });
    let marks = tokio::spawn(async move {
        for number in 0..20 {
            of_marks.set_read_each(&marked, None, number % 2 == 0).await.unwrap();
        }
    });
    let deletions = tokio::spawn(async move {
        for ids in to_delete {
            of_deletions.delete_each(&ids, None).await.unwrap();
        }
    });
    for all in [creation, marks, deletions] {
        all.await.unwrap();
    }
    for name in names {
        assert_eq!(unread(&*store, &name).await, 21);
    }
}
