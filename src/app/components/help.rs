//! The dialog with the keyboard shortcuts.
//!
//! The dialog never changes, so it stands outside of the part that the browser hydrates: its code need not be compiled
//! for the browser.

use wasm_bindgen::JsCast;

use crate::app::browser;

/// The dialog's element.
pub(in crate::app) const ELEMENT: &str = "help";

/// Shows the dialog.
pub(super) fn open() {
    let dialog = browser::element(ELEMENT).and_then(|element| element.dyn_into::<web_sys::HtmlDialogElement>().ok());
    if let Some(dialog) = dialog
        && !dialog.open()
    {
        let _ = dialog.show_modal();
    }
}

#[cfg(feature = "ssr")]
pub(in crate::app) use self::on_the_server::help;

#[cfg(feature = "ssr")]
mod on_the_server {
    use leptos::prelude::*;

    use super::ELEMENT;
    use crate::app::{
        browser::{keyboard::shortcuts, preferences::LETTERS_SWITCH},
        components::icons::{self, Icon},
        page::Viewer,
        words::Words,
    };

    /// The dialog with the keyboard shortcuts, and the switch that turns single letters off.
    pub(in crate::app) fn help(words: &'static Words, viewer: &Viewer) -> impl IntoView + use<> {
        let shortcuts = shortcuts(words, viewer).into_iter().map(|(keys, does, is_letter)| {
            let keys = keys.into_iter().map(|key| view! { <kbd>{key}</kbd> }).collect_view();
            view! {
                <div class:letter=is_letter>
                    <dt>{does}</dt>
                    <dd>{keys}</dd>
                </div>
            }
        });
        view! {
            <dialog id=ELEMENT class="help" aria-labelledby="help-title">
                <form method="dialog" class="help-head">
                    <h2 id="help-title">{words.shortcuts}</h2>
                    <button class="quiet" aria-label=words.language().pages.close>
                        <Icon of=icons::CROSS />
                    </button>
                </form>
                <dl>{shortcuts.collect_view()}</dl>
                <label class="switch">
                    <input type="checkbox" role="switch" id=LETTERS_SWITCH checked />
                    <span>{words.language().pages.single_keys}</span>
                </label>
            </dialog>
        }
    }
}
