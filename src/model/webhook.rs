//! Webhooks: endpoints of applications that receive events.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Category, EventKind, Timestamp, UserId, delivery::uuid_name, problem::Invalid};

uuid_name! {
    /// Id of a webhook.
    WebhookId, "a webhook"
}

/// Events that a webhook receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Wanted {
    /// Kinds of events; at least one.
    pub events: Vec<EventKind>,
    /// Only notifications of these categories; all by default. Events about a whole inbox have no category, and are
    /// sent in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub categories: Option<Vec<Category>>,
    /// Only events in the inbox of this user; in all inboxes by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub user_id: Option<UserId>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { events: vec![EventKind::Created], categories: None, user_id: None }
    }
}

impl Wanted {
    /// Whether a webhook wants this event in the inbox of this user; `category` is that of its notification, if it has
    /// one.
    #[must_use]
    pub fn takes(&self, kind: EventKind, category: Option<&Category>, user_id: &UserId) -> bool {
        let is_of_category = |categories: &Vec<Category>| category.is_none_or(|of| categories.contains(of));
        self.events.contains(&kind)
            && self.user_id.as_ref().is_none_or(|only| only == user_id)
            && self.categories.as_ref().is_none_or(is_of_category)
    }
}

/// Whether a webhook receives events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is.
    Active,
    /// Not until a moment that it asked for.
    Paused,
    /// Not until an operator enables it again.
    Disabled,
}

/// A webhook, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct WebhookView {
    /// Its name.
    pub id: WebhookId,
    /// URL that events are posted to.
    pub url: String,
    /// Events that it receives.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// Whether it receives events.
    pub state: WebhookState,
    /// Reason, when it receives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub reason: Option<String>,
    /// Time since which every attempt has failed; absent when the last one succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub failing_since: Option<Timestamp>,
    /// Time until which the previous secret signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub old_secret_until: Option<Timestamp>,
    /// Time at which it was added.
    pub created_at: Timestamp,
    /// How often it was changed.
    #[serde(skip)]
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_what_it_names_and_everything_where_it_names_nothing() {
        let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
        let (alert, system) = (Category::parse("alert").unwrap(), Category::parse("system").unwrap());
        let all = Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() };
        let some = Wanted { categories: Some(vec![alert.clone()]), user_id: Some(ann.clone()), ..all.clone() };
        let cases = [
            (&all, EventKind::Deleted, Some(&system), &bob, true),
            (&all, EventKind::AllRead, None, &bob, true),
            (&some, EventKind::Created, Some(&alert), &ann, true),
            (&some, EventKind::Created, Some(&system), &ann, false),
            (&some, EventKind::Created, Some(&alert), &bob, false),
            (&some, EventKind::AllRead, None, &ann, true),
            (&some, EventKind::AllRead, None, &bob, false),
            (&Wanted::default(), EventKind::Created, Some(&system), &bob, true),
            (&Wanted::default(), EventKind::Updated, Some(&system), &bob, false),
        ];
        for (wanted, kind, category, user_id, expected) in cases {
            assert_eq!(wanted.takes(kind, category, user_id), expected, "{wanted:?} {kind} {category:?} {user_id}");
        }
    }
}
