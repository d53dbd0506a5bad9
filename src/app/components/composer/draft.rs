//! What a user has typed and not sent stays for when the user comes back to the page.

use leptos::prelude::*;

use super::{FIELDS, MORE, SELDOM, TEXT};
use crate::app::browser;

/// The name of the choice between the categories.
const CATEGORY: &str = "category";

/// Leaves the fields and the chosen category whenever the user leaves the page.
pub(super) fn keep() {
    let _ = window_event_listener_untyped("pagehide", |_| {
        for (_, id) in FIELDS {
            browser::leave_in_tab(id, &browser::value(id));
        }
        browser::leave_in_tab(CATEGORY, &chosen().unwrap_or_default());
    });
}

/// Puts back what the page left, unless there is another text already; whether it left anything.
pub(super) fn put_back() -> bool {
    let Some(left) = browser::left_in_tab(TEXT) else { return false };
    let text = browser::value(TEXT);
    // Browsers may have put the text back by themselves, but not the other fields.
    if !text.is_empty() && text != left {
        return true;
    }
    for (_, id) in FIELDS {
        let text = browser::left_in_tab(id).unwrap_or_default();
        browser::set_value(id, &text);
        if SELDOM.contains(&id) && !text.is_empty() {
            browser::set_attribute(MORE, "open", Some(""));
        }
    }
    if let Some(category) = browser::left_in_tab(CATEGORY)
        && let Some(choice) = browser::find(&("#compose [name=category][value='".to_owned() + &category + "']"))
    {
        choice.click();
    }
    true
}

/// The chosen category, as the form has it.
pub(super) fn chosen() -> Option<String> {
    browser::find("#compose [name=category]:checked")?.get_attribute("value")
}
