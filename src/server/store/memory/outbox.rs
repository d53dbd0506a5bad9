//! Webhooks, outbox and deliveries in memory, lost at restart.

mod kept;

use std::{
    ops::RangeInclusive,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::{
    model::{Change, ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId, WebhookId},
    server::{
        clock::after,
        store::{
            StoreError,
            outbox::{
                Backlog, Bundle, Claim, Claimed, Deliveries, Delivery, DeliveryFilter, DeliveryPage, Entry, Health,
                Lane, MOST_WEBHOOKS, Outbox, Part, Planned, Settlement, Subscriptions, Webhook, Webhooks, over,
            },
        },
    },
};
use kept::OutboxTables;

/// The webhooks and the outbox.
#[derive(Default)]
pub(super) struct Leaving {
    kept: Mutex<OutboxTables>,
    reaches_contacts: AtomicBool,
}

impl Leaving {
    /// No operation can panic half-way, so the data is still consistent after a panic.
    fn kept(&self) -> MutexGuard<'_, OutboxTables> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the newest delivery.
    pub(super) fn newest(&self) -> u64 {
        self.kept().newest()
    }

    /// Forgets the deliveries about an inbox at these places, and returns where to go on.
    pub(super) fn forget_about(&self, user_id: &UserId, places: RangeInclusive<u64>) -> Option<u64> {
        self.kept().forget_about(user_id, places)
    }

    /// Whether a channel to contacts is set up.
    pub(super) fn reaches_contacts(&self) -> bool {
        self.reaches_contacts.load(Ordering::Relaxed)
    }

    /// Cancels waiting deliveries to contacts about notifications that were read or deleted.
    pub(super) fn cancel(&self, changes: &[Change], now: Timestamp) {
        let mut over = changes.iter().filter_map(|change| Some((&change.user_id, over(&change.event)?))).peekable();
        if over.peek().is_some() {
            let mut kept = self.kept();
            for (user_id, (id, reason)) in over {
                kept.cancel_about(user_id, id, reason, now);
            }
        }
    }

    /// Adds entries, in their order.
    pub(super) fn take(&self, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.kept().take(entries);
        }
    }
}

impl MemoryStore {
    /// Changes the webhooks, so that the next write knows of it.
    fn change_webhooks(&self, change: impl FnOnce(&mut Vec<Webhook>) -> bool) -> bool {
        self.change(|shelf| {
            let mut kept = self.leaving.kept();
            let is_done = change(&mut kept.webhooks);
            shelf.told = Subscriptions::to(&kept.webhooks);
            is_done
        })
    }
}

#[async_trait]
impl Webhooks for MemoryStore {
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        Ok(self.change_webhooks(|webhooks| {
            let fits = webhooks.len() < MOST_WEBHOOKS;
            if fits {
                webhooks.push(webhook.clone());
                webhooks.sort_by_key(|webhook| (webhook.created_at, webhook.id));
            }
            fits
        }))
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        Ok(self.leaving.kept().webhooks.clone())
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        Ok(self.leaving.kept().webhooks.iter().find(|webhook| webhook.id == id).cloned())
    }

    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        Ok(self.change_webhooks(|webhooks| {
            let is_same = |known: &&mut Webhook| known.id == webhook.id && known.version == webhook.version;
            let Some(known) = webhooks.iter_mut().find(is_same) else { return false };
            *known = Webhook { version: webhook.version + 1, ..webhook.clone() };
            true
        }))
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        Ok(self.change_webhooks(|webhooks| {
            let before = webhooks.len();
            webhooks.retain(|webhook| webhook.id != id);
            webhooks.len() < before
        }))
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    fn reach_contacts(&self) {
        self.leaving.reaches_contacts.store(true, Ordering::Relaxed);
    }

    async fn leave(&self, entry: &Entry) -> Result<(), StoreError> {
        self.leaving.take(vec![entry.clone()]);
        Ok(())
    }

    async fn unplanned(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(self.leaving.kept().entries.values().take(most).cloned().collect())
    }

    async fn plan(&self, planned: Vec<Planned>, backlog: Backlog, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.leaving.kept().plan(planned, backlog, now))
    }

    async fn claim(&self, claim: &Claim, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        Ok(self.leaving.kept().claim(claim, now))
    }

    async fn renew(
        &self,
        leased: Vec<(DeliveryId, Uuid)>,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut kept = self.leaving.kept();
        leased.into_iter().for_each(|(id, lease)| kept.renew(id, lease, after(now, lease_for)));
        Ok(())
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Option<Health>>, StoreError> {
        let mut kept = self.leaving.kept();
        Ok(settlements.into_iter().map(|settlement| kept.settle(settlement, now)).collect())
    }

    async fn bundle(&self, bundles: Vec<Bundle>, now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mut kept = self.leaving.kept();
        Ok(bundles.iter().map(|bundle| kept.bundle(bundle, now)).collect())
    }

    async fn parts(&self, digest: DeliveryId) -> Result<Vec<Part>, StoreError> {
        Ok(self.leaving.kept().parts(digest))
    }

    async fn judge_anew(&self, user_id: &UserId, most: usize, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.leaving.kept().judge_anew(user_id, most, now))
    }
}

#[async_trait]
impl Deliveries for MemoryStore {
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        Ok(self.leaving.kept().list(filter, before, limit))
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.leaving.kept().get(id).cloned())
    }

    async fn cancel(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.leaving.kept().end(id, DeliveryState::Cancelled, Some(reason.to_owned()), now))
    }

    async fn awaited(
        &self,
        user_id: &UserId,
        after: Option<NotificationId>,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        Ok(self.leaving.kept().awaited(user_id, after, most))
    }

    async fn cancel_about(
        &self,
        user_id: &UserId,
        ids: &[NotificationId],
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut kept = self.leaving.kept();
        Ok(ids.iter().map(|id| kept.cancel_about(user_id, *id, reason, now)).sum())
    }

    async fn to_be_counted(&self, user_id: &UserId) -> Result<Vec<ContactId>, StoreError> {
        Ok(self.leaving.kept().to_be_counted(user_id))
    }

    async fn end_lane(
        &self,
        lane: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        Ok(self.leaving.kept().end_lane(lane, state, reason, most, now))
    }

    async fn forget_lane(&self, lane: &str) -> Result<(), StoreError> {
        self.leaving.kept().forget_lane(lane);
        Ok(())
    }

    async fn forget_idle_lanes(&self, of: &str, idle_since: Timestamp, most: usize) -> Result<usize, StoreError> {
        Ok(self.leaving.kept().forget_idle_lanes(of, idle_since, most))
    }

    async fn replay(&self, ids: &[(DeliveryId, DeliveryId)], now: Timestamp) -> Result<usize, StoreError> {
        let mut kept = self.leaving.kept();
        Ok(ids.iter().filter(|(old, new)| kept.replay(*old, *new, now)).count())
    }

    async fn hasten(&self, ids: &[DeliveryId], now: Timestamp) -> Result<usize, StoreError> {
        let mut kept = self.leaving.kept();
        Ok(ids.iter().filter(|id| kept.hasten(**id, now)).count())
    }

    async fn lanes(&self) -> Result<Vec<Lane>, StoreError> {
        Ok(self.leaving.kept().lanes())
    }

    async fn resume(&self, lane: &str) -> Result<(), StoreError> {
        self.leaving.kept().resume(lane);
        Ok(())
    }

    async fn forget_deliveries(&self, ended_until: Timestamp, most: usize) -> Result<usize, StoreError> {
        Ok(self.leaving.kept().forget(ended_until, most))
    }
}
