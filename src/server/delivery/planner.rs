//! Turns committed events into deliveries.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures_util::future::try_join_all;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    plan::{Addressee, plan},
    policy::Policy,
    stores::DeliveryStores,
};
use crate::{
    model::{Change, Event, EventKind, Wanted, WebhookId},
    server::{
        causes::with_causes,
        clock::{Clock, moved},
        live::Bus,
        store::{
            Announce, Profile, StoreError,
            outbox::{Backlog, Entry, Planned, Webhook},
        },
    },
};

/// How often it checks even when it was not woken: another server may have left entries.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// How many entries are planned in one transaction.
const AT_ONCE: usize = 256;
/// The same limit while more important writes wait.
const AT_ONCE_PRESSED: usize = 128;
/// How many bytes their deliveries may have, so that an event for many webhooks is not one heavy transaction.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
/// How long an entry that only contacts may want waits, at most.
const SOON: Duration = Duration::from_millis(10);
/// How long it pauses while more important writes wait.
const STANDS_BACK: Duration = Duration::from_millis(20);
/// How far it falls behind at most because of those pauses, as long as the machine can do both.
const BEHIND: TimeDelta = TimeDelta::seconds(30);
/// How many users are looked up at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// Wakes the planner when a write left an entry for it.
#[derive(Default)]
pub(super) struct Alarm {
    wake: Notify,
    /// The filters of known webhooks. Another server may have added one, which the planner finds with its next check.
    wanted: RwLock<HashMap<WebhookId, Wanted>>,
    /// Wakes it in a moment: for a notification that contacts may want.
    wake_soon: Notify,
    /// Whether a channel to contacts is set up.
    reaches_contacts: AtomicBool,
}

impl Alarm {
    /// Sets the known webhooks.
    pub(super) fn knows(&self, webhooks: &[Webhook]) {
        let wanted = webhooks.iter().map(|webhook| (webhook.id, webhook.wanted.clone())).collect();
        *self.wanted.write().unwrap_or_else(PoisonError::into_inner) = wanted;
    }

    /// Adds a webhook that was added or changed on this server.
    pub(super) fn hears_of(&self, webhook: &Webhook) {
        self.wanted.write().unwrap_or_else(PoisonError::into_inner).insert(webhook.id, webhook.wanted.clone());
    }

    /// Wakes the planner.
    pub(super) fn ring(&self) {
        self.wake.notify_one();
    }

    /// From now on a channel to contacts is set up.
    pub(super) fn reach_contacts(&self) {
        self.reaches_contacts.store(true, Ordering::Relaxed);
    }

    /// Returns when there may be something to plan. Contacts may wait a little longer than webhooks: whether a user has
    /// one is not known here, and checking each time would cost as much as creating.
    async fn rings(&self) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = self.wake_soon.notified() => drop(timeout(SOON, self.wake.notified()).await),
        }
    }

    fn is_wanted(wanted: &Wanted, Change { user_id, event }: &Change) -> bool {
        let (kind, category) = match event {
            Event::Created { notification, .. } => (EventKind::Created, Some(&notification.category)),
            Event::Updated { notification, .. } => (EventKind::Updated, Some(&notification.category)),
            // Its category is not known here: any may be wanted.
            Event::Deleted { .. } => (EventKind::Deleted, None),
            Event::AllRead { .. } => (EventKind::AllRead, None),
        };
        wanted.takes(kind, category, user_id)
    }
}

impl Announce for Alarm {
    fn announce(&self, changes: Arc<[Change]>) {
        let wanted = self.wanted.read().unwrap_or_else(PoisonError::into_inner);
        if wanted.values().any(|wanted| changes.iter().any(|change| Self::is_wanted(wanted, change))) {
            self.wake.notify_one();
        } else if self.reaches_contacts.load(Ordering::Relaxed)
            && changes.iter().any(|change| matches!(change.event, Event::Created { .. }))
        {
            self.wake_soon.notify_one();
        }
    }
}

/// The planner.
pub(super) struct Planner {
    pub(super) stores: DeliveryStores,
    pub(super) policy: Arc<Policy>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) backlog: Backlog,
    /// Wakes the worker for due deliveries.
    pub(super) worker: Arc<Notify>,
    /// Wakes the workers of other servers.
    pub(super) bus: Arc<dyn Bus>,
}

