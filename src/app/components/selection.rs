//! What can be done with the selected rows.

use leptos::prelude::*;

use super::{
    click, flag,
    icons::{self, Icon},
    text,
};
use crate::app::board::{Board, Message, SELECTION};

/// How many rows are selected, and the actions on all of them. It stands in the place of the heading.
#[component]
pub(super) fn Selection(board: Board) -> impl IntoView {
    let words = board.words;
    let action = move |icon: &'static str, label: &'static str, key: &'static str, message: fn() -> Message| {
        view! {
            <button
                type="button"
                class="quiet"
                title=label.to_owned() + " (" + key + ")"
                aria-label=label
                on:click=click(move |_| board.send(message()))
            >
                <Icon of=icon />
                <span>{label}</span>
            </button>
        }
    };
    view! {
        <div
            class="selection"
            id=SELECTION
            role="group"
            aria-label=words.selection
            class:none=flag(move || board.status.read().selected == 0)
        >
            <p class="tabular">{text(move || words.count(words.selected, board.status.read().selected as u64))}</p>
            {action(icons::CHECK, words.selected_read, "e", || Message::MarkSelected(Some(true)))}
            {action(icons::UNREAD, words.selected_unread, "u", || Message::MarkSelected(Some(false)))}
            {action(icons::BIN, words.delete, "#", || Message::DeleteSelected)}
            {action(icons::CROSS, words.unselect, "Esc", || Message::Unselect)}
        </div>
    }
}
