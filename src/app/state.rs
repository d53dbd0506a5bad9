//! What the page knows while it is open.

mod changes;
mod counting;
mod deleting;
mod hearing;
mod marking;
mod merge;
mod sending;
mod toasts;
mod waiting;

use leptos::prelude::*;

use self::{changes::Changes, hearing::Heard, marking::ReadAll, merge::Slot};
pub(super) use self::{
    changes::{Change, Ticket},
    deleting::Doomed,
    sending::{Typed, Unconfirmed, may_be_sent},
    toasts::{TOO_MANY, Toast, Undo, explain},
};
use super::{
    address::Address,
    browser,
    initial::{FIRST, Initial, Snapshot},
    live::Line,
    refusal::Refusal,
    relative_time,
};
use crate::model::{Cursor, Filter, Limit, Notification, NotificationId, Overview, Problem, Timestamp};

/// One notification on the page. A clone is the same row.
#[derive(Clone)]
pub(super) struct Row {
    /// Stays the same while the row is shown, also when a row that is being sent gets its id.
    pub(super) key: i64,
    /// What it shows.
    pub(super) data: ArcRwSignal<Notification>,
    /// Whether a long text is shown in full.
    pub(super) is_open: ArcRwSignal<bool>,
    /// Whether the server has not answered yet whether it takes it.
    pub(super) is_sending: ArcRwSignal<bool>,
    /// Whether it slides in.
    pub(super) arrives: bool,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Row {
    fn new(key: i64, notification: Notification, arrives: bool) -> Self {
        Self {
            key,
            data: ArcRwSignal::new(notification),
            is_open: ArcRwSignal::new(false),
            is_sending: ArcRwSignal::new(false),
            arrives,
        }
    }

    /// The id of its element.
    pub(super) fn element_id(&self) -> String {
        format!("row-{}", self.key)
    }

    /// The id of its notification.
    pub(super) fn id(&self) -> NotificationId {
        self.data.read_untracked().id
    }
}

/// Whether the list belongs to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loading {
    /// It does.
    Done,
    /// It will in a moment.
    Begun,
    /// It takes so long that the page should show it.
    Slow,
}

/// What the page knows. A copy is the same board.
#[derive(Clone, Copy)]
pub(super) struct Board {
    /// Whether the viewer may see one inbox only.
    pub(super) is_own: bool,
    /// Whether the viewer may send.
    pub(super) may_send: bool,
    /// Whether the viewer is signed in.
    pub(super) may_sign_out: bool,
    /// After how long a silence a live stream says where it is, in milliseconds.
    pub(super) heartbeat_ms: f64,
    /// What is asked for.
    pub(super) address: RwSignal<Address>,
    /// The list, newest first.
    pub(super) rows: RwSignal<Vec<Row>>,
    /// Where the list goes on.
    pub(super) next: RwSignal<Option<Cursor>>,
    /// How many new ones wait above the list, because the user reads further down.
    pub(super) held: RwSignal<usize>,
    /// What stands beside the list.
    pub(super) overview: RwSignal<Overview>,
    /// Why the last refresh failed, if it did.
    pub(super) trouble: RwSignal<Option<Problem>>,
    /// How many seconds the server is still left alone, because it was asked too often.
    pub(super) wait: RwSignal<u32>,
    /// The form that led here and was refused.
    pub(super) refusal: RwSignal<Option<Refusal>>,
    /// When what is shown was true.
    pub(super) read_at: RwSignal<Option<Timestamp>>,
    /// The present, by the server's clock, to a quarter of a minute.
    pub(super) clock: RwSignal<Timestamp>,
    /// How many seconds old what is shown is, while refreshing fails.
    pub(super) age: RwSignal<i64>,
    /// Whether times are shown in the browser's time zone; in UTC before.
    pub(super) is_local: RwSignal<bool>,
    /// Whether the browser has no network.
    pub(super) is_offline: RwSignal<bool>,
    /// Whether the page is told of every change as it happens.
    pub(super) is_live: RwSignal<bool>,
    /// Whether the desktop shows what arrives while the page is hidden.
    pub(super) notifies: RwSignal<bool>,
    /// Whether the list belongs to the address.
    pub(super) loading: RwSignal<Loading>,
    /// The messages at the edge of the page.
    pub(super) toasts: RwSignal<Vec<Toast>>,
    /// What a screen reader is told.
    pub(super) said: RwSignal<String>,
    /// Whether the composer is open where it is a sheet.
    pub(super) is_composing: RwSignal<bool>,
    /// What the page listens to, once a browser shows it.
    pub(super) line: StoredValue<Option<Line<Self>>>,
    book: StoredValue<Book>,
}