impl Planner {
    /// Plans for as long as it is polled.
    pub(super) async fn run(&self) {
        loop {
            if let Err(error) = self.look().await {
                warn(&error);
                sleep(LOOKS_EVERY).await;
                continue;
            }
            // While writes wake it, each check plans without reading the webhooks again.
            while timeout(LOOKS_EVERY, self.alarm.rings()).await.is_ok() {
                if let Err(error) = self.plan_all().await {
                    warn(&error);
                    break;
                }
            }
        }
    }

    /// Reads the webhooks, and plans the waiting entries.
    async fn look(&self) -> Result<(), StoreError> {
        self.alarm.knows(&self.stores.webhooks.webhooks().await?);
        self.plan_all().await
    }

    /// Plans until nothing is left.
    async fn plan_all(&self) -> Result<(), StoreError> {
        let mut is_behind = false;
        loop {
            let is_pressed = !is_behind && self.stores.outbox.is_pressed();
            if is_pressed {
                sleep(STANDS_BACK).await;
            }
            let most = if is_pressed { AT_ONCE_PRESSED } else { AT_ONCE };
            let entries = self.stores.outbox.unplanned(most).await?;
            let Some(oldest) = entries.first() else { return Ok(()) };
            is_behind = oldest.at < moved(self.clock.now(), -BEHIND);
            let webhooks = self.stores.webhooks.webhooks().await?;
            let mut addressees = Vec::with_capacity(entries.len());
            for some in entries.chunks(LOOKED_UP_AT_ONCE) {
                addressees.extend(try_join_all(some.iter().map(|entry| self.addressee(entry))).await?);
            }
            let mut rest = entries.into_iter().zip(addressees);
            while rest.len() > 0 {
                let planned = planned(&mut rest, |(entry, addressee)| {
                    plan(&entry, &webhooks, addressee.as_ref(), &self.policy, Uuid::now_v7)
                });
                let made = self.stores.outbox.plan(planned, self.backlog, self.clock.now()).await?;
                if made > 0 {
                    self.worker.notify_one();
                    self.bus.hint();
                }
            }
        }
    }
}

impl Planner {
    /// The user of an entry that contacts may want.
    async fn addressee(&self, entry: &Entry) -> Result<Option<Addressee>, StoreError> {
        if !entry.to_contacts {
            return Ok(None);
        }
        match self.looked_up(entry).await {
            Ok(addressee) => Ok(Some(addressee)),
            Err(error @ StoreError::Unavailable { .. }) => Err(error),
            // An unreadable user must not delay the others.
            Err(error) => {
                tracing::error!(
                    cause = with_causes(&error),
                    "the contacts of a user cannot be read; nothing is sent to them"
                );
                Ok(None)
            }
        }
    }
}

impl Planner {
    async fn looked_up(&self, entry: &Entry) -> Result<Addressee, StoreError> {
        let DeliveryStores { profiles, deliveries, .. } = &self.stores;
        let of_user = &entry.user_id;
        let to_be_counted =
            async { if entry.is_count() { deliveries.to_be_counted(of_user).await } else { Ok(Vec::new()) } };
        let (profile, to_be_counted) =
            tokio::try_join!(profiles.profile(of_user, entry.notification_id), to_be_counted)?;
        let Profile { contacts, preferences, notification, .. } = profile;
        Ok(Addressee { contacts, notification, to_be_counted, preferences, at: self.clock.now() })
    }
}

fn warn(error: &StoreError) {
    tracing::warn!(cause = with_causes(error), "events could not be planned; trying again");
}

/// Plans the next entries: at least one, and as many as are small enough together.
fn planned<E>(entries: &mut impl Iterator<Item = E>, plan: impl Fn(E) -> Planned) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let one = plan(entry);
        bytes += one.deliveries.iter().map(|delivery| delivery.payload.len()).sum::<usize>();
        planned.push(one);
        if bytes >= BYTES_AT_ONCE {
            break;
        }
    }
    planned
}
