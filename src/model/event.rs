//! The events of an inbox.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Notification, NotificationId, UserId};

#[cfg(feature = "ssr")]
pub(crate) mod described;

/// A change to an inbox, as a client sees it.
///
/// It always carries the change number (`modseq`) and the unread count after it. A client ignores an event that is not
/// newer than its state, so its count cannot drift.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A notification was created.
    Created {
        /// The change number of this change.
        modseq: u64,
        /// Number of unread notifications after this change.
        unread_count: u64,
        /// The notification in its present state.
        notification: Notification,
    },
    /// A notification was marked read or unread.
    Updated {
        /// The change number of this change.
        modseq: u64,
        /// Number of unread notifications after this change.
        unread_count: u64,
        /// The notification in its present state.
        notification: Notification,
    },
    /// Everything up to this change number is read.
    AllRead {
        /// The change number of this change.
        modseq: u64,
        /// Number of unread notifications after this change.
        unread_count: u64,
    },
    /// A notification was deleted, expired, or left the window.
    Deleted {
        /// The change number of this change.
        modseq: u64,
        /// Number of unread notifications after this change.
        unread_count: u64,
        /// Id of the notification.
        id: NotificationId,
    },
}

impl Event {
    /// The change number of this change.
    #[must_use]
    pub fn modseq(&self) -> u64 {
        match self {
            Self::Created { modseq, .. }
            | Self::Updated { modseq, .. }
            | Self::AllRead { modseq, .. }
            | Self::Deleted { modseq, .. } => *modseq,
        }
    }

    /// Number of unread notifications after this change.
    #[must_use]
    pub fn unread_count(&self) -> u64 {
        match self {
            Self::Created { unread_count, .. }
            | Self::Updated { unread_count, .. }
            | Self::AllRead { unread_count, .. }
            | Self::Deleted { unread_count, .. } => *unread_count,
        }
    }
}

#[cfg(feature = "ssr")]
impl utoipa::PartialSchema for Event {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        described::AnyEvent::schema()
    }
}

#[cfg(feature = "ssr")]
impl utoipa::ToSchema for Event {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        described::AnyEvent::schemas(schemas);
    }
}

/// A change and the user whose inbox it happened in, for a stream of all inboxes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// User who owns the inbox.
    pub user_id: UserId,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// All fields that an event may have, flat. The code that serde derives for a tag or for `flatten` keeps the fields in
/// a buffer until it knows their types, and [`super::Data`], which is the text itself, cannot be read from a buffer.
#[derive(Deserialize)]
struct Flat {
    #[serde(rename = "type")]
    kind: Kind,
    modseq: u64,
    unread_count: u64,
    notification: Option<Notification>,
    id: Option<NotificationId>,
    user_id: Option<UserId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Created,
    Updated,
    AllRead,
    Deleted,
}

impl Flat {
    fn event<E: Error>(self) -> Result<Event, E> {
        let Self { kind, modseq, unread_count, notification, id, .. } = self;
        let notification = notification.ok_or_else(|| E::missing_field("notification"));
        Ok(match kind {
            Kind::Created => Event::Created { modseq, unread_count, notification: notification? },
            Kind::Updated => Event::Updated { modseq, unread_count, notification: notification? },
            Kind::AllRead => Event::AllRead { modseq, unread_count },
            Kind::Deleted => Event::Deleted { modseq, unread_count, id: id.ok_or_else(|| E::missing_field("id"))? },
        })
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Flat::deserialize(deserializer)?.event()
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Flat::deserialize(deserializer)?;
        let user_id = flat.user_id.take().ok_or_else(|| Error::missing_field("user_id"))?;
        Ok(Self { user_id, event: flat.event()? })
    }
}

/// The changes of an inbox after a change number, made from its present state: a notification that changed several
/// times is one event, with its newest number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Number to continue from: that of the last event, or the present one when there are no more events.
    pub modseq: u64,
    /// Number of unread notifications at present.
    pub unread_count: u64,
    /// The changes, in the order of their numbers.
    pub events: Vec<Event>,
    /// Whether more events follow: ask again from `modseq`.
    pub more: bool,
    /// Whether the server cannot continue from `since`: list again, and follow from `modseq`.
    pub reset: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, Data, NewNotification, Timestamp};

    const DATA: &str = r#"{"n":18446744073709551616,"e":1e400,"z":1.0,"a":1,"a":2}"#;

    fn created() -> Event {
        let new = NewNotification::new(UserId::parse("ann").unwrap(), Content::parse("hi").unwrap());
        let new = NewNotification { data: Some(Data::parse(DATA).unwrap()), ..new };
        let id = NotificationId::new(uuid::Uuid::nil());
        let notification = Notification::new(id, Timestamp::EPOCH, new);
        Event::Created { modseq: 3, unread_count: 1, notification }
    }

    #[test]
    fn an_event_keeps_its_data_as_it_was_sent() {
        let json = serde_json::to_string(&created()).unwrap();
        assert!(json.starts_with(r#"{"type":"created","modseq":3"#) && json.contains(DATA), "{json}");
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), created());
    }

    #[test]
    fn a_change_keeps_its_data_as_it_was_sent() {
        let change = Change { user_id: UserId::parse("ann").unwrap(), event: created() };
        let json = serde_json::to_string(&change).unwrap();
        assert!(json.starts_with(r#"{"user_id":"ann","type":"created","modseq":3"#) && json.contains(DATA), "{json}");
        assert_eq!(serde_json::from_slice::<Change>(json.as_bytes()).unwrap(), change);
    }

    #[test]
    fn changes_keep_their_data_as_it_was_sent() {
        let changes = Changes { modseq: 3, unread_count: 1, events: vec![created()], more: false, reset: false };
        let json = serde_json::to_string(&changes).unwrap();
        assert!(json.contains(DATA), "{json}");
        assert_eq!(serde_json::from_str::<Changes>(&json).unwrap(), changes);
    }

    #[test]
    fn an_event_has_what_its_type_says() {
        let read = serde_json::from_str::<Event>;
        let all_read = read(r#"{"type":"all_read","modseq":15,"unread_count":0,"new":[1]}"#).unwrap();
        assert_eq!(all_read, Event::AllRead { modseq: 15, unread_count: 0 });
        for wrong in [
            r#"{"type":"created","modseq":1,"unread_count":0}"#,
            r#"{"type":"deleted","modseq":1,"unread_count":0}"#,
            r#"{"type":"hello","modseq":1,"unread_count":0}"#,
            r#"{"modseq":1,"unread_count":0}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let nobodys = r#"{"type":"all_read","modseq":15,"unread_count":0}"#;
        assert!(serde_json::from_str::<Change>(nobodys).is_err());
    }
}
