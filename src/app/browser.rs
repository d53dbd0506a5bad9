//! The few functions of the browser that the dashboard needs. Only effects and event handlers call them: never code
//! that renders, because that runs on the server too.
//!
//! This file covers the document; [`keyboard`] assigns keys to commands, [`place`] keeps the place in the list,
//! [`preferences`] the user's choices in this browser, and [`tab`] and [`desktop`] show numbers and messages around the
//! page.

pub(super) mod desktop;
#[cfg(not(feature = "ssr"))]
pub(super) mod json;
pub(super) mod keyboard;
pub(super) mod place;
pub(super) mod preferences;
pub(super) mod tab;

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::Event;

use crate::model::Timestamp;

/// Milliseconds since 1970, by the browser's clock.
pub(super) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A unique name: the time, and a random number. `crypto.randomUUID` does not exist without HTTPS.
pub(super) fn unique() -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are whole enough, and positive")]
    let (time, chance) = (now_ms() as u64, (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64);
    format!("{time}-{chance}")
}

/// How many minutes the browser's time zone was ahead of UTC at a moment.
pub(super) fn offset_minutes(moment: Timestamp) -> i32 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time are below 2^53")]
    let millis = (moment.as_micros() / 1_000) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "an offset is at most 26 hours")]
    let behind = js_sys::Date::new(&millis.into()).get_timezone_offset() as i32;
    -behind
}

/// The moment that a date and a time name in the browser's time zone, as RFC 3339; the text itself where it names none.
pub(super) fn moment_of(local: String) -> String {
    let moment = js_sys::Date::new(&local.as_str().into());
    if moment.get_time().is_nan() { local } else { moment.to_iso_string().into() }
}

/// A date and a time in UTC, as a field has them, in the browser's time zone; the text itself where it names none.
pub(super) fn local_of(utc: String) -> String {
    let moment = js_sys::Date::new(&(utc.clone() + "Z").into());
    if moment.get_time().is_nan() {
        return utc;
    }
    moment.set_time(moment.get_time() - 60_000.0 * moment.get_timezone_offset());
    let shifted = String::from(moment.to_iso_string());
    shifted.get(..16).unwrap_or_default().to_owned()
}

/// Calls `f` once, in this many milliseconds.
pub(super) fn after(millis: u32, f: impl FnOnce() + 'static) {
    // gloo's timers never drop their callbacks.
    set_timeout(f, Duration::from_millis(millis.into()));
}

/// Calls `f` once, before the page is painted next; soon where the page is hidden and so not painted.
pub(super) fn before_next_frame(f: impl FnOnce() + 'static) {
    if is_hidden() { after(0, f) } else { request_animation_frame(f) }
}

/// Whether the page is hidden.
pub(super) fn is_hidden() -> bool {
    document().hidden()
}

/// Whether the browser has a network at all.
pub(super) fn is_online() -> bool {
    window().navigator().on_line()
}

/// Whether the page has a column for the form that sends.
pub(super) fn is_wide() -> bool {
    window().match_media("(width > 80rem)").ok().flatten().is_some_and(|query| query.matches())
}

/// Whether the list scrolls by itself, beside the rail; else the page does.
pub(super) fn has_columns() -> bool {
    window().match_media("(width >= 64rem)").ok().flatten().is_some_and(|query| query.matches())
}

/// The element with this id.
pub(super) fn element(id: &str) -> Option<web_sys::HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// The first element that matches.
pub(super) fn find(selector: &str) -> Option<web_sys::HtmlElement> {
    document().query_selector(selector).ok()??.dyn_into().ok()
}

/// The text in the field with this id.
pub(super) fn value(id: &str) -> String {
    let Some(field) = element(id) else { return String::new() };
    match field.dyn_into::<web_sys::HtmlInputElement>() {
        Ok(field) => field.value(),
        Err(field) => field.dyn_into::<web_sys::HtmlTextAreaElement>().map_or_else(|_| String::new(), |it| it.value()),
    }
}

/// Puts a text into the field with this id.
pub(super) fn set_value(id: &str, text: &str) {
    let Some(field) = element(id) else { return };
    match field.dyn_into::<web_sys::HtmlInputElement>() {
        Ok(field) => field.set_value(text),
        Err(field) => {
            if let Ok(field) = field.dyn_into::<web_sys::HtmlTextAreaElement>() {
                field.set_value(text);
            }
        }
    }
}

/// Puts a text into the element with this id, in place of what it has.
pub(super) fn set_text(id: &str, text: &str) {
    if let Some(element) = element(id) {
        element.set_text_content(Some(text));
    }
}

/// Sets an attribute of the element with this id, or takes it away.
pub(super) fn set_attribute(id: &str, name: &str, value: Option<&str>) {
    let Some(element) = element(id) else { return };
    let _ = match value {
        Some(value) => element.set_attribute(name, value),
        None => element.remove_attribute(name),
    };
}

