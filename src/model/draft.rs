//! A notification to send, before and after parsing.

#[cfg(feature = "ssr")]
use serde::{Deserialize, Serialize};
#[cfg(feature = "ssr")]
use serde_json::value::RawValue;

use super::{
    Category, Content, Link, Timestamp, Title, UserId,
    problem::{FieldError, Invalid},
};
#[cfg(feature = "ssr")]
use super::{Data, Routing, UserChannel};

/// A notification to send.
//
// Every field is optional here, so that everything that is wrong is said at once and at its
// field; `NewNotification::parse` decides.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = NewNotification)]
#[serde(deny_unknown_fields)]
pub struct NotificationDraft {
    /// User who receives it.
    #[schema(value_type = UserId, required = true)]
    #[serde(default)]
    pub user_id: Option<String>,
    /// Text of the notification.
    #[schema(value_type = Content, required = true)]
    #[serde(default)]
    pub content: Option<String>,
    /// Category; `message` by default.
    #[schema(value_type = Option<Category>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Short heading.
    #[schema(value_type = Option<Title>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Target of a click.
    #[schema(value_type = Option<Link>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Data of the application, returned unchanged.
    #[schema(value_type = Option<Data>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// Time at which it is deleted (RFC 3339). A time in the past is valid, because clocks differ.
    #[schema(value_type = Option<Timestamp>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// `true` also sends a mail, even where mail is off by default, but never to a user who turned it off; `false`
    /// sends none. By default the user's preferences decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_email: Option<bool>,
    /// The only channels that may deliver it, among those that the user wants: `email`, `webpush`, `fcm`, `apns`; an
    /// empty list means the inbox only.
    #[schema(value_type = Option<std::collections::BTreeSet<UserChannel>>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
}

/// A new notification whose fields are all valid.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotification {
    /// User who receives it.
    pub user_id: UserId,
    /// Text of the notification.
    pub content: Content,
    /// Category.
    pub category: Category,
    /// Short heading.
    pub title: Option<Title>,
    /// Target of a click.
    pub link: Option<Link>,
    /// Data that the sender attached; the dashboard does not show it, so the browser does not read it.
    #[cfg(feature = "ssr")]
    pub data: Option<Data>,
    /// Time at which it is deleted.
    pub expires_at: Option<Timestamp>,
    /// The channels that may deliver it.
    #[cfg(feature = "ssr")]
    pub routing: Routing,
}

impl NewNotification {
    /// A `message` with only its content.
    #[must_use]
    pub fn new(user_id: UserId, content: Content) -> Self {
        Self {
            user_id,
            content,
            category: Category::default(),
            title: None,
            link: None,
            #[cfg(feature = "ssr")]
            data: None,
            expires_at: None,
            #[cfg(feature = "ssr")]
            routing: Routing::default(),
        }
    }

    /// Parses every field of a draft.
    ///
    /// # Errors
    /// One entry for each field that is not legal, named as in the draft.
    #[cfg(feature = "ssr")]
    pub fn parse(draft: NotificationDraft) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let user_id = take(&mut errors, "user_id", required(draft.user_id.as_deref(), UserId::parse));
        let content = take(&mut errors, "content", required(draft.content.as_deref(), Content::parse));
        let category = take(&mut errors, "category", optional(draft.category.as_deref(), Category::parse));
        let title = take(&mut errors, "title", optional(draft.title.as_deref(), Title::parse));
        let link = take(&mut errors, "link", optional(draft.link.as_deref(), Link::parse));
        let data = take(&mut errors, "data", draft.data.map(Data::from_raw).transpose());
        let expires_at = take(&mut errors, "expires_at", optional(draft.expires_at.as_deref(), Timestamp::parse));
        let channels = draft.channels.as_deref().map(Routing::parse_channels).transpose();
        let channels = take(&mut errors, "channels", channels);
        match (user_id, content, category, title, link, data, expires_at) {
            (Some(user_id), Some(content), Some(category), Some(title), Some(link), Some(data), Some(expires_at))
                if errors.is_empty() =>
            {
                let category = category.unwrap_or_default();
                Ok(Self {
                    category,
                    title,
                    link,
                    data,
                    expires_at,
                    routing: Routing { send_email: draft.send_email, channels: channels.flatten() },
                    ..Self::new(user_id, content)
                })
            }
            _ => Err(errors),
        }
    }
}

/// The value, or `None` after adding the error under the name of the field.
pub(crate) fn take<T>(errors: &mut Vec<FieldError>, field: &str, parsed: Result<T, Invalid>) -> Option<T> {
    parsed.map_err(|invalid| errors.push(FieldError::new(field, invalid))).ok()
}

#[cfg(feature = "ssr")]
fn required<T>(text: Option<&str>, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, Invalid> {
    parse(text.ok_or_else(|| Invalid::new("This field is required."))?)
}

/// Parses an optional value.
pub(super) fn optional<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    text.map(parse).transpose()
}
