//! What a store holds, one record at a time: how it is moved to another one.

use serde::{Deserialize, Serialize};

use super::Once;
use crate::model::{Notification, NotificationId, Timestamp, UserId};

/// One record of an export, a line of JSON.
///
/// The same store exports the same lines in the same order: inboxes by their user, byte for byte;
/// notifications oldest first over all inboxes; deletions by user and change number; keys by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// An inbox. Its counts are those of its notifications.
    Inbox {
        /// Whose it is.
        user_id: UserId,
        /// The number of its newest change.
        modseq: u64,
        /// Deletions up to this change number are no longer remembered.
        forgotten: u64,
        /// Everything that last changed at or before this number is read.
        all_read_modseq: u64,
    },
    /// A notification, read or not.
    Notification {
        /// The number of its newest change.
        modseq: u64,
        /// The number of its creation.
        created: u64,
        /// The notification.
        notification: Notification,
    },
    /// A deletion that is remembered.
    Deletion {
        /// Whose inbox.
        user_id: UserId,
        /// The number of the change.
        modseq: u64,
        /// What was deleted.
        id: NotificationId,
    },
    /// The key of a request that must happen once.
    Once {
        /// The caller's name for the request.
        key: String,
        /// The hash of what it asked for, in hexadecimal.
        fingerprint: String,
        /// When it was used.
        at: Timestamp,
        /// What it made.
        made: Vec<(NotificationId, Timestamp)>,
    },
}

impl Once {
    /// As it is exported, with what it made.
    pub(super) fn record(&self, made: Vec<(NotificationId, Timestamp)>) -> Record {
        let fingerprint = self.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        Record::Once { key: self.key.clone(), fingerprint, at: self.at, made }
    }

    /// Out of what [`Self::record`] made; `None` when the fingerprint is not one.
    pub(super) fn from_record(key: String, fingerprint: &str, at: Timestamp) -> Option<Self> {
        let mut bytes = [0; 32];
        if fingerprint.len() != 64 || !fingerprint.is_ascii() {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(fingerprint.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Self { key, fingerprint: bytes, at })
    }
}
