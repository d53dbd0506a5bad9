//! Sending: the row appears at once and gets its id when the server answers.

use leptos::prelude::*;
use uuid::Uuid;

use super::{Board, Row, counting};
use crate::{
    app::browser,
    model::{Code, NewNotification, Notification, NotificationId, Problem},
};

/// Whether a send that failed like this may have been done all the same: its answer was lost on the way.
pub(crate) fn may_be_sent(problem: &Problem) -> bool {
    matches!(problem.code, Code::Unreachable | Code::UnknownOutcome | Code::Timeout | Code::Internal)
}

/// What is typed into the form that sends.
#[derive(Clone, PartialEq)]
pub(crate) struct Typed {
    /// Whose inbox it goes to.
    pub(crate) user_id: String,
    /// What it says.
    pub(crate) content: String,
    /// What kind it is.
    pub(crate) category: Option<String>,
    /// A short heading; may be empty.
    pub(crate) title: String,
    /// Where a click leads; may be empty.
    pub(crate) link: String,
}

/// What was sent and not confirmed.
pub(crate) struct Unconfirmed {
    typed: Typed,
    /// Its idempotency key.
    key: String,
    /// The key of the last row that was made before.
    after: i64,
}

impl Unconfirmed {
    /// Whether this row is it: it arrived since, and says the same.
    fn is(&self, row: &Row) -> bool {
        let (shown, typed) = (row.data.read_untracked(), &self.typed);
        row.key > self.after
            && row.arrives
            && !row.is_sending.get_untracked()
            && shown.user_id.as_str() == typed.user_id
            && shown.content.as_str() == typed.content
            && shown.title.as_ref().map_or("", |title| title.as_str()) == typed.title
            && shown.link.as_ref().map_or("", |link| link.as_str()) == typed.link
            && typed.category.as_deref().is_none_or(|category| category == shown.category.as_str())
    }
}

impl Board {
    /// The idempotency key of what is sent now, and whether it is a repeat: that of what was sent right before and was not
    /// confirmed, if it is the same, else a new one. What is sent again after something else is meant to be another one.
    pub(crate) fn key_of(self, typed: &Typed) -> (String, bool) {
        match self.take_unconfirmed(|_| true) {
            Some(before) if before.typed == *typed => (before.key, true),
            _ => (browser::unique(), false),
        }
    }

    /// What is sent is not confirmed, and may be sent; `after` is the key of the last row before it.
    pub(crate) fn is_unconfirmed(self, typed: Typed, key: String, after: i64) {
        self.book.update_value(|book| book.unconfirmed = Some(Unconfirmed { typed, key, after }));
    }

    /// What was not confirmed, once the list shows it.
    pub(crate) fn confirmed(self) -> Option<Typed> {
        let found = self.take_unconfirmed(|sent| self.rows.read_untracked().iter().any(|row| sent.is(row)));
        found.map(|sent| sent.typed)
    }

    fn take_unconfirmed(self, is_meant: impl Fn(&Unconfirmed) -> bool) -> Option<Unconfirmed> {
        let mut taken = None;
        self.book.update_value(|book| taken = book.unconfirmed.take_if(|it| is_meant(it)));
        taken
    }

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

    /// Says that it was sent, where the list does not.
    pub(crate) fn sent_to(self, user_id: &str) {
        self.toast(format!("Sent to {user_id}."), None);
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
    pub(super) fn is_in_scope(self, user_id: &crate::model::UserId) -> bool {
        self.address.read_untracked().user_id.as_deref().is_none_or(|shown| shown == user_id.as_str())
    }
}
