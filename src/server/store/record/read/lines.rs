//! The lines of an export as serde reads them: only their fields, which are checked one by one afterwards.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::model::{NotificationId, Preferences, Timestamp};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboxLine<'a> {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    #[serde(borrow)]
    pub(super) user_id: Cow<'a, str>,
    pub(super) modseq: u64,
    pub(super) forgotten: u64,
    pub(super) all_read_modseq: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationLine<'a> {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    pub(super) modseq: u64,
    pub(super) created: u64,
    #[serde(default)]
    pub(super) kept: bool,
    #[serde(borrow)]
    pub(super) notification: Fields<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields<'a> {
    pub(super) id: NotificationId,
    #[serde(borrow)]
    pub(super) user_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) content: Cow<'a, str>,
    pub(super) timestamp: Timestamp,
    pub(super) is_read: bool,
    pub(super) category: String,
    pub(super) title: Option<String>,
    pub(super) link: Option<String>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletionLine<'a> {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    #[serde(borrow)]
    pub(super) user_id: Cow<'a, str>,
    pub(super) modseq: u64,
    pub(super) id: NotificationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnceLine {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    pub(super) caller: Option<String>,
    pub(super) key: String,
    pub(super) fingerprint: String,
    pub(super) at: Timestamp,
    pub(super) made: Vec<(NotificationId, Timestamp)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyLine {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) hash: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) last_used_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreferencesLine<'a> {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    #[serde(borrow)]
    pub(super) user_id: Cow<'a, str>,
    pub(super) version: u64,
    pub(super) preferences: Preferences,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretLine {
    #[serde(rename = "record")]
    _kind: IgnoredAny,
    pub(super) name: String,
    pub(super) secret: String,
}
