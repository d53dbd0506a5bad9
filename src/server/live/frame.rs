//! A change, serialised once for all clients.

use std::sync::OnceLock;

use bytes::Bytes;
use serde::Serialize;

use super::log::End;
use crate::model::{Change, Event};

/// Events of a stream other than changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Sign {
    /// The client is up to date; new changes follow.
    Hello {
        /// Number of the newest change; absent in a stream of all inboxes.
        #[serde(skip_serializing_if = "Option::is_none")]
        modseq: Option<u64>,
        /// Number of unread notifications.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_count: Option<u64>,
    },
    /// Nothing changed; contains the current change number and unread count of the inbox.
    Heartbeat {
        /// Number of the newest change; absent in a stream of all inboxes.
        #[serde(skip_serializing_if = "Option::is_none")]
        modseq: Option<u64>,
        /// Number of unread notifications.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_count: Option<u64>,
    },
    /// The server cannot continue from the client's position: list again. New changes follow.
    Reset {
        /// Number of the newest change; absent in a stream of all inboxes.
        #[serde(skip_serializing_if = "Option::is_none")]
        modseq: Option<u64>,
        /// Number of unread notifications.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_count: Option<u64>,
    },
}

impl Sign {
    /// A greeting, with the current position.
    pub(crate) fn hello(end: Option<(u64, u64)>) -> Self {
        let (modseq, unread_count) = end.unzip();
        Self::Hello { modseq, unread_count }
    }

    /// A reset, with the current position.
    pub(crate) fn reset(end: Option<(u64, u64)>) -> Self {
        let (modseq, unread_count) = end.unzip();
        Self::Reset { modseq, unread_count }
    }

    /// A heartbeat, with the current position.
    pub(crate) fn heartbeat(end: Option<(u64, u64)>) -> Self {
        let (modseq, unread_count) = end.unzip();
        Self::Heartbeat { modseq, unread_count }
    }

    /// The position after this sign. A heartbeat does not change it.
    fn position(&self) -> Option<u64> {
        match self {
            Self::Hello { modseq, .. } | Self::Reset { modseq, .. } => *modseq,
            Self::Heartbeat { .. } => None,
        }
    }
}

/// An item of a stream: a change or a sign. Each encoding is created when it is first needed, and then shared.
#[derive(Debug)]
pub struct Frame {
    said: FrameBody,
    /// Whether the frame names the inbox.
    names_inbox: bool,
    json: OnceLock<Bytes>,
    sse: OnceLock<Bytes>,
}

#[derive(Debug)]
enum FrameBody {
    Change(Change),
    Sign(Sign),
}

impl Frame {
    /// A change, for followers of its inbox.
    pub(crate) fn of_one(change: Change) -> Self {
        Self { said: FrameBody::Change(change), names_inbox: false, json: OnceLock::new(), sse: OnceLock::new() }
    }

    /// A change, for followers of all inboxes.
    pub(crate) fn of_all(change: Change) -> Self {
        Self { names_inbox: true, ..Self::of_one(change) }
    }

