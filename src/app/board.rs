//! The state of the open page, and how events change it.
//!
//! `core` decides, over plain data; [`Board`] holds that data as signals, which the components read, and carries out
//! the effects that the core asks for. `refresh` reports time, network and scrolling to the core, and `following` the
//! server's changes.

mod acting;
mod attending;
mod core;
mod desktop;
mod following;
mod refresh;
mod row;
mod signals;

pub(crate) use self::core::{may_be_sent, unread};
pub(super) use self::{
    attending::TOASTS,
    core::{Item, Loading, Message, SELECTION, TOWER, Toast, Typed, explain, key_of_toast},
    row::Row,
    signals::Board,
};
