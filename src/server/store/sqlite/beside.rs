//! How a command writes to a file that a server may be using at the same time.

use std::{
    cmp::Ordering,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    SqliteOptions,
    connection::{lock, lock_file, on_a_thread, open_beside, schema},
    credentials::Connections,
    words::about,
};
use crate::server::store::{Schema, StoreError};

/// How long a starting server may take to bring the tables up to date.
const BEGINNING: Duration = Duration::from_secs(5);

/// Credentials in a SQLite file, for another process than the server's: it locks the file only while it writes, so both
/// go on.
pub struct SqliteCredentials {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteCredentials {
    /// Opens the file; `None` when the file or its tables do not exist. It creates neither, and changes no existing
    /// tables: a server of another version may be using them.
    ///
    /// # Errors
    /// One sentence when the file cannot be used, or another version made it.
    pub fn open(options: &SqliteOptions) -> Result<Option<Self>, StoreError> {
        if !has_tables(&options.path)? {
            return Ok(None);
        }
        let connection = open_beside(options, wait)?;
        Ok(Some(Self { connection: Arc::new(Mutex::new(connection)) }))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        on_a_thread(move || {
            // A transaction that a panic left open is rolled back, so the connection is as good as before.
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

/// Whether to try once more for a file that is being written to. A busy server releases it for moments only, so this
/// tries often, and at varying times: for some twenty seconds.
fn wait(times: i32) -> bool {
    std::thread::sleep(Duration::from_millis(2 + u64::from(times.unsigned_abs() % 7)));
    times < 4_000
}

/// Whether the file has the tables that this program knows. It waits for a server that is creating them.
fn has_tables(path: &Path) -> Result<bool, StoreError> {
    let began = Instant::now();
    loop {
        let Schema { applied, known } = schema(path)?;
        match applied.cmp(&known) {
            Ordering::Equal => return Ok(true),
            Ordering::Greater => {
                return Err(about(path, "was made by a newer Campanile. Use that one for its keys too."));
            }
            Ordering::Less => {}
        }
        // A starting server takes the lock before it creates anything.
        let is_being_made = lock_file(path).exists() && is_unavailable(lock(path))?;
        if is_being_made && began.elapsed() < BEGINNING {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        // It may have finished between the two checks.
        if schema(path)?.applied < known {
            if applied == 0 {
                return Ok(false);
            }
            let why = "was made by an older Campanile. Stop that if it runs, and then: campanile migrate.";
            return Err(about(path, why));
        }
    }
}

/// Whether another process has the lock.
fn is_unavailable<T>(had: Result<T, StoreError>) -> Result<bool, StoreError> {
    match had {
        Ok(_) => Ok(false),
        Err(StoreError::Unavailable { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}
