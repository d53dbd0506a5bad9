//! What a user has typed and not sent stays where the page is reloaded. For one who goes back, the browser keeps it.

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

/// Puts back what the page left, unless there is a text already; whether it left anything.
pub(super) fn put_back() -> bool {
    let is_empty = browser::value(TEXT).is_empty();
    let mut is_left = false;
    for (_, id) in FIELDS {
        let Some(text) = browser::left_in_tab(id) else { continue };
        is_left = true;
        if !is_empty {
            continue;
        }
        browser::set_value(id, &text);
        if SELDOM.contains(&id) && !text.is_empty() {
            browser::set_attribute(MORE, "open", Some(""));
        }
    }
    if let Some(category) = browser::left_in_tab(CATEGORY).filter(|_| is_empty)
        && let Some(choice) = browser::find(&("#compose [name=category][value='".to_owned() + &category + "']"))
    {
        choice.click();
    }
    is_left
}

/// The chosen category, as the form has it.
pub(super) fn chosen() -> Option<String> {
    browser::find("#compose [name=category]:checked")?.get_attribute("value")
}
