//! The store of notifications.
//!
//! One trait in the words of the domain. Each back end is a module beside this file; every rule that it must keep is a
//! named test below `tests/store/`, which runs against every back end.

mod change_numbers;
mod collect;
pub mod contacts;
pub mod credentials;
mod error;
mod forget;
mod history;
mod made;
pub mod memory;
pub mod outbox;
pub mod postgres;
mod profile;
pub mod record;
mod rendered;
mod replay;
pub mod sqlite;
mod wishes;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::model::{
    Category, Change, Changes, Cursor, Filter, Limit, Marked, MarkedBy, Marking, Notification, NotificationId,
    Overview, Page, Timestamp, UserId,
};

pub use change_numbers::ChangeNumbers;
pub use contacts::Contacts;
pub use credentials::{Credentials, Grant, GrantKind, KeyOver, SecretHash, ServiceKey};
pub use error::StoreError;
pub use forget::Forget;
pub use memory::MemoryStore;
pub use outbox::{Deliveries, Outbox, Webhooks};
pub use postgres::{PostgresOptions, PostgresStore, PostgresTransfer, PostgresUrl};
pub use profile::{Profile, Profiles};
pub use record::{KeyRecord, Record};
pub use rendered::RenderedPage;
pub use sqlite::{SqliteCredentials, SqliteOptions, SqliteStore, SqliteTransfer};
pub use wishes::{Secrets, Wishes};

/// How long an idempotency key is remembered, in hours.
pub const ONCE_HOURS: i64 = 24;

/// Makes a creation take effect once, however often its caller repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The caller, as [`Holder::to_text`](super::identity::Holder) writes it: the same key of another caller is another
    /// key. `None` comes only from earlier releases, which did not store the caller: such a request answers every
    /// caller as long as it is remembered.
    pub caller: Option<String>,
    /// The idempotency key.
    pub key: String,
    /// A hash of the request, which tells it from another request with the same key.
    pub fingerprint: [u8; 32],
    /// The hash that earlier releases made of the same request, if it differs.
    pub fingerprint_of_old: Option<[u8; 32]>,
    /// Time of the request. A key that is [`ONCE_HOURS`] older counts as never used.
    pub at: Timestamp,
}

impl Once {
    /// The caller; the empty name for a caller without one.
    fn caller(&self) -> &str {
        self.caller.as_deref().unwrap_or_default()
    }

    /// The answer of a remembered request with this key: its result, if it is the same request. A request without a
    /// caller was stored by an earlier release.
    fn answer(&self, has_caller: bool, fingerprint: &[u8], made: &[u8]) -> Creation {
        let of_old = self.fingerprint_of_old.as_ref().filter(|_| !has_caller);
        if self.fingerprint == fingerprint || of_old.is_some_and(|of_old| of_old == fingerprint) {
            Creation::Before(made::from_bytes(made))
        } else {
            Creation::KeyTaken
        }
    }

    /// A key that was used at this time or earlier is forgotten.
    #[must_use]
    pub fn forgotten_at(at: Timestamp) -> Timestamp {
        Timestamp::new(at.to_utc() - chrono::TimeDelta::hours(ONCE_HOURS))
    }
}

/// The result of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The notifications are stored, accepted at these times, in order.
    Done(Vec<Timestamp>),
    /// The request is a repeat: the ids and times of the first one, in order.
    Before(Vec<(NotificationId, Timestamp)>),
    /// The key was used for another request.
    KeyTaken,
}

/// The expired data to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Notifications whose `expires_at` is this time or earlier, and forgotten keys.
    pub now: Timestamp,
    /// Notifications that were accepted before this time.
    pub accepted_before: Option<Timestamp>,
    /// At most this many notifications.
    pub limit: usize,
}

/// The result of one step of undoing a marking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmarked {
    /// Number of notifications that are unread again.
    pub count: u64,
    /// The rest of the marking that is left to undo; `None` when nothing is.
    pub rest: Option<MarkedBy>,
}

