//! The thread that writes.
//!
//! It takes all queued writes, carries them out in one transaction, commits once, and only then answers. So one flush
//! of the disk serves all callers that wait at that moment, and under load a write costs a fraction of a flush.

mod weight;

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{
    SqliteOptions,
    connection::{BUSY_TIMEOUT, open_for_checkpoints},
    ends::Ends,
    error::{could_not_write, locked},
    pressure::Pressure,
    words::explain,
    write::{Batch, Finished, next_seq, told},
};
use crate::{
    model::Change,
    server::store::{Announcer, StoreError, outbox::Subscriptions},
};
pub(super) use weight::Weight;
use weight::fitting;

/// The most writes in one transaction, so that no caller waits long for the others.
const MOST_AT_ONCE: usize = 256;
/// How often the log is copied into the database while there is something to copy.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// A log of at least this many pages (16 MiB) is begun anew as soon as all of it is copied.
const LONG_LOG: i64 = 4_096;

/// A write, and the caller that waits for it.
trait Job: Send {
    fn weight(&self) -> Weight;

    /// Carries it out; again, if the transaction had to be rolled back.
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;

    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<W, T> {
    weight: Weight,
    work: W,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, W: FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send> Job for Task<W, T> {
    fn weight(&self) -> Weight {
        self.weight
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        self.result = Some((self.work)(batch)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let lost = || StoreError::failed("a write has no result");
        let Self { result, reply, .. } = *self;
        // The caller may be gone; the write stays.
        drop(reply.send(committed.and_then(|()| result.ok_or_else(lost))));
    }
}

/// The handle of the thread that writes. Dropping it ends the thread when all queued writes are done.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    announcer: Arc<Announcer>,
    ends: Arc<Ends>,
    is_broken: Arc<AtomicBool>,
    pressure: Arc<Pressure>,
    reaches_contacts: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, lock: File, options: &SqliteOptions) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(options.queue.max(1));
        let (nudge, nudges) = sync_channel(1);
        let log_is_copied = Arc::new(AtomicBool::new(false));
        let for_checkpoints = open_for_checkpoints(&options.path)?;
        let copied = Arc::clone(&log_is_copied);
        let window = options.window.max(1) as u64;
        let next_seq = next_seq(&connection).map_err(|error| explain(&options.path, &error))?;
        let (announcer, ends) = (Arc::new(Announcer::default()), Arc::new(Ends::default()));
        let is_broken = Arc::new(AtomicBool::new(false));
        let (pressure, reaches_contacts) = (Arc::new(Pressure::new()), Arc::new(AtomicBool::new(false)));
        let told = told(&connection).map_err(|error| explain(&options.path, &error))?;
        let work = WriterThread {
            connection,
            told,
            window,
            next_seq,
            announcer: Arc::clone(&announcer),
            ends: Arc::clone(&ends),
            is_broken: Arc::clone(&is_broken),
            pressure: Arc::clone(&pressure),
            reaches_contacts: Arc::clone(&reaches_contacts),
            nudge,
            nudged: Instant::now(),
            log_is_copied,
            _lock: lock,
        };
        let threads = vec![
            spawn("sqlite-writer", move || work.run(queue))?,
            spawn("sqlite-checkpoint", move || make_checkpoints(&for_checkpoints, &nudges, &copied))?,
        ];
        Ok(Self { jobs: Some(jobs), announcer, ends, is_broken, pressure, reaches_contacts, threads })
    }

    /// The receivers of committed changes.
    pub(super) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// The ends of the inboxes that it changes.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// From now on a channel to contacts is set up.
    pub(super) fn reach_contacts(&self) {
        self.reaches_contacts.store(true, Ordering::Relaxed);
    }

    /// Whether there are so many waiting writes that work which can wait should do so.
    pub(super) fn is_pressed(&self) -> bool {
        self.pressure.is_felt() || self.jobs.as_ref().is_some_and(|jobs| jobs.capacity() < jobs.max_capacity() / 2)
    }

