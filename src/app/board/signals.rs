//! The state of the page, as signals.

use leptos::prelude::*;

use super::{
    core::{At, Message, Now, Status, Submission, Toast, Typed, View, reduce},
    row::{Row, draw_rows, rows_of},
};
use crate::{
    app::{
        browser,
        live::Line,
        page::{Address, Initial},
        text::relative_time,
        words::Words,
    },
    model::{Code, NewNotification, Overview, Problem, Timestamp},
};

/// The state of the page. A copy is the same board.
#[derive(Clone, Copy)]
pub(crate) struct Board {
    /// The words of the page.
    pub(crate) words: &'static Words,
    /// Whether the viewer may see one inbox only.
    pub(crate) is_own: bool,
    /// Whether the viewer may send.
    pub(crate) may_send: bool,
    /// Whether the viewer is signed in.
    pub(crate) may_sign_out: bool,
    /// The time without a message after which a live stream sends a heartbeat, in milliseconds.
    pub(super) heartbeat_ms: f64,
    /// As [`View::address`].
    pub(crate) address: RwSignal<Address>,
    /// As [`View::rows`].
    pub(crate) rows: RwSignal<Vec<Row>>,
    /// As [`View::counted`].
    pub(crate) overview: RwSignal<Overview>,
    /// As [`View::trouble`].
    pub(crate) trouble: RwSignal<Option<Problem>>,
    /// As [`View::toasts`].
    pub(crate) toasts: RwSignal<Vec<Toast>>,
    /// As [`View::status`].
    pub(crate) status: RwSignal<Status>,
    /// Whether times are shown in the browser's time zone; else in UTC.
    pub(crate) is_local: RwSignal<bool>,
    /// Whether the browser has no network.
    pub(crate) is_offline: RwSignal<bool>,
    /// Whether the desktop announces arrivals while the page is hidden.
    pub(crate) notifies: RwSignal<bool>,
    /// The text that a screen reader announces.
    pub(crate) said: RwSignal<String>,
    /// Whether the composer is open, where it is a sheet.
    pub(crate) is_composing: RwSignal<bool>,
    /// Whether the user leaves the page once the server has answered the pending deletions.
    pub(super) is_leaving: StoredValue<bool>,
    /// The live connection, once a browser shows the page.
    pub(super) line: StoredValue<Option<Line<Self>>>,
    pub(super) view: StoredValue<View>,
    /// Whether the list is scrolled to its top, as it was when the user last scrolled.
    pub(super) is_at_top: StoredValue<Option<bool>>,
    /// Whether some rows of the view are not drawn yet.
    is_drawing: StoredValue<bool>,
    /// Where the user left the list, until its rows are drawn and it is scrolled there.
    pub(super) placing: StoredValue<Option<At>>,
    /// The id of the element that was to get the focus last, once the rows are drawn.
    pub(super) heir: StoredValue<Option<String>>,
    /// The id of the row that the keyboard left for a field.
    pub(crate) here: StoredValue<Option<String>>,
}

impl Board {
    /// The board with which the page arrives.
    pub(crate) fn new(initial: Initial) -> Self {
        let (viewer, heartbeat_seconds) = (initial.viewer.clone(), initial.heartbeat_seconds);
        let view = View::new(initial);
        Self {
            words: view.words,
            is_own: view.is_own,
            may_send: viewer.may_send,
            may_sign_out: viewer.may_sign_out,
            heartbeat_ms: 1_000.0 * f64::from(heartbeat_seconds),
            address: RwSignal::new(Address::clone(&view.address)),
            rows: RwSignal::new(rows_of(&view, &[], usize::MAX).0),
            overview: RwSignal::new(view.counted()),
            trouble: RwSignal::new(view.trouble.clone()),
            toasts: RwSignal::new(view.toasts.clone()),
            status: RwSignal::new(view.status()),
            is_local: RwSignal::new(false),
            is_offline: RwSignal::new(false),
            notifies: RwSignal::new(false),
            said: RwSignal::new(String::new()),
            is_composing: RwSignal::new(false),
            is_leaving: StoredValue::new(false),
            line: StoredValue::new(None),
            view: StoredValue::new(view),
            is_at_top: StoredValue::new(None),
            is_drawing: StoredValue::new(false),
            placing: StoredValue::new(None),
            heir: StoredValue::new(None),
            here: StoredValue::new(None),
        }
    }

    /// Hands an event to the core, and carries out the effects. In the browser only, like every caller of this.
    pub(crate) fn send(self, message: Message) {
        // Changes are heard often. Hearing one alters nothing visible yet; and to tell how far the list is scrolled,
        // the browser has to lay out the page.
        let is_unseen = matches!(message, Message::Heard(_) | Message::ShowSoon);
        let is_often = is_unseen || matches!(message, Message::ShowNext);
        let now = self.present(if is_often { self.is_at_top.get_value() } else { None });
        let mut effects = Vec::new();
        self.view.update_value(|view| effects = reduce(view, message, now));
        // What is about to go off the page is still on it, and may have the focus.
        self.carry_out(effects);
        if !is_unseen {
            self.draw();
        }
    }

    fn present(self, is_at_top: Option<bool>) -> Now {
        let is_at_top = is_at_top.unwrap_or_else(browser::is_at_top);
        self.is_at_top.set_value(Some(is_at_top));
        // Before the list is where the user left it, how far it is scrolled says nothing.
        let is_at_top = is_at_top && self.placing.get_value().is_none();
        Now { ms: browser::now_ms(), is_at_top, is_hidden: browser::is_hidden() }
    }

