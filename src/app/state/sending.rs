//! Sending: the row appears at once and gets its id when the server answers.

use leptos::prelude::*;
use uuid::Uuid;

use super::{Board, Row, counting};
use crate::model::{NewNotification, Notification, NotificationId};

impl Board {
    /// Shows what is being sent, if it belongs here.
    pub(crate) fn show_sending(self, new: NewNotification) -> Option<Row> {
        if !self.is_in_scope(&new.user_id) {
            return None;
        }
        let key = self.next_key();
        // A stand-in that no UUIDv7 equals; the server gives the real one.
        let id = NotificationId::new(Uuid::from_u128(u128::from(key.unsigned_abs()) + 1));
        let notification = Notification::new(id, self.now(), new);
        self.overview.update(|overview| counting::add(overview, &notification));
        let belongs = self.address.read_untracked().before.is_none() && self.filter().admits(&notification);
        let row = Row::new(key, notification, true);
        row.is_sending.set(true);
        if belongs {
            self.rows.update(|rows| rows.insert(0, row.clone()));
        }
        Some(row)
    }

    /// The server took it.
    pub(crate) fn sent(self, row: &Row, notification: Notification) {
        self.saw_sent(notification.id);
        row.data.set(notification);
        row.is_sending.set(false);
    }

    /// The server refused it.
    pub(crate) fn not_sent(self, row: &Row) {
        self.rows.update(|rows| rows.retain(|other| other != row));
        self.overview.update(|overview| counting::remove(overview, &row.data.read_untracked()));
    }

    /// Whether the numbers beside the list count this user's notifications.
    fn is_in_scope(self, user_id: &crate::model::UserId) -> bool {
        self.address.read_untracked().user_id.as_deref().is_none_or(|shown| shown == user_id.as_str())
    }
}
