//! Sending: the row appears at once and gets its id when the server answers.

use uuid::Uuid;

use super::{
    counting,
    item::Item,
    message::{Effect, Now, Submission},
    typed::{Typed, Unconfirmed},
    view::View,
};
use crate::{
    app::{live::Kind, words::fill},
    model::{Code, NewNotification, Notification, NotificationId, Problem},
};

/// Whether a send that failed with this problem may have succeeded all the same: its answer was lost on the way.
pub(crate) fn may_be_sent(problem: &Problem) -> bool {
    matches!(problem.code, Code::Unreachable | Code::UnknownOutcome | Code::Timeout | Code::Internal)
}

impl Unconfirmed {
    /// Whether this row shows the unconfirmed notification: it arrived since, and has the same content.
    fn is(&self, row: &Item) -> bool {
        let (shown, typed) = (&row.data, &self.typed);
        row.key > self.after
            && row.arrives
            && !row.is_sending
            && shown.user_id.as_str() == typed.user_id
            && shown.content.as_str() == typed.content
            && shown.title.as_ref().map_or("", |title| title.as_str()) == typed.title
            && shown.link.as_ref().map_or("", |link| link.as_str()) == typed.link
            && typed.category.as_deref().is_none_or(|category| category == shown.category.as_str())
    }
}

impl View {
    /// Shows a notification that is being sent, if it belongs here. If it repeats the previous one, which was not
    /// confirmed, it keeps that one's idempotency key; else it gets the fresh one: the same input sent again after
    /// something else is meant to be a second notification.
    pub(crate) fn submit(&mut self, typed: Typed, new: NewNotification, fresh_key: String, now: Now) -> Submission {
        let (key, is_repeat) = match self.unconfirmed.take() {
            Some(before) if before.typed == typed => (before.key, true),
            _ => (fresh_key, false),
        };
        let after = self.take_key();
        let item = self.is_in_scope(&new.user_id).then(|| self.show_sending(new, now));
        Submission { typed, key, is_repeat, after, item, change: self.changes.begin(now.ms) }
    }

    fn show_sending(&mut self, new: NewNotification, now: Now) -> Item {
        let key = self.take_key();
        // A stand-in that no UUIDv7 equals; the server gives the real one.
        let id = NotificationId::new(Uuid::from_u128(u128::from(key.unsigned_abs()) + 1));
        let data = Notification::new(id, self.server_time(now.ms), new);
        counting::add(&mut self.overview, &data);
        let item = Item { key, data, is_open: false, is_selected: false, is_sending: true, arrives: true };
        if self.address.before.is_none() && self.filter().admits(&item.data) {
            self.rows.insert(0, item.clone());
        } else {
            counting::beside(&mut self.overview, &item.data.category, 1);
        }
        item
    }

    /// The server accepted the submission.
    pub(super) fn sent(&mut self, submission: Submission, notification: Notification, now: Now) {
        let Submission { typed, item, change, is_repeat, .. } = submission;
        // The server may have had a repeat already, or another request by the same key: then it counts it already, and
        // the stream does not tell of it again.
        let is_new = !is_repeat && typed.own_key.is_empty();
        let is_seen = now.is_at_top && item.as_ref().is_some_and(|item| self.place_of(item.key).is_some());
        if let Some(item) = item {
            // What the list has already, the stream has told.
            if is_new && self.place_with(notification.id).is_none() {
                self.expect(Kind::Created, &notification.user_id, notification.id);
            }
            self.take_in(&item, notification);
        }
        let text = fill(self.words.sent_to, &[&typed.user_id]);
        if is_seen {
            self.effects.push(Effect::Say(text))
        } else {
            self.toast(text, None)
        }
        self.settle(change, is_new, now);
    }

    /// Replaces the row that is being sent by the server's notification, unless the list has a repeat of it already.
    fn take_in(&mut self, item: &Item, notification: Notification) {
        let is_shown = self.place_with(notification.id).is_some();
        let Some(place) = self.place_of(item.key) else { return };
        if is_shown {
            self.take(item.key);
            counting::remove(&mut self.overview, &item.data);
            return;
        }
        self.heard.newer.push(notification.id);
        let row = &mut self.rows[place];
        row.data = notification;
        row.is_sending = false;
    }

    /// The server refused the submission, or its answer was lost. A refused repeat tells nothing about the first
    /// attempt.
    pub(super) fn not_sent(&mut self, submission: Submission, problem: &Problem, now: Now) {
        let Submission { typed, key, is_repeat, after, item, change } = submission;
        if let Some(item) = item {
            let is_shown = self.take(item.key).is_some();
            // Another inbox may be shown by now.
            if self.is_in_scope(&item.data.user_id) {
                counting::remove(&mut self.overview, &item.data);
                if !is_shown {
                    counting::beside(&mut self.overview, &item.data.category, -1);
                }
            }
        }
        if is_repeat || may_be_sent(problem) {
            self.unconfirmed = Some(Unconfirmed { typed, key, after });
        }
        self.settle(change, false, now);
    }

    /// The input that was not confirmed, once the list shows its notification.
    pub(crate) fn confirmed(&mut self) -> Option<Typed> {
        let is_shown = self.unconfirmed.as_ref().is_some_and(|sent| self.rows.iter().any(|row| sent.is(row)));
        self.unconfirmed.take_if(|_| is_shown).map(|sent| sent.typed)
    }
}
