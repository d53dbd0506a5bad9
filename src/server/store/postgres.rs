//! The store for several servers: one PostgreSQL database.
//!
//! Every write is one call of a function in the database, see `functions.rs`, and so one round trip: it takes the lock
//! of the inbox's row first, which serialises the changes of that inbox only. Every read is one statement, and so sees
//! one moment.

mod connection;
mod connections;
mod contacts;
mod credentials;
mod deliveries;
mod delivery_row;
mod error;
mod forget;
mod functions;
mod hosts;
mod outbox;
mod read;
mod rights;
mod row;
mod server;
mod startable;
mod tls;
mod transfer;
mod typed;
mod url;
mod webhooks;
mod wishes;
mod write;

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, atomic::AtomicBool},
};

use async_trait::async_trait;
use tokio::time::sleep;
use tokio_postgres::{Row, types::ToSql};

use super::{
    Announce, Announcer, ChangeNumbers, Creation, Due, LONGEST_WRITE, Once, Schema, Store, StoreError, Unmarked,
    outbox::Webhook,
};
use crate::model::{
    Changes, Cursor, Filter, Limit, Marked, MarkedBy, Marking, Notification, NotificationId, Overview, Page, UserId,
};
use connection::Migrated;
use connections::Connections;
use functions::Functions;
pub use transfer::PostgresTransfer;
pub use url::PostgresUrl;
use write::Written;

/// The settings of a PostgreSQL store.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, as [`PostgresUrl`] reads it.
    pub url: String,
    /// How many of the newest notifications of each inbox are kept, and at least how many of its deletions are
    /// remembered.
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
    database: Arc<Database>,
    /// The last counts of [`Store::overview`] over all inboxes.
    counted: read::Counted,
    announcer: Arc<Announcer>,
}

/// The database, and its functions.
struct Database {
    pool: Connections,
    functions: Functions,
    window: i64,
    /// Whether a channel to contacts is set up.
    reaches_contacts: AtomicBool,
}

impl Database {
    /// Calls a function that writes, and returns its rows.
    async fn call(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        Ok(self.pool.write(&self.functions.call(sql), values).await?.0)
    }

    /// Calls a function that writes and always returns one row.
    async fn call_one(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Row, StoreError> {
        let row = self.call(sql, values).await?.pop();
        row.ok_or_else(|| StoreError::unknown("a function of the database said nothing"))
    }
}

impl PostgresStore {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// One sentence when the database cannot be reached, or a newer version made it.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        let url = connection::url(&options.url)?;
        let Migrated { functions, is_pooled, before: _ } = connection::migrate(&url).await?;
        let pool = Connections::new(&url, options.connections, is_pooled)?;
        let window = i64::try_from(options.window.max(1)).unwrap_or(i64::MAX);
        Ok(Self {
            database: Arc::new(Database { pool, functions, window, reaches_contacts: AtomicBool::new(false) }),
            counted: read::Counted::default(),
            announcer: Arc::default(),
        })
    }

    /// Brings the tables up to date, and returns their version before.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub async fn migrate(url: &str) -> Result<Schema, StoreError> {
        let Migrated { before, .. } = connection::migrate(&connection::url(url)?).await?;
        Ok(Schema { applied: before, known: connection::known_version() })
    }

    /// The migrations of the database.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn schema(url: &str) -> Result<Schema, StoreError> {
        connection::schema(&connection::url(url)?).await
    }

    /// Checks, without changing anything, that a server could start on the database, which no newer version made.
    ///
    /// # Errors
    /// One sentence about the reason for which a server would fail: a right that the role lacks, no second connection,
    /// no writes, or tables of another program.
    pub async fn startable(url: &str) -> Result<(), StoreError> {
        startable::check(&connection::url(url)?).await
    }

    /// The webhooks in the database, whose tables are up to date.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn webhooks_at(url: &str) -> Result<Vec<Webhook>, StoreError> {
        let client = connection::connect(&connection::url(url)?).await?;
        client.query_typed(webhooks::ALL, &[]).await?.iter().map(webhooks::read).collect()
    }

    /// Writes to one inbox, and announces the changes, even when no caller waits for the end any more.
    async fn write<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<Written<T>, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_with(1, write).await
    }

    /// The same for a write that may wait for so many locks, one after the other.
    async fn write_with<T: Send + 'static>(
        &self,
        locks: usize,
        write: impl Future<Output = Result<Written<T>, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let announcer = Arc::clone(&self.announcer);
        let written = tokio::spawn(async move {
            let Written { done, changes } = write.await?;
            announcer.announce(changes);
            Ok(done)
        });
        let written =
            written.await.unwrap_or_else(|ended| Err(StoreError::unknown("a write ended early").because(ended)));
        if matches!(written, Err(StoreError::Unknown { .. })) {
            // The write may have happened, and may still happen.
            self.announcer.announce_loss();
            tokio::spawn(announce_loss_again(Arc::clone(&self.announcer), locks));
        }
        written
    }
}

