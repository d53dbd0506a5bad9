//! Many tasks at once: every count is right, and no change number is missing or used twice.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use campanile::{
    model::{Event, Filter, Limit, Marking},
    server::{
        clock::{Clock, SystemClock},
        store::{Creation, Store},
    },
};

use super::{Announced, accepted, draft, inbox, memory, once, postgres, send, sqlite, user};

/// Defines one test of each rule for each back end; a rule gets a new empty store.
macro_rules! at_once {
    ($($rule:ident)*) => {
        mod memory_store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() { super::$rule(super::memory(100_000).await).await })*
        }

        mod sqlite_store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() { super::$rule(super::sqlite(100_000).await).await })*
        }

        mod postgres_store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() { super::$rule(super::postgres(100_000).await).await })*
        }
    };
}

at_once! {
    a_key_that_is_used_at_once_creates_one
    change_numbers_have_no_gap_and_no_repeat
    counts_and_change_numbers_hold_under_sixteen_writers
    marking_the_same_ones_at_once_counts_each_once
    no_answer_is_older_than_one_before_it
    timestamps_go_the_way_of_the_list_under_eight_writers
}

const WRITERS: usize = 16;
const ROUNDS: usize = 60;

/// Writers create, mark and delete in one inbox while readers list it: on every page, the change number never goes back
/// and the count is the one for that number.
async fn counts_and_change_numbers_hold_under_sixteen_writers(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    let announced = Announced::by(&*store);
    let first = store.list(&Filter::inbox(user("ann")), None, Limit::new(0)).await.unwrap().modseq.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, over) = (Arc::clone(&store), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut position, mut unread, mut known) = (first, 0, HashMap::new());
                while !over.load(Ordering::Relaxed) {
                    let changes = store.changes(&user("ann"), position, Limit::new(1000)).await.unwrap();
                    assert!(changes.modseq >= position && !changes.reset);
                    for event in changes.events {
                        assert!(event.modseq() > position);
                        position = event.modseq();
                        match event {
                            Event::Created { notification, .. } | Event::Updated { notification, .. } => {
                                known.insert(notification.id, notification.is_read);
                            }
                            Event::AllRead { .. } => known.values_mut().for_each(|is_read| *is_read = true),
                            Event::Deleted { id, .. } => drop(known.remove(&id)),
                        }
                    }
                    position = changes.modseq;
                    if !changes.more {
                        unread = changes.unread_count;
                        assert_eq!(known.values().filter(|is_read| !**is_read).count() as u64, unread);
                    }
                    tokio::task::yield_now().await;
                }
                unread
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut changes = 0;
                for round in 0..ROUNDS {
                    let mine = send(&*store, "ann", "x").await;
                    changes += 1;
                    if round % 2 == 0 {
                        store.set_read(mine.id, None, true).await.unwrap();
                    }
                    if round % 5 == 0 {
                        changes += u64::from(store.delete(mine.id, None).await.unwrap().is_some());
                    }
                    if writer == 0 && round % 20 == 19 {
                        store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
                    }
                    if writer == 1 && round % 10 == 9 {
                        let part = Marking { up_to: Some(first + round as u64 * 8), ..Marking::default() };
                        store.mark_all_read(&user("ann"), &part).await.unwrap();
                    }
                    if writer == 2 && round % 15 == 14 {
                        let marked = store.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
                        let mut left = Some(marked.by);
                        while let Some(by) = left {
                            left = store.unmark(&user("ann"), &by, 3).await.unwrap().rest;
                        }
                    }
                    tokio::task::yield_now().await;
                }
                changes
            })
        })
        .collect();
    let mut least = 0;
    for writer in writers {
        least += writer.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }

    let listed = inbox(&*store, &user("ann")).await;
    let unread = store.unread_count(&user("ann")).await.unwrap();
    let all = store.changes(&user("ann"), 0, Limit::new(1000)).await.unwrap();
    assert_eq!(listed.len(), WRITERS * (ROUNDS - ROUNDS.div_ceil(5)));
    assert_eq!(unread, listed.iter().filter(|notification| !notification.is_read).count() as u64);
    assert_eq!(all.unread_count, unread);
    let present = store.list(&Filter::inbox(user("ann")), None, Limit::new(0)).await.unwrap().modseq.unwrap();
    assert_eq!(store.ends(&[user("nobody"), user("ann")]).await.unwrap()[1].0, present);
    let told = announced.of(&user("ann"), first, present).await;
    assert_eq!(told.last().map(Event::unread_count), Some(unread));
    assert!(present - first >= least, "every creation and deletion took a number of its own");
}

/// Only creations, so every number is visible: none is missing and none is used twice.
async fn change_numbers_have_no_gap_and_no_repeat(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    let first = store.list(&Filter::inbox(user("ann")), None, Limit::new(0)).await.unwrap().modseq.unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    send(&*store, "ann", "x").await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let changes = store.changes(&user("ann"), first, Limit::new(1000)).await.unwrap();
    let numbers: Vec<_> = changes.events.iter().map(Event::modseq).collect();
    let expected: Vec<_> = (first + 1..=first + (WRITERS * ROUNDS) as u64).collect();
    assert_eq!(numbers, expected);
}

