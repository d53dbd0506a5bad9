//! The content and the title of a notification.

use std::sync::Arc;

use super::{blank::is_blank, problem::Invalid};

/// Defines a newtype over shared text. New texts are made with `parse`. Texts that were accepted before are not checked
/// again, so that a stricter rule never hides stored data: stores, and serde, which reads what another Campanile wrote,
/// use `stored`.
///
/// The text is behind an [`Arc`], so that a page of notifications is cloned without copying it.
macro_rules! parsed_text {
    ($name:ident) => {
        impl $name {
            /// A text that was accepted before, without checking it again.
            pub(crate) fn stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The unchanged text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(|text| Self::stored(&text))
            }
        }
    };
}
pub(crate) use parsed_text;

/// Text of a notification: 1 to 16,384 characters in any language, at least one of them visible, without markup.
///
/// U+0000 is refused, because PostgreSQL cannot store it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 16384,
           pattern = r"^[^\x00]*[^\x00-\x20\x7f][^\x00]*$",
           example = "Your order has been shipped!")
)]
pub struct Content(Arc<str>);

impl Content {
    /// The most characters (Unicode scalar values) a content may have.
    pub const MAX_CHARS: usize = 16_384;

    /// Parses the text of a notification; nothing is trimmed.
    ///
    /// # Errors
    /// When it has no visible character, is longer than [`Self::MAX_CHARS`], or contains U+0000.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        check(text, Self::MAX_CHARS, "The text is blank. Write something.")?;
        Ok(Self(text.into()))
    }
}

parsed_text!(Content);

/// Short heading above the content: 1 to 200 characters, at least one of them visible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 200,
           pattern = r"^[^\x00]*[^\x00-\x20\x7f][^\x00]*$",
           example = "Order shipped")
)]
pub struct Title(Arc<str>);

impl Title {
    /// The most characters (Unicode scalar values) a title may have.
    pub const MAX_CHARS: usize = 200;

    /// Parses a title; nothing is trimmed.
    ///
    /// # Errors
    /// When it has no visible character, is longer than [`Self::MAX_CHARS`], or contains U+0000.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        check(text, Self::MAX_CHARS, "The title is blank: leave it out or write something.")?;
        Ok(Self(text.into()))
    }
}

parsed_text!(Title);

/// The common rules of content and title.
fn check(text: &str, max_chars: usize, blank: &'static str) -> Result<(), Invalid> {
    if is_blank(text) {
        return Err(Invalid::new(blank));
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(Invalid::new(format!("At most {max_chars} characters are allowed; this has {chars}.")));
    }
    if text.contains('\0') {
        return Err(Invalid::new("The character U+0000 is not allowed."));
    }
    Ok(())
}
