//! Opens the file, once for writing and as often as needed for reading.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use refinery::Migration;
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    SqliteOptions,
    origin::assert_ours,
    words::{about, explain, not_writable, unfit},
};
use crate::server::{
    store::{Schema, StoreError},
    workshop::{Broken, Workshop},
};

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// SQLite before this version can damage a database in WAL mode that has several connections.
const MIN_SQLITE: i32 = 3_051_003;
/// `ENOLCK` of Linux: the file system has no locks, such as NFS without its lock manager.
const NO_LOCKS: i32 = 37;
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 128;
/// How long a connection waits for another process that uses the file, such as `sqlite3`.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file for writing, with its tables up to date. The lock that it returns keeps other processes away while it
/// is held.
pub(super) fn open_for_writing(options: &SqliteOptions) -> Result<(Connection, File), StoreError> {
    assert_version()?;
    let path = &options.path;
    if path.exists() {
        // Before anything is changed in it or beside it.
        assert_ours(path, &open_for_reading(path)?, &known())?;
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| about(folder, format!("cannot be made: {error}.")))?;
    }
    let lock = lock(path)?;
    // SQLite gives the files that it creates beside this one the same permissions.
    let made = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    made.map_err(|error| not_writable(path, &error))?;
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    set_up(&connection, options).map_err(|error| explain(path, &error))?;
    migrate(path, &mut connection)?;
    connection.execute_batch("PRAGMA optimize = 0x10002").map_err(|error| explain(path, &error))?;
    Ok((connection, lock))
}

fn assert_version() -> Result<(), StoreError> {
    if rusqlite::version_number() >= MIN_SQLITE {
        return Ok(());
    }
    let version = rusqlite::version();
    Err(StoreError::failed(format!("SQLite {version} can damage databases; build Campanile with 3.51.3 or later.")))
}

/// Locks the store for one process at a time. The lock is on a file of its own, because closing any handle of a
/// database file would release SQLite's own locks.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let name = lock_file(path);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name);
    let file = file.map_err(|error| {
        let advice = "Make its folder writable for this user, or name another file with --store sqlite:FILE.";
        about(&name, format!("cannot be made: {error}. {advice}"))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let path = path.display();
            Err(StoreError::unavailable(format!(
                "{path} is in use by another Campanile. Stop that one, or give this one another file with --store \
                 sqlite:PATH."
            )))
        }
        // Among them ENOLCK, which has no `ErrorKind`.
        Err(TryLockError::Error(error))
            if error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(NO_LOCKS) =>
        {
            Err(unfit(path, "locks"))
        }
        Err(TryLockError::Error(error)) => Err(about(&name, format!("cannot be locked: {error}."))),
    }
}

/// The lock file beside the database.
pub(super) fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn flags(mode: OpenFlags) -> OpenFlags {
    mode | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn set_up(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    touch(connection)?;
    set_sync(connection, options)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(max_bytes) = options.max_bytes {
        let page_size: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        connection.pragma_update(None, "max_page_count", (max_bytes / page_size).max(1))?;
    }
    Ok(())
}

/// Reads every kind of file of the database. Only then does SQLite do what a file system may not support: it locks the
/// file, and shares memory with other processes that have it open.
fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
}

/// Has statements prepared once. Without this guarantee SQLite plans some of them again for each value, which costs
/// more than to run them.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    use refinery::error::Kind;
    let done = migrations::migrations::runner().run(connection);
    done.map(drop).map_err(|error| match error.kind() {
        Kind::MissingVersion(_) => about(path, "was made by a newer Campanile. Use that one, or restore a backup."),
        _ => about(path, format!("cannot be brought up to date: {error}.")),
    })
}

/// The migrations that this release knows.
pub(super) fn known() -> Vec<Migration> {
    migrations::migrations::runner().get_migrations().clone()
}

