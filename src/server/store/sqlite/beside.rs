//! How a command writes to a file that a server may be using at the same moment.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    SqliteOptions,
    connection::{about, lock, on_a_thread, open_beside, open_for_writing, schema},
    credentials::Connections,
};
use crate::server::store::{Schema, StoreError};

/// How long a server that begins may take to bring the tables up to date.
const BEGINNING: Duration = Duration::from_secs(5);

/// What proves who somebody is, in a SQLite file, for another process than the server's: it takes no
/// lock but for the moment of a write, so both go on.
pub struct SqliteCredentials {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteCredentials {
    /// Opens the file, and makes it when it is missing. It changes no tables that are there: a server
    /// of another version may be using them.
    ///
    /// # Errors
    /// One sentence when the file cannot be used, or was made by another version.
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        wait_for_tables(options)?;
        let connection = open_beside(options, wait)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        on_a_thread(move || {
            // What a panic left open is rolled back, so the connection is as good as before.
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(work(&connection)?)
        })
        .await
    }
}

impl Connections for SqliteCredentials {
    async fn read<T: Send + 'static>(
        &self,
        _is_small: bool,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(read).await
    }

    async fn write<T: Send + 'static>(
        &self,
        mut write: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = move |connection: &Connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        };
        self.with(work).await
    }
}

/// Whether to ask once more for a file that is being written to. A busy server lets go of it for
/// moments only, so it is asked for often, and not in step: for some twenty seconds.
fn wait(times: i32) -> bool {
    std::thread::sleep(Duration::from_millis(2 + u64::from(times.unsigned_abs() % 7)));
    times < 4_000
}

/// Returns when the file has the tables that this program knows: makes them where there are none, and
/// waits for a server that is making them.
fn wait_for_tables(options: &SqliteOptions) -> Result<(), StoreError> {
    let (path, began) = (&options.path, Instant::now());
    loop {
        let Schema { applied, known } = schema(path)?;
        let made = match applied.cmp(&known) {
            Ordering::Equal => return Ok(()),
            Ordering::Greater => {
                return Err(about(path, "was made by a newer Campanile. Use that one for its keys too."));
            }
            Ordering::Less if applied > 0 => lock(path).map(drop),
            Ordering::Less => open_for_writing(options).map(drop),
        };
        match made {
            Err(StoreError::Unavailable { .. }) if began.elapsed() < BEGINNING => {
                std::thread::sleep(Duration::from_millis(20));
            }
            // Nobody is at it, or a server of that version.
            _ if applied > 0 && schema(path)?.applied < known => {
                let why = "was made by an older Campanile. Stop that if it runs, and then: campanile migrate.";
                return Err(about(path, why));
            }
            made => made?,
        }
    }
}
