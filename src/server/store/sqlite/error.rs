//! What SQLite's failures mean to whoever asked.

use rusqlite::ErrorCode;

use crate::server::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    /// SQLite's own sentences name tables and columns, and never what is in them.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked(),
            Some(ErrorCode::DiskFull) => Self::Unavailable("the disk is full".to_owned()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Another process is writing to the file, for longer than anybody waits.
pub(super) fn locked() -> StoreError {
    StoreError::Unavailable("it is locked".to_owned())
}
