//! What a store holds, one record at a time: how it is moved to another one.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny},
};
use serde_json::value::RawValue;

use super::{Once, ServiceKey};
use crate::{
    model::{Invalid, Notification, NotificationId, Timestamp, UserId},
    server::{
        hex,
        identity::{KeyId, Scopes},
    },
};

/// One record of an export, a line of JSON.
///
/// The same store exports the same lines in the same order: inboxes by their user, byte for byte;
/// notifications oldest first over all inboxes; deletions by user and change number; the keys of
/// requests by name; service keys by when they were made, and then by id. Sessions and tickets stay
/// behind: whoever has one signs in again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
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
    /// A service key.
    Key(KeyRecord),
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    /// What serde derives for a tag keeps the fields in a buffer, out of which the text of
    /// [`crate::model::Data`] cannot be read. So the tag is read first, and then the whole.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow)]
            record: Cow<'a, str>,
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            #[serde(rename = "record")]
            _tag: IgnoredAny,
            modseq: u64,
            created: u64,
            notification: Notification,
        }

        let json = Box::<RawValue>::deserialize(deserializer)?;
        let tag: Tag<'_> = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        if tag.record != "notification" {
            return Self::deserialize(&mut serde_json::Deserializer::from_str(json.get())).map_err(D::Error::custom);
        }
        let Whole { modseq, created, notification, .. } = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        Ok(Self::Notification { modseq, created, notification })
    }
}

/// A service key, as it is exported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it may do, with commas between.
    pub scopes: String,
    /// The SHA-256 of its secret, in hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
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
            scopes: Scopes::parse(&record.scopes)?,
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
    /// As it is exported, with what it made.
    pub(super) fn record(&self, made: Vec<(NotificationId, Timestamp)>) -> Record {
        Record::Once { key: self.key.clone(), fingerprint: hex::encode(&self.fingerprint), at: self.at, made }
    }

    /// Out of what [`Self::record`] made; `None` when the fingerprint is not one.
    pub(super) fn from_record(key: String, fingerprint: &str, at: Timestamp) -> Option<Self> {
        Some(Self { caller: None, key, fingerprint: hex::decode(fingerprint)?, fingerprint_of_old: None, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_data_as_it_was_sent() {
        let json = r#"{"record":"notification","modseq":2,"created":1,"notification":{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f","user_id":"ann","content":"hi","timestamp":"2025-11-05T10:30:00.123456Z","is_read":true,"category":"message","data":{"n":18446744073709551616,"e":1e400,"a":1,"a":2}}}"#;
        let record: Record = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), json);
        let other = json.replace("\"created\"", "\"made\"");
        assert!(serde_json::from_str::<Record>(&other).is_err());
        let inbox = r#"{"record":"inbox","user_id":"ann","modseq":2,"forgotten":0,"all_read_modseq":0}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Record>(inbox).unwrap()).unwrap(), inbox);
        assert!(serde_json::from_str::<Record>(&inbox.replace('2', "2,\"more\":1")).is_err());
    }
}
