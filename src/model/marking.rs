//! What of an inbox is to be marked read at once.

use super::Category;

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
