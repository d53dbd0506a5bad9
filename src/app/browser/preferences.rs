//! The user's choices in this browser, which stay in this browser.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::app::{browser, words::Words};

/// The name under which the theme is remembered. The script in the page's head reads it too.
pub(crate) const THEME: &str = "campanile.theme";
const LETTERS: &str = "campanile.letters";
/// The element of the switch that turns single letters off.
pub(crate) const LETTERS_SWITCH: &str = "help-letters";

/// The colours of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has them.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The next one, when one button goes through all.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// What it is called.
    pub(crate) fn label(self, words: &Words) -> &'static str {
        match self {
            Self::System => words.theme_system,
            Self::Light => words.theme_light,
            Self::Dark => words.theme_dark,
        }
    }

    /// What is remembered.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The user's choices. A copy is the same choice.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    /// The colours.
    pub(crate) theme: RwSignal<Theme>,
    /// Whether single letters are shortcuts.
    pub(crate) letters: RwSignal<bool>,
}

impl Preferences {
    /// The choices of a new user.
    pub(crate) fn new() -> Self {
        Self { theme: RwSignal::new(Theme::System), letters: RwSignal::new(true) }
    }

    /// Restores earlier choices. In the browser only.
    pub(crate) fn recall(self) {
        match browser::remembered(THEME).as_deref() {
            Some("light") => self.theme.set(Theme::Light),
            Some("dark") => self.theme.set(Theme::Dark),
            _ => {}
        }
        let letters = browser::remembered(LETTERS).as_deref() != Some("off");
        self.letters.set(letters);
        if let Some(switch) =
            browser::element(LETTERS_SWITCH).and_then(|it| it.dyn_into::<web_sys::HtmlInputElement>().ok())
        {
            switch.set_checked(letters);
        }
    }

    /// Chooses colours.
    pub(crate) fn choose_theme(self, theme: Theme) {
        self.theme.set(theme);
        browser::remember(THEME, theme.name());
        if let Some(root) = document().document_element() {
            let _ = match theme {
                Theme::System => root.remove_attribute("data-theme"),
                Theme::Light | Theme::Dark => root.set_attribute("data-theme", theme.name()),
            };
        }
    }

    /// Chooses whether single letters are shortcuts.
    pub(crate) fn choose_letters(self, letters: bool) {
        self.letters.set(letters);
        browser::remember(LETTERS, if letters { "on" } else { "off" });
    }
}