    pub(crate) fn sign(sign: Sign) -> Self {
        Self { said: FrameBody::Sign(sign), names_inbox: false, json: OnceLock::new(), sse: OnceLock::new() }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Bytes {
        let write = || {
            let json = match &self.said {
                FrameBody::Change(change) if self.names_inbox => serde_json::to_vec(change),
                FrameBody::Change(change) => serde_json::to_vec(&change.event),
                FrameBody::Sign(sign) => serde_json::to_vec(sign),
            };
            Bytes::from(json.unwrap_or_default())
        };
        self.json.get_or_init(write).clone()
    }

    /// As an event of a server-sent stream, with the position as its id if there is one.
    #[must_use]
    pub fn sse(&self) -> Bytes {
        let write = || {
            let mut text = match self.position() {
                Some(position) => format!("id: {position}\ndata: ").into_bytes(),
                None => b"data: ".to_vec(),
            };
            text.extend_from_slice(&self.json());
            text.extend_from_slice(b"\n\n");
            Bytes::from(text)
        };
        self.sse.get_or_init(write).clone()
    }

    /// The change, if the frame is one.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match &self.said {
            FrameBody::Change(change) => Some(&change.event),
            FrameBody::Sign(_) => None,
        }
    }

    /// The position after this frame.
    fn position(&self) -> Option<u64> {
        match &self.said {
            FrameBody::Change(_) if self.names_inbox => None,
            FrameBody::Change(change) => Some(change.event.modseq()),
            FrameBody::Sign(sign) => sign.position(),
        }
    }

    /// The same change, for followers of all inboxes.
    pub(super) fn named(&self) -> Option<Self> {
        match &self.said {
            FrameBody::Change(change) => Some(Self::of_all(change.clone())),
            FrameBody::Sign(_) => None,
        }
    }

    /// Whether it is about a new notification.
    pub(super) fn is_creation(&self) -> bool {
        matches!(self.event(), Some(Event::Created { .. }))
    }

    /// Its approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let content = match self.event() {
            Some(Event::Created { notification, .. } | Event::Updated { notification, .. }) => {
                notification.content.as_str().len()
            }
            _ => 0,
        };
        2 * content + 512
    }
}

impl From<&Event> for End {
    fn from(event: &Event) -> Self {
        Self { modseq: event.modseq(), unread_count: event.unread_count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    fn change() -> Change {
        Change {
            user_id: UserId::parse("a\nb".replace('\n', " ").as_str()).unwrap(),
            event: Event::AllRead { modseq: 15, unread_count: 0 },
        }
    }

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_frame_is_what_the_protocol_says() {
        let frame = Frame::of_one(change());
        assert_eq!(text(&frame.json()), r#"{"type":"all_read","modseq":15,"unread_count":0}"#);
        assert_eq!(text(&frame.sse()), "id: 15\ndata: {\"type\":\"all_read\",\"modseq\":15,\"unread_count\":0}\n\n");
        let named = frame.named().unwrap();
        assert_eq!(text(&named.json()), r#"{"user_id":"a b","type":"all_read","modseq":15,"unread_count":0}"#);
        assert!(text(&named.sse()).starts_with("data: "));
        let change: Change = serde_json::from_slice(&named.json()).unwrap();
        assert_eq!(change, self::change());
    }

    /// A line break would end the field of an event stream.
    #[test]
    fn a_frame_keeps_data_as_it_was_sent_and_in_one_line() {
        let notification = r#"{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f","user_id":"ann","content":"a\nb","timestamp":"2025-11-05T10:30:00.123456Z","is_read":false,"category":"message","data":{"n":18446744073709551616,"e":1e400,"a":1,"a":2}}"#;
        let json = format!(r#"{{"type":"created","modseq":1,"unread_count":1,"notification":{notification}}}"#);
        let event = serde_json::from_str(&json.replace("1e400,", "1e400,\r\n")).unwrap();
        let frame = Frame::of_one(Change { event, ..change() });
        assert_eq!(text(&frame.json()), json);
        assert_eq!(text(&frame.sse()), format!("id: 1\ndata: {json}\n\n"));
        let named = frame.named().unwrap();
        let read: Change = serde_json::from_slice(&named.json()).unwrap();
        assert_eq!(serde_json::to_string(&read.event).unwrap(), json);
    }

    #[test]
    fn hello_reset_and_heartbeat_carry_the_position() {
        let hello = Frame::sign(Sign::hello(Some((7, 2))));
        assert_eq!(text(&hello.json()), r#"{"type":"hello","modseq":7,"unread_count":2}"#);
        assert!(text(&hello.sse()).starts_with("id: 7\n"));
        assert_eq!(text(&Frame::sign(Sign::reset(None)).json()), r#"{"type":"reset"}"#);
        let heartbeat = Frame::sign(Sign::heartbeat(Some((7, 2))));
        assert_eq!(text(&heartbeat.sse()), "data: {\"type\":\"heartbeat\",\"modseq\":7,\"unread_count\":2}\n\n");
        assert_eq!(text(&Frame::sign(Sign::heartbeat(None)).json()), r#"{"type":"heartbeat"}"#);
    }
}
