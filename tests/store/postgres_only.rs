//! Specifics of the PostgreSQL store: several servers share one database, which may be interrupted.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use campanile::{
    model::{Event, Filter, Limit, Marking, Timestamp},
    server::{
        http::HttpOptions,
        identity::Principal,
        service::NotificationService,
        store::{Creation, Due, Once, PostgresOptions, PostgresStore, Store, StoreError},
    },
};

use super::{accepted, draft, inbox, once, send, user};
use crate::{
    command::campanile,
    harness::{App, new_folder},
    postgres::{Server, connect, empty_database, new_database, open},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_on_one_database_number_changes_without_gap_or_repeat() {
    let url = new_database().await;
    let stores = [Arc::new(open(&url, 100_000).await), Arc::new(open(&url, 100_000).await)];
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let store = Arc::clone(&stores[number % 2]);
            tokio::spawn(async move {
                for _ in 0..20 {
                    send(&*store, "ann", "x").await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let changes = stores[0].changes(&user("ann"), 0, Limit::new(1000)).await.unwrap();
    let numbers: Vec<_> = changes.events.iter().map(Event::modseq).collect();
    assert_eq!(numbers, (1..=320).collect::<Vec<_>>());
    assert_eq!(stores[1].unread_count(&user("ann")).await.unwrap(), 320);
}

/// Batches that write to the same inboxes in opposite orders wait for each other once and do not deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_over_the_same_inboxes_do_not_lock_each_other_out() {
    let url = new_database().await;
    let store = Arc::new(open(&url, 1000).await);
    let names: Vec<_> = (0..20).map(|number| format!("user {number}")).collect();
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let (store, mut names) = (Arc::clone(&store), names.clone());
            if number % 2 == 0 {
                names.reverse();
            }
            tokio::spawn(async move {
                for _ in 0..10 {
                    let batch: Vec<_> = names.iter().map(|name| accepted(draft(name, "x"))).collect();
                    store.create(&batch, None).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for name in names {
        assert_eq!(store.unread_count(&user(&name)).await.unwrap(), 80);
    }
}

/// Marking, deleting and sweeping the same notifications at once does not deadlock, and the counts are right.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn marks_deletions_and_sweeps_do_not_lock_each_other_out() {
    let url = new_database().await;
    let store = Arc::new(open(&url, 1000).await);
    let mut ids = Vec::new();
    for number in 0..120 {
        ids.push(send(&*store, ["ann", "bob"][number % 2], "x").await.id);
    }
    let soon = Timestamp::parse("2030-01-01T00:00:00Z").unwrap();
    let workers: Vec<_> = (0..6)
        .map(|number| {
            let (store, ids) = (Arc::clone(&store), ids.clone());
            tokio::spawn(async move {
                for (place, id) in ids.into_iter().enumerate() {
                    match number {
                        0 | 1 => drop(store.set_read(id, None, place % 2 == 0).await.unwrap()),
                        2 => drop(store.mark_read_at(&user("ann"), 3).await.unwrap()),
                        3 if place % 4 == 0 => drop(store.delete(id, None).await.unwrap()),
                        3 => drop(store.mark_all_read(&user("bob"), &Marking::default()).await.unwrap()),
                        _ => {
                            let due = Due { now: soon, accepted_before: (place > 60).then_some(soon), limit: 1 };
                            store.delete_due(&due).await.unwrap();
                        }
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    for name in ["ann", "bob"] {
        let listed = inbox(&*store, &user(name)).await;
        let unread = listed.iter().filter(|notification| !notification.is_read).count() as u64;
        assert_eq!(store.unread_count(&user(name)).await.unwrap(), unread);
        assert_eq!(store.overview(Some(&user(name))).await.unwrap().total, listed.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_that_start_together_make_the_tables_once() {
    let url = empty_database().await;
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { open(&url, 1000).await })
        })
        .collect();
    for start in starts {
        send(&start.await.unwrap(), "ann", "x").await;
    }
    let schema = PostgresStore::schema(&url).await.unwrap();
    assert_eq!(schema.applied, schema.known);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let url = new_database().await;
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES (9999, 'future', '2030-01-01T00:00:00Z', '1')";
    connect(&url).await.batch_execute(sql).await.unwrap();
    let options = PostgresOptions { url: url.clone(), window: 10, connections: 1 };
    let refused = PostgresStore::open(&options).await.err().unwrap().to_string();
    assert!(refused.contains("made by a newer Campanile"), "{refused}");
    assert_eq!(PostgresStore::schema(&url).await.unwrap().applied, 9999);
}

/// A role with another search path than the creator of the functions uses them on the same tables.
#[tokio::test]
async fn functions_find_their_tables_whatever_the_search_path_is() {
    let url = new_database().await;
    let store = open(&url, 1000).await;
    send(&store, "ann", "x").await;
    let client = connect(&url).await;
    let name = url.rsplit('/').next().unwrap();
    client.batch_execute("CREATE SCHEMA other; CREATE TABLE other.inboxes (user_id text)").await.unwrap();
    client
        .batch_execute("SET search_path = other, pg_catalog; SELECT campanile_v9.mark_all_read('ann', 9, NULL)")
        .await
        .unwrap();
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 0);
    // Tables outside of `public` have their own functions.
    client.batch_execute("DROP TABLE other.inboxes").await.unwrap();
    client.batch_execute(&format!("ALTER DATABASE {name} SET search_path = other")).await.unwrap();
    let beside = open(&url, 1000).await;
    send(&beside, "ann", "y").await;
    assert_eq!(beside.unread_count(&user("ann")).await.unwrap(), 1);
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 0);
    let schemas =
        "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname LIKE '%campanile_v9'";
    let schemas: String = client.query_one(schemas, &[]).await.unwrap().get(0);
    assert_eq!(schemas, "campanile_v9 other_campanile_v9");
}

#[tokio::test]
async fn functions_of_another_build_are_noticed() {
    let url = new_database().await;
    let client = connect(&url).await;
    client.batch_execute("COMMENT ON SCHEMA campanile_v9 IS 'Functions of Campanile 0123'").await.unwrap();
    let options = PostgresOptions { url: url.clone(), window: 10, connections: 1 };
    let refused = PostgresStore::open(&options).await.err().unwrap().to_string();
    assert!(refused.contains("another build"), "{refused}");
    // A schema that was created by hand, for a role that may not create one, is filled.
    client.batch_execute("DROP SCHEMA campanile_v9 CASCADE; CREATE SCHEMA campanile_v9").await.unwrap();
    send(&open(&url, 10).await, "ann", "x").await;
}

#[tokio::test]
async fn a_missing_database_is_reported_without_the_password() {
    for url in ["postgres://me:secret@127.0.0.1:1/x", "postgres://me:secret@127.0.0.1:notaport/x"] {
        let options = PostgresOptions { url: url.to_owned(), window: 10, connections: 1 };
        let refused = PostgresStore::open(&options).await.err().unwrap().to_string();
        assert!(!refused.contains("secret") && !format!("{options:?}").contains("secret"), "{refused}");
    }
}

/// The server crashes and restarts while callers write: refused callers are told to try again, and no confirmed write
/// is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_goes_on_when_the_server_comes_back() {
    let mut server = tokio::task::spawn_blocking(|| Server::start(&["fsync=on"])).await.unwrap();
    let url = server.url("postgres");
    let store = Arc::new(open(&url, 100_000).await);
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (store, over) = (Arc::clone(&store), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut done, mut refused) = (Vec::new(), 0);
                while !over.load(Ordering::Relaxed) {
                    let mine = accepted(draft("ann", "x"));
                    match store.create(std::slice::from_ref(&mine), None).await {
                        Ok(_) => done.push(mine.id),
                        Err(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) => {
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                (done, refused)
            })
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server = tokio::task::spawn_blocking(move || {
            server.stop();
            server
        })
        .await
        .unwrap();
        assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
        server = tokio::task::spawn_blocking(move || {
            server.start_again();
            server
        })
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        store.ready().await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (HashSet::new(), 0);
    for writer in writers {
        let (done, times) = writer.await.unwrap();
        acknowledged.extend(done);
        refused += times;
    }
    assert!(refused > 0 && !acknowledged.is_empty());
    let mut there = HashSet::new();
    let (mut position, mut more) = (0, true);
    while more {
        let changes = store.changes(&user("ann"), position, Limit::new(1000)).await.unwrap();
        for event in changes.events {
            let Event::Created { notification, .. } = event else { panic!("only created: {event:?}") };
            assert!(there.insert(notification.id), "it is there twice");
        }
        (position, more) = (changes.modseq, changes.more);
    }
    assert!(acknowledged.is_subset(&there), "an acknowledged notification is lost");
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), there.len() as u64);
    assert_eq!(position, there.len() as u64);
}

/// Holds the lock of an inbox until it is dropped.
async fn locked(url: &str, name: &str) -> tokio_postgres::Client {
    let client = connect(url).await;
    let lock = format!("BEGIN; SELECT 1 FROM inboxes WHERE user_id = '{name}' FOR UPDATE");
    client.batch_execute(&lock).await.unwrap();
    client
}

/// Waits until a write waits for a lock, and returns the process id of its connection.
async fn waiting(client: &tokio_postgres::Client) -> i32 {
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'campanile' AND wait_event_type = 'Lock'";
    for _ in 0..500 {
        if let Some(row) = client.query_opt(waiting, &[]).await.unwrap() {
            return row.get(0);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no write waits for a lock")
}

/// The server itself aborted the write, so it was certainly not done.
#[tokio::test]
async fn a_write_that_waits_too_long_for_a_lock_was_not_done() {
    let url = new_database().await;
    let store = open(&url, 1000).await;
    send(&store, "ann", "x").await;
    let client = connect(&url).await;
    client.batch_execute("ALTER FUNCTION campanile_v9.create_all SET lock_timeout = '50ms'").await.unwrap();
    let lock = locked(&url, "ann").await;
    let refused = store.create(&[accepted(draft("ann", "y"))], None).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable { why, .. } if why.contains("55P03")), "{refused:?}");
    drop(lock);
    assert_eq!(inbox(&store, &user("ann")).await.len(), 1);
}

/// The connection breaks during a write: it may have been done, and if it is sent again with its key it is done once.
#[tokio::test]
async fn a_write_whose_connection_breaks_is_not_known() {
    let url = new_database().await;
    let store = Arc::new(open(&url, 1000).await);
    send(&*store, "ann", "x").await;
    let lock = locked(&url, "ann").await;
    let key = once("key", 1, "2026-01-01T00:00:00Z");
    let write = {
        let (store, key) = (Arc::clone(&store), key.clone());
        tokio::spawn(async move { store.create(&[accepted(draft("ann", "y"))], Some(&key)).await })
    };
    let cut = waiting(&lock).await;
    lock.execute("SELECT pg_terminate_backend($1)", &[&cut]).await.unwrap();
    let lost = write.await.unwrap().unwrap_err();
    assert!(matches!(lost, StoreError::Unknown { .. }), "{lost:?}");
    drop(lock);
    store.create(&[accepted(draft("ann", "y"))], Some(&key)).await.unwrap();
    let again = store.create(&[accepted(draft("ann", "y"))], Some(&key)).await.unwrap();
    assert!(matches!(again, Creation::Before(_)), "{again:?}");
    assert_eq!(inbox(&*store, &user("ann")).await.len(), 2);
}

/// A request that times out while the database is locked may be done after that: the client is told so, and sends it
/// again with its key.
#[tokio::test]
async fn a_request_whose_time_is_over_may_have_happened_and_is_safe_to_repeat() {
    let url = new_database().await;
    let service = NotificationService::new(open(&url, 1000).await);
    let options = HttpOptions { request_timeout: Duration::from_millis(500), ..HttpOptions::default() };
    let app = App::with(service.clone(), &options);
    let create = || {
        let body = r#"{"user_id":"ann","content":"hello"}"#;
        let request = Request::post("/api/notifications/create");
        let request = request.header("content-type", "application/json").header("idempotency-key", "k");
        request.body(Body::from(body)).unwrap()
    };
    service.notify(&Principal::operator(), "ann", "x").await.unwrap();
    let lock = locked(&url, "ann").await;
    let answer = app.ask(create()).await;
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status.as_u16(), &problem["code"]), (504, &"unknown_outcome".into()), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("may have done this") && detail.contains("same Idempotency-Key"), "{detail}");
    for write in ["mark-all-read/ann", "mark-read/ann/0"] {
        let request = Request::post(format!("/api/notifications/{write}")).body(Body::empty()).unwrap();
        assert_eq!(app.ask(request).await.status, 504, "{write}");
    }
    drop(lock);
    let answer = app.ask(create()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(app.ask(create()).await.body, answer.body);
    let listed = service.list(&Principal::operator(), &Filter::inbox(user("ann")), None, Limit::new(10)).await.unwrap();
    assert_eq!(listed.notifications.len(), 2);
}

/// Timestamps of an inbox never go back, even if an earlier release or a clock that was ahead wrote the newest one.
#[tokio::test]
async fn timestamps_go_on_from_the_newest_that_there_is() {
    let url = new_database().await;
    let store = open(&url, 1000).await;
    let first = send(&store, "ann", "x").await;
    let client = connect(&url).await;
    let ahead = first.timestamp.as_micros() + 3_600_000_000;
    for change in
        ["UPDATE notifications SET \"timestamp\" = $1::bigint", "UPDATE inboxes SET newest = NULL WHERE $1::bigint > 0"]
    {
        client.execute(change, &[&ahead]).await.unwrap();
    }
    let second = send(&store, "ann", "y").await;
    assert_eq!(second.timestamp.as_micros(), ahead);
    assert_eq!(inbox(&store, &user("ann")).await[0], second);
}

/// A database of the previous release, with data written by its functions, is migrated; a request with a key is still
/// answered for a day to every caller, also by the hash that that release stored of its data.
#[tokio::test]
async fn a_database_of_the_release_before_is_brought_up_to_date() {
    const CREATE: &str = "SELECT outcome FROM campanile_create(ARRAY['ann'], ARRAY[$1::uuid], ARRAY[$2::bigint],
        ARRAY['message'], ARRAY['old'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL::bigint], 1000::bigint,
        'k', $3::bytea, $4::bigint, 0, uuid_send($1::uuid) || int8send($2::bigint))";
    let url = new_database().await;
    let past = connect(&url).await;
    let back = "ALTER TABLE inboxes DROP COLUMN newest; DROP TABLE once_by_caller; DROP SCHEMA campanile_v9 CASCADE;
        ALTER TABLE grants DROP COLUMN session; ALTER TABLE grants DROP COLUMN inbox;
        ALTER TABLE grants DROP COLUMN reusable; DROP TABLE webhooks, outbox, deliveries, lanes, contacts, lane_debts;
        DROP TABLE preferences, secrets;
        DROP INDEX grants_by_holder;
        DELETE FROM refinery_schema_history WHERE version >= 4";
    past.batch_execute(back).await.unwrap();
    let old = accepted(draft("ann", "old")).with_timestamp(Timestamp::parse("2090-01-01T00:00:00Z").unwrap());
    let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap().as_micros();
    past.query_one(CREATE, &[&old.id.as_uuid(), &old.timestamp.as_micros(), &[7_u8; 32].as_slice(), &at])
        .await
        .unwrap();

    let store = open(&url, 1000).await;
    assert_eq!(inbox(&store, &user("ann")).await, std::slice::from_ref(&old));
    let again = Creation::Before(vec![(old.id, old.timestamp)]);
    for caller in ["operator", "key:0123456789abcdef"] {
        let same = Once { caller: Some(caller.to_owned()), ..once("k", 7, "2026-01-01T23:59:59Z") };
        let by_its_data = Once { fingerprint: [8; 32], fingerprint_of_old: Some([7; 32]), ..same.clone() };
        for key in [same, by_its_data] {
            assert_eq!(store.once(&key).await.unwrap().as_ref(), Some(&again));
            assert_eq!(store.create(&[accepted(draft("ann", "old"))], Some(&key)).await.unwrap(), again);
        }
        let other = Once { caller: Some(caller.to_owned()), ..once("k", 9, "2026-01-01T23:59:59Z") };
        assert_eq!(store.create(&[accepted(draft("ann", "other"))], Some(&other)).await.unwrap(), Creation::KeyTaken);
    }
    let due = Due { now: Timestamp::parse("2026-01-02T00:00:00Z").unwrap(), accepted_before: None, limit: 10 };
    store.delete_due(&due).await.unwrap();
    assert_eq!(store.once(&once("k", 7, "2026-01-01T23:59:59Z")).await.unwrap(), None);
    assert_eq!(send(&store, "ann", "new").await.timestamp, old.timestamp);
}

/// With `sslmode=verify-full` the connection is encrypted and the server must show a certificate that the system
/// trusts, for the requested name; with `require` alone, any certificate.
#[test]
fn tls_is_checked_when_it_is_asked_for() {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())];
    let files = files.each_ref().map(|(name, pem)| (*name, pem.as_str()));
    let encrypted = Server::start_with(&files, &["ssl=on"]);
    let plain = Server::start(&[]);
    let trusted = new_folder().join("authority.pem");
    std::fs::write(&trusted, authority_pem).unwrap();

    let migrate = |server: &Server, host: &str, mode: &str, trusted: Option<&std::path::Path>| {
        let url = format!("postgres://campanile@{host}:{}/postgres?sslmode={mode}", server.port);
        let mut command = campanile(&["migrate", "--store", &url]);
        // Only this authority, or none at all, is trusted.
        command.env("SSL_CERT_FILE", trusted.unwrap_or(std::path::Path::new("/dev/null")));
        command.env("SSL_CERT_DIR", "/nonexistent");
        let done = command.output().unwrap();
        if done.status.success() { Ok(()) } else { Err(String::from_utf8(done.stderr).unwrap()) }
    };
    assert_eq!(migrate(&encrypted, "localhost", "verify-full", Some(&trusted)), Ok(()));
    assert!(migrate(&encrypted, "localhost", "verify-full", None).is_err(), "no authority vouches for it");
    let other_name = migrate(&encrypted, "127.0.0.1", "verify-full", Some(&trusted));
    assert!(other_name.is_err(), "the certificate is for another name");
    assert_eq!(migrate(&encrypted, "127.0.0.1", "require", None), Ok(()));
    assert!(migrate(&plain, "localhost", "require", Some(&trusted)).is_err(), "it does not encrypt");
    assert_eq!(migrate(&plain, "localhost", "disable", None), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_no_release_wrote_is_refused_in_words() {
    let url = new_database().await;
    drop(open(&url, 9).await);
    let newest = "(SELECT max(version) FROM refinery_schema_history)";
    let sql = format!(
        "DELETE FROM refinery_schema_history WHERE version = {newest};
         UPDATE refinery_schema_history SET applied_on = 'yesterday' WHERE version = 1"
    );
    connect(&url).await.batch_execute(&sql).await.unwrap();
    let options = PostgresOptions { url, window: 9, connections: 1 };
    for refused in [PostgresStore::open(&options).await.err(), PostgresStore::startable(&options.url).await.err()] {
        let refused = refused.unwrap().to_string();
        assert!(refused.contains("has a date for migration 1 that no Campanile wrote"), "{refused}");
    }
}
