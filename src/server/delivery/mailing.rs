//! Mail of a notification that is there already, as a program that embeds us asks for it.

use super::running::Delivery;
use crate::{
    model::{Channel, EventKind, Notification, Routing, UserId},
    server::{
        identity::{Principal, Scope},
        service::ServiceError,
        store::outbox::Entry,
    },
};

impl Delivery {
    /// Mails a notification to the addresses of its user: the document's `send_email_notification(user_id, notification)`.
    /// It is planned as any other is: what the user turned off, has read by then, or holds for quiet hours is not sent, or
    /// later. What becomes of it, the deliveries of the notification tell.
    ///
    /// # Errors
    /// When the caller may not send to the user, or it is another user's notification.
    pub async fn send_email_notification(
        &self,
        principal: &Principal,
        user_id: &UserId,
        notification: &Notification,
    ) -> Result<(), ServiceError> {
        principal.may_in(Scope::Send, Some(user_id))?;
        if notification.user_id != *user_id {
            return Err(ServiceError::no_notification(notification.id));
        }
        let entry = Entry {
            seq: 0,
            kind: EventKind::Created,
            user_id: user_id.clone(),
            category: Some(notification.category.clone()),
            notification_id: Some(notification.id),
            expires_at: notification.expires_at,
            at: self.0.clock.now(),
            data: String::new(),
            to_contacts: true,
            routing: Routing { send_email: Some(true), channels: Some(vec![Channel::Email]) },
        };
        self.0.stores.outbox.leave(&entry).await?;
        self.0.alarm.ring();
        Ok(())
    }
}
