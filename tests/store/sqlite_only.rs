//! Specifics of the SQLite store: it survives crashes, keeps other servers away, and reports clear errors.

mod older;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use campanile::{
    model::{Filter, Limit, Marking},
    server::store::{Creation, SqliteOptions, SqliteStore, Store, StoreError},
};

use super::{accepted, draft, inbox, once, send, user};
use crate::harness::new_folder;

fn open(path: &Path) -> Result<SqliteStore, String> {
    SqliteStore::open(&SqliteOptions::new(path)).map_err(|error| error.to_string())
}

fn new_file() -> PathBuf {
    new_folder().join("campanile.db")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Checks that the stored counts match the stored notifications.
async fn assert_counts(store: &dyn Store, name: &str) {
    let listed = inbox(store, &user(name)).await;
    let unread = listed.iter().filter(|notification| !notification.is_read).count() as u64;
    assert_eq!(store.unread_count(&user(name)).await.unwrap(), unread);
    assert_eq!(store.overview(Some(&user(name))).await.unwrap().total, listed.len() as u64);
}

#[tokio::test]
async fn everything_is_there_when_it_is_opened_again() {
    let path = new_file();
    let key = once("k", 7, "2026-01-01T00:00:00Z");
    let store = open(&path).unwrap();
    let a = send(&store, "ann", "a").await;
    store.create(&[accepted(draft("ann", "b"))], Some(&key)).await.unwrap();
    send(&store, "ann", "c").await;
    store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
    store.delete(a.id, None).await.unwrap();
    send(&store, "ann", "d").await;
    let before = (
        inbox(&store, &user("ann")).await,
        store.changes(&user("ann"), 1, Limit::new(100)).await.unwrap(),
        store.overview(None).await.unwrap(),
    );
    drop(store);
    let store = open(&path).unwrap();
    let after = (
        inbox(&store, &user("ann")).await,
        store.changes(&user("ann"), 1, Limit::new(100)).await.unwrap(),
        store.overview(None).await.unwrap(),
    );
    assert_eq!(before, after);
    assert!(matches!(store.create(&[accepted(draft("ann", "b"))], Some(&key)).await.unwrap(), Creation::Before(_)));
    // New notifications are newer than the existing ones.
    send(&store, "ann", "e").await;
    assert_eq!(inbox(&store, &user("ann")).await[0].content.as_str(), "e");
}

#[tokio::test]
async fn only_the_owner_can_read_it() {
    let path = new_folder().join("made/for/it/campanile.db");
    let store = open(&path).unwrap();
    send(&store, "ann", "a").await;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_second_one_on_the_same_file_is_refused() {
    let path = new_file();
    let first = open(&path).unwrap();
    assert!(open(&path).err().unwrap().contains("in use by another Campanile"));
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_and_unchanged() {
    let path = new_file();
    let text = "This is a letter to my grandmother and not a database. ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    assert!(open(&path).err().unwrap().contains("is not a SQLite database"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let folder = new_folder();
    assert!(open(&folder).err().unwrap().contains("cannot be written"));
    assert!(open(&path.join("below/a.db")).err().unwrap().contains("cannot be made"));
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    // The kernel's own files cannot be written, not even by root.
    let refused = open(Path::new("/proc/version")).err().unwrap();
    assert!(refused.contains("/proc/version"), "{refused}");
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    let path = new_file();
    drop(open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES (9999, 'future', '2030-01-01T00:00:00Z', '1')";
    connection.execute(sql, ()).unwrap();
    drop(connection);
    assert!(open(&path).err().unwrap().contains("made by a newer Campanile"));
    let schema = SqliteStore::schema(&path).unwrap();
    assert!(schema.applied == 9999 && schema.known < 9999);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_no_write_is_partial() {
    let path = new_file();
    let options = SqliteOptions { max_bytes: Some(400 * 1024), ..SqliteOptions::new(&path) };
    let store = SqliteStore::open(&options).unwrap();
    let long = "x".repeat(10_000);
    let mut stored = 0;
    send(&store, "ann", "x").await;
    let refused = loop {
        // The cached state of the inbox does not include the failed write.
        assert_counts(&store, "ann").await;
        let batch = [0, 1, 2].map(|_| accepted(draft("ann", &long)));
        match store.create(&batch, None).await {
            Ok(_) => stored += 3,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, StoreError::Unavailable { why, .. } if why.contains("disk is full")), "{refused}");
    assert_eq!(inbox(&store, &user("ann")).await.len(), 1 + stored);
    assert_counts(&store, "ann").await;
    let unready = store.ready().await.unwrap_err();
    assert!(matches!(&unready, StoreError::Unavailable { why, .. } if why.contains("disk is full")), "{unready}");
    drop(store);
    // With free space again, it continues.
    let store = open(&path).unwrap();
    store.ready().await.unwrap();
    send(&store, "ann", &long).await;
    assert_counts(&store, "ann").await;
}

#[tokio::test]
async fn a_write_that_fails_takes_no_other_along() {
    let store = Arc::new(open(&new_file()).unwrap());
    let twice = accepted(draft("ann", "twice"));
    store.create(std::slice::from_ref(&twice), None).await.unwrap();
    // Enough at once to share transactions.
    let writes = (0..200).map(|number| {
        let (store, twice) = (Arc::clone(&store), twice.clone());
        tokio::spawn(async move {
            let notification = if number % 10 == 0 { twice } else { accepted(draft("ann", "x")) };
            store.create(&[notification], None).await.is_ok()
        })
    });
    let mut done = 0;
    for write in writes.collect::<Vec<_>>() {
        done += usize::from(write.await.unwrap());
    }
    assert_eq!(done, 180);
    assert_eq!(inbox(&*store, &user("ann")).await.len(), 181);
    assert_counts(&*store, "ann").await;
    // Those that were rolled back took no change number.
    assert_eq!(store.ends(&[user("ann")]).await.unwrap(), [(181, 181)]);
}

#[tokio::test]
async fn a_full_queue_refuses_and_confirmed_writes_are_stored() {
    let options = SqliteOptions { queue: 1, ..SqliteOptions::new(new_file()) };
    let store = Arc::new(SqliteStore::open(&options).unwrap());
    let writes: Vec<_> = (0..300)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.create(&[accepted(draft("ann", "x"))], None).await })
        })
        .collect();
    let (mut done, mut refused) = (0, 0);
    for write in writes {
        match write.await.unwrap() {
            Ok(_) => done += 1,
            Err(StoreError::Unavailable { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 0, "{done} were done and none was refused");
    assert_eq!(inbox(&*store, &user("ann")).await.len(), done);
}

#[tokio::test]
async fn the_log_does_not_grow_with_the_writes() {
    let path = new_file();
    let store = open(&path).unwrap();
    let long = "x".repeat(16_000);
    for _ in 0..1000 {
        let batch: [_; 10] = std::array::from_fn(|_| accepted(draft("ann", &long)));
        store.create(&batch, None).await.unwrap();
    }
    let log = std::fs::metadata(format!("{}-wal", path.display())).unwrap().len() >> 20;
    assert!(log < 120, "the log has {log} MiB after 160 MB were written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_store_is_whole() {
    let path = new_file();
    let store = Arc::new(open(&path).unwrap());
    for _ in 0..50 {
        send(&*store, "ann", "before").await;
    }
    let writing = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        let mut number = 0_u64;
        loop {
            number += 1;
            let notification = send(&*writing, "ann", "during").await;
            if number.is_multiple_of(3) {
                writing.set_read(notification.id, None, true).await.unwrap();
            }
        }
    });
    let copy = path.with_extension("backup");
    SqliteStore::back_up(&path, &copy).unwrap();
    writer.abort();
    assert_eq!(mode(&copy), 0o600);
    let restored = open(&copy).unwrap();
    assert!(inbox(&restored, &user("ann")).await.len() >= 50);
    assert_counts(&restored, "ann").await;
    assert!(SqliteStore::back_up(&path, &copy).unwrap_err().to_string().contains("overwrites nothing"));
}

#[tokio::test]
async fn a_damaged_file_is_no_passing_trouble_and_not_ready() {
    let path = new_file();
    let store = open(&path).unwrap();
    for _ in 0..50 {
        send(&store, "ann", &"x".repeat(4000)).await;
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    // In the middle of the file, which opening does not read.
    let damaged: Vec<u8> = whole
        .iter()
        .enumerate()
        .map(|(place, byte)| if (192 * 1024..256 * 1024).contains(&place) { 0xaa } else { *byte })
        .collect();
    std::fs::write(&path, damaged).unwrap();
    let store = open(&path).unwrap();
    let refused = store.list(&Filter::inbox(user("ann")), None, Limit::new(100)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
    assert!(matches!(store.ready().await, Err(StoreError::Failed { .. })));
}

#[tokio::test]
async fn a_table_that_is_missing_is_not_ready() {
    let path = new_file();
    let store = open(&path).unwrap();
    store.ready().await.unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE deletions").unwrap();
    assert!(matches!(store.ready().await, Err(StoreError::Failed { .. })));
}

/// Timestamps of an inbox never go back, even if an earlier release or a clock that was ahead wrote the newest one.
#[tokio::test]
async fn timestamps_go_on_from_the_newest_that_there_is() {
    let path = new_file();
    let store = open(&path).unwrap();
    let first = send(&store, "ann", "a").await;
    let ahead = first.timestamp.as_micros() + 3_600_000_000;
    let past = rusqlite::Connection::open(&path).unwrap();
    past.execute("UPDATE notifications SET timestamp = ?1", [ahead]).unwrap();
    past.execute("UPDATE inboxes SET newest = NULL", ()).unwrap();
    let second = send(&store, "ann", "b").await;
    assert_eq!(second.timestamp.as_micros(), ahead);
    assert_eq!(inbox(&store, &user("ann")).await[0], second);
}

/// An operator should change the file only while no server runs, and may forget that.
#[tokio::test]
async fn a_change_of_the_file_by_hand_is_noticed_at_the_next_write() {
    let path = new_file();
    let store = open(&path).unwrap();
    send(&store, "ann", "a").await;
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 1);
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    by_hand.execute_batch("UPDATE inboxes SET unread_count = 7 WHERE user_id = 'ann'").unwrap();
    send(&store, "bob", "b").await;
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 7);
    send(&store, "ann", "c").await;
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 8);
}

/// Content that is sent to many users at once is stored once, as long as one of them has it, and can be read unchanged.
#[tokio::test]
async fn content_sent_to_many_users_is_stored_once() {
    let path = new_file();
    let store = open(&path).unwrap();
    let long = "x".repeat(10_000);
    let told: Vec<_> = ["ann", "bob", "cem", "ann"].map(|user| accepted(draft(user, &long))).into();
    store.create(&told, None).await.unwrap();
    store.create(&[accepted(draft("ann", &long)), accepted(draft("ann", "another"))], None).await.unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    let count = |sql: &str| raw.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM bodies WHERE uses = 4"), 1);
    assert_eq!(count("SELECT sum(length(content)) FROM notifications"), 10_000 + 7);
    for user in ["ann", "bob"] {
        assert!(inbox(&store, &super::user(user)).await.iter().any(|found| found.content.as_str() == long));
    }
    let found = store.get(told[2].id).await.unwrap().unwrap();
    assert_eq!((found.content.as_str(), found.id), (&*long, told[2].id));
    for (left, one) in told.iter().enumerate().rev() {
        let gone = store.delete(one.id, None).await.unwrap().unwrap();
        assert_eq!(gone.content.as_str(), long);
        assert_eq!(count("SELECT coalesce(sum(uses), 0) FROM bodies"), i64::try_from(left).unwrap());
    }
    assert_eq!(count("SELECT count(*) FROM bodies"), 0);
}
