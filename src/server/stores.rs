//! Opens the store of a URL, for each part of the server.

use std::{path::Path, sync::Arc};

use anyhow::{Result, anyhow, bail};

use super::{
    config::{Settings, SqliteSync, StoreUrl},
    delivery::DeliveryStores,
    store::{
        Credentials, Deliveries, Forget, MemoryStore, Outbox, PostgresOptions, PostgresStore, PostgresTransfer,
        Profiles, Schema, Secrets, SqliteCredentials, SqliteOptions, SqliteStore, SqliteTransfer, Store, StoreError,
        Transfer, Webhooks,
    },
};
use crate::model::Timestamp;

/// One store, as seen by the service, by authentication and by delivery.
#[derive(Clone)]
pub struct Stores {
    /// Notifications, in the inboxes of their users.
    pub inboxes: Arc<dyn Store>,
    /// Keys, sessions and tickets.
    pub credentials: Arc<dyn Credentials>,
    /// The store, as delivery uses it.
    pub delivery: DeliveryStores,
}

impl Stores {
    /// Uses a single store for all parts.
    pub fn of<S: Store + Credentials + Webhooks + Outbox + Deliveries + Profiles + Secrets + Forget>(store: S) -> Self {
        let store = Arc::new(store);
        let delivery = DeliveryStores {
            inboxes: Arc::<S>::clone(&store),
            webhooks: Arc::<S>::clone(&store),
            outbox: Arc::<S>::clone(&store),
            deliveries: Arc::<S>::clone(&store),
            contacts: Arc::<S>::clone(&store),
            wishes: Arc::<S>::clone(&store),
            profiles: Arc::<S>::clone(&store),
            secrets: Arc::<S>::clone(&store),
            forget: Arc::<S>::clone(&store),
        };
        Self { inboxes: Arc::<S>::clone(&store), credentials: store, delivery }
    }

    /// Opens the store that the settings name, and updates its tables. A store in memory begins at `started`.
    ///
    /// # Errors
    /// One sentence about the obstacle.
    pub async fn open(settings: &Settings, started: Timestamp) -> Result<Self> {
        Ok(match &settings.store {
            StoreUrl::Memory => Self::of(MemoryStore::new(settings.window, started)),
            StoreUrl::Sqlite(path) => Self::of(SqliteStore::open(&sqlite(settings, path)).map_err(refusal)?),
            StoreUrl::Postgres(url) => Self::of(PostgresStore::open(&postgres(settings, url)).await.map_err(refusal)?),
        })
    }
}

/// The error of a store as a command prints it: a store's sentence about what the operator asked for needs no preface
/// that the store failed.
pub(super) fn refusal(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Failed { why, cause: None } => anyhow!(why),
        other => other.into(),
    }
}

/// Opens the credentials of a store that a running server may also be using. A missing store is not created: a key in
/// it would be useless.
///
/// # Errors
/// One sentence about the obstacle.
pub(super) async fn open_credentials(settings: &Settings) -> Result<Arc<dyn Credentials>> {
    let store = settings.store.absolute();
    let no_store = || {
        anyhow!(
            "store: there is no store at {store}. Name the one of your server with --store; where no server has started \
             yet, make it with `campanile migrate`."
        )
    };
    Ok(match &settings.store {
        StoreUrl::Memory => bail!(
            "store: memory: ends with this command, and a key in it too. Name the store of your server, such as \
             --store sqlite:data/campanile.db."
        ),
        StoreUrl::Sqlite(path) => {
            let opened = SqliteCredentials::open(&sqlite(settings, path)).map_err(refusal)?;
            Arc::new(opened.ok_or_else(no_store)?)
        }
        StoreUrl::Postgres(url) => {
            let Schema { applied, known } = PostgresStore::schema(url).await.map_err(refusal)?;
            if applied == 0 {
                return Err(no_store());
            }
            // Servers of another version may be using the existing tables.
            if applied < known {
                bail!("store: made by an older Campanile. Bring it up to date first: campanile migrate.");
            }
            Arc::new(PostgresStore::open(&postgres(settings, url)).await.map_err(refusal)?)
        }
    })
}

/// The store that the settings name, for export or import.
///
/// # Errors
/// One sentence about a store that cannot be moved.
pub(super) fn transfer(settings: &Settings) -> Result<Box<dyn Transfer>> {
    Ok(match &settings.store {
        StoreUrl::Memory => bail!(
            "store: memory: is in the memory of its server, and cannot be exported or imported. Use sqlite:FILE or postgres://…"
        ),
        StoreUrl::Sqlite(path) => Box::new(SqliteTransfer(sqlite(settings, path))),
        StoreUrl::Postgres(url) => Box::new(PostgresTransfer(postgres(settings, url))),
    })
}

fn sqlite(settings: &Settings, path: &Path) -> SqliteOptions {
    SqliteOptions {
        window: settings.window,
        full_sync: settings.sqlite_sync == SqliteSync::Full,
        queue: settings.sqlite_queue,
        ..SqliteOptions::new(path)
    }
}

fn postgres(settings: &Settings, url: &str) -> PostgresOptions {
    PostgresOptions { url: url.to_owned(), window: settings.window, connections: settings.postgres_connections }
}
