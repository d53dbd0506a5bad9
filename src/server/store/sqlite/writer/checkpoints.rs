//! The thread that copies the log into the database, while the thread that writes goes on.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::server::store::{
    StoreError,
    sqlite::connection::{BUSY_TIMEOUT, open_for_checkpoints},
};

/// How often the log is copied into the database while there is something to copy.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// A log of at least this many pages (16 MiB) is begun anew as soon as all of it is copied.
const LONG_LOG: i64 = 4_096;

/// The checkpoints, as the thread that writes sees them.
pub(super) struct Checkpoints {
    nudge: SyncSender<()>,
    nudged: Instant,
    log_is_copied: Arc<AtomicBool>,
}

impl Checkpoints {
    /// The checkpoints of this file, and the work of their thread, which ends after they are dropped.
    pub(super) fn of(path: &Path) -> Result<(Self, impl FnOnce() + Send + use<>), StoreError> {
        let connection = open_for_checkpoints(path)?;
        let (nudge, nudges) = sync_channel(1);
        let log_is_copied = Arc::new(AtomicBool::new(false));
        let copied = Arc::clone(&log_is_copied);
        let checkpoints = Self { nudge, nudged: Instant::now(), log_is_copied };
        Ok((checkpoints, move || make_checkpoints(&connection, &nudges, &copied)))
    }

    /// Wakes the thread that copies the log, and begins the log anew when all of it is copied. Only the end of the log
    /// is left to copy then, so this delays no write for long.
    pub(super) fn tend(&mut self, writer: &Connection) {
        if self.nudged.elapsed() > CHECKPOINT_INTERVAL {
            self.nudged = Instant::now();
            let _ = self.nudge.try_send(());
        }
        if self.log_is_copied.swap(false, Ordering::Relaxed) {
            // Without waiting for readers: if one uses the old log, this is tried again.
            let begun = writer.execute_batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(RESTART)");
            // Whatever the outcome: a write waits for another process that has the file, such as `campanile key`.
            let begun = writer.busy_timeout(BUSY_TIMEOUT).and(begun);
            if let Err(error) = begun {
                tracing::debug!(%error, "the write-ahead log could not be restarted");
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