    /// Writes, and returns after the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let stopped = || StoreError::failed("the thread that writes has ended");
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(Box::new(Task { weight, work, result: None, reply })).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::unavailable("too many writes are waiting"),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        // The thread ended while it had this write: before the commit, or after it.
        answer.await.unwrap_or_else(|_| Err(stopped().after_sending()))
    }

    /// Whether the thread runs, and the file was intact at the last write.
    pub(super) fn is_well(&self) -> Result<(), StoreError> {
        match &self.jobs {
            Some(_) if self.is_broken.load(Ordering::Relaxed) => {
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

/// Why a transaction was not committed, or may not have been.
struct NotCommitted {
    error: rusqlite::Error,
    /// Whether it failed during the commit.
    at_the_end: bool,
}

impl From<rusqlite::Error> for NotCommitted {
    fn from(error: rusqlite::Error) -> Self {
        Self { error, at_the_end: false }
    }
}

impl From<NotCommitted> for StoreError {
    fn from(NotCommitted { error, at_the_end }: NotCommitted) -> Self {
        // The log may have all of it although the disk reports that it could not be flushed.
        let is_certain = !at_the_end || error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure);
        let error = Self::from(error);
        if is_certain { error } else { error.after_sending() }
    }
}

/// Whether every write would fail with this error, until an operator acts.
fn is_broken(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code().filter(|_| !could_not_write(error));
    code.is_some_and(|code| [CannotOpen, DatabaseCorrupt, NotADatabase, ReadOnly, SystemIoFailure].contains(&code))
}

struct WriterThread {
    connection: Connection,
    window: u64,
    /// The place of the next notification.
    next_seq: i64,
    /// The events that webhooks receive.
    told: Subscriptions,
    announcer: Arc<Announcer>,
    ends: Arc<Ends>,
    /// Whether the file is damaged or gone, as far as is known.
    is_broken: Arc<AtomicBool>,
    pressure: Arc<Pressure>,
    /// Whether a channel to contacts is set up.
    reaches_contacts: Arc<AtomicBool>,
    nudge: SyncSender<()>,
    nudged: Instant,
    log_is_copied: Arc<AtomicBool>,
    /// Held for as long as the file is written to.
    _lock: File,
}

impl WriterThread {
    fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs = Vec::with_capacity(MOST_AT_ONCE);
        while queue.blocking_recv_many(&mut jobs, MOST_AT_ONCE) > 0 {
            // A write that takes a transaction for itself delays none of those that came with it.
            jobs.sort_by_key(|job| job.weight().is_too_much());
            while !jobs.is_empty() {
                let fitting = fitting(jobs.iter().map(|job| job.weight()));
                let now: Vec<_> = jobs.drain(..fitting).collect();
                // The callers of these writes learn that the outcome is unknown.
                if catch_unwind(AssertUnwindSafe(|| self.write(now))).is_err() {
                    tracing::error!("a write ended by a panic; the next one is taken");
                    self.take_back();
                }
                self.tend_log();
            }
        }
        drop(self.connection.execute_batch("PRAGMA optimize"));
    }

    fn write(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match self.commit(&mut jobs) {
            Ok(changes) => {
                jobs.into_iter().for_each(|job| job.answer(Ok(())));
                self.announcer.announce(changes);
                return;
            }
            // Another process holds the file. Waiting for it again with each job would take forever.
            Err(NotCommitted { error, .. }) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                jobs.into_iter().for_each(|job| job.answer(Err(locked())));
                return;
            }
            // One of them cannot be carried out; it must not affect the others.
            Err(_) => {}
        }
        for mut job in jobs {
            let committed = self.commit(std::slice::from_mut(&mut job));
            let changes = committed.map(|changes| self.announcer.announce(changes));
            job.answer(changes.map_err(StoreError::from));
        }
    }

    /// Carries out all jobs and commits, and returns the changes; or rolls everything back.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Change>, NotCommitted> {
        let run = |sql| self.connection.prepare_cached(sql)?.execute(()).map(drop);
        run("BEGIN IMMEDIATE")?;
        let reaches_contacts = self.reaches_contacts.load(Ordering::Relaxed);
        let mut batch = Batch::new(&self.connection, self.window, self.next_seq, &self.told, reaches_contacts);
        let done = jobs.iter_mut().try_for_each(|job| job.run(&mut batch)).and_then(|()| batch.finish());
        let committed = done.map_err(NotCommitted::from).and_then(|Finished { ends, changes, next_seq, told }| {
            let commit = || run("COMMIT").map_err(|error| NotCommitted { error, at_the_end: true });
            self.ends.commit(ends, commit)?;
            Ok((changes, next_seq, told))
        });
        match committed {
            Ok((changes, next_seq, told)) => {
                self.next_seq = next_seq;
                if let Some(told) = told {
                    self.told = told;
                }
                self.pressure.note(jobs.len());
                if !changes.is_empty() {
                    self.is_broken.store(false, Ordering::Relaxed);
                }
                Ok(changes)
            }
            Err(failed) => {
                self.take_back();
                if is_broken(&failed.error) {
                    self.is_broken.store(true, Ordering::Relaxed);
                }
                Err(failed)
            }
        }
    }

    /// Rolls a transaction back, unless SQLite has done so by itself.
    fn take_back(&self) {
        if !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    /// Wakes the thread that copies the log, and begins the log anew when all of it is copied. Only the end of the log
    /// is left to copy then, so this delays no write for long.
    fn tend_log(&mut self) {
        if self.nudged.elapsed() > CHECKPOINT_INTERVAL {
            self.nudged = Instant::now();
            let _ = self.nudge.try_send(());
        }
        if self.log_is_copied.swap(false, Ordering::Relaxed) {
            // Without waiting for readers: if one uses the old log, this is tried again.
            let begun = self.connection.execute_batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(RESTART)");
            // Whatever the outcome: a write waits for another process that has the file, such as `campanile key`.
            let begun = self.connection.busy_timeout(BUSY_TIMEOUT).and(begun);
            if let Err(error) = begun {
                tracing::debug!(%error, "the log could not be begun anew");
            }
        }
    }
}

/// Copies the log into the database while the thread that writes goes on.
fn make_checkpoints(connection: &Connection, nudges: &Receiver<()>, log_is_copied: &AtomicBool) {
    while nudges.recv().is_ok() {
        let pages = connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)));
        match pages {
            Ok((in_log, _)) if in_log > LONG_LOG => log_is_copied.store(true, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a checkpoint could not be made; trying again"),
        }
    }
}

#[cfg(test)]
mod tests;
