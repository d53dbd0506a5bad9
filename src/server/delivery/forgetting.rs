//! Deletes old deliveries, dead contacts, and the state of unused lanes.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::time::{MissedTickBehavior, interval};

use super::{policy::Policy, stores::DeliveryStores};
use crate::{
    model::Channel,
    server::{
        causes::with_causes,
        clock::{Clock, moved},
        store::StoreError,
    },
};

/// How many rows are deleted in one step.
const STEP: usize = 500;
/// How often old data is looked for.
const EVERY: Duration = Duration::from_secs(60);
/// How long a dead push contact is kept, so that its user can see why nothing arrives.
const DEAD_FOR: TimeDelta = TimeDelta::days(7);
/// How long an FCM contact is kept that is not registered again: FCM itself forgets such a token after 270 days.
const SILENT_FOR: TimeDelta = TimeDelta::days(270);
/// How long the state of an unused lane is kept.
const IDLE_FOR: TimeDelta = TimeDelta::days(1);

/// The task that deletes old data.
pub(super) struct Forgetting {
    pub(super) stores: DeliveryStores,
    pub(super) policy: Arc<Policy>,
    pub(super) clock: Arc<dyn Clock>,
    /// How long finished deliveries are kept.
    pub(super) history: TimeDelta,
}

impl Forgetting {
    /// Deletes for as long as it is polled.
    pub(super) async fn run(&self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.policy.forget_idle();
            self.look().await;
        }
    }

    async fn look(&self) {
        let DeliveryStores { deliveries, contacts, .. } = &self.stores;
        let ago = |time: TimeDelta| moved(self.clock.now(), -time);
        in_steps("old deliveries", || deliveries.forget_deliveries(ago(self.history), STEP)).await;
        in_steps("contacts that are gone", || contacts.drop_gone(ago(DEAD_FOR), ago(SILENT_FOR), STEP)).await;
        // Users name these lanes: each origin of a browser's push service is one. The operator names all others.
        let of = Channel::Webpush.as_str();
        in_steps("lanes that are not used", || deliveries.forget_idle_lanes(of, ago(IDLE_FOR), STEP)).await;
    }
}

/// Deletes until a step finds fewer rows than it could delete.
async fn in_steps<F>(what: &'static str, step: impl Fn() -> F)
where
    F: Future<Output = Result<usize, StoreError>>,
{
    loop {
        match step().await {
            Ok(STEP) => {}
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(cause = with_causes(&error), what, "old data could not be deleted; trying again");
                break;
            }
        }
    }
}
