//! Cancels waiting deliveries when a user marks everything read, because that change itself touches no delivery.
//!
//! It only stores earlier what the worker would find when a delivery is due.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::try_join_all;
use tokio::sync::Notify;

use crate::{
    model::{Change, Event, UserId},
    server::{
        causes::with_causes,
        clock::Clock,
        store::{Announce, Deliveries, Store, StoreError},
    },
};

/// How many notifications are checked in one step.
const AT_ONCE: usize = 500;
/// How many of them are read at once.
const READ_AT_ONCE: usize = 8;
/// How many users with unfinished work it remembers.
const MOST_USERS: usize = 10_000;

/// The users who have marked everything read since the last sweep.
#[derive(Default)]
pub(super) struct AllRead {
    users: Mutex<BTreeSet<UserId>>,
    wake: Notify,
}

impl AllRead {
    fn users(&self) -> MutexGuard<'_, BTreeSet<UserId>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announce for AllRead {
    fn announce(&self, changes: Arc<[Change]>) {
        let all_read = changes.iter().filter(|change| matches!(change.event, Event::AllRead { .. }));
        let mut all_read = all_read.peekable();
        if all_read.peek().is_some() {
            let mut users = self.users();
            for change in all_read {
                if users.len() < MOST_USERS {
                    users.insert(change.user_id.clone());
                }
            }
            self.wake.notify_one();
        }
    }
}

/// Cancels for as long as it is polled.
pub(super) async fn run(
    all_read: Arc<AllRead>,
    inboxes: Arc<dyn Store>,
    deliveries: Arc<dyn Deliveries>,
    clock: Arc<dyn Clock>,
) {
    loop {
        all_read.wake.notified().await;
        loop {
            let next = all_read.users().pop_first();
            let Some(user_id) = next else { break };
            if let Err(error) = sweep(&*inboxes, &*deliveries, &*clock, &user_id).await {
                let cause = with_causes(&error);
                tracing::warn!(
                    cause,
                    "deliveries of read notifications could not be cancelled; each is cancelled when it is due"
                );
            }
        }
    }
}

/// Cancels waiting deliveries to the contacts of a user about notifications that were read.
async fn sweep(
    inboxes: &dyn Store,
    deliveries: &dyn Deliveries,
    clock: &dyn Clock,
    user_id: &UserId,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let awaited = deliveries.awaited(user_id, after, AT_ONCE).await?;
        let mut found = Vec::with_capacity(awaited.len());
        for some in awaited.chunks(READ_AT_ONCE) {
            found.extend(try_join_all(some.iter().map(|id| inboxes.get(*id))).await?);
        }
        let is_read = found.iter().map(|found| found.as_ref().is_some_and(|notification| notification.is_read));
        let read: Vec<_> = awaited.iter().zip(is_read).filter(|(_, is_read)| *is_read).map(|(id, _)| *id).collect();
        if !read.is_empty() {
            deliveries.cancel_about(user_id, &read, "read", clock.now()).await?;
        }
        if awaited.len() < AT_ONCE {
            return Ok(());
        }
        after = awaited.last().copied();
    }
}
