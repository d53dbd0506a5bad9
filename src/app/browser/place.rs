//! Where the user is in the list. Distances alone would not find that again: the height of what was not drawn yet is an
//! estimate.

use leptos::prelude::*;
use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

use super::{before_next_frame, element};

/// How far below the top of the list a row is looked for, in steps of so many pixels: headings may cover it.
const STEPS: i32 = 8;
const STEP: f64 = 24.0;

/// The id of the first row that is seen, and how far below the top of the list it begins.
pub(crate) fn at() -> Option<(String, f64)> {
    let list = element("list")?.get_bounding_client_rect();
    let (top, middle) = (list.top().max(0.0), list.left() + list.width() / 2.0);
    (0..STEPS).find_map(|step| {
        #[expect(clippy::cast_possible_truncation, reason = "a screen has less pixels than a float can count")]
        let point = (middle as f32, (top + 1.0 + f64::from(step) * STEP) as f32);
        let row = document().element_from_point(point.0, point.1)?.closest(".row").ok()??;
        Some((row.id(), row.get_bounding_client_rect().top() - top))
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

fn settle(id: &str, below: f64) {
    let Some((list, row)) = element("list").zip(element(id)) else { return };
    let off = || row.get_bounding_client_rect().top() - list.get_bounding_client_rect().top().max(0.0) - below;
    list.scroll_by_with_x_and_y(0.0, off());
    // Where the list does not scroll, the page does.
    window().scroll_by_with_x_and_y(0.0, off());
}
