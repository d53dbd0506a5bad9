//! The dialog with the keyboard shortcuts.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::app::{
    browser,
    icons::{self, Icon},
    keyboard::SHORTCUTS,
    preferences::Preferences,
};

const ELEMENT: &str = "help";

/// Shows the dialog.
pub(super) fn open() {
    if let Some(dialog) = dialog()
        && !dialog.open()
    {
        let _ = dialog.show_modal();
    }
}

fn dialog() -> Option<web_sys::HtmlDialogElement> {
    browser::element(ELEMENT)?.dyn_into().ok()
}

fn close() {
    if let Some(dialog) = dialog() {
        dialog.close();
    }
}

/// The dialog with the keyboard shortcuts, and the switch that turns single letters off.
#[component]
pub(in crate::app) fn Help(preferences: Preferences) -> impl IntoView {
    let shortcuts = SHORTCUTS
        .iter()
        .map(|(keys, does, is_letter)| {
            let keys = keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view();
            view! {
                <div class:off=move || *is_letter && !preferences.letters.get()>
                    <dt>{*does}</dt>
                    <dd>{keys}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <dialog id=ELEMENT class="help" aria-labelledby="help-title">
            <div class="help-head">
                <h2 id="help-title">"Keyboard shortcuts"</h2>
                <button type="button" class="quiet" aria-label="Close" on:click=move |_| close()>
                    <Icon of=icons::CROSS />
                </button>
            </div>
            <dl>
                {shortcuts}
                <div>
                    <dt>"Send, from the text"</dt>
                    <dd>
                        <kbd>"Ctrl Enter"</kbd>
                        <kbd>"⌘ Enter"</kbd>
                    </dd>
                </div>
            </dl>
            <label class="switch">
                <input
                    type="checkbox"
                    role="switch"
                    prop:checked=move || preferences.letters.get()
                    on:change=move |event| preferences.choose_letters(event_target_checked(&event))
                />
                <span>"Single-key shortcuts"</span>
            </label>
        </dialog>
    }
}
