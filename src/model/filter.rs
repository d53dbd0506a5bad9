//! The filter of a list.

use serde::{Deserialize, Serialize};

use super::{
    Category, Cursor, FieldError, Invalid, Limit, Notification, Search, UserId,
    draft::{optional, take},
};

/// Selects notifications: those that meet every condition that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// Only this inbox.
    pub user_id: Option<UserId>,
    /// Only this category.
    pub category: Option<Category>,
    /// Only unread notifications.
    pub unread: bool,
    /// Only notifications with these words.
    pub search: Option<Search>,
}

impl Filter {
    /// All notifications of one inbox.
    #[must_use]
    pub fn inbox(user_id: UserId) -> Self {
        Self { user_id: Some(user_id), ..Self::default() }
    }

    /// Whether it selects a notification.
    #[must_use]
    pub fn admits(&self, notification: &Notification) -> bool {
        self.user_id.as_ref().is_none_or(|user_id| *user_id == notification.user_id)
            && self.category.as_ref().is_none_or(|category| *category == notification.category)
            && !(self.unread && notification.is_read)
            && self.search.as_ref().is_none_or(|search| search.finds(notification))
    }

    /// Whether it selects less than everything in the inbox, or in all of them.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.category.is_some() || self.unread || self.search.is_some()
    }
}

/// The query of `list`, as text that the server has not checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "ssr", into_params(parameter_in = Query))]
pub struct ListParams {
    /// Only the inbox of this user.
    #[cfg_attr(feature = "ssr", param(value_type = Option<UserId>, nullable = false))]
    pub user_id: Option<String>,
    /// Most notifications on a page: 50 by default, 1000 at most.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Limit>, nullable = false))]
    pub limit: Option<String>,
    /// Only this category.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Category>, nullable = false))]
    pub category: Option<String>,
    /// `true` lists only unread notifications; `false` is the default.
    #[cfg_attr(feature = "ssr", param(value_type = Option<bool>, nullable = false))]
    pub unread: Option<String>,
    /// Only notifications whose title or content contains each of these words, in upper or lower case.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Search>, nullable = false))]
    pub q: Option<String>,
    /// Where the page begins: a value from the `next` link of the previous page.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Cursor>, nullable = false))]
    pub before: Option<String>,
}

impl ListParams {
    /// Parses every parameter.
    ///
    /// # Errors
    /// One entry for each invalid parameter.
    pub fn parse(&self) -> Result<(Filter, Option<Cursor>, Limit), Vec<FieldError>> {
        let mut errors = Vec::new();
        let user_id = take(&mut errors, "user_id", optional(self.user_id.as_deref(), UserId::parse));
        let limit = take(&mut errors, "limit", optional(self.limit.as_deref(), Limit::parse));
        let category = take(&mut errors, "category", optional(self.category.as_deref(), Category::parse));
        let unread = take(&mut errors, "unread", optional(self.unread.as_deref(), parse_bool));
        let search = take(&mut errors, "q", optional(self.q.as_deref(), Search::parse));
        let before = take(&mut errors, "before", optional(self.before.as_deref(), Cursor::parse));
        if !errors.is_empty() {
            return Err(errors);
        }
        let filter = Filter {
            user_id: user_id.flatten(),
            category: category.flatten(),
            unread: unread.flatten().unwrap_or(false),
            search: search.flatten(),
        };
        Ok((filter, before.flatten(), limit.flatten().unwrap_or_default()))
    }
}

fn parse_bool(text: &str) -> Result<bool, Invalid> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Invalid::new("This must be true or false.")),
    }
}
