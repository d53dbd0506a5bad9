//! One message to one user.

use std::{ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "ssr")]
use super::Data;
use super::{Category, Content, Link, NewNotification, NotificationId, Timestamp, Title, UserId};

/// One message to one user. Its accepted part never changes and is shared by all clones; only `is_read` changes.
///
/// The fields of that part are accessible as its own: `notification.id`, `notification.content`.
#[derive(Clone, Debug)]
pub struct Notification {
    accepted: Arc<Accepted>,
    /// Whether the user has seen it.
    pub is_read: bool,
}

/// The part of a notification that never changes.
#[derive(Debug)]
pub struct Accepted {
    /// Stable id of the notification.
    pub id: NotificationId,
    /// Time at which it was accepted.
    pub timestamp: Timestamp,
    /// The notification as its sender wrote it.
    pub new: NewNotification,
    /// Its JSON, unread and read. A list or an event is then a copy of bytes, and not a walk through fields that
    /// threads share.
    #[cfg(feature = "ssr")]
    written: [std::sync::OnceLock<Box<serde_json::value::RawValue>>; 2],
}

impl Notification {
    /// A notification that was accepted now, and is unread.
    #[must_use]
    pub fn new(id: NotificationId, timestamp: Timestamp, new: NewNotification) -> Self {
        let accepted = Accepted {
            id,
            timestamp,
            new,
            #[cfg(feature = "ssr")]
            written: Default::default(),
        };
        Self { accepted: Arc::new(accepted), is_read: false }
    }

    /// The same notification, accepted at this time.
    #[must_use]
    pub fn with_timestamp(self, timestamp: Timestamp) -> Self {
        if self.timestamp == timestamp {
            return self;
        }
        Self { is_read: self.is_read, ..Self::new(self.id, timestamp, self.new.clone()) }
    }

    /// The same notification, read or not.
    #[must_use]
    pub fn with_read(self, is_read: bool) -> Self {
        Self { is_read, ..self }
    }
}

impl Deref for Notification {
    type Target = Accepted;

    fn deref(&self) -> &Accepted {
        &self.accepted
    }
}

impl Deref for Accepted {
    type Target = NewNotification;

    fn deref(&self) -> &NewNotification {
        &self.new
    }
}

impl PartialEq for Notification {
    fn eq(&self, other: &Self) -> bool {
        let is_same = || {
            Arc::ptr_eq(&self.accepted, &other.accepted)
                || (self.id, self.timestamp, &self.new) == (other.id, other.timestamp, &other.new)
        };
        self.is_read == other.is_read && is_same()
    }
}

/// A notification as clients see it. Optional fields that the sender left out are absent.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(as = Notification))]
struct Written {
    /// Stable id of the notification.
    id: NotificationId,
    /// User who received it.
    user_id: UserId,
    /// Text of the notification.
    content: Content,
    /// Time at which it was accepted.
    timestamp: Timestamp,
    /// Whether the user has seen it.
    is_read: bool,
    /// Category.
    category: Category,
    /// Short heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    title: Option<Title>,
    /// Target of a click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    link: Option<Link>,
    /// Data that the sender attached.
    #[cfg(feature = "ssr")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    data: Option<Data>,
    /// Time at which it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    expires_at: Option<Timestamp>,
}

impl From<Written> for Notification {
    fn from(written: Written) -> Self {
        let Written { id, user_id, content, timestamp, is_read, category, title, link, expires_at, .. } = written;
        let new = NewNotification {
            category,
            title,
            link,
            #[cfg(feature = "ssr")]
            data: written.data,
            expires_at,
            ..NewNotification::new(user_id, content)
        };
        Self::new(id, timestamp, new).with_read(is_read)
    }
}

impl From<&Notification> for Written {
    fn from(notification: &Notification) -> Self {
        let new = notification.new.clone();
        let NewNotification { user_id, content, category, title, link, expires_at, .. } = new;
        let Accepted { id, timestamp, .. } = **notification;
        let is_read = notification.is_read;
        Self {
            id,
            user_id,
            content,
            timestamp,
            is_read,
            category,
            title,
            link,
            #[cfg(feature = "ssr")]
            data: new.data,
            expires_at,
        }
    }
}

impl<'de> Deserialize<'de> for Notification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(not(feature = "ssr"))]
impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::from(self).serialize(serializer)
    }
}

#[cfg(feature = "ssr")]
impl Notification {
    /// Its size as JSON, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.json().map_or(0, |json| json.get().len())
    }

    fn json(&self) -> Result<&serde_json::value::RawValue, serde_json::Error> {
        let written = &self.accepted.written[usize::from(self.is_read)];
        if let Some(json) = written.get() {
            return Ok(json);
        }
        let json = serde_json::value::to_raw_value(&Written::from(self))?;
        Ok(written.get_or_init(|| json))
    }
}

#[cfg(feature = "ssr")]
impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(feature = "ssr")]
impl utoipa::PartialSchema for Notification {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Written::schema()
    }
}

#[cfg(feature = "ssr")]
impl utoipa::ToSchema for Notification {
    fn name() -> std::borrow::Cow<'static, str> {
        Written::name()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        Written::schemas(schemas);
    }
}
