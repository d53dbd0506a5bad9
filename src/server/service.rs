//! Every rule of Campanile.
//!
//! REST, the dashboard's server functions and programs that embed Campanile all call
//! [`NotificationService`] and nothing else.

mod each;
mod error;
mod idempotency;
mod listing;
mod readiness;
mod sending;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::TimeDelta;

pub use error::ServiceError;
pub use idempotency::IdempotencyKey;
use readiness::Readiness;

pub use super::live::{FollowError, Follower, Frame, Sign};

use super::{
    clock::{Clock, SystemClock, moved},
    identity::{Principal, Scope},
    limiter::{Limiter, Rate},
    live::{Bus, Live, Local},
    store::{ChangeNumbers, Due, Store},
    tasks::Tasks,
    workshop::Workshop,
};
use crate::model::{
    Changes, Limit, Marked, MarkedBy, Marking, Notification, NotificationId, Overview, Timestamp, UserId,
};

/// The default for the most notifications that one call creates.
pub const DEFAULT_BATCH_MAX: usize = 1000;
/// How many expired notifications are deleted in one step, so that no write waits long for it.
const DUE_STEP: usize = 500;
/// How many notifications are marked unread again in one step, for the same reason.
const UNMARK_STEP: usize = 500;

/// Creates, lists, marks and deletes notifications.
///
/// A clone is cheap and is the same service. Every call may come from many tasks at once, and names the caller: an
/// action that a [`Principal`] may not do is [`ServiceError::Denied`], and an object that it may not know of is
/// [`ServiceError::NotFound`].
#[derive(Clone)]
pub struct NotificationService(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    batch_max: usize,
    max_age: Option<TimeDelta>,
    recipients: Option<Arc<Limiter<UserId>>>,
    tasks: Tasks,
    workshop: Workshop,
    readiness: Readiness,
    /// Whether it will stop soon.
    is_stopping: Arc<AtomicBool>,
}

