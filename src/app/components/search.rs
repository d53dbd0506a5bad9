//! The search field.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{
    click, effect, flag, follow_and_focus,
    icons::{self, Icon},
    optional, text,
};
use crate::{
    app::{board::Board, browser, page::Address},
    model::Search,
};

/// The field's element.
pub(super) const FIELD: &str = "search";
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
    let problem = text(move || {
        let trouble = board.trouble.read();
        trouble.as_ref().and_then(|problem| problem.field("q")).unwrap_or_default().to_owned()
    });
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
    // The address has changed: by a link, or by the back button.
    effect(move |is_first| {
        let q = board.address.read().q.clone().unwrap_or_default();
        if !is_first && browser::value(FIELD).trim() != q {
            browser::set_value(FIELD, &q);
        }
    });
    view! {
        <form class="search" method="get" action=board.at(Address::PATH) role="search" on:submit=submit>
            <Icon of=icons::SEARCH />
            <input
                id=FIELD
                name="q"
                type="search"
                placeholder="Search"
                aria-label="Search titles and texts"
                title="Search titles and texts (s)"
                autocomplete="off"
                enterkeyhint="search"
                maxlength=Search::MAX_CHARS
                value=board.address.read_untracked().q.clone()
                aria-invalid=optional(move || (!problem.read().is_empty()).then_some("true"))
                aria-describedby="search-problem"
                on:input=typed
            />
            <a
                class="quiet clear"
                class:none=flag(move || board.address.read().q.is_none())
                aria-label="Clear the search"
                href=text(move || board.address.read().search(None).href())
                on:click=click(move |event| {
                    follow_and_focus(board, &event, board.address.get_untracked().search(None), Some(FIELD));
                })
            >
                <Icon of=icons::CROSS />
            </a>
            <input type="hidden" name="user_id" value=text(move || board.address.read().asked_user_id().unwrap_or_default().to_owned()) />
            <input type="hidden" name="category" value=text(move || board.address.read().category.clone().unwrap_or_default()) />
            <input type="hidden" name="unread" value=text(move || if board.address.read().unread { "true" } else { "" }.to_owned()) />
            <p class="problem" id="search-problem">{problem}</p>
        </form>
    }
}
