//! A row of the list, as plain data.

use crate::model::Notification;

/// One row of the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// Stays the same while the row is shown, also when a notification that is being sent gets its id.
    pub(crate) key: i64,
    /// The notification.
    pub(crate) data: Notification,
    /// Whether a long text is shown in full.
    pub(crate) is_open: bool,
    /// Whether the user selected it.
    pub(crate) is_selected: bool,
    /// Whether the notification is being sent and the server has not answered.
    pub(crate) is_sending: bool,
    /// Whether the row slides in.
    pub(crate) arrives: bool,
}

/// The former place of a row: between the rows with these keys. Times and ids do not determine it, because within a
/// batch their order is random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(super) above: Option<i64>,
    pub(super) below: Option<i64>,
}

impl Item {
    /// The id of its element.
    pub(crate) fn element_id(&self) -> String {
        element_id(self.key)
    }
}

/// The id of the element of the row with this key.
pub(crate) fn element_id(key: i64) -> String {
    "row-".to_owned() + &key.to_string()
}
