//! For programs that embed Campanile: mail or push an existing notification, and register devices.

use super::running::Delivery;
use crate::{
    model::{Channel, Contact, ContactAddress, ContactDraft, EventKind, Notification, Routing, UserId},
    server::{
        identity::{Principal, Scope},
        service::ServiceError,
        store::outbox::Entry,
    },
};

/// The channels of a push.
const PUSH: [Channel; 3] = [Channel::Webpush, Channel::Fcm, Channel::Apns];

impl Delivery {
    /// Mails a notification to the addresses of its user: the specification's `send_email_notification(user_id,
    /// notification)`. It is planned like any other: mails that the user turned off or has read by then are not sent,
    /// and those in quiet hours are sent later. The deliveries of the notification show the result.
    ///
    /// # Errors
    /// When the caller may not send to the user, or it is another user's notification.
    pub async fn send_email_notification(
        &self,
        principal: &Principal,
        user_id: &UserId,
        notification: &Notification,
    ) -> Result<(), ServiceError> {
        let routing = Routing { send_email: Some(true), channels: Some(vec![Channel::Email]) };
        self.tell(principal, user_id, notification, routing).await
    }

    /// Pushes a notification to the browsers and devices of its user: the specification's
    /// `send_push_notification(user_id, notification)`. It is planned as in [`Self::send_email_notification`].
    ///
    /// # Errors
    /// When the caller may not send to the user, or it is another user's notification.
    pub async fn send_push_notification(
        &self,
        principal: &Principal,
        user_id: &UserId,
        notification: &Notification,
    ) -> Result<(), ServiceError> {
        let contacts = self.0.stores.contacts.contacts(user_id).await?;
        let mut channels: Vec<_> = PUSH.into();
        channels.retain(|channel| contacts.iter().any(|contact| contact.address.channel() == *channel));
        // Where nothing can receive a push, the deliveries record that.
        let channels = if channels.is_empty() { PUSH.into() } else { channels };
        let routing = Routing { send_email: None, channels: Some(channels) };
        self.tell(principal, user_id, notification, routing).await
    }

    /// Adds a device or a browser that receives a user's pushes, or confirms that it still exists. A previous owner
    /// loses it.
    ///
    /// # Errors
    /// As for [`Self::put_contact`].
    pub async fn register_device(
        &self,
        principal: &Principal,
        user_id: &UserId,
        device: ContactAddress,
    ) -> Result<Contact, ServiceError> {
        let draft = ContactDraft { address: device, label: None };
        self.put_contact(principal, user_id, draft).await.map(|(contact, _)| contact)
    }

    /// The devices and browsers of a user, with their tokens, those seen last first: the specification's
    /// `get_user_device_token(user_id)`. A token lets its holder push to the device, so no route returns it.
    ///
    /// # Errors
    /// When the caller is not an operator.
    pub async fn devices(&self, principal: &Principal, user_id: &UserId) -> Result<Vec<ContactAddress>, ServiceError> {
        principal.may_in(Scope::Admin, Some(user_id))?;
        let mut contacts = self.0.stores.contacts.contacts(user_id).await?;
        contacts.retain(|contact| PUSH.contains(&contact.address.channel()));
        contacts.sort_by_key(|contact| std::cmp::Reverse(contact.last_seen_at));
        Ok(contacts.into_iter().map(|contact| contact.address).collect())
    }

    async fn tell(
        &self,
        principal: &Principal,
        user_id: &UserId,
        notification: &Notification,
        routing: Routing,
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
            routing,
        };
        self.0.stores.outbox.leave(&entry).await?;
        self.0.alarm.ring();
        Ok(())
    }
}
