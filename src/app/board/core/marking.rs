//! Marking as read and unread: shown at once, taken back when refused.

use super::{
    counting,
    item::{Item, Spot},
    mark::{MarkUnderWay, Marking},
    message::{Effect, Now},
    sending::may_be_sent,
    undo::WasRead,
    view::View,
};
use crate::{
    app::live::Kind,
    model::{Notification, NotificationId, Problem, UserId},
};

/// The element that the focus goes to where no row can have it.
const HEADING: &str = "inbox-name";

impl View {
    /// Takes a row out of the list and returns the place it had. The focus goes to its neighbour.
    pub(super) fn take(&mut self, key: i64) -> Option<(Item, Spot)> {
        self.take_rows(&|row| row.key == key).pop()
    }

    /// Takes rows out of the list and returns the place each had while those below it were there. The focus is handed
    /// on.
    pub(super) fn take_rows(&mut self, is_meant: &dyn Fn(&Item) -> bool) -> Vec<(Item, Spot)> {
        let mut kept = Vec::with_capacity(self.rows.len());
        let (mut all, mut taken) = (Vec::with_capacity(self.rows.len()), Vec::new());
        let mut rows = std::mem::take(&mut self.rows).into_iter().peekable();
        while let Some(row) = rows.next() {
            let leaves = is_meant(&row);
            all.push((row.key, !leaves));
            if leaves {
                let above = kept.last().map(|row: &Item| row.key);
                taken.push((row, Spot { above, below: rows.peek().map(|row| row.key) }));
            } else {
                kept.push(row);
            }
        }
        self.rows = kept;
        self.hand_on(&all);
        taken
    }

    /// Hands on the focus of rows that leave: to the next one below that stays, else to the nearest above, else to the
    /// heading. `rows` are the keys of the list as it was, each with whether it stays.
    pub(super) fn hand_on(&mut self, rows: &[(i64, bool)]) {
        let before = self.effects.len();
        // Below the last that stays, the nearest is that one.
        let mut nearest = rows.iter().rev().find(|(_, stays)| *stays).map(|(key, _)| *key);
        for &(key, stays) in rows.iter().rev() {
            if stays {
                nearest = Some(key);
                continue;
            }
            let (from, to) = (super::item::element_id(key), heir(nearest));
            // What was to get the focus may be what goes now.
            for effect in self.effects.iter_mut().take(before) {
                if let Effect::HandOn(_, heir) = effect
                    && *heir == from
                {
                    heir.clone_from(&to);
                }
            }
            self.effects.push(Effect::HandOn(from, to));
        }
    }

    /// Marks a row as read, or as unread.
    pub(super) fn mark(&mut self, key: i64, is_read: bool, now: Now) {
        self.mark_rows(&|row| row.key == key, is_read, now);
    }

    /// Marks rows as read, or as unread. Where several become read, or leave the list by that, it can be undone.
    pub(super) fn mark_rows(&mut self, is_meant: &dyn Fn(&Item) -> bool, is_read: bool, now: Now) {
        let changes = |row: &Item| is_meant(row) && row.data.is_read != is_read && !row.is_sending;
        let leave = is_read && self.filter().unread;
        let marked = if leave { self.take_rows(&changes) } else { self.with_spots(&changes) };
        let offers = is_read && (leave || marked.len() > 1);
        let mut undone = Vec::new();
        for (mut item, spot) in marked {
            item.data.is_read = is_read;
            let (id, user_id) = (item.data.id, item.data.user_id.clone());
            self.count_read(&user_id, is_read);
            undone.push(WasRead { id, user_id, spot });
            let change = self.changes.begin(now.ms);
            self.send_mark(Marking { id, is_read, item: Some(item), spot: leave.then_some(spot), change });
        }
        let ids: Vec<_> = undone.iter().map(|read| read.id).collect();
        self.set_read(&ids, is_read);
        if !offers {
            self.dismiss_read(&ids);
        } else if !undone.is_empty() {
            self.offer_unread(undone);
        }
    }

    /// The rows that are meant, each with its neighbours.
    fn with_spots(&self, is_meant: &dyn Fn(&Item) -> bool) -> Vec<(Item, Spot)> {
        let key = |place: Option<usize>| place.and_then(|place| self.rows.get(place)).map(|row| row.key);
        let meant = self.rows.iter().enumerate().filter(|(_, row)| is_meant(row));
        let spot = |place: usize| Spot { above: key(place.checked_sub(1)), below: key(Some(place + 1)) };
        meant.map(|(place, row)| (row.clone(), spot(place))).collect()
    }

    /// Marks a notification as unread again that has left the list.
    pub(super) fn mark_again_unread(&mut self, read: WasRead, now: Now) {
        let WasRead { id, user_id, spot } = read;
        if let Some(place) = self.place_with(id) {
            return self.mark(self.rows[place].key, false, now);
        }
        // A notification about to be deleted is neither shown nor counted.
        let is_doomed = self.is_doomed(id);
        if is_doomed {
            self.set_doomed_read(&[id], false);
        } else {
            self.count_read(&user_id, false);
        }
        let change = self.changes.begin(now.ms);
        let spot = (!is_doomed).then_some(spot);
        self.send_mark(Marking { id, is_read: false, item: None, spot, change });
    }