/// An inbox that only grows: a count, a page and the changes are read in turn, and none is older than an earlier one,
/// or than a write that was confirmed.
async fn no_answer_is_older_than_one_before_it(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    send(&*store, "ann", "x").await;
    let first = store.list(&Filter::inbox(user("ann")), None, Limit::new(0)).await.unwrap().modseq.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let created = Arc::new(AtomicU64::new(1));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, over, created) = (Arc::clone(&store), Arc::clone(&over), Arc::clone(&created));
            tokio::spawn(async move {
                let mut seen = 0;
                while !over.load(Ordering::Relaxed) {
                    let answered = created.load(Ordering::Acquire);
                    let count = store.unread_count(&user("ann")).await.unwrap();
                    assert!(count >= seen.max(answered), "{count} after {seen} and {answered}");
                    let page = store.list(&Filter::inbox(user("ann")), None, Limit::new(2)).await.unwrap();
                    let listed = page.modseq.unwrap() - first + 1;
                    assert!(listed >= count, "{listed} after {count}");
                    let rendered = store.list_rendered(&Filter::inbox(user("ann")), None, Limit::new(2)).await.unwrap();
                    let rendered = rendered.modseq.unwrap() - first + 1;
                    assert!(rendered >= listed, "{rendered} after {listed}");
                    seen = store.changes(&user("ann"), u64::MAX, Limit::new(1)).await.unwrap().unread_count;
                    assert!(seen >= rendered, "{seen} after {rendered}");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..WRITERS * ROUNDS {
        send(&*store, "ann", "x").await;
        created.fetch_add(1, Ordering::Release);
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Every task marks every notification: each is counted once.
async fn marking_the_same_ones_at_once_counts_each_once(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    let mut ids = HashSet::new();
    for _ in 0..200 {
        ids.insert(send(&*store, "ann", "x").await.id);
    }
    let markers: Vec<_> = (0..8)
        .map(|_| {
            let (store, ids) = (Arc::clone(&store), ids.clone());
            tokio::spawn(async move {
                for id in ids {
                    store.set_read(id, None, true).await.unwrap();
                }
            })
        })
        .collect();
    for marker in markers {
        marker.await.unwrap();
    }
    assert_eq!(store.unread_count(&user("ann")).await.unwrap(), 0);
    let first = store.changes(&user("ann"), 0, Limit::new(1000)).await.unwrap();
    assert_eq!(first.events.len(), 200);
}

/// Each writer reads the clock itself, as the service does, and then waits for the others.
async fn timestamps_go_the_way_of_the_list_under_eight_writers(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let mine = accepted(draft("ann", "x")).with_timestamp(SystemClock.now());
                    tokio::task::yield_now().await;
                    store.create(&[mine], None).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let listed = inbox(&*store, &user("ann")).await;
    assert_eq!(listed.len(), 8 * ROUNDS);
    assert!(listed.iter().rev().is_sorted_by_key(|notification| notification.timestamp));
}

/// A million creations for as many users leave no more data than fits the window.
#[tokio::test]
async fn inboxes_that_left_the_window_are_forgotten() {
    let store = memory(10).await;
    for number in 0..2_000 {
        send(&*store, &format!("user {number}"), "x").await;
    }
    let old = user("user 0");
    assert!(inbox(&*store, &old).await.is_empty());
    let position = store.list(&Filter::inbox(old.clone()), None, Limit::new(0)).await.unwrap().modseq.unwrap();
    // A follower from the start is told to list again, and then continues from higher numbers.
    let changes = store.changes(&old, position - 1, Limit::new(10)).await.unwrap();
    assert!(changes.reset);
    send(&*store, "user 0", "again").await;
    let again = store.changes(&old, position, Limit::new(10)).await.unwrap();
    assert!(again.reset || again.events.len() == 1, "{again:?}");
    assert!(again.modseq > position);
}

/// Sixteen requests at once with the same key: one is done, and all get the same result.
async fn a_key_that_is_used_at_once_creates_one(store: Box<dyn Store>) {
    let store: Arc<dyn Store> = Arc::from(store);
    let callers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mine = accepted(draft("ann", "x"));
                let once = once("key", 1, "2026-01-01T00:00:00Z");
                match store.create(std::slice::from_ref(&mine), Some(&once)).await.unwrap() {
                    Creation::Done(_) => mine.id,
                    Creation::Before(made) => made[0].0,
                    Creation::KeyTaken => panic!("it is the same request"),
                }
            })
        })
        .collect();
    let mut answers = HashSet::new();
    for caller in callers {
        answers.insert(caller.await.unwrap());
    }
    let there: HashSet<_> = inbox(&*store, &user("ann")).await.iter().map(|notification| notification.id).collect();
    assert_eq!((there.len(), answers), (1, there));
}
