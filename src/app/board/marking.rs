//! Marking as read and unread: shown at once, taken back when refused.

use leptos::{prelude::*, task::spawn_local};

use super::{Board, Row, Undo, counting};
use crate::{
    app::{browser, page::Address, server_fns},
    model::{Marked, MarkedBy, NotificationId, UserId},
};

/// An inbox that was marked as read, or a part of it.
#[derive(Clone, PartialEq)]
pub(crate) struct ReadAll {
    /// Whose inbox.
    user_id: UserId,
    /// What the server marked.
    marked: Marked,
    /// What of it the page showed.
    rows: Vec<Row>,
}

impl Board {
    /// Marks a row as read, or as unread.
    pub(crate) fn mark(self, row: &Row, is_read: bool) {
        let notification = row.data.get_untracked();
        if notification.is_read == is_read || row.is_sending.get_untracked() {
            return;
        }
        let id = notification.id;
        self.put_read(row, is_read);
        let leaves = is_read && self.filter().unread;
        let taken = leaves.then(|| self.take(row)).flatten();
        if leaves {
            self.toast("Marked as read.", Some(Undo::Read(id)));
        } else {
            self.dismiss_undo(Undo::Read(id));
        }
        self.send_mark(id, is_read, row.clone(), taken);
    }

    /// Marks a notification that may have left the list.
    pub(crate) fn mark_by_id(self, id: NotificationId, is_read: bool) {
        if let Some(row) = self.row(id) {
            return self.mark(&row, is_read);
        }
        counting_in(self, is_read);
        let change = self.begin();
        spawn_local(async move {
            if let Err(problem) = server_fns::mark(id.to_string(), is_read).await {
                self.toast_refusal("Not undone.", &problem);
            }
            self.settle(change);
        });
    }

    /// Marks the inbox as read, if one is shown and something in it is not: what was seen of it, and of
    /// the kind that is shown. Returns whether there was something to do: a search shows what no marking can name.
    pub(crate) fn mark_all(self) -> bool {
        let unread_count = self.overview.read_untracked().unread_count;
        let address = self.address.get_untracked();
        let of_kind = address.of_kind();
        let Address { category, q, .. } = address;
        let filter = self.filter();
        let (kind, user_id) = (filter.category, filter.user_id);
        let Some(user_id) = user_id.filter(|_| unread_count > 0 && q.is_none()) else { return false };
        let is_unread = |row: &&Row| !row.data.read_untracked().is_read;
        let is_meant = |row: &Row| {
            self.is_seen(row) && kind.as_ref().is_none_or(|kind| *kind == row.data.read_untracked().category)
        };
        let rows = self.rows.get_untracked();
        let (unread, later): (Vec<Row>, Vec<Row>) = rows.iter().filter(is_unread).cloned().partition(is_meant);
        let left = match &kind {
            None => (later.len() + self.held.get_untracked()) as u64,
            // How many others are unread, only the server knows.
            Some(_) => unread_count.saturating_sub(unread.len() as u64),
        };
        mark_rows(&unread, true);
        self.overview.update(|overview| overview.unread_count = left);
        let up_to = self.seen().map(|seen| seen.to_string());
        let change = self.begin();
        spawn_local(async move {
            match server_fns::mark_all(user_id.to_string(), up_to, category).await {
                Ok(Marked { count: 0, .. }) => self.toast("Nothing was left to mark.", None),
                Ok(marked) => {
                    let text = format!("{}{of_kind} marked read.", marked.count);
                    self.toast(text, Some(Undo::ReadAll(ReadAll { user_id, marked, rows: unread })));
                }
                Err(problem) => {
                    mark_rows(&unread, false);
                    // Another inbox may be shown by now.
                    if self.is_in_scope(&user_id) {
                        self.overview.update(|overview| overview.unread_count = unread_count);
                    }
                    self.toast_refusal("Not marked as read.", &problem);
                }
            }
            self.settle(change);
        });
        true
    }

