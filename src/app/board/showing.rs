//! What a refresh found, and what is asked for next, go onto the page.

use leptos::prelude::*;

use super::{
    Board, Loading, Row, Ticket, counting,
    merge::{self, Slot},
};
use crate::{
    app::{
        browser,
        page::{Address, FIRST, Snapshot},
    },
    model::{Limit, Notification, Overview},
};

impl Board {
    /// Notes that a refresh begins; nothing while a change is under way, or the server is to be left
    /// alone, because the end of either refreshes.
    pub(crate) fn ticket(self) -> Option<(Ticket, u16)> {
        if self.is_waiting() {
            return None;
        }
        let mut ticket = None;
        let reading = self.rows.read_untracked().len() + self.held.get_untracked();
        let keeps = !browser::is_at_top();
        self.book.update_value(|book| {
            if !book.changes.is_under_way(browser::now_ms()) {
                let shown = u16::try_from(if keeps { reading } else { 0 }).unwrap_or(Limit::MAX);
                ticket = Some((book.changes.ticket(), book.limit.max(shown).min(Limit::MAX)));
            }
        });
        if ticket.is_some() {
            self.asks();
        }
        ticket
    }

    /// Shows what a refresh found, unless something happened since it began.
    pub(crate) fn show(self, ticket: Ticket, snapshot: Snapshot) {
        let mut fresh = false;
        self.book.update_value(|book| fresh = book.changes.admits(ticket, browser::now_ms()));
        if !fresh {
            return self.was_not_shown();
        }
        let read_at = snapshot.page.modseq;
        let Snapshot { mut page, mut overview, now } = snapshot;
        self.book.update_value(|book| {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time are below 2^53")]
            let server = (now.as_micros() / 1_000) as f64;
            book.ahead = server - browser::now_ms();
            // What waits to be deleted is gone already for the user.
            for doomed in &book.doomed {
                page.notifications.retain(|notification| notification.id != doomed.id());
                counting::remove(&mut overview, &doomed.row.data.read_untracked());
            }
        });
        if self.address.read_untracked().user_id.is_some() {
            counting::keep_recent(&mut overview, &self.overview.read_untracked());
        }
        // What appears because of a click, or because a page that could not be read now can be, has
        // not arrived.
        let is_new_view = self.loading.get_untracked() != Loading::Done || self.read_at.get_untracked().is_none();
        self.trouble.set(None);
        self.age.set(0);
        self.read_at.set(Some(now));
        self.next.set(page.next);
        if *self.overview.read_untracked() != overview {
            self.overview.set(overview);
        }
        self.show_list(&page.notifications, page.next.is_some(), is_new_view);
        self.loading.set(Loading::Done);
        self.was_shown(read_at);
    }

    /// Whether nothing happened since a refresh began.
    pub(crate) fn is_current(self, ticket: Ticket) -> bool {
        self.book.with_value(|book| book.changes.is_current(ticket))
    }

    /// Brings the rows up to a fresh list: rows that stay keep their element, and with it focus,
    /// selection and whether they are open.
    fn show_list(self, notifications: &[Notification], more: bool, is_new_view: bool) {
        let shown = self.rows.get_untracked();
        let hold = !is_new_view && !browser::is_at_top();
        let old_ids: Vec<_> = shown.iter().map(Row::id).collect();
        let fresh_ids: Vec<_> = notifications.iter().map(|notification| notification.id).collect();
        let plan = merge::merge(&old_ids, &fresh_ids, more, hold);
        let known = self.held.get_untracked();
        let arrived = if is_new_view { 0 } else { plan.arrived };
        let rows: Vec<Row> = (0..)
            .zip(&plan.slots)
            .filter_map(|(place, slot)| match *slot {
                Slot::Known { old, fresh } => {
                    let (row, notification) = (shown.get(old)?, notifications.get(fresh)?);
                    if *row.data.read_untracked() != *notification {
                        row.data.set(notification.clone());
                    }
                    Some(row.clone())
                }
                Slot::Beyond(old) => shown.get(old).cloned(),
                Slot::New(fresh) => Some(Row::new(self.next_key(), notifications.get(fresh)?.clone(), place < arrived)),
            })
            .collect();
        if rows != shown {
            self.rows.set(rows);
        }
        if known != plan.held {
            self.held.set(plan.held);
        }
        self.tell(if is_new_view { 0 } else { (arrived + plan.held).saturating_sub(known) });
    }

    /// Shows the new ones that wait above the list.
    pub(crate) fn release(self) {
        browser::scroll_to_top();
        browser::focus("inbox-name");
        self.refresh();
    }

    /// Whether there is less than asked for: a filter hides so much that only a page further down
    /// has more.
    pub(crate) fn is_short(self) -> bool {
        self.rows.read_untracked().len() < self.book.with_value(|book| usize::from(book.limit))
    }

    /// Shows more of what is older; a page further down once a page holds no more.
    pub(crate) fn show_older(self) -> bool {
        let mut grown = false;
        let shown = self.rows.read_untracked().len();
        self.book.update_value(|book| {
            // Twice as many each time: a thousand rows are a few clicks away, not twenty.
            let shown = u16::try_from(shown).unwrap_or(Limit::MAX).max(book.limit);
            grown = shown < Limit::MAX;
            book.limit = shown.saturating_mul(2).min(Limit::MAX);
        });
        if grown {
            self.refresh();
        }
        grown
    }

    /// What is shown is about another address from now on.
    pub(crate) fn turn(self, address: Address) {
        self.book.update_value(|book| {
            book.changes.turn();
            book.limit = FIRST;
        });
        let another_inbox = self.address.read_untracked().user_id != address.user_id;
        self.forget_heard(another_inbox);
        let filter = address.filter();
        let is_page = address.before.is_some() || self.address.read_untracked().before.is_some();
        self.address.set(address);
        self.held.set(0);
        self.trouble.set(None);
        // The user asks, and not the page by itself: they are told if it is too often.
        self.wait.set(0);
        self.refusal.set(None);
        self.next.set(None);
        self.loading.set(Loading::Begun);
        // What is known to belong there can be seen at once.
        self.rows.update(|rows| {
            rows.retain(|row| {
                !is_page && filter.as_ref().is_some_and(|filter| filter.admits(&row.data.read_untracked()))
            });
        });
        if another_inbox {
            self.overview.update(|overview| {
                let recent = std::mem::take(&mut overview.recent);
                *overview = Overview { recent, ..Overview::default() };
            });
        }
    }
}
