//! The bar at the top: what this is, whether it is up to date, and what can be set.

use leptos::prelude::*;

use super::follow;
use crate::app::{
    address::Address,
    icons::{self, Icon},
    preferences::{Preferences, Theme},
    state::Board,
};

/// The bar at the top.
#[component]
pub(in crate::app) fn Bar(board: Board, preferences: Preferences) -> impl IntoView {
    let theme = move || preferences.theme.get();
    let theme_icon = move || match theme() {
        Theme::System => icons::HALF,
        Theme::Light => icons::SUN,
        Theme::Dark => icons::MOON,
    };
    view! {
        <header class="bar">
            <a class="brand" href=Address::PATH on:click=move |event| follow(board, &event, Address::default())>
                <Icon of=icons::TOWER />
                <span>"Campanile"</span>
            </a>
            <span class="bar-count" class:none=move || board.overview.read().unread_count == 0>
                <span class="tabular">{move || board.overview.read().unread_count}</span>
                " unread"
            </span>
            <Freshness board />
            <button
                type="button"
                class="quiet needs-script"
                aria-label=move || format!("Colours: {}. Change", theme().name())
                title=move || format!("Colours: {}", theme().name())
                on:click=move |_| preferences.choose_theme(preferences.theme.get_untracked().next())
            >
                <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                    <path d=theme_icon />
                </svg>
            </button>
            <button
                type="button"
                class="quiet needs-script"
                aria-label="Keyboard shortcuts"
                title="Keyboard shortcuts (?)"
                on:click=move |_| super::help::open()
            >
                <Icon of=icons::HELP />
            </button>
        </header>
    }
}

/// Whether what is shown is up to date.
#[component]
fn Freshness(board: Board) -> impl IntoView {
    let state = move || match (board.is_offline.get(), board.trouble.read().is_some()) {
        (true, _) => ("offline", "Offline"),
        (false, true) => ("stale", "Not updating"),
        (false, false) => ("fresh", "Every 5 s"),
    };
    view! {
        <span class="freshness needs-script" data-state=move || state().0 title="How this page is kept up to date">
            <span class="freshness-dot" aria-hidden="true"></span>
            <span class="freshness-word">{move || state().1}</span>
        </span>
    }
}
