//! An endpoint of an application that wants to be told.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Category, EventKind, Timestamp, UserId, delivery::uuid_name, problem::Invalid};

uuid_name! {
    /// The name of a webhook.
    WebhookId, "a webhook"
}

/// What of all that happens an endpoint wants to be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Wanted {
    /// Which events; at least one.
    pub events: Vec<EventKind>,
    /// Only notifications of these categories; every category where this is absent. What concerns a whole inbox has none,
    /// and is told all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub categories: Option<Vec<Category>>,
    /// Only what happens in the inbox of this user; in every inbox where this is absent.
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
    /// Whether an event is wanted, of a notification of this category if it is of one, in the inbox of this user.
    #[must_use]
    pub fn takes(&self, kind: EventKind, category: Option<&Category>, user_id: &UserId) -> bool {
        let is_of_category = |categories: &Vec<Category>| category.is_none_or(|of| categories.contains(of));
        self.events.contains(&kind)
            && self.user_id.as_ref().is_none_or(|only| only == user_id)
            && self.categories.as_ref().is_none_or(is_of_category)
    }
}

/// Whether an endpoint is told.
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

/// An endpoint, as callers see it: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct WebhookView {
    /// Its name.
    pub id: WebhookId,
    /// Where events are posted to.
    pub url: String,
    /// What it wants to be told of.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// Whether it is told.
    pub state: WebhookState,
    /// Why it is not, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub reason: Option<String>,
    /// Since when each attempt failed; absent where the last one worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before this one signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub old_secret_until: Option<Timestamp>,
    /// When it was added.
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
