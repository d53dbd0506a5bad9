//! The search field.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{click, effect, follow_and_focus, follow_problem, still};
#[cfg(feature = "ssr")]
use super::{
    icons::{self, Icon},
    problem_of,
};
use crate::app::{board::Board, browser, page::Address};

/// The field's element.
pub(super) const FIELD: &str = "search";
const CLEAR: &str = "search-clear";
/// How long the page waits for a user who types to go on, in milliseconds.
const PAUSE: u32 = 250;

/// Searches for the words in the field.
fn look(board: Board) {
    let wanted = browser::value(FIELD);
    let wanted = (!wanted.trim().is_empty()).then_some(wanted.trim());
    if board.address.read_untracked().q.as_deref() != wanted {
        let is_refined = board.address.read_untracked().q.is_some();
        let address = board.address.get_untracked().search(wanted);
        // While the user types, the back button leads to the page before the search.
        if is_refined { board.go_instead(address) } else { board.go(address) }
    }
}

/// The field; an icon on a phone, until it is typed into. Without script it is a form that asks for the address.
#[component]
pub(super) fn SearchField(board: Board) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        look(board);
    };
    let typed: Box<dyn FnMut(leptos::ev::Event)> = Box::new(move |_| {
        let now = browser::value(FIELD);
        browser::after(PAUSE, move || {
            if browser::value(FIELD) == now {
                look(board);
            }
        });
    });
    let clear = click(move |event| {
        if browser::is_within(&event, ".clear") {
            browser::set_value(FIELD, "");
            follow_and_focus(board, &event, board.address.get_untracked().search(None), Some(FIELD));
        }
    });
    follow_problem(board, "q", FIELD);
    // The address has changed: by a link, or by the back button.
    effect(move |is_first| {
        let address = board.address.read();
        browser::set_attribute(CLEAR, "href", Some(&address.search(None).href()));
        let q = address.q.as_deref().unwrap_or_default();
        if !is_first && browser::value(FIELD).trim() != q {
            browser::set_value(FIELD, q);
        }
    });
    view! {
        <form
            class="search"
            method="get"
            action=board.at(Address::PATH)
            role="search"
            on:submit=submit
            on:input=typed
            on:click=clear
            inner_html=still!(search_field(board))
        ></form>
    }
}

#[cfg(feature = "ssr")]
fn search_field(board: Board) -> impl IntoView {
    use crate::model::Search;

    let problem = problem_of(board, "q");
    let address = board.address.get_untracked();
    let user_id = address.asked_user_id().unwrap_or_default().to_owned();
    let clear = address.search(None).href();
    let of = &board.words.language().pages;
    view! {
        <Icon of=icons::SEARCH />
        <input
            id=FIELD
            name="q"
            type="search"
            placeholder=of.search
            aria-label=of.search_label
            title=of.search_label.to_owned() + " (s)"
            autocomplete="off"
            enterkeyhint="search"
            maxlength=Search::MAX_CHARS
            value=address.q
            aria-invalid=problem.is_some().then_some("true")
            aria-describedby="search-problem"
        />
        <a class="quiet clear" id=CLEAR aria-label=of.clear_search href=clear>
            <Icon of=icons::CROSS />
        </a>
        <input type="hidden" name="user_id" value=user_id />
        <input type="hidden" name="category" value=address.category.unwrap_or_default() />
        <input type="hidden" name="unread" value=if address.unread { "true" } else { "" } />
        <p class="problem" id="search-problem">{problem}</p>
    }
}
