//! A notification that is being marked as read, or as unread.

use super::{
    changes::PendingChange,
    item::{Item, Spot},
};
use crate::model::NotificationId;

/// One notification that is being marked.
#[derive(Clone, Debug)]
pub(crate) struct Marking {
    /// The notification's id.
    pub(crate) id: NotificationId,
    /// Whether it becomes read, else unread.
    pub(crate) is_read: bool,
    /// Its row, if the page showed one.
    pub(super) item: Option<Item>,
    /// Its former place, if marking takes it out of the list or brings it back.
    pub(super) spot: Option<Spot>,
    pub(super) change: PendingChange,
}

/// A notification of which a marking is not answered.
#[derive(Debug)]
pub(super) struct MarkUnderWay {
    pub(super) id: NotificationId,
    /// How the user has marked it since.
    pub(super) next: Option<Marking>,
}
