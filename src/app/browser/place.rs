//! Where the user is in the list. Distances alone would not find that again: the height of what was not drawn yet is an
//! estimate.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition, ScrollRestoration};

use super::{before_next_frame, element, leave_in_tab, left_in_tab};

/// The id of the first row that is in sight, and how far below the top of the list it begins. What lies over the list, such
/// as a dialog, does not matter.
pub(crate) fn at() -> Option<(String, f64)> {
    let top = element("list")?.get_bounding_client_rect().top().max(0.0);
    let rows = document().query_selector_all(".row").ok()?;
    (0..rows.length()).find_map(|place| {
        let row = rows.get(place)?.unchecked_into::<web_sys::Element>();
        let of_row = row.get_bounding_client_rect();
        (of_row.bottom() > top).then(|| (row.id(), of_row.top() - top))
    })
}

/// Scrolls so that this row is there again.
pub(crate) fn show(id: &str, below: f64) {
    let Some(row) = element(id) else { return };
    let start = ScrollIntoViewOptions::new();
    start.set_block(ScrollLogicalPosition::Start);
    row.scroll_into_view_with_scroll_into_view_options(&start);
    settle(id, below);
    // What comes into view is drawn, and has its real height only then.
    let id = id.to_owned();
    before_next_frame(move || before_next_frame(move || settle(&id, below)));
}

/// Whether coming back to this entry of the browser's history, from another one of the same page, leaves the list where it
/// is then. Otherwise the browser scrolls to where it was, which is another row once one has been added above.
pub(crate) fn keep(keeps: bool) {
    if let Ok(history) = window().history() {
        let _ = history.set_scroll_restoration(if keeps { ScrollRestoration::Manual } else { ScrollRestoration::Auto });
    }
}

/// The name of what is left.
const KEPT: &str = "place";

/// Leaves a text for [`kept`]. It is left with the tab: with the entry of its history, browsers lose it at a reload and on
/// the way to another site.
pub(crate) fn leave(text: &str) {
    leave_in_tab(KEPT, text);
}

/// The text that the page left at this address.
pub(crate) fn kept() -> Option<String> {
    left_in_tab(KEPT)
}

fn settle(id: &str, below: f64) {
    let Some((list, row)) = element("list").zip(element(id)) else { return };
    let off = || row.get_bounding_client_rect().top() - list.get_bounding_client_rect().top().max(0.0) - below;
    list.scroll_by_with_x_and_y(0.0, off());
    // Where the list does not scroll, the page does.
    window().scroll_by_with_x_and_y(0.0, off());
}
