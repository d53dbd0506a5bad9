//! The memory store: a sliding window over all users, lost at restart.
//!
//! One lock around one `Shelf`: every operation is a short walk through maps, so tasks wait for each other for
//! microseconds, and each change is atomic.

mod contacts;
mod credentials;
mod forget;
mod inbox;
mod keys;
mod outbox;
mod shelf;
mod wishes;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::{Announce, Announcer, ChangeNumbers, Creation, Due, Once, Store, StoreError, Unmarked};
use crate::{
    model::{
        Changes, Cursor, Filter, Limit, Marked, MarkedBy, Marking, Notification, NotificationId, Overview, Page,
        Timestamp, UserId,
    },
    server::clock::{Clock, SystemClock},
};
use contacts::People;
use credentials::Known;
use outbox::Leaving;
use shelf::Shelf;
use wishes::Wanted;

/// Keeps the newest notifications of all users in memory.
///
/// The window is the number of notifications that are kept. As many deletions are remembered for clients that ask for
/// changes; a follower from further back is told to list again.
pub struct MemoryStore {
    shelf: RwLock<Shelf>,
    announcer: Announcer,
    known: Known,
    leaving: Leaving,
    people: People,
    wanted: Wanted,
}

impl MemoryStore {
    /// The default number of notifications that are kept.
    pub const DEFAULT_WINDOW: usize = 1000;

    /// An empty store that keeps `window` notifications.
    ///
    /// Its change numbers continue from `started`, in milliseconds: a client that returns with a number from before a
    /// restart is then behind the remembered changes, and lists again.
    #[must_use]
    pub fn new(window: usize, started: Timestamp) -> Self {
        let floor = u64::try_from(started.as_micros() / 1_000).unwrap_or(0);
        let shelf = RwLock::new(Shelf::new(window.max(1), floor));
        let (announcer, known) = (Announcer::default(), Known::default());
        Self {
            shelf,
            announcer,
            known,
            leaving: Leaving::default(),
            people: People::default(),
            wanted: Wanted::default(),
        }
    }

    // A panic while the lock was held would be a bug of ours; no operation of the shelf can panic half-way, so its data
    // is still consistent.

    fn look(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the shelf, and announces the change before any other.
    fn change<T>(&self, change: impl FnOnce(&mut Shelf) -> T) -> T {
        let mut shelf: RwLockWriteGuard<'_, Shelf> = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        let done = change(&mut shelf);
        self.leaving.cancel(&shelf.changes, SystemClock.now());
        let reaches = self.leaving.reaches_contacts();
        self.leaving.take(shelf.entries(|user_id| reaches && self.people.has_contact(user_id)));
        self.announcer.announce(std::mem::take(&mut shelf.changes));
        done
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn create(&self, notifications: &[Notification], once: Option<&Once>) -> Result<Creation, StoreError> {
        Ok(self.change(|shelf| {
            if let Some(answer) = once.and_then(|once| shelf.keys.answer(once)) {
                return answer;
            }
            let accepted: Vec<_> = notifications.iter().map(|notification| shelf.add(notification.clone())).collect();
            if let Some(once) = once {
                shelf.keys.remember(once, &accepted);
            }
            Creation::Done(accepted.iter().map(|notification| notification.timestamp).collect())
        }))
    }

    async fn once(&self, once: &Once) -> Result<Option<Creation>, StoreError> {
        Ok(self.look().keys.answer(once))
    }

    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Result<Page, StoreError> {
        Ok(self.look().list(filter, before, limit))
    }

    async fn get(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        Ok(self.look().get(id))
    }

    async fn change_numbers(&self, id: NotificationId) -> Result<Option<ChangeNumbers>, StoreError> {
        Ok(self.look().change_numbers(id))
    }

    async fn set_read(
        &self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Option<Notification>, StoreError> {
        Ok(self.change(|shelf| shelf.set_read(id, owner, is_read)))
    }

    async fn set_read_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Result<Vec<Notification>, StoreError> {
        Ok(self.change(|shelf| ids.iter().filter_map(|id| shelf.set_read(*id, owner, is_read)).collect()))
    }

    async fn mark_read_at(&self, user_id: &UserId, index: u64) -> Result<Option<Notification>, StoreError> {
        Ok(self.change(|shelf| shelf.mark_read_at(user_id, index)))
    }

    async fn mark_all_read(&self, user_id: &UserId, marking: &Marking) -> Result<Marked, StoreError> {
        Ok(self.change(|shelf| shelf.mark_all_read(user_id, marking)))
    }

    async fn unmark(&self, user_id: &UserId, by: &MarkedBy, most: usize) -> Result<Unmarked, StoreError> {
        Ok(self.change(|shelf| shelf.unmark(user_id, by, most)))
    }

    async fn delete(&self, id: NotificationId, owner: Option<&UserId>) -> Result<Option<Notification>, StoreError> {
        Ok(self.change(|shelf| shelf.delete(id, owner)))
    }

    async fn delete_each(
        &self,
        ids: &[NotificationId],
        owner: Option<&UserId>,
    ) -> Result<Vec<NotificationId>, StoreError> {
        Ok(self.change(|shelf| ids.iter().copied().filter(|id| shelf.delete(*id, owner).is_some()).collect()))
    }

    async fn unread_count(&self, user_id: &UserId) -> Result<u64, StoreError> {
        Ok(self.look().unread_count(user_id))
    }

    async fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Result<Changes, StoreError> {
        Ok(self.look().changes(user_id, since, limit))
    }

    async fn overview(&self, user_id: Option<&UserId>) -> Result<Overview, StoreError> {
        Ok(self.look().overview(user_id))
    }

    async fn delete_due(&self, due: &Due) -> Result<usize, StoreError> {
        Ok(self.change(|shelf| shelf.delete_due(due)))
    }

    async fn ends(&self, users: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError> {
        let shelf = self.look();
        Ok(users.iter().map(|user_id| shelf.end(user_id)).collect())
    }

    fn announce_to(&self, to: Arc<dyn Announce>) {
        self.announcer.add(to);
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
