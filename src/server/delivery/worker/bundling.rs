//! Combines held deliveries of one contact that come due together into one message: a digest.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use uuid::Uuid;

use super::Worker;
use crate::{
    model::DeliveryId,
    server::store::{
        StoreError,
        outbox::{ANEW, Bundle, Claimed, Delivery, Next, TOGETHER},
    },
};

/// How many deliveries are judged at once.
const JUDGED_AT_ONCE: usize = 8;

impl Worker {
    /// Bundles held deliveries that are to be sent now, and returns the other claimed ones. The new state of deliveries
    /// that stay held, or are not to be sent at all, is stored.
    pub(super) async fn bundled(&self, claimed: Vec<Claimed>, lease: Uuid) -> Result<Vec<Claimed>, StoreError> {
        let mut rest = Vec::with_capacity(claimed.len());
        let mut held = BTreeMap::<Uuid, Vec<Claimed>>::new();
        let (waited, others): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|claimed| self.was_held(&claimed.delivery) && !claimed.is_expired);
        rest.extend(others);
        let mut judged = Vec::with_capacity(waited.len());
        for some in waited.chunks(JUDGED_AT_ONCE) {
            judged.extend(join_all(some.iter().map(|claimed| self.judged(&claimed.delivery))).await);
        }
        for (claimed, judged) in waited.into_iter().zip(judged) {
            let id = claimed.delivery.id;
            match judged {
                // All deliveries judged again get the same due time as the rest.
                Ok(_) if claimed.delivery.reason.as_deref() == Some(ANEW) => {
                    let next = Next::Held { wait: Duration::ZERO, reason: TOGETHER.to_owned() };
                    self.unsent(id, lease, Vec::new(), next);
                    self.0.wake.notify_one();
                }
                Ok(_) => held.entry(claimed.delivery.target).or_default().push(claimed),
                Err(next) => self.unsent(id, lease, Vec::new(), next),
            }
        }
        if held.is_empty() {
            return Ok(rest);
        }
        let bundle = |claimed: &Vec<Claimed>| Bundle {
            id: DeliveryId::new(Uuid::now_v7()),
            lease,
            claimed: claimed.iter().map(|claimed| claimed.delivery.id).collect(),
        };
        let bundles = held.values().map(bundle).collect();
        let made = self.0.stores.outbox.bundle(bundles, self.0.clock.now()).await?;
        if made.contains(&true) {
            self.0.wake.notify_one();
        }
        let alone = held.into_values().zip(made).filter(|(_, is_made)| !is_made);
        rest.extend(alone.flat_map(|(claimed, _)| claimed));
        Ok(rest)
    }

    /// Whether a rule held the delivery until now, and its channel bundles such deliveries.
    fn was_held(&self, delivery: &Delivery) -> bool {
        let bundles = self.0.policy.channel(delivery.channel).is_some_and(|channel| channel.bundles());
        bundles && delivery.reason.is_some() && !delivery.is_digest()
    }
}
