//! The commands other than `serve`: they maintain the store, create keys, and test channels.

mod check;
mod key;
mod send_test;
mod transfer;

use std::path::Path;

use anyhow::{Result, bail};

pub use check::check;
pub use key::{MadeKey, NewKey, create_key, list_keys, revoke_key};
pub use send_test::{send_test_mail, send_test_push};
pub use transfer::{Imported, export, import};

use super::{
    config::{Settings, StoreUrl},
    store::{PostgresStore, SqliteStore},
    stores::{Stores, refusal},
};
use crate::model::Timestamp;

/// Brings the tables of the store up to date, and returns a sentence about their version before.
///
/// # Errors
/// One sentence about the failure.
pub async fn migrate(settings: &Settings) -> Result<String> {
    let before = match &settings.store {
        StoreUrl::Memory => bail!("store: memory: has no tables. Name another store."),
        StoreUrl::Sqlite(path) => {
            let before = SqliteStore::schema(path).map_err(refusal)?;
            drop(Stores::open(settings, Timestamp::EPOCH).await?);
            before
        }
        // Other servers may bring them up to date at the same time, so this counts only its own changes.
        StoreUrl::Postgres(url) => PostgresStore::migrate(url).await.map_err(refusal)?,
    };
    Ok(match before.known - before.applied {
        0 => format!("{} is up to date, at version {}.", settings.store, before.known),
        _ => format!(
            "The tables of {} were brought from version {} to {}.",
            settings.store, before.applied, before.known
        ),
    })
}

/// Copies the present state of a SQLite store to a new file, while a server may be using it.
///
/// # Errors
/// One sentence about the failure.
pub fn back_up(settings: &Settings, copy: &Path) -> Result<()> {
    match &settings.store {
        StoreUrl::Sqlite(path) => SqliteStore::back_up(path, copy).map_err(refusal),
        StoreUrl::Postgres(_) => bail!("store: PostgreSQL brings its own backup: pg_dump, or pg_basebackup."),
        StoreUrl::Memory => bail!("store: memory: has nothing to back up."),
    }
}
