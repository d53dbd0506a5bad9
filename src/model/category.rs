//! The category of a notification.

use std::borrow::Cow;

use super::problem::Invalid;

/// Category of a notification: any slug `[a-z0-9][a-z0-9_-]{0,31}`.
///
/// `message`, `system`, `alert` and `update` are the well-known ones; the dashboard has a colour
/// and an icon for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$",
           example = "message")
)]
pub struct Category(Cow<'static, str>);

impl Category {
    /// The well-known categories, in the order in which the dashboard shows them.
    pub const WELL_KNOWN: [&'static str; 4] = ["message", "system", "alert", "update"];

    /// The most characters a category may have.
    pub const MAX_CHARS: usize = 32;

    /// Parses a category.
    ///
    /// # Errors
    /// When it is not a slug of 1 to 32 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_slug = text.len() <= Self::MAX_CHARS
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if !is_slug {
            return Err(Invalid::new(
                "A category is 1 to 32 characters: a-z, 0-9, _ and -, and starts with a letter or a digit.",
            ));
        }
        Ok(Self::stored(text))
    }

    /// A category that was accepted before, without checking it again.
    pub(crate) fn stored(text: &str) -> Self {
        let known = Self::WELL_KNOWN.into_iter().find(|known| *known == text);
        Self(known.map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed))
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Category {
    /// `message`: the default category.
    fn default() -> Self {
        Self(Cow::Borrowed("message"))
    }
}

impl std::fmt::Display for Category {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Category {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Category {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer).map(|text| Self::stored(&text))
    }
}
