//! Puts the answer of a refresh into the view, and decides what to ask for next.

use std::sync::Arc;

use super::{
    changes::{PendingChange, RefreshTicket},
    counting,
    item::Item,
    merge::{self, Slot},
    message::{Effect, Message, Now},
    place::Place,
    view::{Loading, StreamState, View},
};
use crate::{
    app::{
        live::{self, Kind},
        page::{Address, FIRST, Snapshot},
        words::fill,
    },
    model::{Limit, Notification, Overview, Problem},
};

/// How long loading may take before the page shows that it does, in milliseconds.
const UNNOTICED: u32 = 150;
/// How long the user waits to go on with what is older, in milliseconds.
const GOES_ON: f64 = 5_000.0;
/// How many microseconds old the clock beside the rows may be.
const CLOCK_STEP: i64 = 15_000_000;

impl View {
    /// Asks the server for the current list; not while a change is under way or the server asked for a pause, because
    /// the end of either refreshes.
    pub(super) fn refresh(&mut self, now: Now) {
        if self.wait > 0 {
            return;
        }
        self.heard.owes = self.changes.is_under_way(now.ms);
        if self.heard.owes {
            return;
        }
        // Rows that the user reads further down must stay.
        let reading = if now.is_at_top { 0 } else { self.rows.len() + self.held };
        let limit = self.limit.max(u16::try_from(reading).unwrap_or(Limit::MAX)).min(Limit::MAX);
        self.heard.asked += 1;
        self.heard.asked_at = now.ms;
        let ticket = self.changes.ticket();
        self.effects.push(Effect::Ask(ticket, limit));
    }

    /// The server answered a change. Where the page knows its outcome and the stream reports every change, it shows the
    /// changes heard meanwhile; else it asks for the current list.
    pub(super) fn settle(&mut self, change: PendingChange, is_known: bool, now: Now) {
        self.changes.settle(change);
        if is_known && self.is_live && !self.heard.owes { self.show_all(now) } else { self.refresh(now) }
    }

    /// The answer of a refresh arrived, or the request failed.
    pub(super) fn answered(&mut self, ticket: RefreshTicket, answer: Result<Snapshot, Problem>, now: Now) {
        self.heard.asked = self.heard.asked.saturating_sub(1);
        match answer {
            Ok(snapshot) => {
                if self.changes.admits(ticket, now.ms) {
                    self.show(snapshot, now);
                } else {
                    self.not_shown(ticket, now);
                }
                self.effects.push(Effect::MayListen);
            }
            Err(problem) => {
                let is_current = self.changes.is_current(ticket);
                self.heard.goes_on_until = 0.0;
                self.resumes.clear();
                if is_current {
                    self.loading = Loading::Done;
                }
                self.not_shown(ticket, now);
                if is_current {
                    self.wait_as_told(&problem, now);
                    self.failures += 1;
                    self.trouble = Some(problem);
                    self.tick(now);
                    if self.is_signed_out() {
                        self.effects.push(Effect::Cut);
                    }
                }
            }
        }
    }

    /// A refresh failed, or its answer cannot be shown. Where a change made here is the reason, the page asks again
    /// once that change is answered.
    fn not_shown(&mut self, ticket: RefreshTicket, now: Now) {
        if self.heard.asked > 0 {
            return self.show_all(now);
        }
        self.heard.recent.clear();
        if self.changes.is_under_way(now.ms) {
            self.heard.owes = true;
            return;
        }
        self.show_all(now);
        if self.changes.is_outdated(ticket) {
            self.refresh(now);
        }
    }

