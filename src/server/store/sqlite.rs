//! The default store: one SQLite file.
//!
//! One thread writes: it takes all queued writes, carries them out in one transaction, commits once, and then answers
//! all callers (group commit). Readers use connections of their own, which see the last commit. An answered write is on
//! the disk.

mod beside;
mod body;
mod cancelling;
mod connection;
mod contacts;
mod credentials;
mod deliveries;
mod delivery_row;
mod digests;
mod ends;
mod entry_row;
mod error;
mod forget;
mod inbox;
mod inboxes;
mod insert;
mod lane_load;
mod once;
mod origin;
mod outbox;
mod pages;
mod pressure;
mod probe;
mod profile;
mod read;
mod row;
mod snapshot;
mod transfer;
mod webhook_row;
mod webhooks;
mod wishes;
mod words;
mod write;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rusqlite::Connection;

use super::{
    Announce, ChangeNumbers, Creation, Due, Once, RenderedPage, Schema, Store, StoreError, Unmarked, outbox::Webhook,
};
use crate::model::{
    Changes, Cursor, Filter, Limit, Marked, MarkedBy, Marking, Notification, NotificationId, Overview, Page, UserId,
};
pub use beside::SqliteCredentials;
use connection::Readers;
use credentials::Connections;
use ends::End;
use pages::{Asked, KeptPage, Pages};
pub use transfer::SqliteTransfer;
use writer::{Weight, Writer};

/// The settings of a SQLite store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file. It and its folder are created when they are missing, readable by the owner only.
    pub path: PathBuf,
    /// How many of the newest notifications of each inbox are kept, and at least how many of its deletions are
    /// remembered.
    pub window: usize,
    /// Whether a write is on the disk when it is answered. Without it, a power loss (not a crash of the process) can
    /// lose the last moments.
    pub full_sync: bool,
    /// How many writes may wait; one more is refused as [`StoreError::Unavailable`].
    pub queue: usize,
    /// The most that the file may take, in bytes; a write that needs more is refused.
    pub max_bytes: Option<u64>,
}

impl SqliteOptions {
    /// The default number of notifications that are kept of each inbox.
    pub const DEFAULT_WINDOW: usize = 1000;
    /// The default number of writes that may wait.
    pub const DEFAULT_QUEUE: usize = 8192;

    /// A file with the default settings.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            window: Self::DEFAULT_WINDOW,
            full_sync: true,
            queue: Self::DEFAULT_QUEUE,
            max_bytes: None,
        }
    }
}

/// How many bytes the readiness check writes to see whether there is room.
const PROBE_BYTES: usize = 32 * 1024;

/// Keeps notifications in one SQLite file.
pub struct SqliteStore {
    readers: Arc<Readers>,
    pages: Pages,
    writer: Writer,
    window: usize,
}

