//! The choice of the language. It stands outside of the part that the browser hydrates, and needs a script of its own:
//! without one, the browser's setting decides.

use leptos::prelude::*;

use super::parts::script;
use crate::app::words::{LANGUAGE_COOKIE, LANGUAGES, Words};

/// Keeps the choice in the cookie.
const SCRIPT: &str = concat!("/language.js?v=", env!("CARGO_PKG_VERSION"));

/// In the context of a document: whether the user has chosen its language, and the browser's setting does not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChosenLanguage(pub bool);

/// The script that keeps the choice.
pub(super) fn language_script(base: &str) -> impl IntoView + use<> {
    script(base.to_owned() + SCRIPT)
}

/// The languages to choose from; each calls itself by its own name.
pub(super) fn language_choice(words: &'static Words, base: &str) -> impl IntoView + use<> {
    let ChosenLanguage(is_chosen) = use_context().unwrap_or_default();
    let of = &words.language().pages;
    let options = LANGUAGES.iter().map(|language| {
        let code = language.code();
        view! { <option value=code lang=code selected=is_chosen && code == words.code>{language.name}</option> }
    });
    let path = if base.is_empty() { "/" } else { base }.to_owned();
    view! {
        <label class="language needs-script">
            <span>{of.language}</span>
            <select id="language" data-cookie=LANGUAGE_COOKIE data-path=path>
                <option value="" selected=!is_chosen>{of.language_system}</option>
                {options.collect_view()}
            </select>
        </label>
    }
}
