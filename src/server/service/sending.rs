//! Sending: one notification, or many at once, with repeats taking effect once.

use std::{collections::HashMap, num::NonZeroU32};

use uuid::{ContextV7, Uuid};

use super::{IdempotencyKey, NotificationService, ServiceError};
use crate::{
    model::{Content, FieldError, Invalid, NewNotification, Notification, NotificationId, Routing, UserId},
    server::{
        identity::{Holder, Principal, Scope},
        limiter::{Limiter, TooOften},
        store::{Creation, Once, StoreError},
        workshop::Broken,
    },
};

impl NotificationService {
    /// Sends one notification and returns it with its id and time.
    ///
    /// # Errors
    /// When the caller may not send, or the store fails.
    pub async fn create(&self, principal: &Principal, new: NewNotification) -> Result<Notification, ServiceError> {
        self.create_once(principal, new, None).await
    }

    /// Sends one notification unless the same was sent with this key within 24 hours; then it returns the first result.
    ///
    /// # Errors
    /// As for [`Self::create`], and when the key was used for another request.
    pub async fn create_once(
        &self,
        principal: &Principal,
        new: NewNotification,
        key: Option<&IdempotencyKey>,
    ) -> Result<Notification, ServiceError> {
        let created = self.create_batch(principal, vec![new], key).await?;
        // The store returns as many as it was given.
        created.into_iter().next().ok_or_else(|| StoreError::failed("it lost a notification").into())
    }

    /// Sends all of these in this order, or none, and returns them with their ids and times; with a key, unless the
    /// same was sent with it within 24 hours.
    ///
    /// # Errors
    /// When there is none or more than the limit, the caller may not send, the key was used for another request, or the
    /// store fails.
    pub async fn create_batch(
        &self,
        principal: &Principal,
        new: Vec<NewNotification>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Vec<Notification>, ServiceError> {
        principal.may(Scope::Send)?;
        if new.is_empty() || new.len() > self.0.batch_max {
            let why = format!("A batch has 1 to {} notifications; this has {}.", self.0.batch_max, new.len());
            return Err(ServiceError::Invalid(vec![FieldError::new("notifications", Invalid::new(why))]));
        }
        let once = match key {
            Some(key) => Some(self.once(key, principal.holder(), &new).await?),
            None => None,
        };
        if let Some(recipients) = &self.0.recipients {
            let before = match &once {
                Some(once) => self.0.store.once(once).await?,
                None => None,
            };
            // A repeat is answered and not counted again.
            if let Some(before) = before {
                return answer(self.accept(new), before);
            }
            count(recipients, &new)?;
        }
        let notifications = self.accept(new);
        let creation = self.0.store.create(&notifications, once.as_ref()).await?;
        answer(notifications, creation)
    }

    /// The data with which the store recognises a repeat of this request. Hashing many notifications on this thread
    /// would delay all other requests.
    async fn once(&self, key: &IdempotencyKey, caller: &Holder, new: &[NewNotification]) -> Result<Once, StoreError> {
        const MANY: usize = 16;
        let at = self.0.clock.now();
        if new.len() < MANY {
            return key.once(caller, new, at);
        }
        let (key, caller, new) = (key.clone(), caller.clone(), new.to_vec());
        let hashed = self.0.workshop.run(move || key.once(&caller, &new, at)).await;
        hashed.unwrap_or_else(|Broken| Err(StoreError::failed("a request could not be hashed")))
    }

    /// Sends a plain text to a user, and a mail of it where `send_email` asks for one: the specification's
    /// `create_notification(user_id, content, send_email)`. Without it, the user's preferences decide about a mail. A
    /// user who turned mails off, or has no address here, receives none.
    ///
    /// # Errors
    /// When the user id or the text is not valid, the caller may not send, or the store fails.
    pub async fn create_notification(
        &self,
        principal: &Principal,
        user_id: &str,
        content: &str,
        send_email: bool,
    ) -> Result<Notification, ServiceError> {
        let user_id = UserId::parse(user_id).map_err(|why| vec![FieldError::new("user_id", why)])?;
        let content = Content::parse(content).map_err(|why| vec![FieldError::new("content", why)])?;
        let routing = Routing { send_email: send_email.then_some(true), ..Routing::default() };
        self.create(principal, NewNotification { routing, ..NewNotification::new(user_id, content) }).await
    }

    /// Sends a plain text to a user: the specification's `create_notification(user_id, content)`.
    ///
    /// # Errors
    /// When the user id or the text is not valid, the caller may not send, or the store fails.
    pub async fn notify(
        &self,
        principal: &Principal,
        user_id: &str,
        content: &str,
    ) -> Result<Notification, ServiceError> {
        self.create_notification(principal, user_id, content, false).await
    }

    /// Gives notifications their ids and their times. The ids ascend, so that those of one microsecond have an order too.
    fn accept(&self, new: Vec<NewNotification>) -> Vec<Notification> {
        let ids = ContextV7::new();
        let accept = |new| {
            let timestamp = self.0.clock.now();
            let micros = u64::try_from(timestamp.as_micros()).unwrap_or(0);
            let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
            let moment = uuid::Timestamp::from_unix(&ids, micros / 1_000_000, nanos);
            Notification::new(NotificationId::new(Uuid::new_v7(moment)), timestamp, new)
        };
        new.into_iter().map(accept).collect()
    }
}

/// The answer for the caller that sent these.
fn answer(notifications: Vec<Notification>, creation: Creation) -> Result<Vec<Notification>, ServiceError> {
    let all = notifications.into_iter();
    match creation {
        Creation::Done(times) => Ok(all.zip(times).map(|(one, at)| one.with_timestamp(at)).collect()),
        Creation::Before(made) => {
            Ok(all.zip(made).map(|(one, (id, at))| Notification::new(id, at, one.new.clone())).collect())
        }
        Creation::KeyTaken => Err(IdempotencyKey::taken()),
    }
}

/// Counts the notifications for each recipient, or none of them when they are too many for one recipient.
fn count(recipients: &Limiter<UserId>, new: &[NewNotification]) -> Result<(), ServiceError> {
    let mut each: HashMap<&UserId, NonZeroU32> = HashMap::new();
    for notification in new {
        each.entry(&notification.user_id)
            .and_modify(|count| *count = count.saturating_add(1))
            .or_insert(NonZeroU32::MIN);
    }
    let each: Vec<_> = each.into_iter().collect();
    recipients.check_all(&each).map_err(|TooOften { burst, again_in, .. }| match again_in {
        Some(seconds) => ServiceError::TooMany {
            why: "This user receives too many notifications. Wait as `Retry-After` says.".into(),
            retry_after: Some(seconds),
        },
        None => ServiceError::TooMany {
            why: format!("A user may receive at most {burst} notifications at once. Send fewer.").into(),
            retry_after: None,
        },
    })
}
