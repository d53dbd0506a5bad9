//! The thread that writes.
//!
//! It takes whatever is queued, does all of it in one transaction, commits once, and only then
//! answers. So one flush of the disk serves everybody who waits at that moment, and under load a
//! write costs a fraction of a flush.

use std::{
    fs::File,
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
    error::locked,
    write::{Batch, next_seq},
};
use crate::{
    model::Change,
    server::store::{Announcer, StoreError},
};

/// The most that is done in one transaction, so that nobody waits long for the others.
const MOST_AT_ONCE: usize = 256;
/// How often the log is copied into the database while there is something to copy.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// From so many pages on, the log is begun anew as soon as all of it is copied (16 MiB).
const LONG_LOG: i64 = 4_096;

/// Something to be written, and somebody who waits for it.
trait Job: Send {
    /// Does it; once more, if the transaction had to be taken back.
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;

    /// Says how it ended, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<W, T> {
    work: W,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, W: FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send> Job for Task<W, T> {
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        self.result = Some((self.work)(batch)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let lost = || StoreError::failed("a write has no result");
        let Self { result, reply, .. } = *self;
        // Whoever asked may have gone; what is written stays written.
        drop(reply.send(committed.and_then(|()| result.ok_or_else(lost))));
    }
}

/// The way to the thread that writes. Dropping it ends the thread when all that is queued is done.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    announcer: Arc<Announcer>,
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
        let next_seq = next_seq(&connection)?;
        let announcer = Arc::new(Announcer::default());
        let work = WriterThread {
            connection,
            window,
            next_seq,
            announcer: Arc::clone(&announcer),
            nudge,
            nudged: Instant::now(),
            log_is_copied,
            _lock: lock,
        };
        let threads = vec![
            spawn("sqlite-writer", move || work.run(queue))?,
            spawn("sqlite-checkpoint", move || make_checkpoints(&for_checkpoints, &nudges, &copied))?,
        ];
        Ok(Self { jobs: Some(jobs), announcer, threads })
    }

    /// Who is told what was committed.
    pub(super) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// Writes, and returns when it is committed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let stopped = || StoreError::failed("the thread that writes has ended");
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(Box::new(Task { work, result: None, reply })).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::unavailable("too many writes are waiting"),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        // It ended with this write in its hands: before the commit, or after it.
        answer.await.unwrap_or_else(|_| Err(stopped().after_sending()))
    }

    /// Whether the thread is there.
    pub(super) fn is_alive(&self) -> Result<(), StoreError> {
        match &self.jobs {
            Some(jobs) if !jobs.is_closed() => Ok(()),
            _ => Err(StoreError::failed("the thread that writes has ended")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic in it was reported when it happened.
            drop(thread.join());
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|error| StoreError::failed("no thread can be started").because(error))
}

struct WriterThread {
    connection: Connection,
    window: u64,
    /// The place that the next notification takes.
    next_seq: i64,
    announcer: Arc<Announcer>,
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
            self.write(&mut jobs);
            self.tend_log();
        }
        drop(self.connection.execute_batch("PRAGMA optimize"));
    }

    fn write(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        match self.commit(jobs) {
            Ok(changes) => {
                jobs.drain(..).for_each(|job| job.answer(Ok(())));
                self.announcer.announce(changes);
                return;
            }
            // Another process keeps the file. To wait for it once more with each job would take for ever.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                jobs.drain(..).for_each(|job| job.answer(Err(locked())));
                return;
            }
            // One of them cannot be done; it must not take the others along.
            Err(_) => {}
        }
        for mut job in jobs.drain(..) {
            let committed = self.commit(std::slice::from_mut(&mut job));
            let changes = committed.map(|changes| self.announcer.announce(changes));
            job.answer(changes.map_err(StoreError::from));
        }
    }

    /// Does all of these and commits, and returns what changed; or takes everything back.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<Vec<Change>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        let mut batch = Batch::new(&self.connection, self.window, self.next_seq);
        let done = jobs.iter_mut().try_for_each(|job| job.run(&mut batch)).and_then(|()| batch.finish());
        let committed = done.and_then(|done| {
            self.connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(done)
        });
        match committed {
            Ok((next_seq, changes)) => {
                self.next_seq = next_seq;
                Ok(changes)
            }
            Err(error) => {
                // SQLite has rolled back by itself after some failures.
                if !self.connection.is_autocommit() {
                    drop(self.connection.execute_batch("ROLLBACK"));
                }
                Err(error)
            }
        }
    }

    /// Wakes the thread that copies the log, and begins the log anew when all of it is copied.
    /// Only the end of the log is left to copy then, so this holds up nobody for long.
    fn tend_log(&mut self) {
        if self.nudged.elapsed() > CHECKPOINT_INTERVAL {
            self.nudged = Instant::now();
            let _ = self.nudge.try_send(());
        }
        if self.log_is_copied.swap(false, Ordering::Relaxed) {
            // Without waiting for readers: if there is one in the old log, it is tried again.
            let begun = self.connection.execute_batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(RESTART)");
            // However that ended: a write waits for another process that has the file, such as `campanile key`.
            let begun = self.connection.busy_timeout(BUSY_TIMEOUT).and(begun);
            if let Err(error) = begun {
                tracing::debug!(%error, "the log could not be begun anew");
            }
        }
    }
}

/// Copies the log into the database beside the thread that writes, which goes on meanwhile.
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
