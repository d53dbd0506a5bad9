//! The bar at the top: the product's name, whether the page is up to date, and the preferences.

use leptos::{ev::SubmitEvent, prelude::*};
use wasm_bindgen::JsCast;

#[cfg(feature = "ssr")]
use super::icons::{self, Icon};
use super::{click, effect, flag, follow, still, text};
use crate::{
    app::{
        board::{Board, Loading, TOWER},
        browser::{self, preferences::Preferences},
        page::Address,
        words::fill,
    },
    model::Code,
};

const BELL: &str = "bell";
const THEME: &str = "theme";

/// The bar at the top.
#[component]
pub(in crate::app) fn Bar(board: Board, preferences: Preferences) -> impl IntoView {
    let words = board.words;
    effect(move |_| {
        let notifies = board.notifies.get();
        browser::set_attribute(BELL, "aria-pressed", Some(if notifies { "true" } else { "false" }));
        let state = if notifies { words.on } else { words.off };
        browser::set_attribute(BELL, "title", Some(&fill(words.desktop_is, &[state])));
        let theme = preferences.theme.get().label(words);
        browser::set_attribute(THEME, "aria-label", Some(&fill(words.change_theme, &[theme])));
        browser::set_attribute(THEME, "title", Some(&fill(words.theme_is, &[theme])));
    });
    let act = click(move |event| {
        let is_on = |button: &str| browser::is_within(&event, button);
        if is_on("#bell") {
            board.toggle_desktop();
        } else if is_on("#theme") {
            preferences.choose_theme(preferences.theme.get_untracked().next());
        } else if is_on(".keys") {
            super::help::open();
        }
    });
    let unread = move || board.overview.read().unread_count;
    view! {
        <header class="bar">
            <a
                class="brand"
                id=TOWER
                href=board.at(Address::PATH)
                on:click=click(move |event| follow(board, &event, Address::default()))
                inner_html=still!(brand())
            ></a>
            <span class="bar-count" class:none=flag(move || unread() == 0)>
                <span class="tabular">{text(move || words.number(unread()))}</span>
                {words.of_unread}
            </span>
            <Freshness board />
            <div class="contents" on:click=act inner_html=still!(tools(board.words))></div>
            {board.may_sign_out.then(|| view! { <Account board /> })}
        </header>
    }
}

/// The name of the product, as every page has it.
#[cfg(feature = "ssr")]
pub(in crate::app) fn brand() -> impl IntoView {
    view! {
        <icons::Tower />
        <span>"Campanile"</span>
    }
}

/// The buttons of the preferences. Which icon a button shows, its state and the page's theme say, by the style sheet.
#[cfg(feature = "ssr")]
fn tools(words: &'static crate::app::words::Words) -> impl IntoView {
    let theme = words.theme_system;
    view! {
        <button
            type="button"
            class="quiet needs-script"
            id=BELL
            aria-label=words.desktop
            title=fill(words.desktop_is, &[words.off])
            aria-pressed="false"
        >
            <Icon of=icons::BELL />
            <Icon of=icons::BELL_ON />
        </button>
        <button
            type="button"
            class="quiet needs-script"
            id=THEME
            aria-label=fill(words.change_theme, &[theme])
            title=fill(words.theme_is, &[theme])
        >
            <Icon of=icons::HALF />
            <Icon of=icons::SUN />
            <Icon of=icons::MOON />
        </button>
        <button type="button" class="quiet needs-script keys" aria-label=words.shortcuts title=words.shortcuts.to_owned() + " (?)">
            <Icon of=icons::HELP />
        </button>
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
    view! { <div class="contents" on:submit=submit inner_html=still!(account(board))></div> }
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
    // Before it is so, nothing is said: the script may never run, and another list may not come. Nor where a link is not
    // valid, as the list says.
    let is_told = |code| code != Code::InvalidInput;
    let is_unknown = flag(move || {
        let status = board.status.read();
        let is_kept = status.is_kept && status.loading != Loading::Slow;
        !(is_kept || board.is_offline.get() || board.trouble_code().is_some_and(is_told))
    });
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
