//! What the user did and can take back, as plain data, and the messages that offer it.

use super::{
    item::{Item, Spot},
    place::At,
};
use crate::model::{Marked, NotificationId, UserId};

/// A notification that is about to be deleted, and its former place.
#[derive(Clone, Debug)]
pub(crate) struct Doomed {
    pub(super) item: Item,
    pub(super) spot: Spot,
    /// Whether an answer lacked it, so that it may have changed.
    pub(super) is_unsure: bool,
}

/// An inbox that was marked as read, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadAll {
    /// The owner of the inbox.
    pub(super) user_id: UserId,
    /// The server's answer: how many were marked, and by which marking.
    pub(super) marked: Marked,
    /// The affected rows that the page showed.
    pub(super) rows: Vec<Item>,
    /// Where in the list the user was.
    pub(super) at: Option<At>,
}

/// An action that a toast can take back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Undo {
    /// The deletion of whatever is about to be deleted.
    Delete,
    /// That these were marked as read.
    Read(Vec<WasRead>),
    /// That an inbox was marked as read, or a part of it.
    ReadAll(ReadAll),
}

/// A notification that was marked as read, and left the list by that.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WasRead {
    pub(super) id: NotificationId,
    pub(super) user_id: UserId,
    pub(super) spot: Spot,
}

/// A message at the edge of the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Toast {
    /// Identifies it while it is shown.
    pub(crate) key: i64,
    /// Its text.
    pub(crate) text: String,
    /// Whether it reports a failure.
    pub(crate) is_bad: bool,
    /// The action that it can take back.
    pub(crate) undo: Option<Undo>,
    /// Counts how often its time began anew.
    pub(super) turn: u32,
}
