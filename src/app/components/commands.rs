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
    select_by_pointer(board);
    let _ = window_event_listener(ev::keydown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let is_on = |selector: &str| target.as_ref().is_some_and(|it| it.closest(selector).ok().flatten().is_some());
        let key = event.key();
        let press = Press {
            key: &key,
            has_modifier: event.ctrl_key() || event.meta_key() || event.alt_key(),
            has_shift: event.shift_key(),
            is_typing: event.is_composing() || is_on("input:not([type=radio], [type=checkbox]), textarea, select"),
            is_on_control: is_on("a, button, summary, input, textarea, pre"),
        };
        let is_choosing = is_on("input[type=radio]") && key.starts_with("Arrow");
        let Some(command) = command(press, preferences.letters.get_untracked()) else { return };
        // Arrows choose among radio buttons, and a dialog keeps its keys to itself.
        let is_outside = board.is_composing.get_untracked() && command != Command::Leave;
        if is_choosing || ((is_on("dialog") || is_outside) && command != Command::Help) {
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
    // While rows are selected, it is they that are marked and deleted.
    let is_in_form = target.is_some_and(|target| target.closest("#compose").ok().flatten().is_some());
    let selected = board.status.read_untracked().selected > 0 && !is_in_form;
    let act = |message| {
        board.send(message);
        true
    };
    if matches!(command, Command::Filter | Command::Search | Command::Compose) {
        board.here.set_value(here.as_ref().map(Row::element_id));
    }
    match command {
        Command::Mark if selected => act(Message::MarkSelected(None)),
        Command::MarkUnread if selected => act(Message::MarkSelected(Some(false))),
        Command::Delete if selected => act(Message::DeleteSelected),
        Command::MarkUnread => with(here.as_ref(), |row| board.send(Message::Mark(row.key, false))),
        Command::Select => with(here.as_ref(), |row| board.send(Message::Select(row.key))),
        Command::SelectTo => with(here.as_ref(), |row| board.send(Message::SelectTo(None, row.key))),
        Command::SelectNext => here.is_some_and(|here| select_on(board, &here, 1)),
        Command::SelectPrevious => here.is_some_and(|here| select_on(board, &here, -1)),
        Command::Next => step(board, here.as_ref(), 1),
        Command::Previous => step(board, here.as_ref(), -1),
        Command::Toggle => with(here.as_ref(), |row| board.send(Message::Toggle(row.key))),
        Command::Mark => with(here.as_ref(), |row| {
            // The borrow must end before the row changes.
            let is_read = row.item.read_untracked().data.is_read;
            board.send(Message::Mark(row.key, !is_read));
        }),
        Command::Delete => with(here.as_ref(), |row| board.send(Message::Delete(row.key))),
        Command::Undo => act(Message::UndoLast),
        Command::MarkAll => board.mark_all(),
        Command::Filter if board.is_own => false,
        Command::Filter => {
            browser::select_soon(super::rail::FIELD);
            true
        }
        Command::Search => {
            // It is in the place of what can be done with the selection.
            board.send(Message::Unselect);
            browser::select_soon(super::search::FIELD);
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

/// Moves the focus by one row; from anywhere else to the first one that begins in sight.
fn step(board: Board, here: Option<&Row>, by: isize) -> bool {
    let next = beside(board, here, by);
    next.map(|row| browser::focus(&row.element_id())).is_some()
}

/// The row that is so many further; from anywhere else the first one that begins in sight.
fn beside(board: Board, here: Option<&Row>, by: isize) -> Option<Row> {
    let rows = board.rows.read_untracked();
    let (place, by) = match here {
        Some(here) => (rows.iter().position(|row| row == here)?, by),
        None => (board.first_in_sight()?, 0),
    };
    rows.get(place.saturating_add_signed(by).min(rows.len().saturating_sub(1))).cloned()
}

/// Selects the row, and the one beside it, which gets the focus.
fn select_on(board: Board, here: &Row, by: isize) -> bool {
    let Some(next) = beside(board, Some(here), by) else { return false };
    board.send(Message::SelectTo(Some(here.key), next.key));
    browser::focus(&next.element_id());
    true
}

/// A click on the check of a row selects it; one with Shift anywhere on a row selects up to there. One listener for all:
/// one for each row would make a thousand of them slower.
fn select_by_pointer(board: Board) {
    let row_of = move |event: &web_sys::MouseEvent| {
        let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
        let is_on = |selector: &str| target.closest(selector).ok().flatten().is_some();
        let is_check = is_on(".row-check");
        let is_meant = is_check || (event.shift_key() && event.button() == 0 && !is_on("a, button"));
        Some((row_at(board, &target).filter(|_| is_meant)?, is_check))
    };
    let _ = window_event_listener(ev::mousedown, move |event| {
        // The browser would select the text between.
        if event.shift_key()
            && let Some((row, false)) = row_of(&event)
        {
            event.prevent_default();
            browser::focus(&row.element_id());
        }
    });
    let _ = window_event_listener(ev::click, move |event| {
        let Some((row, _)) = row_of(&event) else { return };
        board.send(if event.shift_key() { Message::SelectTo(None, row.key) } else { Message::Select(row.key) });
    });
}

/// Leaves the sheet, or the field; or selects nothing any more.
fn leave(board: Board, target: Option<&web_sys::Element>) -> bool {
    if board.is_composing.get_untracked() {
        super::composer::close();
        return true;
    }
    let field = target.and_then(|target| target.dyn_ref::<web_sys::HtmlElement>());
    let field = field.filter(|field| field.matches("input, textarea, select").is_ok_and(|is| is));
    let has_popover = document().query_selector(":popover-open").is_ok_and(|open| open.is_some());
    if has_popover {
        // The browser closes it.
        return false;
    }
    let Some(field) = field else {
        let has_selected = board.status.read_untracked().selected > 0;
        if has_selected {
            board.send(Message::Unselect);
        }
        return has_selected;
    };
    // The fields of the address show it again: what was typed and not asked for goes.
    board.address.notify();
    match board.left().and_then(|row| browser::element(&row)) {
        Some(row) => browser::focus_in_place(&row),
        None => drop(field.blur()),
    }
    true
}