/// Puts these options into the list with this id, in place of those that it has.
pub(super) fn set_options(id: &str, options: &[String]) {
    let Some(list) = element(id) else { return };
    list.set_text_content(None);
    for option in options {
        if let Ok(element) = document().create_element("option") {
            let _ = element.set_attribute("value", option);
            let _ = list.append_child(&element);
        }
    }
}

/// Calls `f` for each event of this name at the element with this id or within it, for as long as the page lives.
pub(super) fn listen(id: &str, event: &str, f: impl FnMut(Event) + 'static) {
    fn attach(id: &str, event: &str, f: Box<dyn FnMut(Event)>) {
        let heard = Closure::wrap(f).into_js_value();
        if let Some(element) = element(id) {
            let _ = element.add_event_listener_with_callback(event, heard.unchecked_ref());
        }
    }
    attach(id, event, Box::new(f));
}

/// Whether an event is at something that matches, or within it.
pub(super) fn is_within(event: &Event, selector: &str) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|target| target.closest(selector).ok().flatten().is_some())
}

/// Moves the focus to the element with this id, once the changes are on the page.
pub(super) fn focus_soon(id: String) {
    after(0, move || focus(&id));
}

/// Moves the focus to the field with this id and selects what is in it, once the changes are on the page.
pub(super) fn select_soon(id: &'static str) {
    after(0, move || {
        if let Some(field) = element(id).and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok()) {
            let _ = field.focus();
            field.select();
        }
    });
}

/// Moves the focus to the element with this id.
pub(super) fn focus(id: &str) {
    if let Some(element) = element(id) {
        let _ = element.focus();
    }
}

/// Moves the focus to an element, without scrolling to it.
pub(super) fn focus_in_place(element: &web_sys::HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = element.focus_with_options(&options);
}

/// Makes it so that what matches cannot be reached, by pointer, keyboard or screen reader, or that it can.
pub(super) fn make_inert(selector: &str, is_inert: bool) {
    let Ok(elements) = document().query_selector_all(selector) else { return };
    for element in (0..elements.length()).filter_map(|n| elements.get(n)) {
        let _ = element.unchecked_into::<web_sys::Element>().toggle_attribute_with_force("inert", is_inert);
    }
}

/// Closes the popover with this id, if it is open.
pub(super) fn close_popover(id: &str) {
    if let Some(popover) = element(id) {
        let _ = popover.hide_popover();
    }
}

/// Whether the element with this id, or one within it, has the focus.
pub(super) fn has_focus(id: &str) -> bool {
    element(id).is_some_and(|element| focused().is_some_and(|focused| element.contains(Some(&focused))))
}

/// The element that has the focus.
pub(super) fn focused() -> Option<web_sys::HtmlElement> {
    document().active_element()?.dyn_into().ok()
}

/// Whether no element of the page has the focus.
pub(super) fn is_focus_lost() -> bool {
    focused().is_none_or(|element| element.tag_name() == "BODY")
}

/// Whether the list is scrolled to its top: by itself in three columns, else with the page.
pub(super) fn is_at_top() -> bool {
    let list_top = element("list").map_or(0, |list| list.scroll_top());
    list_top < 8 && window().scroll_y().unwrap_or(0.0) < 120.0
}

/// Calls `f` at each event of this name, `scroll` or `scrollend`, at anything on the page.
pub(super) fn on_scroll(event: &str, f: impl FnMut() + 'static) {
    let scrolled = Closure::<dyn FnMut()>::new(f).into_js_value();
    // Scrolling inside the page notifies only listeners on the way down to the scrolled element.
    let _ = document().add_event_listener_with_callback_and_bool(event, scrolled.unchecked_ref(), true);
}

/// Scrolls the list to its top.
pub(super) fn scroll_to_top() {
    if let Some(list) = element("list") {
        list.set_scroll_top(0);
    }
    window().scroll_to_with_x_and_y(0.0, 0.0);
}

/// The value remembered under this name.
pub(super) fn remembered(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// In the tab while another language of the page is loaded, which is a navigation for the browser: see
/// `public/language.js`.
const AGAIN: &str = "again";

/// Leaves a text for [`left_in_tab`] at this address, for as long as the tab lives.
pub(super) fn leave_in_tab(name: &str, text: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(&here(name), text);
    }
}

/// The text left under this name at this address, where the user comes back to the page that left it: by a reload, by the
/// history, or in another language. A user who comes in another way may be another one.
pub(super) fn left_in_tab(name: &str) -> Option<String> {
    let storage = window().session_storage().ok()??;
    let comes_back = window().performance()?.navigation().type_() != web_sys::PerformanceNavigation::TYPE_NAVIGATE;
    let comes_back = comes_back || storage.get_item(AGAIN).ok()?.is_some();
    storage.get_item(&here(name)).ok()?.filter(|_| comes_back)
}

/// A name for what belongs to this address: another inbox has another place, and another recipient.
fn here(name: &str) -> String {
    name.to_owned() + &location().search().unwrap_or_default()
}

/// The user has come back: from now on, a navigation is another visit.
pub(super) fn has_come_back() {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.remove_item(AGAIN);
    }
}

/// Remembers a value, if the browser allows it.
pub(super) fn remember(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(name, value);
    }
}
