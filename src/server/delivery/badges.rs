//! Sends the unread count to a user's devices when the user reads elsewhere: silently, and at most once a minute.
//!
//! The message has the count at the time of sending. So the first change after a quiet minute is sent at once, and
//! further ones within a minute as one, at its end. Only the server that wrote a change sends it: a user whose requests
//! go to several servers may get an update once a minute from each, but never while an update to the same device still
//! waits.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{plan::devices, planner::Alarm, policy::Policy, stores::DeliveryStores};
use crate::{
    model::{Change, Event, EventKind, Routing, UserId},
    server::{
        causes::with_causes,
        clock::{Clock, after},
        store::{Announce, StoreError, outbox::Entry},
    },
};

/// Delay between a change and the badge update, because users often read several notifications at once.
const SOON: Duration = Duration::from_secs(1);
/// The least time between two updates.
const EVERY: Duration = Duration::from_secs(60);
/// How often due users are looked for.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// How many users are handled in one look, so that silent updates delay nothing that a user waits for.
const AT_ONCE: usize = 64;
/// How many users are looked up at once.
const LOOKED_UP_AT_ONCE: usize = 8;
/// Most users remembered. Further users get the count with their next push.
const MOST_USERS: usize = 10_000;
/// How long an update waits for a lane that is paused or fails: it carries the count at the time of sending, so it is
/// never outdated.
const LIVES_FOR: Duration = Duration::from_secs(24 * 3_600);

/// The users whose devices need an update, or got one within the last minute.
#[derive(Default)]
pub(super) struct Badges {
    users: Mutex<HashMap<UserId, Turn>>,
    wake: Notify,
}

/// When a user's devices may get an update.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Instant,
    /// Whether the count has changed since the last update.
    is_due: bool,
}

impl Badges {
    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Turn>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.users().len()
    }

    fn is_idle(&self) -> bool {
        self.users().is_empty()
    }

    /// The due users, the longest due first. Their next turn is a minute later. Users without a change for a minute are
    /// forgotten.
    fn take_due(&self) -> Vec<UserId> {
        let now = Instant::now();
        let mut users = self.users();
        users.retain(|_, turn| turn.is_due || now < turn.at);
        let due = users.iter().filter(|(_, turn)| turn.is_due && turn.at <= now);
        let mut due: Vec<_> = due.map(|(user_id, turn)| (turn.at, user_id.clone())).collect();
        due.sort_unstable();
        due.truncate(AT_ONCE);
        let due: Vec<_> = due.into_iter().map(|(_, user_id)| user_id).collect();
        for user_id in &due {
            users.insert(user_id.clone(), Turn { at: now + EVERY, is_due: false });
        }
        due
    }

    /// The user has no device to update. A change that came meanwhile is handled soon.
    fn no_device_is_told(&self, user_id: &UserId) {
        let mut users = self.users();
        match users.get_mut(user_id) {
            Some(turn) if turn.is_due => turn.at = Instant::now() + SOON,
            _ => drop(users.remove(user_id)),
        }
    }

    /// Not all devices of the user got the update.
    fn is_due_again(&self, user_id: &UserId) {
        if let Some(turn) = self.users().get_mut(user_id) {
            turn.is_due = true;
        }
    }
}

impl Announce for Badges {
    fn announce(&self, changes: Arc<[Change]>) {
        if changes.iter().all(|change| matches!(change.event, Event::Created { .. })) {
            return;
        }
        // A notification that replaces others in a full inbox causes a push of its own.
        let created = changes.iter().filter(|change| matches!(change.event, Event::Created { .. }));
        let created: HashSet<_> = created.map(|change| &change.user_id).collect();
        let is_read = |change: &&Change| match change.event {
            Event::Created { .. } => false,
            Event::Updated { .. } | Event::AllRead { .. } => true,
            Event::Deleted { .. } => !created.contains(&change.user_id),
        };
        let mut read = changes.iter().filter(is_read).peekable();
        if read.peek().is_none() {
            return;
        }
        let mut users = self.users();
        for change in read {
            if let Some(turn) = users.get_mut(&change.user_id) {
                turn.is_due = true;
            } else if users.len() < MOST_USERS {
                users.insert(change.user_id.clone(), Turn { at: Instant::now() + SOON, is_due: true });
            }
        }
        drop(users);
        self.wake.notify_one();
    }
}

/// The task that sends badge updates.
pub(super) struct BadgeSync {
    pub(super) badges: Arc<Badges>,
    pub(super) stores: DeliveryStores,
    pub(super) policy: Arc<Policy>,
    pub(super) clock: Arc<dyn Clock>,
    /// Wakes the planner.
    pub(super) alarm: Arc<Alarm>,
}

impl BadgeSync {
    /// Sends updates for as long as it is polled.
    pub(super) async fn run(&self) {
        loop {
            if self.badges.is_idle() {
                self.badges.wake.notified().await;
            }
            sleep(LOOKS_EVERY).await;
            // Present writes are more important; an update loses nothing by waiting.
            if self.stores.outbox.is_pressed() {
                continue;
            }
            for some in self.badges.take_due().chunks(LOOKED_UP_AT_ONCE) {
                join_all(some.iter().map(|user_id| self.tell(user_id))).await;
            }
        }
    }

    async fn tell(&self, user_id: &UserId) {
        match self.leave(user_id).await {
            Ok(DevicesTold::All) => {}
            Ok(DevicesTold::Some) => self.badges.is_due_again(user_id),
            Ok(DevicesTold::None) => self.badges.no_device_is_told(user_id),
            Err(error) => {
                self.badges.is_due_again(user_id);
                tracing::warn!(
                    cause = with_causes(&error),
                    "unread counts could not be pushed; trying again in a minute"
                );
            }
        }
    }

    /// Has the planner update the devices of a user that have no update waiting already.
    async fn leave(&self, user_id: &UserId) -> Result<DevicesTold, StoreError> {
        let DeliveryStores { contacts, wishes, deliveries, outbox, .. } = &self.stores;
        let contacts = contacts.contacts(user_id).await?;
        if contacts.is_empty() {
            return Ok(DevicesTold::None);
        }
        let (preferences, _) = wishes.preferences(user_id).await?;
        let devices = devices(&contacts, &preferences, &self.policy);
        if devices.is_empty() {
            return Ok(DevicesTold::None);
        }
        // A lane may be paused for long. Then one update waits in it for each device, however often the count changes.
        let waiting = deliveries.to_be_counted(user_id).await?;
        let waits = devices.iter().filter(|(contact, _)| waiting.contains(&contact.id)).count();
        if waits < devices.len() {
            let now = self.clock.now();
            let entry = Entry {
                seq: 0,
                kind: EventKind::AllRead,
                user_id: user_id.clone(),
                category: None,
                notification_id: None,
                expires_at: Some(after(now, LIVES_FOR)),
                at: now,
                data: String::new(),
                to_contacts: true,
                routing: Routing::default(),
            };
            outbox.leave(&entry).await?;
            self.alarm.ring();
        }
        Ok(if waits > 0 { DevicesTold::Some } else { DevicesTold::All })
    }
}

/// How many of a user's devices get an update.
enum DevicesTold {
    All,
    /// An earlier update to the others is still waiting.
    Some,
    None,
}
