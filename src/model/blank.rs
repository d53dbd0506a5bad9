//! Characters that are invisible on a screen.

/// Invisible characters, beside white space and control characters: those that Unicode calls
/// `Default_Ignorable_Code_Point` (joiners, marks of direction, variation selectors, tags, Hangul fillers), the marks
/// of annotations, and a few with an empty glyph, such as U+2800.
const INVISIBLE: [(char, char); 20] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13442}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a text has no visible character. Beside a visible one, all others are allowed: they join emoji, and turn the
/// direction of Arabic and Hebrew.
///
/// The patterns in the schemas of [`super::Content`], [`super::Title`] and [`super::Search`] check this for ASCII only:
/// all dialects of regular expressions read that alike, and some (PHP's, Ruby's) read nothing else.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn is_invisible(c: char) -> bool {
    !c.is_ascii() && INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("")]
    #[case(" \t\n\u{a0}\u{3000}")]
    #[case("\u{200b}")]
    #[case("\u{3164}\u{115f}\u{1160}\u{ffa0}")]
    #[case("\u{2800}\u{ad}\u{feff}")]
    #[case("\u{202e}\u{2066}\u{2069}\u{61c}")]
    #[case("\u{fe0f}\u{e0101}\u{e0020}\u{34f}\u{180e}")]
    fn what_shows_nothing_is_blank(#[case] text: &str) {
        assert!(is_blank(text));
    }

    #[rstest]
    #[case("a")]
    #[case("\u{200b}.\u{200b}")]
    #[case("👩\u{200d}🚀")]
    #[case("❤\u{fe0f}")]
    #[case("\u{202b}שלום\u{202c}")]
    #[case("\u{1d15f}")]
    #[case("\u{fffc}")]
    #[case("\u{301}")]
    fn what_shows_something_is_not(#[case] text: &str) {
        assert!(!is_blank(text));
    }

    /// Every character alone: a client that follows the schema refuses nothing that the server accepts, and refuses the
    /// same within ASCII.
    #[cfg(feature = "ssr")]
    #[test]
    fn the_patterns_in_the_schemas_refuse_nothing_that_is_taken() {
        use utoipa::PartialSchema;

        use crate::model::{Content, Search, Title, UserId};

        let pattern = |schema: &dyn Fn() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>| {
            let schema = serde_json::to_value(schema()).unwrap();
            let pattern = schema["pattern"].as_str().unwrap();
            assert!(pattern.is_ascii() && !pattern.contains("\\u"), "{pattern}");
            regex::Regex::new(pattern).unwrap()
        };
        let parses = |parse: &dyn Fn(&str) -> bool, pattern: &regex::Regex| {
            for c in '\0'..=char::MAX {
                let text = c.to_string();
                let (taken, legal) = (parse(&text), pattern.is_match(&text));
                assert!(if c.is_ascii() { taken == legal } else { legal || !taken }, "{:?} {pattern}", u32::from(c));
            }
        };
        parses(&|text| Content::parse(text).is_ok(), &pattern(&Content::schema));
        parses(&|text| Title::parse(text).is_ok(), &pattern(&Title::schema));
        parses(&|text| Search::parse(text).is_ok(), &pattern(&Search::schema));
        parses(&|text| UserId::parse(text).is_ok(), &pattern(&UserId::schema));
    }

    crate::work::bounded!(a_text_is_judged_in_one_pass, |text| {
        let invisible = "\u{200b}".repeat(text.len() / 3);
        let _ = (is_blank(text), is_blank(&invisible), crate::model::Content::parse(text));
    });
}
