//! The id of a notification.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::Invalid;

/// Stable id of a notification: a UUIDv7 (RFC 9562).
///
/// An id is not a position: the store decides the order, and change numbers show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "ssr", derive(Deserialize, utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, format = Uuid, example = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f")
)]
#[serde(transparent)]
pub struct NotificationId(Uuid);

impl NotificationId {
    /// Makes an id of a UUID that is known to be one.
    #[must_use]
    pub fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Reads the hyphenated form of a UUID, in either case.
    ///
    /// # Errors
    /// When it is not in that form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("An id is a UUID such as 019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f.");
        if text.len() != 36 {
            return Err(wrong());
        }
        Uuid::try_parse_ascii(text.as_bytes()).map(Self).map_err(|_| wrong())
    }

    /// The UUID.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl std::fmt::Display for NotificationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Uses our own parser, so that the browser need not load the errors of uuid's.
#[cfg(not(feature = "ssr"))]
impl<'de> Deserialize<'de> for NotificationId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
