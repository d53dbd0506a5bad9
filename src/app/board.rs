//! What the page knows while it is open.

mod changes;
mod counting;
mod deleting;
mod desktop;
mod following;
mod hearing;
mod marking;
mod merge;
mod refresh;
mod sending;
mod showing;
mod toasts;
mod waiting;

use leptos::prelude::*;

use self::{changes::Changes, hearing::Heard, marking::ReadAll};
pub(super) use self::{
    changes::{Change, Ticket},
    deleting::Doomed,
    sending::{Typed, Unconfirmed, may_be_sent},
    toasts::{TOO_MANY, Toast, Undo, explain},
};
use super::{
    browser,
    live::Line,
    page::{Address, FIRST, Initial, Refusal},
    text::relative_time,
};
use crate::model::{Cursor, Filter, Notification, NotificationId, Overview, Problem, Timestamp};

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
