//! The browser's tab: how many notifications are unread, and in which inbox.

use leptos::prelude::*;

use crate::app::text::bidi::visible;

/// The icon of the page.
pub(crate) const ICON: &str = "/favicon.svg";
/// The icon of the page while notifications are unread.
pub(crate) const ICON_UNREAD: &str = "/favicon-unread.svg";

/// The title: `(12) user_123 · Campanile`.
pub(crate) fn title(unread: u64, inbox: Option<&str>) -> String {
    let count = match unread {
        0 => String::new(),
        1..=999 => format!("({unread}) "),
        _ => "(999+) ".to_owned(),
    };
    let inbox = inbox.map_or_else(String::new, |inbox| visible(inbox) + " · ");
    format!("{count}{inbox}Campanile")
}

/// The icon for this many unread notifications.
pub(crate) fn icon(unread: u64) -> &'static str {
    if unread == 0 { ICON } else { ICON_UNREAD }
}

/// Shows this title, and the icon at this URL. In the browser only.
pub(crate) fn show(title: &str, icon: &str) {
    if document().title() != title {
        document().set_title(title);
    }
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]")
        && link.get_attribute("href").as_deref() != Some(icon)
    {
        let _ = link.set_attribute("href", icon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_says_how_much_is_unread_and_where() {
        assert_eq!(title(12, Some("user_123")), "(12) user_123 · Campanile");
        assert_eq!(title(999, None), "(999) Campanile");
        assert_eq!(title(70_000, None), "(999+) Campanile");
        assert_eq!(title(0, Some("user_123")), "user_123 · Campanile");
        assert_eq!(title(0, Some("gnp.\u{202e}exe")), "gnp.⟨U+202E⟩exe · Campanile");
        assert_eq!(title(3, None), "(3) Campanile");
        assert_eq!(title(0, None), "Campanile");
    }
}
