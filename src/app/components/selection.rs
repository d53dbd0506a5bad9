//! What can be done with the selected rows.

use leptos::prelude::*;

use super::{click, flag, still, text};
use crate::app::{
    board::{Board, Message, SELECTION},
    browser,
};

/// How many rows are selected, and the actions on all of them. It stands in the place of the heading.
#[component]
pub(super) fn Selection(board: Board) -> impl IntoView {
    let act = click(move |event| {
        let is_on = |button: &str| browser::is_within(&event, button);
        if is_on(".mark") {
            board.send(Message::MarkSelected(Some(true)));
        } else if is_on(".unmark") {
            board.send(Message::MarkSelected(Some(false)));
        } else if is_on(".delete") {
            board.send(Message::DeleteSelected);
        } else if is_on(".clear") {
            board.send(Message::Unselect);
        }
    });
    view! {
        <div
            class="selection"
            id=SELECTION
            role="group"
            aria-label=board.words.selection
            class:none=flag(move || board.status.read().selected == 0)
            on:click=act
        >
            <p class="tabular">
                {text(move || board.words.count(board.words.selected, board.status.read().selected as u64))}
            </p>
            <div class="contents" inner_html=still!(buttons(board.words))></div>
        </div>
    }
}

#[cfg(feature = "ssr")]
fn buttons(words: &'static crate::app::words::Words) -> impl IntoView {
    use super::icons::{self, Icon};

    let button = |class: &str, icon: &'static str, label: &'static str, key: &str| {
        view! {
            <button type="button" class="quiet ".to_owned() + class title=label.to_owned() + " (" + key + ")" aria-label=label>
                <Icon of=icon />
                <span>{label}</span>
            </button>
        }
    };
    view! {
        {button("mark", icons::CHECK, words.selected_read, "e")}
        {button("unmark", icons::UNREAD, words.selected_unread, "u")}
        {button("delete", icons::BIN, words.delete, "#")}
        {button("clear", icons::CROSS, words.unselect, "Esc")}
    }
}
