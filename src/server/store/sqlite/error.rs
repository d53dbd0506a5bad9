//! The meaning of SQLite's errors.

use rusqlite::{Error, ErrorCode};

use crate::server::store::StoreError;

impl From<Error> for StoreError {
    /// SQLite's own messages name tables and columns, and never contain stored data.
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked().because(error),
            // The store goes on by itself once there is room again.
            Some(ErrorCode::DiskFull) => Self::unavailable("the disk is full").because(error),
            // Caused, for example, by a limit on the size of files. The file can be written again when that is lifted.
            Some(ErrorCode::SystemIoFailure) if could_not_write(&error) => {
                Self::unavailable("its file cannot be written").because(error)
            }
            _ => Self::failed("SQLite failed").because(error),
        }
    }
}

/// The meaning of a failure to commit: the log may have all of it although the disk reports that it could not be
/// flushed.
pub(super) fn of_commit(error: Error) -> StoreError {
    let is_certain = error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure);
    let error = StoreError::from(error);
    if is_certain { error } else { error.after_sending() }
}

/// Whether the system kept SQLite from writing to one of its files.
pub(super) fn could_not_write(error: &Error) -> bool {
    use rusqlite::ffi;
    let why = error.sqlite_extended_error_code();
    matches!(why, Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE | ffi::SQLITE_IOERR_SHMSIZE))
}

/// Another process writes to the file for longer than a write waits.
pub(super) fn locked() -> StoreError {
    StoreError::unavailable("it is locked")
}
