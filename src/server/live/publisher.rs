//! Publishes the changes that a store announces: to the listeners of this server, and to the other servers.
//!
//! A store announces changes while it holds its locks, so it must not wait. Changes for which the queue has no room are
//! dropped, and the keeper finds them in the store.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;

use super::{bus::Bus, hub::Hub};
use crate::{
    model::Change,
    server::{store::Announce, tasks::Tasks},
};

/// How many batches of changes may wait to be published.
const QUEUE: usize = 65_536;

type Announced = Arc<[Change]>;

/// Publishes what a store announces.
pub(super) struct Publisher {
    bus: Arc<dyn Bus>,
    hub: Arc<Hub>,
    waiting: mpsc::Sender<Announced>,
    /// Whether the task is running; until it runs no client listens, and changes need not be published.
    is_at_work: AtomicBool,
    /// The queue, until the task takes it.
    work: Mutex<Option<mpsc::Receiver<Announced>>>,
    /// Whether changes were dropped because too many waited.
    has_lost: AtomicBool,
}

impl Publisher {
    pub(super) fn new(bus: Arc<dyn Bus>, hub: Arc<Hub>) -> Arc<Self> {
        let (waiting, work) = mpsc::channel(QUEUE);
        Arc::new(Self {
            bus,
            hub,
            waiting,
            is_at_work: AtomicBool::new(false),
            work: Mutex::new(Some(work)),
            has_lost: AtomicBool::new(false),
        })
    }

    /// Publishes from now on, until this is dropped; `false` when the task was already started.
    pub(super) fn start(self: &Arc<Self>, tasks: &Tasks) -> bool {
        let Some(work) = self.work.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
        self.is_at_work.store(true, Ordering::Release);
        // No other task uses this lock. It keeps the queue for the task when it is restarted.
        let (publisher, work) = (Arc::downgrade(self), Arc::new(tokio::sync::Mutex::new(work)));
        let mut is_first = true;
        tasks.spawn("publish", move || {
            // The changes that the task held when it panicked are read from the store.
            if !std::mem::take(&mut is_first)
                && let Some(publisher) = publisher.upgrade()
            {
                publisher.note_loss();
            }
            publish(Weak::clone(&publisher), Arc::clone(&work))
        });
        true
    }

    fn note_loss(&self) {
        self.has_lost.store(true, Ordering::Relaxed);
        self.bus.note_loss();
    }

    /// Whether changes were lost since the last call.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost.swap(false, Ordering::Relaxed)
    }
}

impl Announce for Publisher {
    fn announce(&self, changes: Announced) {
        if self.is_at_work.load(Ordering::Acquire) && self.waiting.try_send(changes).is_err() {
            self.note_loss();
        }
    }

    fn announce_loss(&self) {
        self.note_loss();
    }
}

/// Publishes in the order of the announcements.
async fn publish(publisher: Weak<Publisher>, work: Arc<tokio::sync::Mutex<mpsc::Receiver<Announced>>>) {
    let mut work = work.lock().await;
    while let Some(changes) = work.recv().await {
        let Some(publisher) = publisher.upgrade() else { return };
        for change in changes.iter() {
            publisher.bus.publish(change);
            publisher.hub.deliver(change);
        }
    }
}
