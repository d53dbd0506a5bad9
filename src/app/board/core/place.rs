//! Where in a list the user was, as plain data.

use std::sync::Arc;

use super::item::Item;
use crate::{
    app::page::Address,
    model::{Cursor, NotificationId, Overview},
};

/// The rows shown for an address, and where in them the user was.
pub(super) struct Place {
    pub(super) address: Arc<Address>,
    pub(super) rows: Vec<Item>,
    pub(super) next: Option<Cursor>,
    pub(super) overview: Overview,
    /// How many notifications are asked for.
    pub(super) limit: u16,
    pub(super) beginning: Option<Beginning>,
    /// As [`super::view::StreamState::seen`] and `newer`, when the user left.
    pub(super) seen: Option<u64>,
    pub(super) newer: Vec<NotificationId>,
    pub(super) at: Option<At>,
}

/// Where in the list the user is: the key of the first row that is seen, and how many pixels below the top of what is
/// seen it begins.
pub(crate) type At = (i64, f64);

/// Where a list can begin anew: after this notification, which is in it.
#[derive(Clone, Copy)]
pub(super) struct Beginning {
    pub(super) cursor: Cursor,
    pub(super) after: NotificationId,
}
