//! Marking an inbox, or a part of it, as read.

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::WholeNumber;
use super::{
    Category, FieldError,
    draft::{optional, take},
    parse_whole_number,
};

/// The part of an inbox to mark as read: notifications that meet all conditions that are set; everything when none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marking {
    /// Only notifications created by this change or an earlier one.
    pub up_to: Option<u64>,
    /// Only this category.
    pub category: Option<Category>,
}

impl Marking {
    /// Whether it selects a notification that was created by this change.
    #[must_use]
    pub fn admits(&self, created: u64, category: &Category) -> bool {
        self.up_to.is_none_or(|up_to| created <= up_to) && self.category.as_ref().is_none_or(|only| only == category)
    }

    /// Whether it selects a whole inbox, whose newest notification was created by this change.
    #[must_use]
    pub fn takes_all(&self, newest: u64) -> bool {
        self.category.is_none() && self.up_to.is_none_or(|up_to| newest <= up_to)
    }
}

/// The result of a marking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Number of notifications that this request marked as read.
    pub count: u64,
    /// The changes that did it, with which the marking can be undone.
    pub by: MarkedBy,
}

/// The changes that a marking made. They tell the notifications that it marked, however many, from those read before it
/// or changed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedBy {
    /// The marked notifications last changed after this change number,
    pub after: u64,
    /// and by this one.
    pub up_to: u64,
    /// Whether it was one change of the whole inbox, which touched no notification: each still has the number of its
    /// previous change.
    pub is_whole: bool,
}

/// The parameters of a marking, not yet parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "ssr", into_params(parameter_in = Query))]
pub struct MarkingParams {
    /// Only notifications created up to this change number: the `Campanile-Modseq` of the list that the user saw, or
    /// the `modseq` of the last event. Later notifications stay unread.
    #[cfg_attr(feature = "ssr", param(value_type = Option<WholeNumber>, nullable = false))]
    pub up_to: Option<String>,
    /// Only this category.
    #[cfg_attr(feature = "ssr", param(value_type = Option<Category>, nullable = false))]
    pub category: Option<String>,
}

impl MarkingParams {
    /// Parses every parameter.
    ///
    /// # Errors
    /// One entry for each invalid parameter.
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
