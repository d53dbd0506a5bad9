//! Whether a delivery to a contact is still relevant. The planner, the worker right before it sends, and the list of
//! deliveries share this.

use crate::model::{DeliveryState, Notification, Timestamp};

/// The state and reason of a delivery whose notification was deleted.
pub(super) const DELETED: (DeliveryState, &str) = (DeliveryState::Cancelled, "deleted");

/// The final state and reason of a delivery to a contact whose notification is no longer of use to the user. `None`
/// where it still is.
pub(super) fn of_no_use(notification: Option<&Notification>, now: Timestamp) -> Option<(DeliveryState, &'static str)> {
    match notification {
        None => Some(DELETED),
        Some(notification) if notification.is_read => Some((DeliveryState::Cancelled, "read")),
        Some(notification) if notification.expires_at.is_some_and(|end| end <= now) => {
            Some((DeliveryState::Expired, "notification_expired"))
        }
        Some(_) => None,
    }
}