pub(super) fn schema(path: &Path) -> Result<Schema, StoreError> {
    let newest = known().iter().map(Migration::version).max();
    let mut schema = Schema { applied: 0, known: newest.unwrap_or(0) };
    if path.exists() {
        let connection = open_for_reading(path)?;
        assert_ours(path, &connection, &known())?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
        let has_history: bool =
            connection.query_row(sql, (), |row| row.get(0)).map_err(|error| explain(path, &error))?;
        if has_history {
            let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
            schema.applied = connection.query_row(sql, (), |row| row.get(0)).map_err(|error| explain(path, &error))?;
        }
    }
    Ok(schema)
}

pub(super) fn back_up(path: &Path, copy: &Path) -> Result<(), StoreError> {
    let connection = open_for_reading(path)?;
    assert_ours(path, &connection, &known())?;
    // Created here so that only the owner can read it; VACUUM INTO accepts an empty file.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy);
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => about(copy, "exists, and a backup overwrites nothing. Name another file."),
        _ => about(copy, format!("cannot be made: {error}.")),
    })?;
    let done = connection
        .pragma_update(None, "query_only", false)
        .and_then(|()| connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]));
    done.map(drop).map_err(|error| {
        drop(std::fs::remove_file(copy));
        explain(copy, &error)
    })
}

/// Opens the file for reading. It sees the last commit of the writer.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(about(path, "does not exist."));
    }
    // Opened read-write, because a reader takes part in the bookkeeping of the WAL.
    let open = || {
        let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        keep_statements(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -8_192)?;
        Ok(connection)
    };
    open().map_err(|error| explain(path, &error))
}

/// Runs work on a thread where it delays no other task.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::failed("it was cut off").because(error)))
}

/// The connections that read, as many as are in use at once.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Whether a reader met data that SQLite cannot have written.
    is_damaged: AtomicBool,
    /// The threads for large reads.
    large: Workshop,
}

impl Readers {
    /// Reads of up to this many rows run on the caller's thread: another thread would cost more.
    pub(super) const SMALL: usize = 100;
    /// The most connections that are kept open when there are no reads.
    const MOST_IDLE: usize = 16;
    /// How many large reads run at once. Each may hold a whole page, and the disk would not serve more of them faster.
    const MOST_LARGE: usize = 4;

    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            is_damaged: AtomicBool::new(false),
            large: Workshop::with_places(Self::MOST_LARGE),
        }
    }

    /// Reads, at once when the read is small, else on a thread where it delays no other task.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        is_small: bool,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        if is_small {
            return self.with(read);
        }
        let readers = Arc::clone(self);
        let done = self.large.run(move || readers.with(read)).await;
        done.unwrap_or_else(|Broken| Err(StoreError::failed("a read was cut off")))
    }

    /// Whether the file was intact wherever it was read.
    pub(super) fn are_well(&self) -> Result<(), StoreError> {
        if self.is_damaged.load(Ordering::Relaxed) {
            return Err(about(&self.path, "is damaged. Restore it from a backup."));
        }
        Ok(())
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open_for_reading(&self.path), Ok)?;
        // A connection that failed is closed and not used again.
        let value = read(&connection).inspect_err(|error| {
            use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
            if matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) {
                self.is_damaged.store(true, Ordering::Relaxed);
            }
        })?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < Self::MOST_IDLE {
            idle.push(connection);
        }
        Ok(value)
    }
}

/// Opens the file for a few small writes, beside other processes that write to it.
pub(super) fn open_beside(options: &SqliteOptions, wait: fn(i32) -> bool) -> Result<Connection, StoreError> {
    assert_version()?;
    let open = || {
        let mut connection = Connection::open_with_flags(&options.path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        connection.busy_handler(Some(wait))?;
        set_sync(&connection, options)?;
        Ok(connection)
    };
    open().map_err(|error| explain(&options.path, &error))
}

/// Sets when a write is on the disk, and leaves copying the log to the thread in `writer/checkpoints.rs`.
fn set_sync(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", if options.full_sync { "FULL" } else { "NORMAL" })?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)
}

/// Opens the file to copy its log into it.
pub(super) fn open_for_checkpoints(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    };
    open().map_err(|error| explain(path, &error))
}
