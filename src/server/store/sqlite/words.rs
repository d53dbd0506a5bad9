//! Explains why a file cannot be used.

use std::path::Path;

use crate::server::store::StoreError;

/// An error about a file, as one sentence.
pub(super) fn about(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::failed(format!("{} {why}", path.display()))
}

/// The error for a file that the system does not let us write to.
pub(super) fn not_writable(path: &Path, error: &std::io::Error) -> StoreError {
    about(path, format!("cannot be written: {error}. Is it readable and writable by this user?"))
}

/// Explains SQLite's error for a file that cannot be used.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => about(path, "is not a SQLite database. Give another file."),
        Some(ErrorCode::DatabaseCorrupt) => about(path, "is damaged. Restore it from a backup."),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            about(path, "cannot be written. Make it and its folder writable for this user.")
        }
        Some(ErrorCode::DiskFull) => about(path, "cannot grow: the disk is full."),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => about(path, "is locked by another program."),
        Some(ErrorCode::SystemIoFailure) => match lacking(error) {
            // Shared memory is a file too, and SQLite does not report that there was no room for it.
            Some(_) if is_full(path) => about(path, "cannot be used: the disk is full. Make room."),
            Some(what) => unfit(path, what),
            None => about(path, format!("cannot be used: {error}.")),
        },
        _ => about(path, format!("cannot be used: {error}.")),
    }
}

/// The feature that the file system lacks, when that is why SQLite failed.
fn lacking(error: &rusqlite::Error) -> Option<&'static str> {
    use rusqlite::ffi;
    match error.sqlite_extended_error_code()? {
        ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP => {
            Some("shared memory (mmap)")
        }
        ffi::SQLITE_IOERR_LOCK
        | ffi::SQLITE_IOERR_RDLOCK
        | ffi::SQLITE_IOERR_UNLOCK
        | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
        | ffi::SQLITE_IOERR_SHMLOCK => Some("locks"),
        _ => None,
    }
}

/// Whether there is no room where this file is, or will be.
fn is_full(path: &Path) -> bool {
    /// The size of SQLite's shared memory, which it takes at once.
    const NEEDED: u64 = 32 * 1024;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::statvfs(folder).is_ok_and(|system| system.f_bavail.saturating_mul(system.f_frsize) < NEEDED)
}

/// The error for a file in a place where SQLite cannot work.
pub(super) fn unfit(path: &Path, what: &str) -> StoreError {
    about(
        path,
        format!(
            "cannot be used: its file system has no {what}, which SQLite needs and network file systems often lack. Put \
             the store on a local disk, with --store sqlite:FILE, or use PostgreSQL."
        ),
    )
}
