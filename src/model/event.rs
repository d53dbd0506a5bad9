//! What changed in an inbox.

use serde::{Deserialize, Serialize};

use super::{Notification, NotificationId, UserId};

/// A change to an inbox, as a client sees it.
///
/// It always carries the change number (`modseq`) and the unread count that hold after it. A
/// client ignores an event that is not newer than what it has, so its count cannot drift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A notification is there that was not.
    Created {
        /// The change number of this change.
        modseq: u64,
        /// How many are unread after it.
        unread_count: u64,
        /// The notification as it is now.
        notification: Notification,
    },
    /// A notification was marked read or unread.
    Updated {
        /// The change number of this change.
        modseq: u64,
        /// How many are unread after it.
        unread_count: u64,
        /// The notification as it is now.
        notification: Notification,
    },
    /// Everything up to this change number is read.
    AllRead {
        /// The change number of this change.
        modseq: u64,
        /// How many are unread after it.
        unread_count: u64,
    },
    /// A notification is gone: deleted, expired, or out of the window.
    Deleted {
        /// The change number of this change.
        modseq: u64,
        /// How many are unread after it.
        unread_count: u64,
        /// Which one it was.
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

    /// How many are unread after it.
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

/// A change, and whose inbox it happened in: what an operator sees who follows all inboxes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Whose inbox.
    pub user_id: UserId,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What changed in an inbox after a change number, made from its present state: what changed
/// several times is one event with its newest number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Follow from here: the number of the last event, or the present one when there is no more.
    pub modseq: u64,
    /// How many are unread at present.
    pub unread_count: u64,
    /// What changed, in the order of the change numbers.
    pub events: Vec<Event>,
    /// Whether there are more events than the limit: ask again from `modseq`.
    pub more: bool,
    /// The asked position cannot be continued: list again, and follow from `modseq`.
    pub reset: bool,
}
