//! The bar at the top: the product's name, whether the page is up to date, and the preferences.

use leptos::{ev::SubmitEvent, prelude::*};
use wasm_bindgen::JsCast;

use super::{
    click, flag, follow,
    icons::{self, ChangingIcon, Icon},
    still, text,
};
use crate::{
    app::{
        board::Board,
        browser::preferences::{Preferences, Theme},
        page::Address,
        words::fill,
    },
    model::Code,
};

/// The bar at the top.
#[component]
pub(in crate::app) fn Bar(board: Board, preferences: Preferences) -> impl IntoView {
    let words = board.words;
    let theme = move || preferences.theme.get();
    let theme_icon = text(move || {
        let icon = match theme() {
            Theme::System => icons::HALF,
            Theme::Light => icons::SUN,
            Theme::Dark => icons::MOON,
        };
        icon.to_owned()
    });
    let bell = text(move || if board.notifies.get() { icons::BELL_ON } else { icons::BELL }.to_owned());
    let unread = move || board.overview.read().unread_count;
    view! {
        <header class="bar">
            <a class="brand" href=board.at(Address::PATH) on:click=click(move |event| follow(board, &event, Address::default()))>
                <Icon of=icons::TOWER />
                <span>"Campanile"</span>
            </a>
            <span class="bar-count" class:none=flag(move || unread() == 0)>
                <span class="tabular">{text(move || words.number(unread()))}</span>
                {words.of_unread}
            </span>
            <Freshness board />
            <button
                type="button"
                class="quiet needs-script"
                aria-label=words.desktop
                title=text(move || fill(words.desktop_is, &[if board.notifies.get() { words.on } else { words.off }]))
                aria-pressed=text(move || board.notifies.get().to_string())
                on:click=click(move |_| board.toggle_desktop())
            >
                <ChangingIcon of=bell />
            </button>
            <button
                type="button"
                class="quiet needs-script"
                aria-label=text(move || fill(words.change_theme, &[theme().label(words)]))
                title=text(move || fill(words.theme_is, &[theme().label(words)]))
                on:click=click(move |_| preferences.choose_theme(preferences.theme.get_untracked().next()))
            >
                <ChangingIcon of=theme_icon />
            </button>
            <button
                type="button"
                class="quiet needs-script keys"
                aria-label=words.shortcuts
                title=words.shortcuts.to_owned() + " (?)"
                on:click=click(move |_| super::help::open())
            >
                <Icon of=icons::HELP />
            </button>
            {board.may_sign_out.then(|| view! { <Account board /> })}
        </header>
    }
}

/// Who is signed in, and the way out: a popover and a form, which need no script.
#[component]
fn Account(board: Board) -> impl IntoView {
    // A deletion whose undo is still open is carried out first, while the session may still do that.
    let submit = move |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok());
        if let Some(form) = form
            && board.delete_first(move || drop(form.submit()))
        {
            event.prevent_default();
        }
    };
    view! { <div class="account-of" on:submit=submit inner_html=still!(account(board))></div> }
}

#[cfg(feature = "ssr")]
fn account(board: Board) -> impl IntoView {
    use crate::app::page::Initial;

    let name = use_context::<Initial>().and_then(|initial| initial.viewer.name);
    let of = &board.words.language().pages;
    let name = name.map(|name| view! { {of.signed_in_as} <bdi class="mono">{name}</bdi> });
    view! {
        <button type="button" class="quiet" popovertarget="account" aria-label=of.account title=of.account>
            <Icon of=icons::PERSON />
        </button>
        <div class="account" popover="auto" id="account">
            <p>{name}</p>
            <form class="sign-out" method="post" action=board.at("/logout")>
                <button type="submit" class="quiet">
                    <Icon of=icons::DOOR />
                    {of.sign_out}
                </button>
            </form>
        </div>
    }
}

/// Whether the list is up to date.
#[component]
fn Freshness(board: Board) -> impl IntoView {
    let words = board.words;
    let state = move || match (board.is_offline.get(), board.trouble_code(), board.status.read().is_live) {
        (true, _, _) => ("offline", words.offline),
        (false, Some(Code::Unauthenticated), _) => ("stale", words.signed_out),
        (false, Some(_), _) => ("stale", words.not_updating),
        (false, None, true) => ("live", words.live),
        (false, None, false) => ("fresh", words.polling),
    };
    // Before it is so, nothing is said: the script may never run.
    let is_unknown =
        flag(move || !(board.status.read().is_kept || board.is_offline.get() || board.trouble_code().is_some()));
    view! {
        <span class="freshness needs-script" class:none=is_unknown data-state=text(move || state().0.to_owned()) title=words.freshness>
            <span class="freshness-dot" aria-hidden="true"></span>
            <span class="freshness-word">{text(move || state().1.to_owned())}</span>
        </span>
        <noscript inner_html=still!(without_script(board))></noscript>
    }
}

/// How the page is brought up to date where nothing runs in it.
#[cfg(feature = "ssr")]
fn without_script(board: Board) -> impl IntoView {
    let href = board.address.read_untracked().href();
    let of = &board.words.language().pages;
    view! { <span class="freshness">{of.needs_script} " " <a href=href>{of.refresh}</a></span> }
}
