//! Checks whether a store could be created where there is none yet.

use std::{
    fs::{self, OpenOptions},
    hash::{BuildHasher, RandomState},
    path::Path,
    process,
};

use rustix::fs::Access;

use super::{
    SqliteOptions,
    connection::{lock_file, open_for_writing},
    words::{about, not_writable},
};
use crate::server::store::StoreError;

/// Checks whether a store could be created at this path. Only creating one shows that: nothing else tests rights, room,
/// locks and shared memory. So one is created in the nearest existing folder of the path, under a name of its own, and
/// removed.
///
/// # Errors
/// The error that opening a store at the path would have.
pub(super) fn can_be_made(path: &Path) -> Result<(), StoreError> {
    let folders = path.ancestors().skip(1).map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
    let Some(folder) = folders.into_iter().find(|folder| folder.exists()) else { return Ok(()) };
    if !folder.is_dir() {
        return Err(about(
            path,
            format!("cannot be made, since {} is no folder. Name another file.", folder.display()),
        ));
    }
    // Processes in containers share process numbers, and others may write to the folder too.
    let random = RandomState::new().hash_one(process::id());
    let probe = folder.join(format!(".campanile-check-{random:016x}"));
    let made = open_for_writing(&SqliteOptions::new(&probe)).map(drop);
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut file = probe.clone().into_os_string();
        file.push(end);
        drop(fs::remove_file(file));
    }
    drop(fs::remove_file(lock_file(&probe)));
    let of_path = |why: String| why.replace(&probe.display().to_string(), &path.display().to_string());
    made.map_err(|error| match error {
        StoreError::Unavailable { why, .. } => StoreError::unavailable(of_path(why)),
        StoreError::Failed { why, .. } | StoreError::Unknown { why, .. } => StoreError::failed(of_path(why)),
    })
}

/// Checks whether the store at this path could be opened for writing, as far as its modes tell: a server may be using
/// it.
///
/// # Errors
/// The error that opening it would have.
pub(super) fn can_be_written(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new().read(true).append(true).open(path).map_err(|error| not_writable(path, &error))?;
    // SQLite creates files beside it, and Campanile a lock file.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let allowed = rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK);
    allowed.map_err(|error| not_writable(folder, &error.into()))
}