impl SqliteStore {
    /// Opens the file, creates it when it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// One sentence when another process uses it, it cannot be read or written, it is no database, or a newer version
    /// made it.
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let (connection, lock) = connection::open_for_writing(options)?;
        let readers = Arc::new(Readers::new(&options.path));
        let writer = Writer::start(connection, lock, options)?;
        Ok(Self { readers, pages: Pages::default(), writer, window: options.window })
    }

    /// The end of an inbox; `None` where there is no inbox.
    async fn end(&self, user_id: &UserId) -> Result<Option<End>, StoreError> {
        let began = match self.writer.ends().of(user_id) {
            Ok(end) => return Ok(Some(end)),
            Err(began) => began,
        };
        let of = user_id.clone();
        let end = self.readers.read(true, move |connection| read::end(connection, &of)).await?;
        if let Some(end) = end {
            self.writer.ends().keep(user_id.clone(), end, began);
        }
        Ok(end)
    }

    /// A page: the cached one, if it is the present one.
    async fn page(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Arc<KeptPage>, StoreError> {
        let asked = Asked { filter: filter.clone(), before, limit };
        let is_short = limit.get() <= Readers::SMALL;
        if is_short && let Some(user_id) = &filter.user_id {
            let end = self.end(user_id).await?;
            if let Some(page) = end.and_then(|end| self.pages.read_at(&asked, end.modseq)) {
                return Ok(page);
            }
        }
        let is_small = is_short && !filter.narrows();
        let (filter, began) = (filter.clone(), self.pages.begin());
        let read = move |connection: &_| read::list(connection, &filter, before, limit);
        let page = Arc::new(KeptPage::new(self.readers.read(is_small, read).await?));
        if is_short && page.modseq() > Some(0) {
            self.pages.keep(asked, &page, began);
        }
        Ok(page)
    }

    /// The migrations of the file, which may be in use.
    ///
    /// # Errors
    /// When it cannot be read or is no database.
    pub fn schema(path: &Path) -> Result<Schema, StoreError> {
        connection::schema(path)
    }

    /// Checks that a store could be created at this path, where there is none. The attempt leaves nothing behind.
    ///
    /// # Errors
    /// The error that creating a store there would have.
    pub fn can_be_made(path: &Path) -> Result<(), StoreError> {
        probe::can_be_made(path)
    }

    /// Checks that the store at this path could be opened for writing, as far as the modes of its files tell.
    ///
    /// # Errors
    /// The error that opening it would have.
    pub fn can_be_written(path: &Path) -> Result<(), StoreError> {
        probe::can_be_written(path)
    }

    /// The webhooks in the file, whose tables are up to date; it may be in use.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn webhooks_at(path: &Path) -> Result<Vec<Webhook>, StoreError> {
        Ok(webhook_row::all(&connection::open_for_reading(path)?)?)
    }

    /// Copies the present state of the file to another one, which must not exist; the file may be in use.
    ///
    /// # Errors
    /// When it cannot be read, or the copy cannot be written.
    pub fn back_up(path: &Path, copy: &Path) -> Result<(), StoreError> {
        connection::back_up(path, copy)
    }
}

