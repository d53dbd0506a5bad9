//! The records of an export.

mod read;

use std::fmt;

use serde::Serialize;

pub use read::{Format, Read};
pub(in crate::server) use read::{kind, parse};

use super::{
    Once, ServiceKey, StoreError,
    contacts::KeptContact,
    outbox::{Delivery, Entry, LaneMemory, Webhook},
};
use crate::{
    model::{Data, Invalid, Notification, NotificationId, Preferences, Timestamp, UserId},
    server::{
        hex,
        identity::{KeyId, Scopes},
    },
};

/// The error of an import into a store that has an inbox.
pub(super) const NOT_EMPTY: &str = "the store is not empty. Import into a new one, so that nothing is mixed up.";
/// The error of an import whose records do not belong together.
pub(super) const NUMBERS_DO_NOT_FIT: &str = "the numbers of changes in the import do not fit together: there are two \
    of the same number in one inbox, or one that its inbox has not come to.";
/// The error of an import with an unreadable fingerprint of a request.
pub(super) const NO_FINGERPRINT: &str = "the import has a request whose fingerprint is not 64 hexadecimal digits.";
/// The error of an import with a record whose inbox is missing before it.
pub(super) const NO_INBOX: &str = "the import has a record of an inbox that did not come before it.";

/// The error of an import with a service key that is none.
pub(super) fn damaged_key(why: &Invalid) -> StoreError {
    StoreError::failed(format!("the import has a service key that cannot be taken: {why}"))
}

/// One record of an export, a line of JSON.
///
/// The same store exports the same lines in the same order: inboxes by their user, byte for byte; notifications oldest
/// first over all inboxes; deletions by user and change number; the keys of requests by name; service keys by the time
/// of their creation, and then by id; webhooks likewise; unplanned events, and deliveries, in their order; lanes by
/// name; contacts in the order in which they were added; preferences by their user; the server's own keys by name.
/// Sessions and tickets are not exported: users sign in again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// An inbox. Its counts are those of its notifications.
    Inbox {
        /// The user who owns it.
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
        /// Whether it is larger than intake allows today. An earlier release accepted it, so an import does too.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
        /// The notification.
        notification: Notification,
    },
    /// A remembered deletion.
    Deletion {
        /// User who owns the inbox.
        user_id: UserId,
        /// The number of the change.
        modseq: u64,
        /// The id of the notification.
        id: NotificationId,
    },
    /// The idempotency key of a request.
    Once {
        /// The caller; absent when an earlier release stored the key, which then holds for every caller.
        #[serde(skip_serializing_if = "Option::is_none")]
        caller: Option<String>,
        /// The idempotency key.
        key: String,
        /// The hash of the request, in hexadecimal.
        fingerprint: String,
        /// Time of the request.
        at: Timestamp,
        /// The notifications that it created.
        made: Vec<(NotificationId, Timestamp)>,
    },
    /// A service key.
    Key(KeyRecord),
    /// A webhook, with its secret.
    Webhook(Webhook),
    /// An event that is not planned yet.
    Outbox(Entry),
    /// A delivery in any state. A leased one is due again when its lease ends.
    Delivery(Box<Delivery>),
    /// The recorded state of a lane.
    Lane(LaneMemory),
    /// The address of a contact.
    Contact(KeptContact),
    /// The preferences of a user: which notifications, by which channel, and when.
    Preferences {
        /// The user.
        user_id: UserId,
        /// How often they were changed.
        version: u64,
        /// The preferences.
        preferences: Preferences,
    },
    /// A key that the server created for itself. An import replaces the existing one.
    Secret(SecretRecord),
}

/// A key that the server created for itself, as it is exported. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SecretRecord {
    /// Its name.
    pub name: String,
    /// The key, in hexadecimal.
    #[serde(serialize_with = "as_hex")]
    pub secret: Vec<u8>,
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

impl fmt::Debug for SecretRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretRecord").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A service key, as it is exported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyRecord {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its scopes, separated by commas.
    pub scopes: String,
    /// The SHA-256 of its secret, in hexadecimal.
    pub hash: String,
    /// Time at which it was created.
    pub created_at: Timestamp,
    /// Time from which it is no longer valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Time of its last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Time at which it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Record {
    /// A notification as it is stored.
    #[must_use]
    pub fn notification(modseq: u64, created: u64, notification: Notification) -> Self {
        let kept = notification.data.as_ref().is_some_and(|data| data.as_str().len() > Data::MAX_BYTES);
        Self::Notification { modseq, created, kept, notification }
    }
}

impl From<ServiceKey> for Record {
    fn from(key: ServiceKey) -> Self {
        Self::Key(KeyRecord {
            id: key.id.to_string(),
            name: key.name,
            scopes: key.scopes.to_string(),
            hash: hex::encode(&key.hash),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        })
    }
}

impl TryFrom<KeyRecord> for ServiceKey {
    type Error = Invalid;

    fn try_from(record: KeyRecord) -> Result<Self, Invalid> {
        Ok(Self {
            id: KeyId::parse(&record.id)?,
            name: Self::parse_name(&record.name)?,
            scopes: Scopes::parse(&record.scopes).map_err(|_| {
                Invalid::new("It has a scope that is not known here: a newer Campanile made it. Use that one.")
            })?,
            hash: hex::decode(&record.hash)
                .ok_or_else(|| Invalid::new("The hash of a key is 64 hexadecimal digits."))?,
            created_at: record.created_at,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            revoked_at: record.revoked_at,
        })
    }
}

impl Once {
    /// The record of the request, with the notifications that it created.
    pub(super) fn record(self, made: Vec<(NotificationId, Timestamp)>) -> Record {
        let Self { caller, key, fingerprint, fingerprint_of_old: _, at } = self;
        Record::Once { caller, key, fingerprint: hex::encode(&fingerprint), at, made }
    }

    /// Reads a record that [`Self::record`] made; `None` when the fingerprint is not one.
    pub(super) fn from_record(caller: Option<String>, key: String, fingerprint: &str, at: Timestamp) -> Option<Self> {
        Some(Self { caller, key, fingerprint: hex::decode(fingerprint)?, fingerprint_of_old: None, at })
    }
}
