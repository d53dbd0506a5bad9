//! A command that creates keys in an SQLite file which a server is using.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use campanile::{
    model::Timestamp,
    server::store::{Credentials, SqliteCredentials, SqliteOptions, SqliteStore, Store, StoreError},
};

use super::{accepted, credentials::key, draft, inbox, send, user};
use crate::harness::new_folder;

fn noon() -> Timestamp {
    Timestamp::parse("2026-01-02T12:00:00Z").unwrap()
}

fn open(path: &Path) -> Result<SqliteCredentials, String> {
    let opened = SqliteCredentials::open(&SqliteOptions::new(path)).map_err(|error| error.to_string())?;
    opened.ok_or_else(|| "there is no store".to_owned())
}

/// Locks the file for writing and keeps the lock.
fn occupy(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn only_an_existing_store_is_opened() {
    let folder = new_folder();
    let missing = folder.join("made/for/it/campanile.db");
    assert_eq!(open(&missing).err().unwrap(), "there is no store");
    let empty = folder.join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(open(&empty).err().unwrap(), "there is no store");
    let other = folder.join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE own (one INTEGER)").unwrap();
    assert!(open(&other).err().unwrap().contains("is the database of another program"));
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["empty.db", "other.db"]);
    assert_eq!(std::fs::metadata(&empty).unwrap().len(), 0);
}

#[tokio::test]
async fn each_process_sees_the_writes_of_the_other_at_once() {
    let path = new_folder().join("campanile.db");
    let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
    let (first, second) = (open(&path).unwrap(), open(&path).unwrap());
    let made = key(1, noon());
    first.add_key(&made).await.unwrap();
    assert!(store.key(made.id).await.unwrap() == Some(made.clone()));
    store.note_uses(&[(made.id, noon())]).await.unwrap();
    assert_eq!(second.key(made.id).await.unwrap().unwrap().last_used_at, Some(noon()));
    assert!(second.revoke_key(made.id, noon()).await.unwrap());
    assert!(!store.revoke_key(made.id, noon()).await.unwrap());
}

/// Each gets its turn: no request of the server fails, and each command completes in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_are_made_while_the_server_writes_without_a_pause() {
    let path = new_folder().join("campanile.db");
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(&path)).unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..32)
        .map(|number| {
            let (store, over) = (Arc::clone(&store), Arc::clone(&over));
            tokio::spawn(async move {
                let mut written = 0;
                while !over.load(Ordering::Relaxed) {
                    send(&*store, &format!("user {number}"), "x").await;
                    written += 1;
                }
                written
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for number in 0..40 {
        let began = Instant::now();
        let beside = open(&path).unwrap();
        beside.add_key(&key(number, noon())).await.unwrap();
        slowest = slowest.max(began.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    for (number, writer) in writers.into_iter().enumerate() {
        let written: usize = writer.await.unwrap();
        assert_eq!(inbox(&*store, &user(&format!("user {number}"))).await.len(), written.min(1000));
    }
    assert_eq!(store.keys().await.unwrap().len(), 40);
    assert!(slowest < Duration::from_secs(5), "a key took {slowest:?}");
}

/// Also after the write-ahead log was restarted, for which the server does not wait.
#[tokio::test]
async fn the_server_waits_for_another_process_that_writes() {
    let path = new_folder().join("campanile.db");
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(&path)).unwrap());
    let long = "x".repeat(16_000);
    for _ in 0..300 {
        let batch: [_; 10] = std::array::from_fn(|_| accepted(draft("ann", &long)));
        store.create(&batch, None).await.unwrap();
    }
    let other = occupy(&path);
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.create(&[accepted(draft("bob", "patience"))], None).await }
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!waiting.is_finished());
    other.execute_batch("ROLLBACK").unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.unread_count(&user("bob")).await.unwrap(), 1);
}

/// A process that locks the file makes all others wait once, and not one after the other.
#[tokio::test]
async fn a_file_that_stays_locked_is_reported_to_all_at_once() {
    let path = new_folder().join("campanile.db");
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(&path)).unwrap());
    let other = occupy(&path);
    let began = Instant::now();
    let writes: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.create(&[accepted(draft("ann", "x"))], None).await })
        })
        .collect();
    for write in writes {
        let refused = write.await.unwrap().unwrap_err();
        assert!(matches!(&refused, StoreError::Unavailable { why, .. } if why == "it is locked"), "{refused}");
    }
    // The first waits alone or with others, and then all the others together.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    send(&*store, "ann", "x").await;
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 1);
}

#[test]
fn tables_of_another_version_are_left_alone() {
    let path = new_folder().join("campanile.db");
    drop(SqliteStore::open(&SqliteOptions::new(&path)).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("DELETE FROM refinery_schema_history WHERE version > 1", ()).unwrap();
    let refused = open(&path).err().unwrap();
    assert!(refused.contains("older Campanile") && refused.contains("campanile migrate"), "{refused}");
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES (9999, 'future', '2030-01-01T00:00:00Z', '1')";
    connection.execute(sql, ()).unwrap();
    drop(connection);
    assert!(open(&path).err().unwrap().contains("made by a newer Campanile"));
    std::fs::write(&path, "This is a letter to my grandmother.\n".repeat(40)).unwrap();
    assert!(open(&path).err().unwrap().contains("is not a SQLite database"));
}
