//! Claims due deliveries, checks that they are still wanted, and prepares them for sending.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws_lc_rs::rand;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    LEASE, Worker,
    lanes::{Lanes, Past, Queued},
    results::as_before,
    settler::Done,
};
use crate::{
    model::{self, Channel, DeliveryState, WebhookId},
    server::{
        channels::outcome::Outcome,
        delivery::plan::DISABLED,
        store::{
            StoreError,
            outbox::{Claim, Claimed, Next, Settlement, Webhook},
        },
    },
};

impl Worker {
    /// Claims as many deliveries as there is room for, and has them sent.
    pub(super) async fn claim(&self) -> Result<(), StoreError> {
        let parts = &self.0;
        let _claiming = parts.claiming.lock().await;
        if parts.is_stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        let claimed_at = Instant::now();
        let lease = random_uuid()?;
        let (room, rooms) = (Lanes::AT_FIRST, parts.lanes.rooms());
        let claim = Claim { lease, lease_for: LEASE, room, rooms };
        let claimed = parts.stores.outbox.claim(&claim, parts.clock.now()).await?;
        let as_before = |claimed: &Claimed| (claimed.delivery.id, as_before(&claimed.delivery, Duration::ZERO));
        let all: Vec<_> = claimed.iter().map(as_before).collect();
        let ready = async {
            let webhooks = self.endpoints_of(&claimed).await?;
            Ok::<_, StoreError>((webhooks, self.bundled(claimed, lease).await?))
        };
        let (webhooks, claimed) = match ready.await {
            Ok(ready) => ready,
            // For those settled by now, this does nothing.
            Err(error) => {
                all.into_iter().for_each(|(id, next)| self.unsent(id, lease, Vec::new(), next));
                return Err(error);
            }
        };
        let mut lanes = HashSet::new();
        for claimed in claimed {
            let webhook = webhooks.get(&claimed.delivery.target);
            let lane = claimed.delivery.lane.clone();
            let Some(queued) = self.look_again(claimed, webhook, lease, claimed_at) else {
                parts.lanes.drain(&lane);
                // There may be many more like it.
                parts.wake.notify_one();
                continue;
            };
            lanes.insert(lane);
            if let Some(Queued { delivery, lease, before, .. }) = parts.lanes.put(queued) {
                self.give_back(&delivery, lease, before);
            }
        }
        lanes.iter().for_each(|lane| self.begin_work(lane));
        Ok(())
    }

    /// The webhooks of these deliveries, by their ids, as far as they exist.
    async fn endpoints_of(&self, claimed: &[Claimed]) -> Result<HashMap<Uuid, Arc<Webhook>>, StoreError> {
        let mut webhooks = HashMap::new();
        let to_webhooks = claimed.iter().filter(|claimed| claimed.delivery.channel == Channel::Webhook);
        let ids: HashSet<_> = to_webhooks.map(|claimed| claimed.delivery.target).collect();
        for id in ids {
            if let Some(webhook) = self.0.stores.webhooks.webhook(WebhookId::new(id)).await? {
                webhooks.insert(id, Arc::new(webhook));
            }
        }
        Ok(webhooks)
    }

    /// Checks again that a delivery is wanted; one that is not is settled at once.
    fn look_again(
        &self,
        claimed: Claimed,
        webhook: Option<&Arc<Webhook>>,
        lease: Uuid,
        claimed_at: Instant,
    ) -> Option<Queued> {
        let Claimed { mut delivery, was_lost, is_expired } = claimed;
        let lost = was_lost.then(|| model::Attempt {
            at: self.0.clock.now(),
            result: Outcome::Ambiguous.as_str().to_owned(),
            code: None,
            ms: 0,
            counted: true,
            detail: Some("the server that made this attempt did not say how it ended".to_owned()),
        });
        let over = |state, reason: &str| {
            let next = Next::Over { state, reason: Some(reason.to_owned()) };
            let attempts = lost.clone().into_iter().collect();
            let settlement =
                Settlement { id: delivery.id, lease, attempts, refund: true, next, worked: None, pause: None };
            self.settled(Done::settled(settlement));
            None
        };
        let is_to_webhook = delivery.channel == Channel::Webhook;
        match webhook {
            None if is_to_webhook => return over(DeliveryState::Cancelled, "webhook_deleted"),
            Some(webhook) if webhook.disabled.is_some() => return over(DeliveryState::Skipped, DISABLED),
            _ => {}
        }
        // A webhook that got an attempt gets all further ones, and a user only messages that are still of use.
        if is_expired && (delivery.tries == 1 || !is_to_webhook) {
            let why = if delivery.is_count() { "count_expired" } else { "notification_expired" };
            return over(DeliveryState::Expired, why);
        }
        let Some(channel) = self.0.policy.channel(delivery.channel) else {
            return over(DeliveryState::Skipped, "not_set_up");
        };
        // A delivery due from the beginning is as old as it is; a held one, as its first attempt.
        let first = delivery.attempts.first().map(|attempt| attempt.at);
        let since = first.unwrap_or(if delivery.reason.is_none() { delivery.created_at } else { self.0.clock.now() });
        let (schedule, age) = (channel.schedule(), self.age(since));
        // Attempts whose servers died count, so that a delivery that kills its server is given up.
        let was_last = delivery.tries > 1 && schedule.wait(delivery.tries - 1, Duration::ZERO, 0, None).is_none();
        if was_last || schedule.is_over(age) {
            return over(DeliveryState::Dead, "gave_up");
        }
        let before: Vec<_> = lost.into_iter().collect();
        let past = Past::of(&delivery.attempts);
        delivery.attempts.clear();
        Some(Queued { delivery, webhook: webhook.cloned(), lease, claimed_at, since, before, past })
    }
}

fn random_uuid() -> Result<Uuid, StoreError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| StoreError::unavailable("the system gives no random bytes"))?;
    Ok(Uuid::from_bytes(bytes))
}
