//! The page itself, put together from its parts.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    board::{Board, Loading},
    browser::{desktop, has_come_back, preferences::Preferences, tab},
    components::{Bar, Inbox, Rail, Toasts, commands, composer, effect, empty},
    page::Initial,
};

/// The whole page, inside `<body>`. On the server it needs an [`Initial`] in its context.
#[component]
pub fn App() -> impl IntoView {
    let board = Board::new(initial());
    call_below(&board.at(""));
    let preferences = Preferences::new();
    effect(move |_| {
        preferences.recall();
        // Every time on the page is rewritten now; the page has become responsive before.
        set_timeout(move || board.is_local.set(true), Duration::ZERO);
        board.keep_up_to_date();
        show_in_tab(board);
        board.notifies.set(desktop::is_on());
        commands::listen(board, preferences);
        composer::listen(board);
        has_come_back();
        empty::offer_command(board);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
    view! {
        <a class="skip" href="#inbox-name">
            {board.words.skip}
        </a>
        <Bar board preferences />
        <Rail board />
        <Inbox board />
        <Toasts board />
    }
}

/// Keeps the browser's tab up to date. In the browser only.
fn show_in_tab(board: Board) {
    effect(move |_| {
        let unread = board.overview.read().unread_count;
        // How many that are is not known before the answer. Where that takes long, the title names the inbox without it.
        if board.status.read().loading == Loading::Begun {
            return;
        }
        desktop::badge(unread);
        tab::show(&tab::title(unread, board.address.read().inbox_name(board.words)), &board.at(tab::icon(unread)));
    });
}

/// Has the browser call the server functions below the base path of the server.
fn call_below(base: &str) {
    #[cfg(feature = "hydrate")]
    if !base.is_empty() {
        // Once for each page, and for as long as it lives.
        let _ = leptos::server_fn::client::try_set_server_url(base.to_owned().leak());
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = base;
}

/// The data that the page arrived with.
fn initial() -> Initial {
    #[cfg(feature = "hydrate")]
    let found = document()
        .get_element_by_id(super::page::ELEMENT)
        .and_then(|element| element.text_content())
        .and_then(|json| super::browser::json::read(&json));
    #[cfg(not(feature = "hydrate"))]
    let found = use_context::<Initial>();
    found.unwrap_or_default()
}
