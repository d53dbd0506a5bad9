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
            _ => Self::failed("SQLite failed").because(error),
        }
    }
}

/// Another process is writing to the file, for longer than a write waits.
pub(super) fn locked() -> StoreError {
    StoreError::unavailable("it is locked")
}