/// Announces again and again that a write may have happened meanwhile, for as long as it may wait for so many locks.
async fn announce_loss_again(announcer: Arc<Announcer>, locks: usize) {
    /// After two minutes, no more is announced: each time, every listener looks what it has missed.
    const MOST: usize = 10;
    for _ in 0..locks.clamp(1, MOST) {
        sleep(LONGEST_WRITE).await;
        announcer.announce_loss();
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn create(&self, notifications: &[Notification], once: Option<&Once>) -> Result<Creation, StoreError> {
        let database = Arc::clone(&self.database);
        let (notifications, once) = (notifications.to_vec(), once.cloned());
        let users = notifications.iter().map(|notification| &notification.user_id);
        // The inboxes, and the idempotency key.
        let locks = users.collect::<HashSet<_>>().len() + usize::from(once.is_some());
        self.write_with(locks, async move { write::create(&database, &notifications, once.as_ref()).await }).await
    }

    async fn once(&self, once: &Once) -> Result<Option<Creation>, StoreError> {
        read::once(&self.database.pool, once).await
    }

    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError> {
        read::list(&self.database.pool, filter, before, limit).await
    }

    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        read::get(&self.database.pool, id).await
    }

    async fn change_numbers(&self, id: NotificationId) -> Result<Option<ChangeNumbers>, StoreError> {
        read::change_numbers(&self.database.pool, id).await
    }

    async fn set_read(
        &self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Option<Notification>, StoreError> {
        let (database, owner) = (Arc::clone(&self.database), owner.cloned());
        self.write(async move { write::set_read(&database, id, owner.as_ref(), is_read).await }).await
    }

    async fn set_read_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Vec<Notification>, StoreError> {
        let (database, ids, owner) = (Arc::clone(&self.database), ids.to_vec(), owner.cloned());
        let locks = if owner.is_some() { 1 } else { ids.len() };
        self.write_with(locks, async move { write::set_read_each(&database, &ids, owner.as_ref(), is_read).await })
            .await
    }

    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError> {
        let (database, user_id) = (Arc::clone(&self.database), user_id.clone());
        self.write(async move { write::mark_read_at(&database, &user_id, index).await }).await
    }

    async fn mark_all_read(&self, user_id: &UserId, marking: &Marking) -> Result<Marked, StoreError> {
        let (database, user_id, marking) = (Arc::clone(&self.database), user_id.clone(), marking.clone());
        self.write(async move { write::mark_all_read(&database, &user_id, &marking).await }).await
    }

    async fn unmark(&self, user_id: &UserId, by: &MarkedBy, most: usize) -> Result<Unmarked, StoreError> {
        let (database, user_id, by) = (Arc::clone(&self.database), user_id.clone(), *by);
        self.write(async move { write::unmark(&database, &user_id, &by, most).await }).await
    }

    async fn delete(&self, id: NotificationId, owner: Option<&UserId>) -> Result<Option<Notification>, StoreError> {
        let (database, owner) = (Arc::clone(&self.database), owner.cloned());
        self.write(async move { write::delete(&database, id, owner.as_ref()).await }).await
    }

    async fn delete_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let (database, ids, owner) = (Arc::clone(&self.database), ids.to_vec(), owner.cloned());
        let locks = if owner.is_some() { 1 } else { ids.len() };
        self.write_with(locks, async move { write::delete_each(&database, &ids, owner.as_ref()).await }).await
    }

    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError> {
        read::unread_count(&self.database.pool, user_id).await
    }

    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError> {
        read::changes(&self.database.pool, user_id, since, limit).await
    }

    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError> {
        match user_id {
            Some(user_id) => read::overview_of_one(&self.database.pool, user_id).await,
            None => self.counted.overview(&self.database.pool).await,
        }
    }

    async fn delete_due(&self, due: &Due) -> Result<usize, StoreError> {
        let (database, due) = (Arc::clone(&self.database), *due);
        self.write_with(due.limit, async move { write::delete_due(&database, &due).await }).await
    }

    async fn ends(&self, users: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError> {
        read::ends(&self.database.pool, users).await
    }

    fn announce_to(&self, to: Arc<dyn Announce>) {
        self.announcer.add(to);
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn ready(&self) -> Result<(), StoreError> {
        read::ready(&self.database).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    #[derive(Default)]
    struct Losses(AtomicUsize);

    impl Announce for Losses {
        fn announce(&self, _: Arc<[crate::model::Change]>) {}

        fn announce_loss(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_announced_for_as_long_as_the_write_may_wait() {
        for (locks, times) in [(0, 1), (1, 1), (3, 3), (1000, 10)] {
            let (announcer, losses, began) =
                (Arc::new(Announcer::default()), Arc::new(Losses::default()), Instant::now());
            announcer.add(Arc::<Losses>::clone(&losses));
            announce_loss_again(announcer, locks).await;
            assert_eq!(losses.0.load(Ordering::Relaxed), times);
            assert!(began.elapsed() >= LONGEST_WRITE * u32::try_from(times).unwrap());
        }
    }
}
