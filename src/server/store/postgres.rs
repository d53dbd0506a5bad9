//! The store for several servers: one PostgreSQL database.
//!
//! Every write is one call of a function that the migrations make, and so one round trip: it takes
//! the lock of the inbox's row first, which serialises the changes of one inbox and of no other.
//! Every read is one statement, and so sees one moment.

mod connection;
mod error;
mod read;
mod row;
mod transfer;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Pool;

use super::{Creation, Due, Once, Schema, Store, StoreError};
use crate::model::{Changes, Cursor, Filter, Limit, Notification, NotificationId, Overview, Page, UserId};
pub use transfer::PostgresTransfer;

/// How long `ready` waits for an answer.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// How a PostgreSQL store is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. With `?sslmode=require` the connection is
    /// encrypted and the server's certificate is checked against those that the system trusts.
    pub url: String,
    /// How many of the newest notifications of each inbox are kept, and at least how many of its
    /// deletions are remembered.
    pub window: usize,
    /// How many connections are used at once.
    pub connections: usize,
}

impl std::fmt::Debug for PostgresOptions {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url: _, window, connections } = self;
        f.debug_struct("PostgresOptions").field("window", window).field("connections", connections).finish()
    }
}

/// Keeps notifications in a PostgreSQL database. Several of them may share one.
pub struct PostgresStore {
    pool: Pool,
    window: i64,
    /// What [`Store::overview`] last counted over all inboxes.
    counted: read::Counted,
}

impl PostgresStore {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// One sentence when the database cannot be reached, or was made by a newer version.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        connection::migrate(&options.url).await?;
        Ok(Self {
            pool: connection::pool(&options.url, options.connections)?,
            window: i64::try_from(options.window.max(1)).unwrap_or(i64::MAX),
            counted: read::Counted::default(),
        })
    }

    /// Which migrations the database has.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn schema(url: &str) -> Result<Schema, StoreError> {
        connection::schema(url).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn create(&self, notifications: &[Notification], once: Option<&Once>) -> Result<Creation, StoreError> {
        write::create(&self.pool, notifications, once, self.window).await
    }

    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError> {
        read::list(&self.pool, filter, before, limit).await
    }

    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        read::get(&self.pool, id).await
    }

    async fn set_read(&self, id: NotificationId, is_read: bool) -> Result<Option<Notification>, StoreError> {
        write::set_read(&self.pool, id, is_read).await
    }

    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError> {
        write::mark_read_at(&self.pool, user_id, index).await
    }

    async fn mark_all_read(&self, user_id: &UserId) -> Result<u64, StoreError> {
        write::mark_all_read(&self.pool, user_id).await
    }

    async fn delete(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        write::delete(&self.pool, id, self.window).await
    }

    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError> {
        read::unread_count(&self.pool, user_id).await
    }

    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError> {
        read::changes(&self.pool, user_id, since, limit).await
    }

    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError> {
        match user_id {
            Some(user_id) => read::overview_of_one(&self.pool, user_id).await,
            None => self.counted.overview(&self.pool).await,
        }
    }

    async fn delete_due(&self, due: &Due) -> Result<usize, StoreError> {
        write::delete_due(&self.pool, due, self.window).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let asked = tokio::time::timeout(READY_TIMEOUT, read::ready(&self.pool)).await;
        asked.unwrap_or_else(|_| Err(StoreError::Unavailable("the database does not answer".to_owned())))
    }
}
