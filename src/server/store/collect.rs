//! Collects a page from notifications, newest first.

use std::ops::ControlFlow;

use super::LOOKED_AT;
use crate::model::{Cursor, Filter, Limit, Notification, Page};

/// A page in the making.
pub(super) struct Collect<'a> {
    filter: &'a Filter,
    limit: usize,
    looked_at: usize,
    /// The place of the last notification that was examined, in the page or not.
    last: Option<Cursor>,
    notifications: Vec<Notification>,
    /// Their size as a JSON array.
    bytes: usize,
    next: Option<Cursor>,
}

impl<'a> Collect<'a> {
    pub(super) fn new(filter: &'a Filter, limit: Limit) -> Self {
        Self { filter, limit: limit.get(), looked_at: 0, last: None, notifications: Vec::new(), bytes: 2, next: None }
    }

    /// How many notifications are worth reading: one more than the page has, or all that may be examined when a filter
    /// hides some.
    pub(super) fn wanted(&self) -> usize {
        match self.limit {
            0 => 0,
            _ if self.filter.narrows() => LOOKED_AT + 1,
            limit => limit + 1,
        }
    }

    /// How many bytes of texts are worth reading: later texts are on the next page. A filter may hide any of them.
    pub(super) fn wanted_bytes(&self) -> usize {
        if self.filter.narrows() { usize::MAX } else { Page::MAX_BYTES }
    }

    /// Examines the next notification, older than those before; breaks when the page is complete.
    pub(super) fn look_at(&mut self, place: Cursor, notification: impl FnOnce() -> Notification) -> ControlFlow<()> {
        if self.limit == 0 {
            return ControlFlow::Break(());
        }
        if self.looked_at == LOOKED_AT {
            self.next = self.last;
            return ControlFlow::Break(());
        }
        let notification = notification();
        if self.filter.admits(&notification) {
            let bytes = self.bytes + notification.weight() + 1;
            let is_full = bytes > Page::MAX_BYTES && !self.notifications.is_empty();
            if self.notifications.len() == self.limit || is_full {
                self.next = self.last;
                return ControlFlow::Break(());
            }
            self.bytes = bytes;
            self.notifications.push(notification);
        }
        self.looked_at += 1;
        self.last = Some(place);
        ControlFlow::Continue(())
    }

    /// The page; `modseq` is the change number at which it was read, for a page of one inbox.
    pub(super) fn page(self, modseq: Option<u64>) -> Page {
        Page { notifications: self.notifications, next: self.next, modseq }
    }
}
