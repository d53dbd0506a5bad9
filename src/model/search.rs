//! The words of a text search.

use std::{cell::LazyCell, sync::Arc};

use super::{Notification, blank::is_blank, problem::Invalid};

mod fold;
use fold::fold;

/// Words to search for: each must occur in the title or the content, also inside a longer word. Case and Unicode normal
/// form do not matter: `STRASSE` finds `straße`, and `é` in one character finds it in two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 200,
           pattern = r"[^\x00-\x20\x7f]",
           example = "order shipped")
)]
pub struct Search(Arc<SearchTerms>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct SearchTerms {
    text: Box<str>,
    /// Its words, folded once for all comparisons.
    words: Vec<String>,
}

impl Search {
    /// The most characters (Unicode scalar values) a search may have.
    pub const MAX_CHARS: usize = 200;

    /// Parses a user's input.
    ///
    /// # Errors
    /// When it has no visible character, or is longer than [`Self::MAX_CHARS`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if is_blank(text) {
            return Err(Invalid::new("The search is blank: give a word to look for."));
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Invalid::new(format!("A search has at most {} characters.", Self::MAX_CHARS)));
        }
        Ok(Self::stored(text))
    }

    /// A search that was accepted before.
    fn stored(text: &str) -> Self {
        let words = fold(text).split_whitespace().map(str::to_owned).collect();
        Self(Arc::new(SearchTerms { text: text.into(), words }))
    }

    /// The unchanged text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether every word is in the title or the content.
    #[must_use]
    pub fn finds(&self, notification: &Notification) -> bool {
        let content = fold(notification.content.as_str());
        let title = LazyCell::new(|| notification.title.as_ref().map(|title| fold(title.as_str())));
        let in_title = |word: &str| title.as_ref().is_some_and(|title| has(title, word));
        self.0.words.iter().all(|word| has(&content, word) || in_title(word))
    }
}

/// Whether a text has a word. The browser looks at a few notifications as they arrive, and does not load the standard
/// library's search, which stays fast whatever the word is.
fn has(text: &str, word: &str) -> bool {
    let (bytes, wanted) = (text.as_bytes(), word.as_bytes());
    if cfg!(feature = "ssr") { text.contains(word) } else { (0..bytes.len()).any(|at| bytes[at..].starts_with(wanted)) }
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Search {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Search {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer).map(|text| Self::stored(&text))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::{Content, NewNotification, NotificationId, Timestamp, Title, UserId};

    fn notification(title: Option<&str>, content: &str) -> Notification {
        let new = NewNotification::new(UserId::stored("ann"), Content::stored(content));
        let new = NewNotification { title: title.map(Title::stored), ..new };
        Notification::new(NotificationId::new(uuid::Uuid::nil()), Timestamp::stored(0), new)
    }

    #[rstest]
    #[case("e\u{301}clair", "\u{e9}CLAIR")]
    #[case("\u{c9}clair", "e\u{301}clair")]
    #[case("STRASSE", "In der Hauptstra\u{df}e 7")]
    #[case("stra\u{df}e", "HAUPTSTRASSE")]
    #[case("\u{1e9e}", "ss")]
    #[case("ΟΔΟΣ", "οδός οδος")]
    #[case("οδος", "ΟΔΟΣ")]
    #[case("\u{fb01}le", "FILE")]
    #[case("\u{212b}ngstrom", "\u{e5}ngstrom")]
    #[case("\u{212a}elvin", "kelvin")]
    #[case("s\u{323}\u{307}", "s\u{307}\u{323}")]
    #[case("가", "\u{1100}\u{1161}")]
    #[case("parcel there", "There is a PARCEL")]
    fn case_and_normal_form_are_folded(#[case] search: &str, #[case] content: &str) {
        let search = Search::parse(search).unwrap();
        assert!(search.finds(&notification(None, content)));
        assert!(search.finds(&notification(Some(content), "x")));
        assert!(!search.finds(&notification(Some("y"), "x")));
    }

    #[test]
    fn a_letter_is_not_found_in_another() {
        for (search, content) in [("e", "é"), ("e", "e\u{301}"), ("o", "ø")] {
            assert!(!Search::parse(search).unwrap().finds(&notification(None, content)), "{search} {content}");
        }
    }

    crate::work::bounded!(a_text_is_searched_in_one_pass, |text| {
        let long_before = Search::parse("http://) \u{e9} \u{301}\u{323} zz").unwrap();
        let _ = long_before.finds(&notification(Some(text), text));
    });
}