impl Unmarked {
    /// The result of a step of at most `most` notifications, which marked `count` unread; the last of them got this
    /// change number.
    fn step(by: &MarkedBy, most: usize, count: usize, last: u64) -> Self {
        let rest = (count > 0 && count >= most).then_some(MarkedBy { after: last, ..*by });
        Self { count: count as u64, rest }
    }
}

/// Receives the changes that a store committed.
pub trait Announce: Send + Sync + 'static {
    /// Takes committed changes, at least one. Changes of one inbox come in their order unless they were committed at
    /// the same time; their numbers define the order. It must not block.
    fn announce(&self, changes: Arc<[Change]>);

    /// Changes may have been committed without being announced: the store does not know the outcome of a write.
    fn announce_loss(&self) {}
}

/// The receivers of a store's changes.
#[derive(Default)]
struct Announcer(RwLock<Vec<Arc<dyn Announce>>>);

impl Announcer {
    /// Adds a receiver.
    fn add(&self, to: Arc<dyn Announce>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(to);
    }

    fn announce(&self, changes: Vec<Change>) {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() || changes.is_empty() {
            return;
        }
        let changes: Arc<[Change]> = changes.into();
        all.iter().for_each(|to| to.announce(Arc::clone(&changes)));
    }

    fn announce_loss(&self) {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|to| to.announce_loss());
    }
}

