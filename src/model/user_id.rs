//! The id of a user, and so of an inbox.

use std::sync::Arc;

use super::{problem::Invalid, text::parsed_text};

/// Recipient of a notification: any 1 to 128 characters without control characters.
///
/// The application chooses the id. Campanile compares it byte for byte and does not interpret it; percent-encode it in
/// a path, so `a%2Fb` is one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f]+$",
           example = "user_123")
)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The most characters (Unicode scalar values) a user id may have.
    pub const MAX_CHARS: usize = 128;

    /// Parses a user id; nothing is trimmed or folded.
    ///
    /// # Errors
    /// When it is empty, longer than [`Self::MAX_CHARS`], or contains a control character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("The user id is empty. Give the id of a user."));
        }
        let chars = text.chars().count();
        if chars > Self::MAX_CHARS {
            return Err(Invalid::new(format!(
                "A user id has at most {} characters; this has {chars}.",
                Self::MAX_CHARS
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("A user id may not contain control characters, such as a tab or a line break."));
        }
        Ok(Self(text.into()))
    }
}

parsed_text!(UserId);