/// What the page has to remember and does not show.
struct Book {
    changes: Changes,
    heard: Heard,
    doomed: Vec<Doomed>,
    unconfirmed: Option<Unconfirmed>,
    next_key: i64,
    /// How many notifications are asked for.
    limit: u16,
    /// How far the server's clock is ahead of the browser's, in milliseconds.
    ahead: f64,
    /// Until when the server is left alone, in milliseconds of the browser's clock.
    wait_until: f64,
    /// New ones that were not announced yet.
    untold: usize,
}

impl Board {
    /// The page as it arrives.
    pub(super) fn new(initial: Initial) -> Self {
        let Initial { viewer, address, snapshot, refusal, heartbeat_seconds } = initial;
        let (snapshot, trouble) = match snapshot {
            Ok(snapshot) => (Some(snapshot), None),
            Err(problem) => (None, Some(problem)),
        };
        let now = snapshot.as_ref().map(|snapshot| snapshot.now);
        let (page, overview) = snapshot.map_or((None, None), |read| (Some(read.page), Some(read.overview)));
        let next = page.as_ref().and_then(|page| page.next);
        let position = page.as_ref().and_then(|page| page.modseq);
        let notifications = page.map(|page| page.notifications).unwrap_or_default();
        let rows: Vec<Row> = (0..).zip(notifications).map(|(key, found)| Row::new(key, found, false)).collect();
        let next_key = rows.last().map_or(0, |row| row.key + 1);
        Self {
            is_own: address.is_own,
            may_send: viewer.may_send,
            may_sign_out: viewer.may_sign_out,
            heartbeat_ms: 1_000.0 * f64::from(heartbeat_seconds),
            address: RwSignal::new(address),
            rows: RwSignal::new(rows),
            next: RwSignal::new(next),
            held: RwSignal::new(0),
            overview: RwSignal::new(overview.unwrap_or_default()),
            trouble: RwSignal::new(trouble),
            wait: RwSignal::new(0),
            refusal: RwSignal::new(refusal),
            read_at: RwSignal::new(now),
            clock: RwSignal::new(now.unwrap_or_else(|| Timestamp::new(chrono::DateTime::UNIX_EPOCH))),
            age: RwSignal::new(0),
            is_local: RwSignal::new(false),
            is_offline: RwSignal::new(false),
            is_live: RwSignal::new(false),
            notifies: RwSignal::new(false),
            loading: RwSignal::new(Loading::Done),
            toasts: RwSignal::new(Vec::new()),
            said: RwSignal::new(String::new()),
            is_composing: RwSignal::new(false),
            line: StoredValue::new(None),
            book: StoredValue::new(Book {
                changes: Changes::default(),
                heard: Heard::at(position),
                doomed: Vec::new(),
                unconfirmed: None,
                next_key,
                limit: FIRST,
                ahead: 0.0,
                wait_until: 0.0,
                untold: 0,
            }),
        }
    }

    /// How far the clock that times are shown in is ahead of UTC.
    pub(super) fn offset_minutes(self, moment: Timestamp) -> i32 {
        if self.is_local.get() { browser::offset_minutes(moment) } else { 0 }
    }

    /// Which day a moment belongs to.
    pub(super) fn day(self, moment: Timestamp) -> i64 {
        relative_time::local_day(moment, self.offset_minutes(moment))
    }

