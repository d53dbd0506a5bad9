//! Writes down what became of what was sent, many at once, and disables endpoints that are gone.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use super::{super::verdict::is_given_up, LEASE};
use crate::{
    model::{Timestamp, WebhookId},
    server::{
        causes::with_causes,
        clock::Clock,
        store::{
            Outbox, StoreError, Webhooks,
            outbox::{Settlement, Webhook},
        },
    },
};

/// How many are written down in one transaction.
const AT_ONCE: usize = 256;
/// How long to wait when the store cannot be written.
const PAUSE: Duration = Duration::from_millis(500);

/// What is to be written down.
pub(super) enum Done {
    /// What a delivery came to.
    Settled {
        settlement: Settlement,
        /// The endpoint that was asked, and when it was enabled.
        webhook: Option<(WebhookId, Timestamp)>,
        /// Whether it said that it is gone.
        is_gone: bool,
    },
    /// Tells when all that came before is written down.
    Told(oneshot::Sender<()>),
}

impl Done {
    /// A settlement of what was not attempted.
    pub(super) fn settled(settlement: Settlement) -> Self {
        Self::Settled { settlement, webhook: None, is_gone: false }
    }
}

/// Writes down what comes, for as long as it is polled.
pub(super) async fn run(
    outbox: &dyn Outbox,
    webhooks: &dyn Webhooks,
    clock: &dyn Clock,
    done: &mut mpsc::UnboundedReceiver<Done>,
) {
    let mut some = Vec::with_capacity(AT_ONCE);
    while done.recv_many(&mut some, AT_ONCE).await > 0 {
        let (mut settlements, mut endpoints, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for done in some.drain(..) {
            match done {
                Done::Settled { settlement, webhook, is_gone } => {
                    settlements.push(settlement);
                    endpoints.push((webhook, is_gone));
                }
                Done::Told(waiting) => told.push(waiting),
            }
        }
        let healths = if settlements.is_empty() { Vec::new() } else { write(outbox, clock, settlements).await };
        for ((webhook, is_gone), health) in endpoints.into_iter().zip(healths) {
            let (Some((id, enabled_at)), Some(health)) = (webhook, health) else { continue };
            let reason = if is_gone {
                "gone"
            } else if health.failures > 0 && is_given_up(&health, enabled_at, clock.now()) {
                "failing"
            } else {
                continue;
            };
            if let Err(error) = disable(webhooks, id, enabled_at, reason).await {
                tracing::warn!(cause = with_causes(&error), "a webhook could not be disabled; its next failure will");
            }
        }
        for waiting in told {
            let _ = waiting.send(());
        }
    }
}

/// Writes settlements down, again and again for as long as their leases may hold.
async fn write(
    outbox: &dyn Outbox,
    clock: &dyn Clock,
    settlements: Vec<Settlement>,
) -> Vec<Option<crate::server::store::outbox::Health>> {
    let began = Instant::now();
    loop {
        match outbox.settle(settlements.clone(), clock.now()).await {
            Ok(healths) => return healths,
            Err(error) if began.elapsed() < LEASE => {
                tracing::warn!(
                    cause = with_causes(&error),
                    "what was delivered could not be written down; trying again"
                );
                sleep(PAUSE).await;
            }
            Err(error) => {
                let count = settlements.len();
                tracing::error!(
                    cause = with_causes(&error),
                    count,
                    "what was delivered is not written down: it is sent again"
                );
                return Vec::new();
            }
        }
    }
}

/// Disables an endpoint, unless it was enabled again since the attempt.
async fn disable(
    webhooks: &dyn Webhooks,
    id: WebhookId,
    enabled_at: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    while let Some(webhook) = webhooks.webhook(id).await? {
        if webhook.disabled.is_some() || webhook.enabled_at != enabled_at {
            return Ok(());
        }
        if webhooks.change_webhook(&Webhook { disabled: Some(reason.to_owned()), ..webhook }).await? {
            tracing::warn!(webhook = %id, reason, "a webhook is disabled");
            return Ok(());
        }
    }
    Ok(())
}
