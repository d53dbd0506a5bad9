//! Carries out the keyboard's commands.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

use crate::app::{
    board::{Board, Message, Row},
    browser::{
        self,
        keyboard::{Command, Press, command},
        preferences::{LETTERS_SWITCH, Preferences},
    },
};

/// Listens to the keyboard. In the browser only.
pub(in crate::app) fn listen(board: Board, preferences: Preferences) {
    let _ = window_event_listener(ev::change, move |event| {
        let switch = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        if let Some(switch) = switch.filter(|switch| switch.id() == LETTERS_SWITCH) {
            preferences.choose_letters(switch.checked());
        }
    });
    let _ = window_event_listener(ev::keydown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let is_on = |selector: &str| target.as_ref().is_some_and(|it| it.closest(selector).ok().flatten().is_some());
        let key = event.key();
        let press = Press {
            key: &key,
            has_modifier: event.ctrl_key() || event.meta_key() || event.alt_key(),
            is_typing: event.is_composing() || is_on("input:not([type=radio], [type=checkbox]), textarea, select"),
            is_on_control: is_on("a, button, summary, input, textarea, pre"),
        };
        let is_choosing = is_on("input[type=radio]") && key.starts_with("Arrow");
        let Some(command) = command(press, preferences.letters.get_untracked()) else { return };
        // Arrows choose among radio buttons, and a dialog keeps its keys to itself.
        if is_choosing || (is_on("dialog") && command != Command::Help) {
            return;
        }
        if run(board, command, target.as_ref()) {
            event.prevent_default();
        }
    });
}

/// Carries out a command. Returns whether there was something to do.
fn run(board: Board, command: Command, target: Option<&web_sys::Element>) -> bool {
    let here = target.and_then(|target| row_at(board, target));
    match command {
        Command::Next => step(board, here.as_ref(), 1),
        Command::Previous => step(board, here.as_ref(), -1),
        Command::Toggle => with(here.as_ref(), |row| board.send(Message::Toggle(row.key))),
        Command::Mark => with(here.as_ref(), |row| {
            // The borrow must end before the row changes.
            let is_read = row.item.read_untracked().data.is_read;
            board.send(Message::Mark(row.key, !is_read));
        }),
        Command::Delete => with(here.as_ref(), |row| board.send(Message::Delete(row.key))),
        Command::Undo => {
            board.send(Message::UndoLast);
            true
        }
        Command::MarkAll => board.mark_all(),
        Command::Filter if board.is_own => false,
        Command::Filter => {
            browser::focus("inbox-of");
            true
        }
        Command::Search => {
            browser::focus(super::search::FIELD);
            true
        }
        Command::Compose if !board.may_send => false,
        Command::Compose => {
            super::composer::open();
            true
        }
        Command::Help => {
            super::help::open();
            true
        }
        Command::Leave => leave(board, target),
    }
}

fn with(row: Option<&Row>, act: impl FnOnce(&Row)) -> bool {
    row.map(act).is_some()
}

/// The row that contains an element.
fn row_at(board: Board, element: &web_sys::Element) -> Option<Row> {
    let id = element.closest(".row").ok()??.id();
    board.row_with_key(id.strip_prefix("row-")?.parse().ok()?)
}

/// Moves the focus by one row; to the first one from anywhere else.
fn step(board: Board, here: Option<&Row>, by: isize) -> bool {
    let rows = board.rows.get_untracked();
    let place = here.and_then(|here| rows.iter().position(|row| row == here));
    let next = match place {
        Some(place) => place.saturating_add_signed(by).min(rows.len().saturating_sub(1)),
        None => 0,
    };
    let Some(row) = rows.get(next) else { return false };
    browser::focus(&row.element_id());
    true
}

/// Leaves the sheet, or the field.
fn leave(board: Board, target: Option<&web_sys::Element>) -> bool {
    if board.is_composing.get_untracked() {
        super::composer::close();
        return true;
    }
    let field = target.and_then(|target| target.dyn_ref::<web_sys::HtmlElement>());
    field.is_some_and(|field| field.blur().is_ok())
}