    /// Sends a marking, unless one of the same notification is not answered: it waits for that, in place of one that
    /// waited, so that the last one is the last for the server too.
    fn send_mark(&mut self, marking: Marking) {
        if let Some(before) = self.marks.iter_mut().find(|under_way| under_way.id == marking.id) {
            if let Some(replaced) = before.next.replace(marking) {
                self.changes.settle(replaced.change);
            }
            return;
        }
        self.marks.push(MarkUnderWay { id: marking.id, next: None });
        self.effects.push(Effect::Mark(marking));
    }

    /// The server marked the notification, or refused.
    pub(super) fn marked(&mut self, marking: Marking, answer: Result<Notification, Problem>, now: Now) {
        let place = self.marks.iter().position(|under_way| under_way.id == marking.id);
        match place.and_then(|place| self.marks.remove(place).next) {
            Some(next) => self.marked_before(marking, answer, next, now),
            None => self.marked_last(marking, answer, now),
        }
    }

    /// As that, where the user has marked it once more since.
    fn marked_before(&mut self, marking: Marking, answer: Result<Notification, Problem>, next: Marking, now: Now) {
        let has = match &answer {
            Ok(notification) => Some(notification.is_read),
            // Where the answer was lost, the server may have either.
            Err(problem) => (!may_be_sent(problem)).then_some(!marking.is_read),
        };
        if has != Some(next.is_read) {
            if let Ok(notification) = answer {
                self.expect(Kind::Updated, &notification.user_id, marking.id);
            }
            // Before the end of the other, so that nothing is asked for in between.
            self.send_mark(next);
            return self.changes.settle(marking.change);
        }
        // It ends as the server has it.
        self.changes.settle(next.change);
        match answer {
            Ok(notification) => self.marked_last(Marking { change: marking.change, ..next }, Ok(notification), now),
            Err(_) => {
                if let (None, Some(mut item), Some(spot)) = (next.item, marking.item, marking.spot) {
                    item.data.is_read = next.is_read;
                    self.put_back(item, spot);
                }
                self.settle(marking.change, false, now);
            }
        }
    }

    /// As that, where it is how the user marked it last.
    fn marked_last(&mut self, marking: Marking, answer: Result<Notification, Problem>, now: Now) {
        let Marking { id, is_read, item, spot, change } = marking;
        let is_known = answer.is_ok();
        match (answer, item) {
            (Ok(notification), item) => {
                self.expect(Kind::Updated, &notification.user_id, id);
                self.show_marked(notification, spot.filter(|_| item.is_none()));
            }
            (Err(problem), None) => self.toast_refusal(self.words.not_undone, &problem),
            (Err(problem), Some(mut item)) => {
                item.data.is_read = !is_read;
                // Notifications about to be deleted are not counted.
                if !self.is_doomed(id) {
                    self.count_read(&item.data.user_id, !is_read);
                }
                self.set_read(&[id], !is_read);
                self.set_doomed_read(&[id], !is_read);
                if let Some(spot) = spot {
                    self.put_back(item, spot);
                }
                self.dismiss_read(&[id]);
                let what = if is_read { self.words.not_marked_read } else { self.words.not_marked_unread };
                self.toast_refusal(what, &problem);
            }
        }
        self.settle(change, is_known, now);
    }

    /// Shows the server's answer for a notification; if that left the list and belongs there, it returns to this spot.
    fn show_marked(&mut self, notification: Notification, spot: Option<Spot>) {
        if let Some(place) = self.place_with(notification.id) {
            let row = &mut self.rows[place];
            // The user may have marked it differently since.
            if row.data.is_read == notification.is_read {
                row.data = notification;
            }
        } else if let Some(spot) =
            spot.filter(|_| !self.is_doomed(notification.id) && self.filter().admits(&notification))
        {
            let place = self.place_at(spot, &notification).or_else(|| {
                let place = self.place_in_order(&notification);
                // If it is newer or older than the whole list, others may belong between.
                let is_within = (place > 0 || (self.address.before.is_none() && self.held == 0))
                    && (place < self.rows.len() || self.next.is_none());
                is_within.then_some(place)
            });
            if let Some(place) = place {
                let item = self.item(notification, false);
                self.rows.insert(place, item);
            }
        }
    }

    /// Shows these notifications as read, or as unread, without counting.
    pub(super) fn set_read(&mut self, ids: &[NotificationId], is_read: bool) {
        for row in self.rows.iter_mut().filter(|row| ids.contains(&row.data.id)) {
            row.data.is_read = is_read;
        }
    }

    pub(super) fn set_doomed_read(&mut self, ids: &[NotificationId], is_read: bool) {
        for doomed in self.doomed.iter_mut().filter(|doomed| ids.contains(&doomed.item.data.id)) {
            doomed.item.data.is_read = is_read;
        }
    }

    /// Counts one notification of this user as read, or as unread: another inbox may be shown by now.
    pub(super) fn count_read(&mut self, user_id: &UserId, is_read: bool) {
        if self.is_in_scope(user_id) {
            counting::set_read(&mut self.overview, is_read);
            counting::set_read_in(&mut self.overview, user_id, is_read);
        }
    }
}

/// The element of the row with this key; the heading where there is none.
pub(super) fn heir(key: Option<i64>) -> String {
    key.map_or_else(|| HEADING.to_owned(), super::item::element_id)
}

pub(super) fn ids(rows: &[Item]) -> Vec<NotificationId> {
    rows.iter().map(|row| row.data.id).collect()
}
