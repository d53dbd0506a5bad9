//! The link of a notification.

use std::sync::Arc;

use super::{problem::Invalid, text::parsed_text};

/// Target of a click on the notification: an `http://` or `https://` URL, or a relative reference such as `/orders/7`.
///
/// At most 2,048 characters of printable ASCII without space and backslash; percent-encode the
/// rest (RFC 3986). Any other scheme (`javascript:`, `data:`) and `//host` are refused, so a link
/// is always safe to put into a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "ssr",
    schema(value_type = String, min_length = 1, max_length = 2048,
           pattern = r"^(https?://[!-\[\]-~]+|[!-.0-9;->@-\[\]-~]+([/?#][!-\[\]-~]*)?|/([!-.0-\[\]-~][!-\[\]-~]*)?|[?#][!-\[\]-~]*)$",
           example = "https://shop.example/orders/7")
)]
pub struct Link(Arc<str>);

impl Link {
    /// The most characters a link may have.
    pub const MAX_CHARS: usize = 2_048;

    /// Parses a link.
    ///
    /// # Errors
    /// When it is empty, too long, has a character that a URL cannot have, or leads elsewhere than to http, https or a
    /// path of the same site.
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
        let has_scheme = text.chars().find(|c| matches!(c, ':' | '/' | '?' | '#')) == Some(':');
        let relative = !text.starts_with("//") && !has_scheme;
        if absolute || relative {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new("A link starts with http:// or https://, or is a path such as /orders/7."))
        }
    }
}

parsed_text!(Link);

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use utoipa::PartialSchema;

    use super::Link;

    /// Without lookahead, which not all dialects of regular expressions support.
    #[test]
    fn the_pattern_in_the_schema_says_the_same() {
        let schema = serde_json::to_value(Link::schema()).unwrap();
        let pattern = regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap();
        let mut ends = vec![String::new()];
        for _ in 0..5 {
            let longer = |end: &String| ["a", ":", "/", "?", "#", "\\", " "].map(|more| format!("{end}{more}"));
            ends.extend(ends.iter().flat_map(longer).collect::<Vec<_>>());
            ends.sort();
            ends.dedup();
        }
        for begin in ["", "http:", "https:", "HTTP:", "javascript:"] {
            for end in &ends {
                let link = format!("{begin}{end}");
                let is_legal = !link.is_empty() && pattern.is_match(&link);
                assert_eq!(Link::parse(&link).is_ok(), is_legal, "{link}");
            }
        }
    }
}
