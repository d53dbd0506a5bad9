//! The messages at the edge of the page.
//!
//! Each is a copy of one that the server rendered: a list of views, for four messages at most, would be one percent of
//! what the page loads.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{click, effect};
use crate::app::{
    board::{Board, Message, TOASTS, Toast, key_of_toast},
    browser,
};

/// The one that the others are copies of.
const PATTERN: &str = "toast";

/// The messages, newest last. Screen readers announce them politely, and they stay six seconds.
#[component]
pub(in crate::app) fn Toasts(board: Board) -> impl IntoView {
    effect(move |_| show(&board.toasts.read()));
    let act = click(move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let toast = target.and_then(|target| target.closest(".toast").ok().flatten());
        let Some(key) = toast.and_then(|toast| key_of_toast(&toast.id())) else { return };
        if browser::is_within(&event, ".plain") {
            board.send(Message::Undo(key));
        } else if browser::is_within(&event, ".quiet") {
            board.send(Message::Dismiss(key));
        }
        board.attend();
    });
    view! { <div class="toasts" id=TOASTS role="status" aria-live="polite" on:click=act></div> }
}

/// Brings the page up to these messages: one that stays keeps its element, and with it the focus.
fn show(toasts: &[Toast]) {
    let Some((list, pattern)) = browser::element(TOASTS).zip(browser::element(PATTERN)) else { return };
    let shown = list.children();
    for child in (0..shown.length()).rev().filter_map(|place| shown.item(place)) {
        if toasts.iter().all(|toast| toast.element_id() != child.id()) {
            child.remove();
        }
    }
    for toast in toasts {
        let id = toast.element_id();
        let known = browser::element(&id).map(web_sys::HtmlElement::unchecked_into::<web_sys::Element>);
        let Some(element) = known.or_else(|| pattern.clone_node_with_deep(true).ok()?.dyn_into().ok()) else {
            continue;
        };
        if element.id() != id {
            element.set_id(&id);
            let _ = element.toggle_attribute_with_force("hidden", false);
            if toast.is_bad {
                let _ = element.class_list().add_1("bad");
            }
            if toast.undo.is_none()
                && let Ok(Some(undo)) = element.query_selector(".plain")
            {
                undo.remove();
            }
            let _ = list.append_child(&element);
        }
        // What it counts may change while it is shown.
        if let Ok(Some(text)) = element.query_selector("p")
            && text.text_content().as_deref() != Some(&toast.text)
        {
            text.set_text_content(Some(&toast.text));
        }
    }
}

#[cfg(feature = "ssr")]
pub(in crate::app) use self::on_the_server::pattern;

#[cfg(feature = "ssr")]
mod on_the_server {
    use leptos::prelude::*;

    use super::PATTERN;
    use crate::app::{
        components::icons::{self, Icon},
        words::Words,
    };

    /// A message without a text.
    pub(in crate::app) fn pattern(words: &'static Words) -> impl IntoView + use<> {
        view! {
            <div class="toast" id=PATTERN hidden>
                <p></p>
                <button type="button" class="plain">{words.undo}</button>
                <button type="button" class="quiet" aria-label=words.dismiss>
                    <Icon of=icons::CROSS />
                </button>
            </div>
        }
    }
}
