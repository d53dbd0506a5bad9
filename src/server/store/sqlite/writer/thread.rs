//! The thread that writes: its transactions, and its answers after their commits.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{
    checkpoints::Checkpoints,
    pace::{MOST_AT_ONCE, Pace},
    weight::{Weight, fitting},
};
use crate::{
    model::Change,
    server::store::{
        Announcer, StoreError,
        outbox::Subscriptions,
        sqlite::{
            ends::Ends,
            error::{could_not_write, locked, of_commit},
            inboxes::Inboxes,
            pressure::Pressure,
            write::{Batch, Finished, next_seq, told},
        },
    },
};

/// The writes that wait for the thread.
pub(super) type Queue = mpsc::Receiver<Box<dyn Job>>;

/// A write, and the caller that waits for it.
pub(super) trait Job: Send {
    /// How much of a transaction it takes.
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

/// A write for the queue, and its result after the commit.
pub(super) fn job<T: Send + 'static>(
    weight: Weight,
    work: impl FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Task { weight, work, result: None, reply }), answer)
}

/// The state that the thread shares with its handle.
pub(super) struct Shared {
    pub(super) announcer: Announcer,
    /// The ends of the inboxes that the thread changes.
    pub(super) ends: Ends,
    /// Whether the file is damaged or gone, as far as is known.
    pub(super) is_broken: AtomicBool,
    pub(super) pressure: Pressure,
    /// Whether a channel to contacts is set up.
    pub(super) reaches_contacts: AtomicBool,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            announcer: Announcer::default(),
            ends: Ends::default(),
            is_broken: AtomicBool::new(false),
            pressure: Pressure::new(),
            reaches_contacts: AtomicBool::new(false),
        }
    }
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
        if at_the_end { of_commit(error) } else { error.into() }
    }
}

/// Whether every write would fail with this error, until an operator acts.
fn is_broken(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code().filter(|_| !could_not_write(error));
    code.is_some_and(|code| [CannotOpen, DatabaseCorrupt, NotADatabase, ReadOnly, SystemIoFailure].contains(&code))
}

pub(super) struct WriterThread {
    connection: Connection,
    window: u64,
    /// The place of the next notification.
    next_seq: i64,
    /// The inboxes that were written to recently.
    recent: Inboxes,
    /// The events that webhooks receive.
    told: Subscriptions,
    shared: Arc<Shared>,
    checkpoints: Checkpoints,
    /// Whether each commit waits for the disk.
    flushes: bool,
    pace: Pace,
    /// Held for as long as the file is written to.
    _lock: File,
}

impl WriterThread {
    pub(super) fn new(
        connection: Connection,
        lock: File,
        window: u64,
        shared: Arc<Shared>,
        checkpoints: Checkpoints,
        flushes: bool,
    ) -> rusqlite::Result<Self> {
        let (next_seq, told) = (next_seq(&connection)?, told(&connection)?);
        let (recent, pace) = (Inboxes::default(), Pace::default());
        Ok(Self { connection, window, next_seq, recent, told, shared, checkpoints, flushes, pace, _lock: lock })
    }

    /// Writes until the handle is dropped and the queue is empty.
    pub(super) fn run(mut self, mut queue: Queue) {
        let mut jobs = Vec::with_capacity(MOST_AT_ONCE);
        while queue.blocking_recv_many(&mut jobs, self.most()) > 0 {
            // A write that takes a transaction for itself delays none of those that came with it.
            jobs.sort_by_key(|job| job.weight().is_too_much());
            while !jobs.is_empty() {
                let fitting = fitting(jobs.iter().map(|job| job.weight()));
                let now: Vec<_> = jobs.drain(..fitting).collect();
                // The callers of these writes learn that the outcome is unknown.
                if catch_unwind(AssertUnwindSafe(|| self.write(now, &queue))).is_err() {
                    tracing::error!("a write panicked; continuing with the next");
                    self.recent.clear();
                    self.take_back();
                }
                self.checkpoints.tend(&self.connection);
            }
        }
        drop(self.connection.execute_batch("PRAGMA optimize"));
    }

    /// The most writes that the next transaction takes. Dividing them only helps to use the time of a flush.
    fn most(&self) -> usize {
        if self.flushes { self.pace.limit() } else { MOST_AT_ONCE }
    }

    fn write(&mut self, mut jobs: Vec<Box<dyn Job>>, queue: &Queue) {
        match self.commit(&mut jobs, queue) {
            Ok(changes) => {
                jobs.into_iter().for_each(|job| job.answer(Ok(())));
                self.shared.announcer.announce(changes);
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
            let committed = self.commit(std::slice::from_mut(&mut job), queue);
            let changes = committed.map(|changes| self.shared.announcer.announce(changes));
            job.answer(changes.map_err(StoreError::from));
        }
    }

    /// Carries out all jobs and commits, and returns the changes; or rolls everything back. Later jobs wait in the queue.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>], queue: &Queue) -> Result<Vec<Change>, NotCommitted> {
        let run = |sql| self.connection.prepare_cached(sql)?.execute(()).map(drop);
        run("BEGIN IMMEDIATE")?;
        let began = Instant::now();
        let begun = self.recent.begin(&self.connection);
        if matches!(begun, Ok(true)) {
            self.shared.ends.clear();
        }
        let reaches_contacts = self.shared.reaches_contacts.load(Ordering::Relaxed);
        let mut batch =
            Batch::new(&self.connection, self.window, self.next_seq, &self.recent, &self.told, reaches_contacts);
        let done = begun.and_then(|_| jobs.iter_mut().try_for_each(|job| job.run(&mut batch)));
        let done = done.and_then(|()| batch.finish());
        let carried_out = began.elapsed();
        let committed = done.map_err(NotCommitted::from).and_then(|finished| {
            let ends = finished.inboxes.iter().map(|inbox| (inbox.user_id.clone(), inbox.end())).collect();
            let commit = || run("COMMIT").map_err(|error| NotCommitted { error, at_the_end: true });
            self.shared.ends.commit(ends, commit).map(|()| finished)
        });
        match committed {
            Ok(Finished { inboxes, changes, next_seq, told }) => {
                self.next_seq = next_seq;
                self.recent.keep(inboxes);
                if let Some(told) = told {
                    self.told = told;
                }
                let arrived = queue.len();
                self.pace.note(jobs.len(), carried_out, began.elapsed().saturating_sub(carried_out), arrived);
                self.shared.pressure.note(jobs.len() + arrived);
                if !changes.is_empty() {
                    self.shared.is_broken.store(false, Ordering::Relaxed);
                }
                Ok(changes)
            }
            Err(failed) => {
                if failed.at_the_end {
                    // It may be in the log.
                    self.recent.clear();
                }
                self.take_back();
                if is_broken(&failed.error) {
                    self.shared.is_broken.store(true, Ordering::Relaxed);
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
}