/// Keeps notifications, one inbox a user, and numbers every change to an inbox.
///
/// Every implementation guarantees:
///
/// - A change takes the next change number (`modseq`) of its inbox, without gaps and in the order in which the changes
///   become visible. An operation without effect takes none.
/// - The unread count is part of the change: a reader sees both or neither.
/// - Newest first is the order of acceptance, regardless of the clock, and the timestamps of an inbox never go back: a
///   notification is accepted at the time of the clock (the service's, which the notification brings; a database's
///   own), or at the newest timestamp that the inbox ever gave if that is later.
/// - Each change is announced once, after it is committed, even when no caller waits for the write.
/// - A write is over when its future is: an answered write stays, as far as the store keeps anything. A write whose
///   future is dropped happens wholly or not at all.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds all of these in this order, or none; with `once`, only if the request is not a repeat. Notifications that
    /// leave the window are deleted in the same step.
    async fn create(&self, notifications: &[Notification], once: Option<&Once>) -> Result<Creation, StoreError>;

    /// The answer of an earlier creation with this key; `None` if there was none. Only [`Self::create`] decides,
    /// because a concurrent request is not visible here.
    async fn once(&self, once: &Once) -> Result<Option<Creation>, StoreError>;

    /// One page of the notifications that meet the filter, newest first, starting after `before`.
    ///
    /// If few meet the filter, the page ends after [`LOOKED_AT`] notifications were examined: it may then be short or
    /// empty and still have a next one.
    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError>;

    /// The page of [`Self::list`] as JSON, which a store may have rendered before.
    async fn list_rendered(
        &self,
        filter: &Filter,
        before: Option<Cursor>,
        limit: Limit,
    ) -> Result<RenderedPage, StoreError> {
        RenderedPage::of(&self.list(filter, before, limit).await?)
    }

    /// One notification; `None` if there is none with this id.
    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError>;

    /// The numbers of the changes that made one notification what it is; `None` if there is none with this id.
    async fn change_numbers(&self, id: NotificationId) -> Result<Option<ChangeNumbers>, StoreError>;

    /// Marks one notification read or unread and returns it in its new state; `None` when no notification has this id,
    /// or it is not in the inbox of `owner`. Without an owner, every inbox is searched.
    async fn set_read(
        &self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Option<Notification>, StoreError>;

    /// As [`Self::set_read`], for each of these notifications, all or none: returns those that there are, in any order.
    async fn set_read_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Marks the notification at this position of the inbox as read, counted from 0 at the newest, and returns it;
    /// `None` if there is no such position.
    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError>;

    /// Marks as read the unread notifications of the inbox that the marking selects, and returns their number, and the
    /// changes that did it.
    ///
    /// If these are all unread ones, it is one change, which touches no notification: everything up to its number is
    /// read. Otherwise each takes a change of its own, oldest first, as if they were marked one by one, but all or
    /// none.
    async fn mark_all_read(&self, user_id: &UserId, marking: &Marking) -> Result<Marked, StoreError>;

    /// Undoes a [`Self::mark_all_read`]: marks unread the notifications that these changes marked and that have not
    /// changed since, in the order of their last change and at most `most`. Each takes a change of its own.
    async fn unmark(&self, user_id: &UserId, by: &MarkedBy, most: usize) -> Result<Unmarked, StoreError>;

    /// Deletes one notification and returns it; `None` when no notification has this id, or it is not in the inbox of
    /// `owner`. Without an owner, every inbox is searched.
    async fn delete(&self, id: NotificationId, owner: Option<&UserId>) -> Result<Option<Notification>, StoreError>;

    /// As [`Self::delete`], for each of these notifications, all or none: returns the ids of those that there were, in
    /// any order.
    async fn delete_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
    ) -> Result<Vec<NotificationId>, StoreError>;

    /// How many notifications of the inbox are unread; 0 for an inbox that does not exist.
    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError>;

    /// The changes of the inbox after the change number `since`, at most `limit` events.
    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError>;

    /// The counts of one inbox, or of all.
    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError>;

    /// Removes expired data, and returns the number of notifications.
    async fn delete_due(&self, due: &Due) -> Result<usize, StoreError>;

    /// The number of the newest change of each of these inboxes, and the unread count after it, as [`Self::changes`]
    /// returns them.
    async fn ends(&self, users: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError>;

    /// Announces every change to this receiver too, from now on.
    fn announce_to(&self, to: Arc<dyn Announce>);

    /// Whether other processes may write to the store, whose changes are not announced here.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the store can serve: reads from it and writes to it. This takes as long as the store hangs; the caller
    /// has to give up.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// Moves everything from one store to another.
#[async_trait]
pub trait Transfer: Send + Sync + 'static {
    /// Sends everything in the store, as it is at one moment, in the order of [`Record`]. Waits for its receiver, and
    /// ends early when the receiver is gone.
    async fn export(&self, into: mpsc::Sender<Record>) -> Result<(), StoreError>;

    /// Stores the records of [`Self::export`], all of them or none, and returns the number of notifications. An `Err`
    /// among them undoes everything; a store that has an inbox refuses the import. Existing service keys stay, beside
    /// the imported ones, because one may be needed before anything is imported; two keys with the same id undo
    /// everything.
    async fn import(&self, from: mpsc::Receiver<Result<Record, StoreError>>) -> Result<u64, StoreError>;
}

/// The newest migrations of a database and of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The number of the newest migration that was applied; 0 when there is none.
    pub applied: i32,
    /// The number of the newest migration that this program knows.
    pub known: i32,
}

/// The time after which a write to one inbox has ended, even if its server is gone: it waits no longer than 10 s for a
/// lock. One to several inboxes may wait as long for each.
pub(in crate::server) const LONGEST_WRITE: Duration = Duration::from_secs(12);

/// How many notifications one page examines at most to find those that meet a filter.
pub const LOOKED_AT: usize = 10_000;

/// How many recent users an overview names.
const RECENT_USERS: usize = 8;
/// How many notifications are examined to find them.
const RECENT_ROWS: usize = 200;

/// The well-known kinds first, in their order, then the others by name.
fn by_importance(mut categories: Vec<(Category, u64)>) -> Vec<(Category, u64)> {
    let rank = |category: &Category| Category::WELL_KNOWN.iter().position(|known| *known == category.as_str());
    categories.sort_by_cached_key(|(category, _)| (rank(category).unwrap_or(usize::MAX), category.clone()));
    categories
}
