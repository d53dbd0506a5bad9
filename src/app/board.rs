//! What the page knows while it is open, and what becomes of what happens to it.
//!
//! `core` decides, over plain data; [`Board`] is that data as signals, for what is seen, and carries out what the core
//! wants done. `refresh` tells it of time, network and scrolling, and `following` of the server's changes.

mod acting;
mod attending;
mod core;
mod desktop;
mod following;
mod refresh;
mod row;
mod signals;

pub(super) use self::{
    attending::TOASTS,
    core::{Loading, Message, TOO_MANY, Toast, Typed, explain, may_be_sent},
    row::Row,
    signals::Board,
};
