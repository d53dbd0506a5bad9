//! Specifics of the PostgreSQL store: several servers share one database, which may be interrupted.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use campanile::{
    model::{Event, Limit, Timestamp},
    server::store::{Creation, Due, Once, PostgresOptions, PostgresStore, Store, StoreError},
};

use super::{accepted, draft, inbox, once, send, user};
use crate::{
    command::campanile,
    harness::new_folder,
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
