//! Periodic maintenance.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{causes::with_causes, service::NotificationService};

/// How long after its expiry a notification may still be visible.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// The number of these intervals after which the counters of idle recipients are dropped.
const TICKS_UNTIL_FORGOTTEN: u32 = 60;

/// Deletes expired notifications, for as long as it is polled. Spawn it, and abort it to stop.
pub async fn run(service: NotificationService) {
    let mut ticks = interval(EXPIRY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut passed = 0_u32;
    loop {
        ticks.tick().await;
        passed = passed.wrapping_add(1);
        if passed.is_multiple_of(TICKS_UNTIL_FORGOTTEN) {
            service.forget_idle();
        }
        match service.delete_due().await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "expired notifications were deleted"),
            Err(error) => {
                tracing::warn!(cause = with_causes(&error), "expired notifications could not be deleted; trying again")
            }
        }
    }
}
