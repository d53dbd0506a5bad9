//! The dashboard: one page, rendered on the server and taken over by the browser.
//!
//! - [`App`] is the page, [`shell()`] the document around it, [`server_fns`] what it asks the server.
//! - [`Initial`] is what it shows when it arrives: the server makes it, and the browser reads it
//!   from the document, so that both render the same.
//! - [`Address`] is what its URL asks for, and [`Viewer`] who looks at it.
//!
//! Nothing here knows a rule: the service decides. What is here is how it looks, and how it stays
//! calm while the answers are under way.

mod address;
mod browser;
#[expect(unreachable_pub, reason = "#[component] makes the properties public")]
mod components;
mod composing;
mod desktop;
mod following;
#[expect(unreachable_pub, reason = "#[component] makes the properties public")]
mod icons;
mod initial;
mod keyboard;
mod linkify;
mod live;
#[cfg(feature = "ssr")]
mod login;
#[cfg(feature = "ssr")]
pub mod pages;
mod percent;
mod preferences;
mod refresh;
mod refusal;
mod relative_time;
pub mod server_fns;
#[cfg(feature = "ssr")]
mod shell;
mod state;
mod tab;
#[cfg(feature = "ssr")]
mod unsubscribe;
mod viewer;
mod wire;

use std::time::Duration;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
pub(crate) use self::percent::{
    decode as percent_decoded, encode as percent_encoded, is_text as is_percent_encoded_text, pairs as percent_pairs,
};
#[cfg(feature = "ssr")]
pub(crate) use self::server_fns::fields_of;
pub use self::{
    address::Address,
    initial::{Initial, Snapshot},
    refusal::Refusal,
    viewer::Viewer,
};
use self::{
    components::{Bar, Composer, Inbox, Rail, Toasts, commands},
    preferences::Preferences,
    state::Board,
};
#[cfg(feature = "ssr")]
pub use self::{
    login::{LoginPage, NotKept, login_page},
    shell::{OtherPages, PageAssets, shell},
    unsubscribe::{Mails, Unsubscription, unsubscribe_page},
};

/// The whole page, inside `<body>`. On the server it wants an [`Initial`] in its context.
#[component]
pub fn App() -> impl IntoView {
    let board = Board::new(initial());
    call_below(&board.at(""));
    let preferences = Preferences::new();
    components::effect(move |_| {
        preferences.recall();
        // Every time on the page is written anew; the page answers before that.
        set_timeout(move || board.is_local.set(true), Duration::ZERO);
        board.keep_up_to_date();
        tab::follow(board);
        board.notifies.set(desktop::is_on());
        commands::listen(board, preferences);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
    view! {
        <a class="skip" href="#inbox-name">
            "Skip to the notifications"
        </a>
        <Bar board preferences />
        <Rail board />
        <Inbox board />
        {board.may_send.then(|| view! { <Composer board /> })}
        <Toasts board />
    }
}

/// Has the browser call the server functions where the server is for it.
fn call_below(base: &str) {
    #[cfg(feature = "hydrate")]
    if !base.is_empty() {
        // Once for each page, and for as long as it lives.
        let _ = leptos::server_fn::client::try_set_server_url(base.to_owned().leak());
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = base;
}

/// What the page arrived with.
fn initial() -> Initial {
    #[cfg(feature = "hydrate")]
    let found = document()
        .get_element_by_id(initial::ELEMENT)
        .and_then(|element| element.text_content())
        .and_then(|json| serde_json::from_slice(json.as_bytes()).ok());
    #[cfg(not(feature = "hydrate"))]
    let found = use_context::<Initial>();
    found.unwrap_or_default()
}
