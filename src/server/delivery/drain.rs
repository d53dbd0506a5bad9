//! Ends the waiting deliveries of a webhook that was disabled or deleted.

use std::sync::Arc;

use super::stores::DeliveryStores;
use crate::{
    model::{DeliveryState, WebhookId},
    server::{causes::with_causes, clock::Clock, store::outbox::lane_of},
};

/// How many deliveries are ended in one step.
const STEP: usize = 500;

/// Ends the waiting deliveries of a webhook in the background, step by step, and forgets the lane if they are
/// cancelled. If the server stops meanwhile, the worker ends the rest when it is due.
pub(super) fn end_lane(
    stores: &DeliveryStores,
    clock: &Arc<dyn Clock>,
    id: WebhookId,
    state: DeliveryState,
    reason: &'static str,
) {
    let (deliveries, clock) = (Arc::clone(&stores.deliveries), Arc::clone(clock));
    tokio::spawn(async move {
        let lane = lane_of(id);
        let ending = async {
            while deliveries.end_lane(&lane, state, reason, STEP, clock.now()).await? == STEP {}
            if state == DeliveryState::Cancelled { deliveries.forget_lane(&lane).await } else { Ok(()) }
        };
        if let Err(error) = ending.await {
            let cause = with_causes(&error);
            tracing::warn!(cause, "deliveries of a disabled webhook could not be ended; each ends when it is due");
        }
    });
}