    /// Marks unread again what was marked read at once, also what the page does not show. Where the server does not, it is
    /// offered again.
    pub(crate) fn unmark_all(self, all: ReadAll) {
        let again = all.clone();
        let ReadAll { user_id, marked: Marked { count, by }, rows } = all;
        let beyond = count.saturating_sub(rows.len() as u64);
        let filter = self.filter();
        let (mut unmarked, mut doomed, mut returned) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let row = self.row(row.id()).unwrap_or(row);
            // One may be unread again already.
            if !row.data.read_untracked().is_read {
                continue;
            }
            // What is about to be deleted is neither shown nor counted.
            if self.is_doomed(row.id()) {
                doomed.push(row);
                continue;
            }
            self.put_read(&row, false);
            // Where only what is unread is shown, they had left.
            if filter.unread && filter.admits(&row.data.read_untracked()) {
                let is_older = |other: &Row| !other.is_sending.get_untracked() && other.id() < row.id();
                let place = self.rows.read_untracked().iter().position(is_older);
                self.put_back(row.clone(), place.unwrap_or(usize::MAX));
                returned.push(row.clone());
            }
            unmarked.push(row);
        }
        mark_rows(&doomed, false);
        self.count_beyond(&user_id, beyond, false);
        let change = self.begin();
        spawn_local(async move {
            let MarkedBy { after, up_to, is_whole } = by;
            if let Err(problem) = server_fns::unmark_all(user_id.to_string(), after, up_to, is_whole).await {
                unmarked.iter().for_each(|row| self.put_read(row, true));
                mark_rows(&doomed, true);
                if !returned.is_empty() {
                    self.rows.update(|rows| rows.retain(|row| !returned.contains(row)));
                }
                self.count_beyond(&user_id, beyond, true);
                self.offer_again("Not marked as unread.", &problem, Undo::ReadAll(again));
            }
            self.settle(change);
        });
    }

    /// Counts so many of an inbox as read, or as unread, that the page does not show.
    fn count_beyond(self, user_id: &UserId, beyond: u64, is_read: bool) {
        // Another inbox may be shown by now.
        if self.is_in_scope(user_id) {
            self.overview.update(|overview| {
                let count = &mut overview.unread_count;
                *count = if is_read { count.saturating_sub(beyond) } else { *count + beyond };
            });
        }
    }

    fn send_mark(self, id: NotificationId, is_read: bool, row: Row, taken: Option<usize>) {
        let change = self.begin();
        spawn_local(async move {
            if let Err(problem) = server_fns::mark(id.to_string(), is_read).await {
                self.put_read(&row, !is_read);
                if let Some(place) = taken {
                    self.put_back(row, place);
                }
                self.dismiss_undo(Undo::Read(id));
                let what = if is_read { "Not marked as read." } else { "Not marked as unread." };
                self.toast_refusal(what, &problem);
            }
            self.settle(change);
        });
    }

    fn put_read(self, row: &Row, is_read: bool) {
        row.data.update(|notification| notification.is_read = is_read);
        // Another inbox may be shown by now.
        if self.is_in_scope(&row.data.read_untracked().user_id) {
            counting_in(self, is_read);
        }
    }

    /// Takes a row out of the list and says where it was. The focus goes to its neighbour.
    pub(crate) fn take(self, row: &Row) -> Option<usize> {
        let rows = self.rows.get_untracked();
        let place = rows.iter().position(|other| other == row)?;
        self.hand_focus_on(row, rows.get(place + 1).or_else(|| rows.get(place.checked_sub(1)?)));
        self.rows.update(|rows| rows.retain(|other| other != row));
        Some(place)
    }

    /// A row is about to go: if it has the focus, a neighbour gets it.
    pub(super) fn hand_focus_on(self, row: &Row, neighbour: Option<&Row>) {
        let had_focus = browser::element(&row.element_id())
            .is_some_and(|element| browser::focused().is_some_and(|focused| element.contains(Some(&focused))));
        if had_focus {
            browser::focus_soon(neighbour.map_or_else(|| "inbox-name".to_owned(), Row::element_id));
        }
    }

    /// Puts a row back to where it was, unless a refresh has done so already.
    pub(crate) fn put_back(self, row: Row, place: usize) {
        self.rows.update(|rows| {
            let id = row.id();
            if !rows.iter().any(|other| other.id() == id) {
                rows.insert(place.min(rows.len()), row);
            }
        });
    }
}

/// Shows rows as read, or as unread, and counts nothing.
fn mark_rows(rows: &[Row], is_read: bool) {
    for row in rows {
        row.data.update(|notification| notification.is_read = is_read);
    }
}

fn counting_in(board: Board, is_read: bool) {
    board.overview.update(|overview| counting::set_read(overview, is_read));
}
