//! What has to be done again and again beside answering requests.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::service::NotificationService;

/// How long after its moment an expired notification may still be seen.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// Deletes what expires, for as long as it is polled. Spawn it, and abort it to stop.
pub async fn run(service: NotificationService) {
    let mut ticks = interval(EXPIRY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match service.delete_due().await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "notifications that were due are deleted"),
            Err(error) => tracing::warn!(%error, "notifications that are due could not be deleted; trying again"),
        }
    }
}
