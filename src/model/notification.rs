//! One message to one user.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Category, Content, Data, Link, Timestamp, Title, UserId, problem::Invalid};

/// The stable name of a notification: a UUIDv7 (RFC 9562).
///
/// It is a name and not a position: order is the store's, and change numbers tell what came after
/// what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, format = Uuid, example = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f")
)]
#[serde(transparent)]
pub struct NotificationId(Uuid);

impl NotificationId {
    /// Takes a UUID that is known to name a notification.
    #[must_use]
    pub fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Reads the hyphenated form of a UUID, in either case.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("An id is a UUID such as 019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f.");
        if text.len() != 36 {
            return Err(wrong());
        }
        Uuid::try_parse(text).map(Self).map_err(|_| wrong())
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

/// One message to one user, as every client sees it. Optional fields that were not given are left
/// out. A clone shares the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Notification {
    /// Stable name of this notification.
    pub id: NotificationId,
    /// Whose inbox it is in.
    pub user_id: UserId,
    /// What it says.
    pub content: Content,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// Whether the user has seen it.
    pub is_read: bool,
    /// What kind it is.
    pub category: Category,
    /// A short heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub title: Option<Title>,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub link: Option<Link>,
    /// What the sender attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub data: Option<Data>,
    /// When it leaves the inbox by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub expires_at: Option<Timestamp>,
}
