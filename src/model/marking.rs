//! What of an inbox is to be marked read at once.

use serde::Deserialize;

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