impl Connections for SqliteStore {
    async fn read<T: Send + 'static>(
        &self,
        is_small: bool,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(is_small, read).await
    }

    async fn write<T: Send + 'static>(
        &self,
        mut write: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(Weight::ONE, move |batch| write(batch.connection())).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create(&self, notifications: &[Notification], once: Option<&Once>) -> Result<Creation, StoreError> {
        let (weight, notifications, once) = (Weight::of(notifications), notifications.to_vec(), once.cloned());
        self.writer.write(weight, move |batch| batch.create_all(&notifications, once.as_ref())).await
    }

    async fn once(&self, once: &Once) -> Result<Option<Creation>, StoreError> {
        let once = once.clone();
        self.readers.read(true, move |connection| once::answer(connection, &once)).await
    }

    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError> {
        Ok(Arc::unwrap_or_clone(self.page(filter, before, limit).await?).into_page())
    }

    async fn list_rendered(
        &self,
        filter: &Filter,
        before: Option<Cursor>,
        limit: Limit,
    ) -> Result<RenderedPage, StoreError> {
        self.page(filter, before, limit).await?.rendered()
    }

    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        self.readers.read(true, move |connection| read::get(connection, id)).await
    }

    async fn change_numbers(&self, id: NotificationId) -> Result<Option<ChangeNumbers>, StoreError> {
        self.readers.read(true, move |connection| read::change_numbers(connection, id)).await
    }

    async fn set_read(
        &self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Option<Notification>, StoreError> {
        let owner = owner.cloned();
        self.writer.write(Weight::ONE, move |batch| batch.set_read(id, owner.as_ref(), is_read)).await
    }

    async fn set_read_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Vec<Notification>, StoreError> {
        let (weight, ids, owner) = (Weight::rows(ids.len()), ids.to_vec(), owner.cloned());
        let mark = move |batch: &mut write::Batch<'_>| {
            ids.iter().filter_map(|id| batch.set_read(*id, owner.as_ref(), is_read).transpose()).collect()
        };
        self.writer.write(weight, mark).await
    }

    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError> {
        let user_id = user_id.clone();
        self.writer.write(Weight::ONE, move |batch| batch.mark_read_at(&user_id, index)).await
    }

    async fn mark_all_read(&self, user_id: &UserId, marking: &Marking) -> Result<Marked, StoreError> {
        let (user_id, marking) = (user_id.clone(), marking.clone());
        // Marking a part of an inbox marks its notifications one by one.
        let weight = if marking == Marking::default() { Weight::ONE } else { Weight::rows(self.window) };
        self.writer.write(weight, move |batch| batch.mark_all_read(&user_id, &marking)).await
    }

    async fn unmark(&self, user_id: &UserId, by: &MarkedBy, most: usize) -> Result<Unmarked, StoreError> {
        let (user_id, by) = (user_id.clone(), *by);
        self.writer.write(Weight::rows(most), move |batch| batch.unmark(&user_id, &by, most)).await
    }

    async fn delete(&self, id: NotificationId, owner: Option<&UserId>) -> Result<Option<Notification>, StoreError> {
        let owner = owner.cloned();
        self.writer.write(Weight::ONE, move |batch| batch.delete(id, owner.as_ref())).await
    }

    async fn delete_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let (weight, ids, owner) = (Weight::rows(ids.len()), ids.to_vec(), owner.cloned());
        let delete = move |batch: &mut write::Batch<'_>| {
            let deleted = ids.iter().map(|id| batch.delete(*id, owner.as_ref()));
            deleted.filter_map(|deleted| deleted.map(|gone| gone.map(|gone| gone.id)).transpose()).collect()
        };
        self.writer.write(weight, delete).await
    }

    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError> {
        Ok(self.end(user_id).await?.map_or(0, |end| end.unread_count))
    }

    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError> {
        let user_id = user_id.clone();
        let is_small = limit.get() <= Readers::SMALL;
        self.readers.read(is_small, move |connection| read::changes(connection, &user_id, since, limit)).await
    }

    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError> {
        let user_id = user_id.cloned();
        self.readers.read(false, move |connection| read::overview(connection, user_id.as_ref())).await
    }

    async fn delete_due(&self, due: &Due) -> Result<usize, StoreError> {
        let due = *due;
        self.writer.write(Weight::rows(due.limit), move |batch| batch.delete_due(&due)).await
    }

    async fn ends(&self, users: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError> {
        let (users, is_small) = (users.to_vec(), users.len() <= Readers::SMALL);
        let read = move |connection: &_| users.iter().map(|user_id| read::end(connection, user_id)).collect();
        let found: Vec<Option<End>> = self.readers.read(is_small, read).await?;
        let ends = found.into_iter().map(Option::unwrap_or_default);
        Ok(ends.map(|End { modseq, unread_count }| (modseq, unread_count)).collect())
    }

    fn announce_to(&self, to: Arc<dyn Announce>) {
        self.writer.announcer().add(to);
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.is_well()?;
        self.readers.are_well()?;
        self.readers.read(true, read::ready).await?;
        // The row is larger than most writes, and its grant expired in 1970, so it opens nothing. Both transactions are
        // written to the disk, so it has room for as much.
        const PUT: &str = "INSERT OR REPLACE INTO grants (hash, kind, holder, expires_at)
            VALUES (x'00', 'probe', hex(zeroblob(?1)), 0)";
        const TAKE_BACK: &str = "DELETE FROM grants WHERE hash = x'00'";
        let put =
            |batch: &mut write::Batch<'_>| batch.connection().prepare_cached(PUT)?.execute([PROBE_BYTES / 2]).map(drop);
        self.writer.write(Weight::rows_of(1, PROBE_BYTES), put).await?;
        self.write(|connection| connection.prepare_cached(TAKE_BACK)?.execute(()).map(drop)).await
    }
}