    /// The same for many moments that are close to each other: the browser takes a microsecond or
    /// two to say how far its clock is ahead, and within an hour of UTC that does not change.
    pub(super) fn days(self) -> impl FnMut(Timestamp) -> i64 {
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

    /// What an address shows here: a user stays in the own inbox, and each viewer on this server.
    pub(super) fn narrow(self, address: Address) -> Address {
        let here = self.address.read_untracked();
        let address = Address { base: here.base.clone(), ..address };
        match &here.user_id {
            Some(own) if self.is_own => address.in_own_inbox(own),
            _ => address,
        }
    }

    /// Where the browser finds what the server has at this path.
    pub(super) fn at(self, path: &str) -> String {
        self.address.read_untracked().at(path)
    }

    /// The filter of the address; everything while it is not legal.
    pub(super) fn filter(self) -> Filter {
        self.address.read_untracked().filter().unwrap_or_default()
    }

    /// The row with this notification.
    pub(super) fn row(self, id: NotificationId) -> Option<Row> {
        self.rows.read_untracked().iter().find(|row| row.id() == id).cloned()
    }

    /// The row with this key.
    pub(super) fn row_with_key(self, key: i64) -> Option<Row> {
        self.rows.read_untracked().iter().find(|row| row.key == key).cloned()
    }

    /// The present by the server's clock.
    pub(super) fn now(self) -> Timestamp {
        let ahead = self.book.with_value(|book| book.ahead);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time fit")]
        let micros = (browser::now_ms() + ahead) as i64 * 1_000;
        Timestamp::from_micros(micros).unwrap_or(self.clock.get_untracked())
    }

    /// Tells a screen reader something when it has nothing else to say.
    pub(super) fn say(self, text: impl Into<String>) {
        self.said.set(text.into());
    }

    /// Begins a change that the server has to confirm.
    pub(super) fn begin(self) -> Change {
        let mut change = None;
        self.book.update_value(|book| change = Some(book.changes.begin(browser::now_ms())));
        change.unwrap_or_default()
    }

    /// A change was answered: what the server has may be shown again.
    pub(super) fn settle(self, change: Change) {
        self.book.update_value(|book| book.changes.settle(change));
        self.refresh();
    }

    /// Notes that a refresh begins; nothing while a change is under way, or the server is to be left
    /// alone, because the end of either refreshes.
    pub(super) fn ticket(self) -> Option<(Ticket, u16)> {
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
    pub(super) fn show(self, ticket: Ticket, snapshot: Snapshot) {
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
    pub(super) fn is_current(self, ticket: Ticket) -> bool {
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
    pub(super) fn release(self) {
        browser::scroll_to_top();
        browser::focus("inbox-name");
        self.refresh();
    }

    /// Whether there is less than asked for: a filter hides so much that only a page further down
    /// has more.
    pub(super) fn is_short(self) -> bool {
        self.rows.read_untracked().len() < self.book.with_value(|book| usize::from(book.limit))
    }

    /// Shows more of what is older; a page further down once a page holds no more.
    pub(super) fn show_older(self) -> bool {
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
    pub(super) fn turn(self, address: Address) {
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

    /// A key that no row has yet; those made later are greater.
    pub(super) fn next_key(self) -> i64 {
        let mut key = 0;
        self.book.update_value(|book| {
            key = book.next_key;
            book.next_key += 1;
        });
        key
    }

    /// Tells a screen reader how many arrived, at most every few seconds.
    fn tell(self, arrived: usize) {
        const PAUSE: u32 = 4_000;
        if arrived == 0 {
            return;
        }
        let mut waits = false;
        self.book.update_value(|book| {
            waits = book.untold > 0;
            book.untold += arrived;
        });
        if waits {
            return;
        }
        browser::after(PAUSE, move || {
            let mut arrived = 0;
            self.book.update_value(|book| arrived = std::mem::take(&mut book.untold));
            self.say(if arrived == 1 {
                "1 new notification".to_owned()
            } else {
                format!("{arrived} new notifications")
            });
        });
    }
}