    /// Shows the answer of a refresh.
    fn show(&mut self, snapshot: Snapshot, now: Now) {
        let Snapshot { mut page, mut overview, now: server } = snapshot;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time are below 2^53")]
        let server_ms = (server.as_micros() / 1_000) as f64;
        self.ahead = server_ms - now.ms;
        // For the user, rows waiting to be deleted are gone already.
        let address = Arc::clone(&self.address);
        for doomed in &mut self.doomed {
            match page.notifications.iter().position(|notification| notification.id == doomed.item.data.id) {
                Some(place) => doomed.item.data = page.notifications.remove(place),
                None => doomed.is_unsure = true,
            }
            // The numbers of an answer that was read before it was created never had it.
            let id = doomed.item.data.id;
            let is_it = |of: &live::Message| of.notification.as_ref().is_some_and(|it| it.id == id);
            let mut heard = self.heard.recent.iter().chain(&self.heard.waiting);
            let is_later = page.modseq.is_some()
                && heard.any(|of| of.kind == Kind::Created && of.modseq > page.modseq && is_it(of));
            if !is_later && address.shows(&doomed.item.data.user_id) {
                counting::remove(&mut overview, &doomed.item.data);
                counting::beside(&mut overview, &doomed.item.data.category, -i64::from(!doomed.item.data.is_read));
            }
        }
        if self.address.user_id.is_some() {
            counting::keep_recent(&mut overview, &self.overview);
        }
        // Rows that appear because of a click, or because the page can be read again, have not arrived.
        let is_new_view = self.loading != Loading::Done || self.read_at.is_none();
        let is_back = std::mem::take(&mut self.failures) > 0;
        self.trouble = None;
        self.age = 0;
        self.read_at = Some(server);
        self.next = page.next;
        self.heard.is_cut = false;
        self.overview = overview;
        self.show_list(&page.notifications, page.next.is_some(), is_new_view, now);
        if self.loading != Loading::Done {
            self.effects.push(Effect::Say(self.found()));
        }
        if is_back && !self.is_live {
            self.effects.push(Effect::Hurry);
        }
        counting::in_rows(&mut self.overview, &self.rows, -1);
        self.loading = Loading::Done;
        self.is_kept = true;
        self.note_beginning();
        self.show_resumed(now);
        let goes_on = now.ms < std::mem::take(&mut self.heard.goes_on_until);
        if let Some(next) = self.next.filter(|_| goes_on) {
            self.effects.push(Effect::Go(self.address.from(next.to_string())));
        }
        if page.modseq.is_some() {
            // The request was made after every change made here was answered.
            self.heard.echoes.clear();
        }
        self.show_again(page.modseq, now);
    }

    /// Brings the rows up to a fresh list: rows that stay keep their key, and with it their element, focus,
    /// selection and whether they are open.
    fn show_list(&mut self, notifications: &[Notification], more: bool, is_new_view: bool, now: Now) {
        let shown = std::mem::take(&mut self.rows);
        let returns = std::mem::take(&mut self.heard.returns);
        let hold = (!is_new_view || returns) && !now.is_at_top;
        let old_ids: Vec<_> = shown.iter().map(|row| row.data.id).collect();
        let fresh_ids: Vec<_> = notifications.iter().map(|notification| notification.id).collect();
        let plan = merge::merge(&old_ids, &fresh_ids, more, hold);
        let arrived = if is_new_view { 0 } else { plan.arrived };
        let mut all: Vec<_> = shown.iter().map(|row| (row.key, false)).collect();
        for (place, slot) in plan.slots.iter().enumerate() {
            if let Slot::Known { old, .. } | Slot::Beyond(old) = *slot {
                all[old].1 = true;
            }
            let row = match *slot {
                Slot::Known { old, fresh } => {
                    let fresh = notifications.get(fresh).cloned();
                    shown.get(old).cloned().zip(fresh).map(|(row, data)| Item { data, ..row })
                }
                Slot::Beyond(old) => shown.get(old).cloned(),
                Slot::New(fresh) => {
                    notifications.get(fresh).cloned().map(|notification| self.item(notification, place < arrived))
                }
            };
            self.rows.extend(row);
        }
        self.hand_on(&all);
        let known = std::mem::replace(&mut self.held, plan.held);
        self.heard.is_released &= known > 0;
        self.tell(if is_new_view { 0 } else { (arrived + plan.held).saturating_sub(known) }, now);
    }

    /// How much there is of what was asked for, as a screen reader is told.
    fn found(&self) -> String {
        let words = self.words;
        let (none, some) = match self.address.q {
            Some(_) => (words.no_results, words.results),
            None => (words.no_notifications, words.count_of_notifications),
        };
        let counted = || words.count(some, self.rows.len() as u64);
        match (self.rows.len(), self.next) {
            (0, None) => none.to_owned(),
            (_, None) => counted(),
            (_, Some(_)) => fill(words.and_more, &[&counted()]),
        }
    }