impl NotificationService {
    /// A service over a store, with the clock of the machine.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self::with_clock(store, SystemClock)
    }

    /// A service with this clock.
    #[must_use]
    pub fn with_clock(store: impl Store, clock: impl Clock) -> Self {
        Self::over(Arc::new(store), clock)
    }

    /// A service over a store that others may hold too.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: impl Clock) -> Self {
        Self::on_bus(store, clock, Arc::new(Local), Tasks::default())
    }

    /// A service over a store that other processes use too, which it informs of its changes. Its background work runs
    /// among these tasks.
    pub(in crate::server) fn on_bus(store: Arc<dyn Store>, clock: impl Clock, bus: Arc<dyn Bus>, tasks: Tasks) -> Self {
        Self(Arc::new(Parts {
            live: Arc::new(Live::new(Arc::clone(&store), bus, tasks.clone())),
            store,
            clock: Arc::new(clock),
            batch_max: DEFAULT_BATCH_MAX,
            max_age: None,
            recipients: None,
            tasks,
            workshop: Workshop::new(),
            readiness: Readiness::default(),
            is_stopping: Arc::default(),
        }))
    }

    /// The same service after this change.
    fn with(self, change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = Arc::unwrap_or_clone(self.0);
        change(&mut parts);
        Self(Arc::new(parts))
    }

    /// The same service, with another limit for the notifications that one call creates.
    #[must_use]
    pub fn batch_max(self, batch_max: usize) -> Self {
        self.with(|parts| parts.batch_max = batch_max)
    }

    /// The most notifications that one call creates.
    pub(in crate::server) fn most_at_once(&self) -> usize {
        self.0.batch_max
    }

    /// The same service, which also deletes notifications accepted longer ago than this, as if they had expired.
    #[must_use]
    pub fn max_age(self, max_age: Option<TimeDelta>) -> Self {
        self.with(|parts| parts.max_age = max_age)
    }

    /// The same service, which sends each user no more notifications than this, from all senders together. A user at
    /// the limit receives nothing more for a while.
    #[must_use]
    pub fn limit_recipients(self, rate: Option<Rate>) -> Self {
        self.with(|parts| parts.recipients = rate.map(|rate| Arc::new(Limiter::new(rate))))
    }

    /// The tasks that run beside the service's calls; those of its server may be added to them.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// The present time, by the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// One notification.
    ///
    /// # Errors
    /// When no notification that the caller may know of has this id.
    pub async fn get(&self, principal: &Principal, id: NotificationId) -> Result<Notification, ServiceError> {
        principal.may(Scope::Read)?;
        let found = self.0.store.get(id).await?.filter(|notification| principal.owns(&notification.user_id));
        found.ok_or_else(|| ServiceError::no_notification(id))
    }

    /// The numbers of the changes that made one notification what it is.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn change_numbers(
        &self,
        principal: &Principal,
        id: NotificationId,
    ) -> Result<ChangeNumbers, ServiceError> {
        self.get(principal, id).await?;
        self.0.store.change_numbers(id).await?.ok_or_else(|| ServiceError::no_notification(id))
    }

    /// Marks the notification at this place of the inbox as read, counted from 0 in the order of [`Self::list`].
    /// Marking again changes nothing.
    ///
    /// # Errors
    /// When the place is empty, or the caller may not know of the inbox.
    pub async fn mark_read_at(
        &self,
        principal: &Principal,
        user_id: &UserId,
        index: u64,
    ) -> Result<Notification, ServiceError> {
        principal.may(Scope::Mark)?;
        let nothing = || ServiceError::nothing_at(user_id, index);
        if !principal.owns(user_id) {
            return Err(nothing());
        }
        self.0.store.mark_read_at(user_id, index).await?.ok_or_else(nothing)
    }

    /// Marks one notification read or unread, and returns it in its new state. If it is marked so already, nothing
    /// changes.
    ///
    /// # Errors
    /// When no notification that the caller may know of has this id.
    pub async fn set_read(
        &self,
        principal: &Principal,
        id: NotificationId,
        is_read: bool,
    ) -> Result<Notification, ServiceError> {
        let owner = may_change(principal, id)?;
        let marked = self.0.store.set_read(id, owner, is_read).await?;
        marked.ok_or_else(|| ServiceError::no_notification(id))
    }

    /// Marks the unread notifications of the inbox that the marking selects ([`Marking::default`] selects all), and
    /// returns their number, and the changes that did it. If it selects all unread ones, it is one change
    /// ([`Event::AllRead`](crate::model::Event::AllRead)), and otherwise one for each.
    ///
    /// # Errors
    /// When the caller may not read that inbox.
    pub async fn mark_all_read(
        &self,
        principal: &Principal,
        user_id: &UserId,
        marking: &Marking,
    ) -> Result<Marked, ServiceError> {
        principal.may_in(Scope::Mark, Some(user_id))?;
        Ok(self.0.store.mark_all_read(user_id, marking).await?)
    }

    /// Undoes what [`Self::mark_all_read`] did by these changes, and returns how many notifications are unread again:
    /// those read before, and those changed since on any device, stay as they are. Each is one change. Repeating it
    /// changes nothing more, and continues where it was interrupted.
    ///
    /// # Errors
    /// When the caller may not read that inbox.
    pub async fn unmark_all(
        &self,
        principal: &Principal,
        user_id: &UserId,
        by: &MarkedBy,
    ) -> Result<u64, ServiceError> {
        principal.may_in(Scope::Mark, Some(user_id))?;
        let (mut left, mut count) = (Some(*by), 0);
        while let Some(by) = left {
            let step = self.0.store.unmark(user_id, &by, UNMARK_STEP).await?;
            count += step.count;
            left = step.rest;
        }
        Ok(count)
    }

    /// Deletes one notification.
    ///
    /// # Errors
    /// When no notification that the caller may know of has this id.
    pub async fn delete(&self, principal: &Principal, id: NotificationId) -> Result<(), ServiceError> {
        let owner = may_change(principal, id)?;
        let deleted = self.0.store.delete(id, owner).await?;
        deleted.map(drop).ok_or_else(|| ServiceError::no_notification(id))
    }

    /// How many notifications of the inbox are unread; 0 for a user without an inbox.
    ///
    /// # Errors
    /// When the caller may not read that inbox.
    pub async fn unread_count(&self, principal: &Principal, user_id: &UserId) -> Result<u64, ServiceError> {
        principal.may_in(Scope::Read, Some(user_id))?;
        Ok(self.0.store.unread_count(user_id).await?)
    }

    /// The changes of the inbox after the change number `since`, at most `limit` events.
    ///
    /// # Errors
    /// When the caller may not read that inbox.
    pub async fn changes(
        &self,
        principal: &Principal,
        user_id: &UserId,
        since: u64,
        limit: Limit,
    ) -> Result<Changes, ServiceError> {
        principal.may_in(Scope::Read, Some(user_id))?;
        Ok(self.0.store.changes(user_id, since, limit).await?)
    }

    /// Follows an inbox: the changes after `since`, then `hello`, then every change as it happens, once and in order.
    /// Without `since` it begins at the present.
    ///
    /// # Errors
    /// When the caller may not read that inbox, or the store cannot read its state.
    pub async fn follow(
        &self,
        principal: &Principal,
        user_id: &UserId,
        since: Option<u64>,
    ) -> Result<Follower, ServiceError> {
        principal.may_in(Scope::Read, Some(user_id))?;
        Ok(self.0.live.follow(user_id, since).await?)
    }

    /// Follows all inboxes: every change from now on, the changes of each inbox in their order. A follower that is too
    /// slow receives a `reset`, and has to list again.
    ///
    /// # Errors
    /// When the caller may not read all inboxes.
    pub fn follow_all(&self, principal: &Principal) -> Result<Follower, ServiceError> {
        principal.may_in(Scope::Read, None)?;
        Ok(self.0.live.follow_all())
    }

    /// Reports from now on that it is not ready, and serves as before: a balancer is to send its requests to other
    /// servers.
    pub fn stop_soon(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::stop_soon`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::Relaxed)
    }

    /// Ends every [`Follower`], now and from now on: the server is stopping.
    pub fn stop_following(&self) {
        self.0.live.close();
    }

    /// Starts the work for listeners before there are any.
    pub(in crate::server) fn keep_up(&self) {
        self.0.live.keep_up();
    }

    /// The counts of one inbox, or of all of them, by kind. For a user, all inboxes are their own one.
    ///
    /// # Errors
    /// When the caller may not read that inbox.
    pub async fn overview(&self, principal: &Principal, user_id: Option<&UserId>) -> Result<Overview, ServiceError> {
        let inbox = user_id.or(principal.own_inbox());
        principal.may_in(Scope::Read, inbox)?;
        Ok(self.0.store.overview(inbox).await?)
    }

    /// Deletes notifications that have expired or are too old, and returns their number.
    ///
    /// [`super::maintenance::run`] calls it again and again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_due(&self) -> Result<usize, ServiceError> {
        let now = self.0.clock.now();
        let accepted_before = self.0.max_age.map(|age| moved(now, -age));
        let due = Due { now, accepted_before, limit: DUE_STEP };
        let mut deleted = 0;
        loop {
            let step = self.0.store.delete_due(&due).await?;
            deleted += step;
            if step < DUE_STEP {
                return Ok(deleted);
            }
        }
    }

    /// Drops the counters of idle recipients.
    pub fn forget_idle(&self) {
        if let Some(recipients) = &self.0.recipients {
            recipients.forget_idle();
        }
    }

    /// Whether the service can serve: reads from its store and writes to it, once for all callers at the same time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ready(&self) -> Result<(), ServiceError> {
        let store = Arc::clone(&self.0.store);
        Ok(self.0.readiness.of(|| async move { store.ready().await }).await?)
    }

    /// Whether other processes are informed of changes at once. Otherwise they find them in the store some seconds
    /// later.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.live.is_connected()
    }
}

/// The user in whose inbox a notification has to be for the caller to change it; `None` is any.
fn may_change(principal: &Principal, id: NotificationId) -> Result<Option<&UserId>, ServiceError> {
    principal.may(Scope::Mark)?;
    let owner = principal.own_inbox();
    // A user whose credential is valid only for another user's inbox has none.
    if owner.is_some_and(|owner| !principal.owns(owner)) {
        return Err(ServiceError::no_notification(id));
    }
    Ok(owner)
}
