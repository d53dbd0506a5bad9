//! What a stream says, as the browser reads it.

use serde::Deserialize;

#[cfg(not(feature = "ssr"))]
use crate::app::browser::json;
use crate::model::{Notification, NotificationId, UserId};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A notification is there that was not.
    Created,
    /// A notification was marked read or unread.
    Updated,
    /// Everything is read.
    AllRead,
    /// A notification is gone.
    Deleted,
    /// You are at the present.
    Hello,
    /// List again.
    Reset,
    /// Nothing happened, and the inbox is here.
    Heartbeat,
}

/// One message. It is one flat type and not the [`crate::model::Event`] that it is elsewhere,
/// because reading an enum by its tag costs the browser ten kilobytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The number of the change; none in a greeting of all inboxes.
    #[serde(default)]
    pub(crate) modseq: Option<u64>,
    /// How many are unread after it in its inbox.
    #[serde(default)]
    pub(crate) unread_count: Option<u64>,
    /// What was created or marked.
    #[serde(default)]
    pub(crate) notification: Option<Notification>,
    /// What was deleted.
    #[serde(default)]
    pub(crate) id: Option<NotificationId>,
    /// Whose inbox, where all are followed.
    #[serde(default)]
    pub(crate) user_id: Option<UserId>,
}

impl Message {
    /// Reads a message; `None` when it is none that is known here.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        #[cfg(not(feature = "ssr"))]
        let message = json::read(json);
        // Tests read on the host.
        #[cfg(feature = "ssr")]
        let message = serde_json::from_str(json).ok();
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_read() {
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
