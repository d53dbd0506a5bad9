//! The messages of a stream, as the browser reads them.

use serde::Deserialize;

#[cfg(not(feature = "ssr"))]
use crate::app::browser::json;
use crate::model::{Notification, NotificationId, UserId};

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A notification was created.
    Created,
    /// A notification was marked read or unread.
    Updated,
    /// All notifications of an inbox up to this change are read.
    AllRead,
    /// A notification was deleted.
    Deleted,
    /// The client has everything up to the present.
    Hello,
    /// The client has to list again.
    Reset,
    /// Nothing happened; the message carries the change number.
    Heartbeat,
}

/// One message. It is one flat type, and not [`crate::model::Event`] as elsewhere, because reading an enum by its tag
/// costs the browser ten kilobytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The number of the change; none in a greeting of all inboxes.
    #[serde(default)]
    pub(crate) modseq: Option<u64>,
    /// The unread count of its inbox after the change.
    #[serde(default)]
    pub(crate) unread_count: Option<u64>,
    /// The notification that was created or marked.
    #[serde(default)]
    pub(crate) notification: Option<Notification>,
    /// The id of the notification that was deleted.
    #[serde(default)]
    pub(crate) id: Option<NotificationId>,
    /// The owner of the inbox, where all are followed.
    #[serde(default)]
    pub(crate) user_id: Option<UserId>,
}

impl Message {
    /// Reads a message; `None` for one of an unknown kind.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        #[cfg(not(feature = "ssr"))]
        let message = json::read(json);
        // The tests run on the host.
        #[cfg(feature = "ssr")]
        let message = serde_json::from_str(json).ok();
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_message_is_parsed() {
        let message = Message::parse(r#"{"type":"all_read","modseq":15,"unread_count":0,"user_id":"ann"}"#).unwrap();
        assert_eq!((message.kind, message.modseq, message.unread_count), (Kind::AllRead, Some(15), Some(0)));
        assert_eq!(message.user_id.unwrap().as_str(), "ann");
        let id = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";
        let message = Message::parse(&format!(r#"{{"type":"deleted","modseq":1,"unread_count":0,"id":"{id}"}}"#));
        assert_eq!(message.unwrap().id.unwrap().to_string(), id);
        assert_eq!(Message::parse(r#"{"type":"hello"}"#).unwrap().modseq, None);
        let heartbeat = Message::parse(r#"{"type":"heartbeat","modseq":7,"unread_count":2}"#).unwrap();
        assert_eq!((heartbeat.kind, heartbeat.modseq), (Kind::Heartbeat, Some(7)));
        assert_eq!(Message::parse(r#"{"type":"from the future"}"#), None);
    }
}