    /// Updates the signals from the view.
    pub(super) fn draw(self) {
        let (count, focused) = (self.rows.read_untracked().len(), browser::focused());
        self.view.with_value(|view| {
            if !draw_rows(self.rows, view, !browser::is_hidden()) && !self.is_drawing.get_value() {
                self.is_drawing.set_value(true);
                browser::after(0, move || {
                    self.is_drawing.set_value(false);
                    self.draw();
                });
            }
            draw(self.address, &*view.address);
            draw(self.overview, &view.counted());
            draw(self.trouble, &view.trouble);
            draw(self.toasts, &view.toasts);
            draw(self.status, &view.status());
        });
        // Where rows come or go, leptos may take others out of the page and put them back: what has the focus loses it.
        if count != self.rows.read_untracked().len()
            && let Some(focused) = focused
        {
            self.once_drawn(move || {
                if browser::is_focus_lost() {
                    browser::focus_in_place(&focused);
                }
            });
        }
    }

    /// Calls `f` once all rows are drawn, but not before this returns.
    pub(super) fn once_drawn(self, f: impl FnOnce() + 'static) {
        fn wait(board: Board, f: Box<dyn FnOnce()>) {
            browser::after(0, move || if board.is_drawing.get_value() { wait(board, f) } else { f() });
        }
        wait(self, Box::new(f));
    }

    /// Reads the view.
    pub(super) fn ask<T>(self, of: impl FnOnce(&View) -> T) -> T {
        self.view.with_value(of)
    }

    /// Shows a notification that is being sent, if it belongs here.
    pub(crate) fn submit(self, typed: Typed, new: NewNotification) -> Option<Submission> {
        let (fresh_key, now) = (browser::unique(), self.present(None));
        let mut submission = None;
        self.view.update_value(|view| submission = Some(view.submit(typed, new, fresh_key, now)));
        self.draw();
        submission
    }

    /// As [`View::confirmed`].
    pub(crate) fn confirmed(self) -> Option<Typed> {
        let mut confirmed = None;
        self.view.update_value(|view| confirmed = view.confirmed());
        confirmed
    }

    /// How far the clock of the shown times is ahead of UTC, in minutes.
    pub(crate) fn offset_minutes(self, moment: Timestamp) -> i32 {
        // Once local, it stays so; and a row that does not listen for it leaves nothing behind when it goes.
        let is_local = self.is_local.get_untracked() || self.is_local.get();
        if is_local { browser::offset_minutes(moment) } else { 0 }
    }

    /// The day of a moment, in the clock of the shown times.
    pub(crate) fn day(self, moment: Timestamp) -> i64 {
        relative_time::local_day(moment, self.offset_minutes(moment))
    }

    /// As [`Self::day`], for many moments close to each other: the browser takes a microsecond or two to tell its
    /// offset, which does not change within an hour of UTC.
    pub(crate) fn days(self) -> impl FnMut(Timestamp) -> i64 {
        const HOUR: i64 = 3_600_000_000;
        let mut known = None;
        move |moment| {
            let hour = moment.as_micros().div_euclid(HOUR);
            let offset = match known {
                Some((known, offset)) if known == hour => offset,
                _ => self.offset_minutes(moment),
            };
            known = Some((hour, offset));
            relative_time::local_day(moment, offset)
        }
    }

    /// As [`View::narrow`].
    pub(crate) fn narrow(self, address: Address) -> Address {
        self.ask(|view| view.narrow(address))
    }

    /// The URL of a path of the server, for the browser.
    pub(crate) fn at(self, path: &str) -> String {
        self.ask(|view| view.address.at(path))
    }

    /// As [`View::seen`].
    #[cfg(feature = "ssr")]
    pub(crate) fn seen(self) -> Option<u64> {
        self.ask(View::seen)
    }

    /// As [`View::is_short`].
    pub(crate) fn is_short(self) -> bool {
        self.ask(View::is_short)
    }

    /// Shows more older notifications; `false` where only the next page can.
    pub(crate) fn show_older(self) -> bool {
        let can = self.ask(|view| view.can_grow() || view.is_cut());
        if can {
            self.send(Message::ShowOlder);
        }
        can || self.go_further()
    }

    /// Marks the inbox as read; `false` where it cannot be.
    pub(crate) fn mark_all(self) -> bool {
        let can = self.ask(View::can_mark_all);
        if can {
            self.send(Message::MarkAll(self.place()));
        }
        can
    }

    /// The row with this key.
    pub(crate) fn row_with_key(self, key: i64) -> Option<Row> {
        self.rows.read_untracked().iter().find(|row| row.key == key).cloned()
    }

    /// The element to go back to from a field to which the keyboard went from a row: that row, or the first one.
    pub(crate) fn left(self) -> Option<String> {
        let row = self.here.try_update_value(Option::take).flatten()?;
        let first = || self.rows.read_untracked().first().map(Row::element_id);
        if browser::element(&row).is_some() { Some(row) } else { first() }
    }

    /// The problem that keeps the list from being up to date, if any.
    pub(crate) fn trouble_code(self) -> Option<Code> {
        self.trouble.read().as_ref().map(|problem| problem.code)
    }

    /// Has a screen reader announce this text, when it has nothing else to announce.
    pub(crate) fn say(self, text: impl Into<String>) {
        let mut text = text.into();
        // What is there already is said again only where it differs.
        if *self.said.read_untracked() == text {
            text.push('\u{a0}');
        }
        self.said.set(text);
    }
}

/// Puts a value into a signal; an equal value notifies no listener.
fn draw<T: Clone + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: &T) {
    if *signal.read_untracked() != *value {
        signal.set(value.clone());
    }
}
