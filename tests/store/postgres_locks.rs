//! Writes that wait for locks in PostgreSQL: none waits for another in a circle, and one that waited too long says so.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use campanile::{
    model::{Filter, Limit, Marking, Timestamp},
    server::{
        http::HttpOptions,
        identity::Principal,
        service::NotificationService,
        store::{Creation, Due, Store, StoreError},
    },
};

use super::{accepted, draft, inbox, once, send, user};
use crate::{
    harness::App,
    postgres::{connect, new_database, open},
};

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
