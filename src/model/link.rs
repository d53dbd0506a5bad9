//! Where a notification leads.

use std::sync::Arc;

use super::{problem::Invalid, text::parsed_text};

/// Where a click on a notification leads: an `http://` or `https://` URL, or a relative reference
/// such as `/orders/7`.
///
/// At most 2,048 characters of printable ASCII without space and backslash; percent-encode the
/// rest (RFC 3986). Any other scheme (`javascript:`, `data:`) and `//host` are refused, so a link
/// is always safe to put into a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 2048,
           pattern = r"^(https?://[!-\[\]-~]+|(?!//)[!-.0-9;->@-\[\]-~]*([/?#][!-\[\]-~]*)?)$",
           example = "https://shop.example/orders/7")
)]
pub struct Link(Arc<str>);

impl Link {
    /// The most characters a link may have.
    pub const MAX_CHARS: usize = 2_048;

    /// Takes a link as it is.
    ///
    /// # Errors
    /// When it is empty, too long, has a character that a URL has not, or leads somewhere else
    /// than http, https or a path of the same site.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("The link is empty: leave it out or give one."));
        }
        if text.len() > Self::MAX_CHARS {
            return Err(Invalid::new(format!("A link has at most {} characters.", Self::MAX_CHARS)));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(Invalid::new(
                "A link has only printable ASCII characters, no space and no backslash; percent-encode the rest.",
            ));
        }
        let absolute =
            ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        let path_start = text.find(['/', '?', '#']).unwrap_or(text.len());
        let relative = !text.starts_with("//") && !text[..path_start].contains(':');
        if absolute || relative {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new("A link starts with http:// or https://, or is a path such as /orders/7."))
        }
    }
}

parsed_text!(Link);
