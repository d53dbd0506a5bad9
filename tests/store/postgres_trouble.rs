//! A PostgreSQL in trouble: a full disk, a pooler with few connections or without a server behind it, a lock that is
//! held, a host that never responds.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use campanile::server::store::{PostgresOptions, PostgresStore, Store, StoreError};
use tokio::{task::spawn_blocking, time::timeout};

use super::{accepted, draft, send};
use crate::{
    command::campanile,
    postgres::{PgBouncer, Server, SmallDisk, connect, empty_database, new_database},
};

async fn opened(url: &str) -> PostgresStore {
    let options = PostgresOptions { url: url.to_owned(), window: 100_000, connections: 2 };
    PostgresStore::open(&options).await.unwrap()
}

/// Only as root, who may mount such a disk.
#[tokio::test]
async fn a_server_is_not_ready_while_the_disk_of_the_database_is_full() {
    let server = spawn_blocking(|| Server::start(&[])).await.unwrap();
    let Some(disk) = SmallDisk::mount("24m") else {
        eprintln!("left out: only root mounts a small disk");
        return;
    };
    let owner = connect(&server.url("postgres")).await;
    owner.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.folder.display())).await.unwrap();
    owner.batch_execute("CREATE DATABASE small TABLESPACE small").await.unwrap();
    let store = opened(&server.url("small")).await;
    send(&store, "ann", "x").await;
    store.ready().await.unwrap();

    let filler = disk.folder.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let text = |number: usize| number.to_string().repeat(1000 / number.to_string().len());
    let mut refused = None;
    for number in 0..2000 {
        refused = store.create(&[accepted(draft("ann", &text(number)))], None).await.err();
        if refused.is_some() {
            break;
        }
    }
    let is_full = |error: &StoreError| matches!(error, StoreError::Unavailable { why, .. } if why.contains("53100"));
    assert!(refused.as_ref().is_some_and(is_full), "{refused:?}");
    for _ in 0..3 {
        let unready = store.ready().await.unwrap_err();
        assert!(is_full(&unready), "{unready:?}");
    }
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    store.ready().await.unwrap();
    send(&store, "ann", "x").await;
    store.ready().await.unwrap();
    drop((owner, store, server));
}

/// The test write leaves no data, and no two servers block each other.
#[tokio::test]
async fn asking_whether_a_server_is_ready_leaves_nothing() {
    let url = new_database().await;
    let store = opened(&url).await;
    for _ in 0..3 {
        store.ready().await.unwrap();
    }
    let past = connect(&url).await;
    for table in ["inboxes", "notifications", "outbox"] {
        let there: i64 = past.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(there, 0, "{table}");
    }
}

#[tokio::test]
async fn a_command_that_waits_for_the_lock_of_the_migrations_says_for_whom() {
    let url = new_database().await;
    let holder = connect(&url).await;
    let process: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    holder.batch_execute("SELECT pg_advisory_lock(7218012)").await.unwrap();
    let mut command = campanile(&["migrate", "--store", &url]);
    let mut waits = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let mut log = BufReader::new(waits.stderr.take().unwrap()).lines().map_while(Result::ok);
    let first = log.next().unwrap();
    assert!(first.contains("INFO") && first.contains("waiting until another server"), "{first}");
    assert!(first.contains(&format!("process {process} of the database")), "{first}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let second = log.next().unwrap();
    assert!(second.contains("WARN") && second.contains(&format!("SELECT pg_terminate_backend({process})")), "{second}");
    holder.batch_execute("SELECT pg_advisory_unlock(7218012)").await.unwrap();
    assert!(log.any(|line| line.contains("this server's turn")));
    assert!(waits.wait().unwrap().success());
}

/// Starts `campanile migrate` this many times at once, and returns the output of each.
fn migrate_at_once(times: usize, url: &str) -> Vec<Result<String, String>> {
    let start =
        |_| campanile(&["migrate", "--store", url]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..times).map(start).collect();
    let end = |one: std::process::Child| {
        let done = one.wait_with_output().unwrap();
        let (said, log) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        if done.status.success() { Ok(said) } else { Err(log) }
    };
    all.into_iter().map(end).collect()
}

#[tokio::test]
async fn of_several_concurrent_migrations_one_reports_that_it_migrated() {
    let url = empty_database().await;
    let said = spawn_blocking(move || migrate_at_once(3, &url)).await.unwrap();
    let count = |text: &str| said.iter().filter(|said| said.as_ref().unwrap().contains(text)).count();
    assert_eq!((count("brought from version 0 to"), count("is up to date, at version")), (1, 2), "{said:?}");
}

#[test]
fn a_pooler_with_few_connections_is_enough_for_many_concurrent_starts() {
    let server = Server::start(&[]);
    for mode in ["transaction", "session"] {
        let bouncer = PgBouncer::start(&server, mode, 3);
        for parameters in ["", "?pgbouncer=true"] {
            let url = format!("{}{parameters}", bouncer.url("postgres"));
            for said in migrate_at_once(8, &url) {
                assert!(said.is_ok(), "{mode} {parameters}: {said:?}");
            }
        }
    }
    // One connection is too few, and the error is about that.
    let bouncer = PgBouncer::start(&server, "transaction", 1);
    let said = migrate_at_once(1, &format!("{}?pgbouncer=true", bouncer.url("postgres"))).remove(0).unwrap_err();
    assert!(said.contains("no second connection; it needs two to start"), "{said}");
}

#[tokio::test]
async fn a_write_that_a_pooler_passed_on_to_no_server_has_not_happened() {
    for mode in ["transaction", "session"] {
        let server = spawn_blocking(|| Server::start(&[])).await.unwrap();
        let bouncer = PgBouncer::start(&server, mode, 4);
        let store = opened(&format!("{}?pgbouncer=true", bouncer.url("postgres"))).await;
        send(&store, "ann", "x").await;
        let server = spawn_blocking(move || {
            let mut server = server;
            server.stop();
            server
        });
        let mut server = server.await.unwrap();
        // The pooler may not have noticed yet, and makes callers wait until it has.
        drop(timeout(Duration::from_secs(3), store.create(&[accepted(draft("ann", "x"))], None)).await);
        // It closes its existing connections, one of which may be in use by a write.
        let (mut refusals, mut closed) = (0, 0);
        while refusals < 4 {
            match store.create(&[accepted(draft("ann", "x"))], None).await.unwrap_err() {
                StoreError::Unavailable { .. } => refusals += 1,
                StoreError::Unknown { .. } if closed < 4 => closed += 1,
                refused => panic!("{mode}: {refused:?}"),
            }
        }
        server = spawn_blocking(move || {
            server.start_again();
            server
        })
        .await
        .unwrap();
        drop((bouncer, server));
    }
}

/// The host accepts connections and never responds.
#[test]
fn no_command_waits_for_ever_for_a_deaf_host() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/x?connect_timeout=1", deaf.local_addr().unwrap());
    for words in
        [["check"].as_slice(), &["key", "list"], &["migrate"], &["export"], &["key", "create", "x", "--scopes", "send"]]
    {
        let started = Instant::now();
        let done = campanile(&[words, &["--store", &url]].concat()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && said.contains("no answer within 1 s"), "{words:?}: {said}");
        assert!(started.elapsed() < Duration::from_secs(5), "{words:?}: {:?}", started.elapsed());
    }
}
