//! The parts of the page.

mod banner;
mod bar;
pub(super) mod commands;
mod composer;
mod content;
mod empty;
mod help;
mod inbox;
mod rail;
mod row;
mod toasts;

pub(super) use self::{
    bar::Bar, composer::Composer, help::Help, inbox::Inbox, rail::Rail, toasts::Toasts,
};

use leptos::ev::MouseEvent;

use super::{address::Address, state::Board};

/// Whether a click wants nothing but to follow the link; one that wants a new tab or a download is
/// the browser's.
fn is_plain(event: &MouseEvent) -> bool {
    event.button() == 0
        && !(event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key())
        && !event.default_prevented()
}

/// Follows a link within the page without loading it anew.
fn follow(board: Board, event: &MouseEvent, address: Address) {
    if is_plain(event) {
        event.prevent_default();
        board.go(address);
    }
}
