//! What the command does beside serving: it looks after the store, and makes keys.

mod check;
mod key;
mod transfer;

use std::{path::Path, sync::Arc};

use anyhow::{Result, bail};

pub use check::check;
pub use key::{MadeKey, NewKey, create_key, list_keys, revoke_key};
pub use transfer::{Imported, export, import};

use super::{
    clock::{Clock, SystemClock},
    config::{BusUrl, Settings, SqliteSync, StoreUrl},
    live::{Bus, Local, Nats},
    service::NotificationService,
    store::{
        Credentials, MemoryStore, PostgresOptions, PostgresStore, PostgresTransfer, Schema, SqliteCredentials,
        SqliteOptions, SqliteStore, SqliteTransfer, Store, Transfer,
    },
};
use crate::model::Timestamp;

/// One store, as those see it who keep notifications, and those who ask who somebody is.
struct Opened {
    store: Arc<dyn Store>,
    credentials: Arc<dyn Credentials>,
}

impl Opened {
    fn new<S: Store + Credentials>(store: S) -> Self {
        let store = Arc::new(store);
        Self { store: Arc::<S>::clone(&store), credentials: store }
    }
}

impl Settings {
    /// Opens the store that the settings name, with its tables up to date.
    ///
    /// # Errors
    /// One sentence about why it cannot be had.
    async fn open_store(&self, started: Timestamp) -> Result<Opened> {
        Ok(match &self.store {
            StoreUrl::Memory => Opened::new(MemoryStore::new(self.window, started)),
            StoreUrl::Sqlite(path) => Opened::new(SqliteStore::open(&self.sqlite(path))?),
            StoreUrl::Postgres(url) => Opened::new(PostgresStore::open(&self.postgres(url)).await?),
        })
    }

    /// Opens what proves who somebody is, beside a server that may be using the same store.
    ///
    /// # Errors
    /// One sentence about why it cannot be had.
    pub async fn open_credentials(&self) -> Result<Arc<dyn Credentials>> {
        Ok(match &self.store {
            StoreUrl::Memory => bail!(
                "store: memory: ends with this command, and a key in it too. Name the store of your server, such as \
                 --store sqlite:data/campanile.db."
            ),
            StoreUrl::Sqlite(path) => Arc::new(SqliteCredentials::open(&self.sqlite(path))?),
            StoreUrl::Postgres(url) => {
                // Servers of another version may be using the tables that are there.
                let Schema { applied, known } = PostgresStore::schema(url).await?;
                if (1..known).contains(&applied) {
                    bail!("store: made by an older Campanile. Bring it up to date first: campanile migrate.");
                }
                Arc::new(PostgresStore::open(&self.postgres(url)).await?)
            }
        })
    }

    /// Opens the service that the settings describe, as [`Self::open`] does.
    ///
    /// # Errors
    /// One sentence about what cannot be had.
    pub async fn open_service(&self) -> Result<NotificationService> {
        self.open().await.map(|(service, _)| service)
    }

    /// Opens the service that the settings describe, with its store and its bus, and what the same
    /// store knows of who somebody is.
    ///
    /// # Errors
    /// One sentence about what cannot be had.
    pub async fn open(&self) -> Result<(NotificationService, Arc<dyn Credentials>)> {
        let Opened { store, credentials } = self.open_store(SystemClock.now()).await?;
        let bus: Arc<dyn Bus> = match &self.bus {
            BusUrl::Local => Arc::new(Local),
            BusUrl::Nats(urls) => Arc::new(Nats::connect(urls, &self.bus_prefix).await.map_err(anyhow::Error::msg)?),
        };
        let service = NotificationService::on_bus(store, SystemClock, bus);
        if self.bus != BusUrl::Local {
            // Others listen, whether anybody does here or not.
            service.keep_up();
        }
        let service = service.batch_max(self.batch_max).max_age(self.max_age).limit_recipients(self.limit_recipient);
        Ok((service, credentials))
    }

    /// The store that the settings name, for moving everything out of it or into it.
    fn transfer(&self) -> Result<Box<dyn Transfer>> {
        Ok(match &self.store {
            StoreUrl::Memory => bail!("store: memory: cannot be moved, only its server knows what is in it."),
            StoreUrl::Sqlite(path) => Box::new(SqliteTransfer(self.sqlite(path))),
            StoreUrl::Postgres(url) => Box::new(PostgresTransfer(self.postgres(url))),
        })
    }

    fn sqlite(&self, path: &Path) -> SqliteOptions {
        SqliteOptions {
            window: self.window,
            full_sync: self.sqlite_sync == SqliteSync::Full,
            queue: self.sqlite_queue,
            ..SqliteOptions::new(path)
        }
    }

    fn postgres(&self, url: &str) -> PostgresOptions {
        PostgresOptions { url: url.to_owned(), window: self.window, connections: self.postgres_connections }
    }
}

/// Brings the tables of the store up to date and says what they were.
///
/// # Errors
/// One sentence about why they cannot be.
pub async fn migrate(settings: &Settings) -> Result<String> {
    let before = match &settings.store {
        StoreUrl::Memory => bail!("store: memory: has no tables. Name another store."),
        StoreUrl::Sqlite(path) => SqliteStore::schema(path)?,
        StoreUrl::Postgres(url) => PostgresStore::schema(url).await?,
    };
    drop(settings.open_store(Timestamp::new(chrono::DateTime::UNIX_EPOCH)).await?);
    Ok(match before.known - before.applied {
        0 => format!("{} is up to date, at version {}.", settings.store, before.known),
        _ => format!("{} went from version {} to {}.", settings.store, before.applied, before.known),
    })
}

/// Copies a SQLite store as it is at this moment to a new file, while a server may be using it.
///
/// # Errors
/// One sentence about why it cannot be done.
pub fn back_up(settings: &Settings, copy: &Path) -> Result<()> {
    match &settings.store {
        StoreUrl::Sqlite(path) => Ok(SqliteStore::back_up(path, copy)?),
        StoreUrl::Postgres(_) => bail!("store: PostgreSQL brings its own backup: pg_dump, or pg_basebackup."),
        StoreUrl::Memory => bail!("store: memory: has nothing to back up."),
    }
}
