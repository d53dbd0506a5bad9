//! Unknown names in a query or a body.
//!
//! A misspelt name would be ignored silently, or would select everything instead of a part. So it is refused, with the
//! name that was probably meant.

use crate::model::{FieldError, Invalid, nearest, unknown_name};

/// How many characters of an unknown name are repeated.
pub(super) const LONGEST: usize = 64;

/// The error for an unknown name of a `kind`: "field" or "parameter".
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> FieldError {
    let shown = shown(name);
    let why = unknown_name(kind, &shown, nearest(name, known), known);
    FieldError::new(shown, Invalid::new(why))
}

/// The name in a form that may be repeated: shortened, and without characters that a terminal obeys.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["user_id", "limit", "category", "unread", "q", "before"];

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_name() {
        for (name, right) in [
            ("userid", "user_id"),
            ("userId", "user_id"),
            ("USER-ID", "user_id"),
            ("user", "user_id"),
            ("user_ids", "user_id"),
            ("limits", "limit"),
            ("limi", "limit"),
            ("is_unread", "unread"),
            ("beforee", "before"),
        ] {
            assert_eq!(nearest(name, &KNOWN), Some(right), "{name}");
            let error = unknown("field", name, &KNOWN);
            assert_eq!(error.message, format!("There is no field `{name}`; did you mean `{right}`?"));
        }
        assert_eq!(nearest("expiresAt", &["content", "expires_at"]), Some("expires_at"));
    }

    #[test]
    fn an_unknown_name_without_a_near_match_lists_all_names() {
        for name in ["page", "", "x", "offset", "日本", &"limit".repeat(13)] {
            assert_eq!(nearest(name, &KNOWN), None, "{name}");
        }
        let sentence = |known: &[&str]| unknown("parameter", "page", known).message;
        assert_eq!(sentence(&KNOWN[..2]), "There is no parameter `page`. The parameters are `user_id` and `limit`.");
        assert_eq!(sentence(&["since"]), "There is no parameter `page`. The only parameter is `since`.");
        assert_eq!(sentence(&[]), "There is no parameter `page`; this route takes none.");
    }

    #[test]
    fn a_long_or_evil_name_is_not_repeated_as_it_is() {
        let error = unknown("field", &"é".repeat(1_000_000), &KNOWN);
        assert_eq!(error.field, "é".repeat(64) + "…");
        assert_eq!(unknown("field", "a\u{1b}[2J\n\u{202e}", &KNOWN).field, "a\\u{1b}[2J\\n\\u{202e}");
    }
}
