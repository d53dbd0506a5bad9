//! Whether the user is at the messages at the edge of the page, which stay for as long.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};

use super::{core::Message, signals::Board};
use crate::app::browser;

/// The id of the element that has the messages.
pub(crate) const TOASTS: &str = "toasts";

impl Board {
    /// Looks whether the user points at the messages, or has the focus there, once what changed is on the page.
    pub(crate) fn attend(self) {
        browser::after(0, move || {
            let at = document().query_selector("#toasts:is(:hover, :focus-within)");
            self.send(Message::Attend(at.is_ok_and(|at| at.is_some())));
        });
    }

    /// Keeps looking. In the browser only.
    pub(super) fn keep_attending(self) {
        let Some(toasts) = browser::element(TOASTS) else { return };
        let changed = Closure::<dyn FnMut()>::new(move || self.attend()).into_js_value();
        for event in ["mouseenter", "mouseleave", "focusin", "focusout"] {
            let _ = toasts.add_event_listener_with_callback(event, changed.unchecked_ref());
        }
    }
}
