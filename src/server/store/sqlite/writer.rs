//! The thread that writes, as its callers see it: they queue a write, and wait for its result.
//!
//! The thread takes all queued writes, carries them out in one transaction, commits once, and only then answers. So one
//! flush of the disk serves all callers that wait at that moment, and under load a write costs a fraction of a flush.

mod checkpoints;
mod pace;
mod thread;
mod weight;

use std::{
    fs::File,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{SqliteOptions, ends::Ends, words::explain, write::Batch};
use crate::server::store::{Announcer, StoreError};
use checkpoints::Checkpoints;
use thread::{Job, Shared, WriterThread, job};
pub(super) use weight::Weight;

/// The handle of the thread that writes. Dropping it ends the thread when all queued writes are done.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, lock: File, options: &SqliteOptions) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(options.queue.max(1));
        let (checkpoints, make_checkpoints) = Checkpoints::of(&options.path)?;
        let shared = Arc::new(Shared::default());
        let window = options.window.max(1) as u64;
        let work = WriterThread::new(connection, lock, window, Arc::clone(&shared), checkpoints, options.full_sync);
        let work = work.map_err(|error| explain(&options.path, &error))?;
        let threads =
            vec![spawn("sqlite-writer", move || work.run(queue))?, spawn("sqlite-checkpoint", make_checkpoints)?];
        Ok(Self { jobs: Some(jobs), shared, threads })
    }

    /// The receivers of committed changes.
    pub(super) fn announcer(&self) -> &Announcer {
        &self.shared.announcer
    }

    /// The ends of the inboxes that it changes.
    pub(super) fn ends(&self) -> &Ends {
        &self.shared.ends
    }

    /// From now on a channel to contacts is set up.
    pub(super) fn reach_contacts(&self) {
        self.shared.reaches_contacts.store(true, Ordering::Relaxed);
    }

    /// Whether there are so many waiting writes that work which can wait should do so.
    pub(super) fn is_pressed(&self) -> bool {
        self.shared.pressure.is_felt()
            || self.jobs.as_ref().is_some_and(|jobs| jobs.capacity() < jobs.max_capacity() / 2)
    }

    /// Writes, and returns after the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = job(weight, work);
        let stopped = || StoreError::failed("the thread that writes has ended");
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::unavailable("too many writes are waiting"),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        // The thread ended while it had this write: before the commit, or after it.
        answer.await.unwrap_or_else(|_| Err(stopped().after_sending()))
    }

    /// Whether the thread runs, and the file was intact at the last write.
    pub(super) fn is_well(&self) -> Result<(), StoreError> {
        match &self.jobs {
            Some(_) if self.shared.is_broken.load(Ordering::Relaxed) => {
                Err(StoreError::failed("the file could not be written to, and that does not pass by itself"))
            }
            Some(jobs) if !jobs.is_closed() => Ok(()),
            _ => Err(StoreError::failed("the thread that writes has ended")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Its panic was reported when it happened.
            drop(thread.join());
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|error| StoreError::failed("no thread can be started").because(error))
}

#[cfg(test)]
mod tests;
