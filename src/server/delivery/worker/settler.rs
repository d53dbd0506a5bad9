//! Stores the results of deliveries, many at once, and disables webhooks and contacts that are gone.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};

use super::{
    super::{drain, plan::DISABLED, stores::DeliveryStores, verdict::is_given_up},
    LEASE,
    gate::Gate,
};
use crate::{
    model::{ContactId, ContactState, DeliveryState, Timestamp, WebhookId},
    server::{
        causes::with_causes,
        clock::Clock,
        store::{
            Outbox, StoreError, Webhooks,
            outbox::{Health, Settlement, Webhook},
        },
    },
};

/// How many results are stored in one transaction.
const AT_ONCE: usize = 256;
/// The least time between two transactions: each waits for the disk and writes the same pages again, so a few large
/// ones take far less than many small ones. After a pause, a result is stored at once.
const EVERY: Duration = Duration::from_millis(10);
/// How long to wait when the store cannot be written.
const PAUSE: Duration = Duration::from_millis(500);

/// A result to store.
pub(super) enum Done {
    /// The result of a delivery.
    Settled {
        settlement: Settlement,
        /// Findings about its target.
        found: Finding,
    },
    /// Answers when all earlier results are stored.
    Told(oneshot::Sender<()>),
}

/// The finding of an attempt about its target.
pub(super) enum Finding {
    Nothing,
    OfWebhook {
        /// The webhook.
        id: WebhookId,
        /// When it was enabled.
        enabled_at: Timestamp,
        /// Whether it answered that it is gone.
        is_gone: bool,
    },
    DeadContact {
        /// The contact.
        id: ContactId,
        /// The state of the contact.
        state: ContactState,
        /// When the other side noticed, or the attempt began.
        as_of: Timestamp,
    },
}

impl Done {
    /// The settlement of a delivery without an attempt.
    pub(super) fn settled(settlement: Settlement) -> Self {
        Self::Settled { settlement, found: Finding::Nothing }
    }
}

/// Stores incoming results, for as long as it is polled.
pub(super) async fn run(
    stores: &DeliveryStores,
    clock: &Arc<dyn Clock>,
    gate: &Gate,
    done: &mut mpsc::UnboundedReceiver<Done>,
) {
    let mut some = Vec::with_capacity(AT_ONCE);
    let mut next = Instant::now();
    while done.recv_many(&mut some, AT_ONCE).await > 0 {
        if some.len() < AT_ONCE {
            sleep_until(next).await;
            while some.len() < AT_ONCE
                && let Ok(more) = done.try_recv()
            {
                some.push(more);
            }
        }
        next = Instant::now() + EVERY;
        let (mut settlements, mut finds, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for done in some.drain(..) {
            match done {
                Done::Settled { settlement, found } => {
                    settlements.push(settlement);
                    finds.push(found);
                }
                Done::Told(waiting) => told.push(waiting),
            }
        }
        let written = settlements.len();
        let healths =
            if settlements.is_empty() { Vec::new() } else { write(&*stores.outbox, &**clock, settlements).await };
        gate.remove(written);
        for (found, health) in finds.into_iter().zip(healths) {
            let Some(health) = health else { continue };
            if let Err(error) = follow(stores, clock, found, &health).await {
                tracing::warn!(
                    cause = with_causes(&error),
                    "the failure of a contact could not be stored; its next failure will be"
                );
            }
        }
        for waiting in told {
            let _ = waiting.send(());
        }
    }
}

/// Disables a webhook or contact where the attempt found that it is gone.
async fn follow(
    stores: &DeliveryStores,
    clock: &Arc<dyn Clock>,
    found: Finding,
    health: &Health,
) -> Result<(), StoreError> {
    match found {
        Finding::Nothing => Ok(()),
        Finding::DeadContact { id, state, as_of } => {
            if stores.contacts.set_contact_state(id, state, as_of, clock.now()).await? {
                tracing::info!(contact = %id, %state, "a contact is no longer used");
            }
            Ok(())
        }
        Finding::OfWebhook { id, enabled_at, is_gone } => {
            let reason = if is_gone {
                "gone"
            } else if health.failures > 0 && is_given_up(health, enabled_at, clock.now()) {
                "failing"
            } else {
                return Ok(());
            };
            if disable(&*stores.webhooks, id, enabled_at, reason).await? {
                drain::end_lane(stores, clock, id, DeliveryState::Skipped, DISABLED);
            }
            Ok(())
        }
    }
}

/// Stores settlements, trying again for as long as their leases may hold.
async fn write(outbox: &dyn Outbox, clock: &dyn Clock, settlements: Vec<Settlement>) -> Vec<Option<Health>> {
    let began = Instant::now();
    loop {
        match outbox.settle(settlements.clone(), clock.now()).await {
            Ok(healths) => return healths,
            Err(error) if began.elapsed() < LEASE => {
                tracing::warn!(cause = with_causes(&error), "results of deliveries could not be stored; trying again");
                sleep(PAUSE).await;
            }
            Err(error) => {
                let count = settlements.len();
                tracing::error!(
                    cause = with_causes(&error),
                    count,
                    "results of deliveries were not stored; these deliveries are sent again"
                );
                return Vec::new();
            }
        }
    }
}

/// Disables a webhook, unless it was enabled again since the attempt, and returns whether it did.
async fn disable(
    webhooks: &dyn Webhooks,
    id: WebhookId,
    enabled_at: Timestamp,
    reason: &str,
) -> Result<bool, StoreError> {
    while let Some(webhook) = webhooks.webhook(id).await? {
        if webhook.disabled.is_some() || webhook.enabled_at != enabled_at {
            break;
        }
        if webhooks.change_webhook(&Webhook { disabled: Some(reason.to_owned()), ..webhook }).await? {
            tracing::warn!(webhook = %id, reason, "a webhook is disabled");
            return Ok(true);
        }
    }
    Ok(false)
}
