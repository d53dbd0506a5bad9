//! What SQLite's failures mean to the caller.

use rusqlite::{Error, ErrorCode};

use crate::server::store::StoreError;

impl From<Error> for StoreError {
    /// SQLite's own sentences name tables and columns, and never what is in them.
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked().because(error),
            // It has room again when something else makes it, and then goes on by itself.
            Some(ErrorCode::DiskFull) => Self::unavailable("the disk is full").because(error),
            // As by a limit on the size of files. It can be written again when that is lifted.
            Some(ErrorCode::SystemIoFailure) if could_not_write(&error) => {
                Self::unavailable("its file cannot be written").because(error)
            }
            _ => Self::failed("SQLite failed").because(error),
        }
    }
}

/// Whether the system did not let SQLite write to one of its files.
pub(super) fn could_not_write(error: &Error) -> bool {
    use rusqlite::ffi;
    let why = error.sqlite_extended_error_code();
    matches!(why, Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE | ffi::SQLITE_IOERR_SHMSIZE))
}

/// Another process is writing to the file, for longer than a write waits.
pub(super) fn locked() -> StoreError {
    StoreError::unavailable("it is locked")
}