    /// Whether there is less than asked for: a filter hides so much that only a page further down
    /// has more.
    pub(crate) fn is_short(&self) -> bool {
        self.rows.len() < usize::from(self.limit)
    }

    /// Whether this page can show more older notifications; once it is full, only the next page can.
    pub(crate) fn can_grow(&self) -> bool {
        self.asked_for() < Limit::MAX
    }

    /// Whether the list grew over its end, so that only the server knows where it goes on.
    pub(crate) fn is_cut(&self) -> bool {
        self.heard.is_cut && self.further().is_none()
    }

    /// Shows more older notifications; where the list is as long as it can be, those where it goes on by then.
    pub(super) fn show_older(&mut self, now: Now) {
        if self.can_grow() {
            // Twice as many each time: a thousand rows are a few clicks away, not twenty.
            self.limit = self.asked_for().saturating_mul(2).min(Limit::MAX);
        } else {
            // Where the server is left alone, or the answer comes late, the user is elsewhere by then.
            self.heard.goes_on_until = if self.wait == 0 { now.ms + GOES_ON } else { 0.0 };
        }
        self.refresh(now);
    }

    fn asked_for(&self) -> u16 {
        u16::try_from(self.rows.len()).unwrap_or(Limit::MAX).max(self.limit)
    }

    /// Turns the page to another address, and to the place in its list where the user was before, if it is kept.
    /// Notifications that were seen in an inbox stay seen, and the tower knows when one last arrived.
    pub(super) fn turn_to(&mut self, address: Address, place: Option<Place>, now: Now) {
        self.changes.turn();
        self.limit = FIRST;
        self.resumes.clear();
        let another_inbox = self.address.user_id != address.user_id;
        let seen = self.heard.seen.filter(|_| !another_inbox);
        let StreamState { asked, asks_soon, arrived_at, .. } = self.heard;
        self.heard = StreamState { asked, asks_soon, arrived_at, seen, at: now.ms, ..StreamState::default() };
        let filter = address.filter();
        let is_page = address.before.is_some() || self.address.before.is_some();
        self.address = Arc::new(address);
        self.held = 0;
        self.trouble = None;
        // The user asks, and not the page by itself: they are told if they ask too often.
        self.wait = 0;
        self.refusal = None;
        self.next = None;
        self.loading = Loading::Begun;
        // What is known to belong there can be seen at once.
        counting::in_rows(&mut self.overview, &self.rows, 1);
        self.rows.retain(|row| !is_page && filter.as_ref().is_some_and(|filter| filter.admits(&row.data)));
        if another_inbox {
            let recent = std::mem::take(&mut self.overview.recent);
            self.overview = Overview { recent, ..Overview::default() };
        }
        self.beginning = None;
        self.effects.push(Effect::After(UNNOTICED, Message::IsSlow));
        if let Some(place) = place {
            self.limit = place.limit;
            self.beginning = place.beginning;
            self.next = place.next;
            self.rows = place.rows;
            // What was deleted since is gone, or about to be.
            let doomed = &self.doomed;
            self.rows.retain(|row| doomed.iter().all(|doomed| doomed.item.data.id != row.data.id));
            if another_inbox {
                let recent = std::mem::take(&mut self.overview.recent);
                self.overview = Overview { recent, ..place.overview };
            }
            // What came since then, the user has not seen.
            self.heard.seen = place.seen;
            self.heard.newer = place.newer;
            self.heard.returns = true;
            self.effects.extend(place.at.map(Effect::Show));
        }
        counting::in_rows(&mut self.overview, &self.rows, -1);
        self.unselect();
        self.refresh(now);
    }

    /// The list of the new address takes long to load.
    pub(super) fn is_slow(&mut self) {
        if self.loading == Loading::Begun {
            self.loading = Loading::Slow;
        }
    }

    /// Moves the clocks of the page.
    pub(super) fn tick(&mut self, now: Now) {
        let present = self.server_time(now.ms);
        if (present.as_micros() - self.clock.as_micros()).abs() >= CLOCK_STEP {
            self.clock = present;
        }
        if let Some(read_at) = self.read_at {
            self.age = (present.as_micros() - read_at.as_micros()) / 1_000_000;
        }
    }
}
