//! What of an inbox is to be marked read at once.

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::WholeNumber;
use super::{
    Category, FieldError,
    draft::{optional, take},
    parse_whole_number,
};

/// What of an inbox is to be marked read: what meets all that is set, so everything when nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marking {
    /// Only what was created by this change or an earlier one.
    pub up_to: Option<u64>,
    /// Only this kind.
    pub category: Option<Category>,
}

impl Marking {
    /// Whether it takes in a notification that was created by this change.
    #[must_use]
    pub fn admits(&self, created: u64, category: &Category) -> bool {
        self.up_to.is_none_or(|up_to| created <= up_to) && self.category.as_ref().is_none_or(|only| only == category)
    }

    /// Whether it takes in a whole inbox, whose newest notification was created by this change.
    #[must_use]
    pub fn takes_all(&self, newest: u64) -> bool {
        self.category.is_none() && self.up_to.is_none_or(|up_to| newest <= up_to)
    }
}

/// What a marking did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// How many were unread before and are read now.
    pub count: u64,
    /// By which changes: what the marking can be taken back with.
    pub by: MarkedBy,
}

/// The changes by which a marking marked. What it marked, and what was read before it or changed since it, can be told
/// apart by them, however much that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedBy {
    /// What it marked last changed after this change number.
    pub after: u64,
    /// And by this one.
    pub up_to: u64,
    /// Whether it was one change of the whole inbox, which touched no notification: each still has the number of the
    /// change before.
    pub is_whole: bool,
}

/// What of an inbox is to be marked, as text that the server has not checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "ssr", into_params(parameter_in = Query))]
pub struct MarkingParams {
    /// Only what was created by this change number or an earlier one: `Campanile-Modseq` of the list
    /// that the user saw, or `modseq` of the last event. What came later stays unread.
    #[cfg_attr(feature = "ssr", param(value_type = Option<WholeNumber>, nullable = false))]
    pub up_to: Option<String>,
    /// Only this kind.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Category>, nullable = false))]
    pub category: Option<String>,
}

impl MarkingParams {
    /// Parses every parameter.
    ///
    /// # Errors
    /// One entry for each parameter that is not legal.
    pub fn parse(&self) -> Result<Marking, Vec<FieldError>> {
        let mut errors = Vec::new();
        let up_to = take(&mut errors, "up_to", optional(self.up_to.as_deref(), parse_whole_number));
        let category = take(&mut errors, "category", optional(self.category.as_deref(), Category::parse));
        match (up_to, category) {
            (Some(up_to), Some(category)) => Ok(Marking { up_to, category }),
            _ => Err(errors),
        }
    }
}
