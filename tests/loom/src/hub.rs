//! The server's log over loom's lock, and the tested interleavings.

pub(super) mod sync {
    //! Loom's lock, with which every order of locking is tried.
    pub(crate) use loom::sync::Mutex;
}

#[expect(dead_code, reason = "the server uses the rest of it")]
#[path = "../../../src/server/live/log.rs"]
mod log;

use std::{
    future::poll_fn,
    sync::atomic::{AtomicUsize, Ordering},
};

use log::{End, Log, Next, Shared};
use loom::{future::block_on, sync::Arc, thread};

impl Shared for u64 {
    fn bytes(&self) -> usize {
        8
    }

    fn is_creation(&self) -> bool {
        false
    }
}

fn end(modseq: u64) -> End {
    End { modseq, unread_count: 0 }
}

/// The frames that a listener receives after a position, up to this change.
fn listen(log: &Log<u64>, mut position: u64, until: u64) -> Vec<u64> {
    let seat = log.join();
    let mut heard = Vec::new();
    while position < until {
        let next = block_on(poll_fn(|context| log.poll_next(&seat, position, context)));
        match next {
            Next::Frame(frame, at) => {
                heard.push(frame);
                position = at;
            }
            other => panic!("{other:?}"),
        }
    }
    log.leave(&seat);
    heard
}

/// Tries every order of a model, and prints their number.
fn every_order(what: &str, model: impl Fn() + Sync + Send + 'static) {
    static ORDERS: AtomicUsize = AtomicUsize::new(0);
    ORDERS.store(0, Ordering::Relaxed);
    loom::model(move || {
        ORDERS.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{what}: {} orders", ORDERS.load(Ordering::Relaxed));
}

pub(super) fn try_all() {
    every_order("a listener comes while two publish, in any order", || {
        let log = Arc::new(Log::new(Some(end(0))));
        let publishers = [1, 2].map(|number| {
            let log = Arc::clone(&log);
            thread::spawn(move || _ = log.publish(end(number), number, |_| ()))
        });
        assert_eq!(listen(&log, 0, 2), [1, 2]);
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    });
    every_order("a listener says where the inbox is while a store publishes", || {
        let log = Arc::new(Log::new(None));
        let publisher = {
            let log = Arc::clone(&log);
            thread::spawn(move || [8, 9].iter().for_each(|number| _ = log.publish(end(*number), *number, |_| ())))
        };
        // The store was read earlier, when it was at 7.
        log.begin(end(7), |_| ());
        assert_eq!(listen(&log, 7, 9), [8, 9]);
        publisher.join().unwrap();
    });
    every_order("a hole is filled from the store while what was missing arrives", || {
        let log = Arc::new(Log::new(Some(end(0))));
        let late = {
            let log = Arc::clone(&log);
            thread::spawn(move || _ = log.publish(end(1), 1, |_| ()))
        };
        let filling = {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                log.publish(end(2), 2, |_| ());
                log.fill(0, vec![(end(1), 1), (end(2), 2)], end(2), |_| ());
            })
        };
        assert_eq!(listen(&log, 0, 2), [1, 2]);
        late.join().unwrap();
        filling.join().unwrap();
    });
    every_order("one listener goes while another one waits", || {
        let log = Arc::new(Log::new(Some(end(0))));
        let other = {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                let seat = log.join();
                log.leave(&seat);
                log.publish(end(1), 1, |_| ());
            })
        };
        assert_eq!(listen(&log, 0, 1), [1]);
        other.join().unwrap();
    });
    every_order("the server stops while a listener begins to wait", || {
        let log = Arc::new(Log::<u64>::new(Some(end(0))));
        let stopping = {
            let log = Arc::clone(&log);
            thread::spawn(move || log.close())
        };
        let seat = log.join();
        assert_eq!(block_on(poll_fn(|context| log.poll_next(&seat, 0, context))), Next::Closed);
        stopping.join().unwrap();
    });
}
