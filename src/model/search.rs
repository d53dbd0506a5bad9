//! What a text search looks for.

use std::sync::Arc;

use super::{Notification, problem::Invalid, text::parsed_text};

/// What a text search looks for: every word of it must be somewhere in the title or the content,
/// also inside a longer word, in upper or lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 200,
           pattern = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
           example = "order shipped")
)]
pub struct Search(Arc<str>);

impl Search {
    /// The most characters (Unicode scalar values) a search may have.
    pub const MAX_CHARS: usize = 200;

    /// Takes what a person typed.
    ///
    /// # Errors
    /// When it is blank or longer than [`Self::MAX_CHARS`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::new("Say what to look for: the search is blank."));
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Invalid::new(format!("A search has at most {} characters.", Self::MAX_CHARS)));
        }
        Ok(Self(text.into()))
    }

    /// Whether every word is in the title or the content.
    #[must_use]
    pub fn finds(&self, notification: &Notification) -> bool {
        let title = notification.title.as_ref().map_or(String::new(), |title| title.as_str().to_lowercase());
        let content = notification.content.as_str().to_lowercase();
        let words = self.0.to_lowercase();
        words.split_whitespace().all(|word| content.contains(word) || title.contains(word))
    }
}

parsed_text!(Search);
