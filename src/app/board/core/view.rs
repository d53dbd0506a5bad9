//! The state of the page, as plain data.

use std::sync::Arc;

use super::{
    changes::Changes,
    counting,
    item::{Item, Spot},
    mark::MarkUnderWay,
    message::Effect,
    place::{Beginning, Place},
    typed::Unconfirmed,
    undo::{Doomed, Toast},
};
use crate::{
    app::{
        live,
        page::{Address, FIRST, Initial, Refusal},
        words::Words,
    },
    model::{Cursor, Filter, Notification, NotificationId, Overview, Problem, Timestamp, UserId},
};

/// The state of the page: what it shows, and what it has to remember for that.
pub(crate) struct View {
    /// The words of the page.
    pub(crate) words: &'static Words,
    /// Whether the viewer may see one inbox only.
    pub(crate) is_own: bool,
    /// The address that is shown.
    pub(crate) address: Arc<Address>,
    /// The list, newest first.
    pub(crate) rows: Vec<Item>,
    /// The cursor at which the list continues.
    pub(crate) next: Option<Cursor>,
    /// How many new notifications wait above the list, because the user reads further down.
    pub(crate) held: usize,
    /// What stands beside the list. Of its categories it counts what the list does not show, see [`Self::counted`].
    pub(super) overview: Overview,
    /// Why the last refresh failed, if it did.
    pub(crate) trouble: Option<Problem>,
    /// How many seconds the server is still left alone, because it was asked too often.
    pub(crate) wait: u32,
    /// The form that led here and was refused.
    pub(crate) refusal: Option<Refusal>,
    /// When the list was read, by the server's clock.
    pub(crate) read_at: Option<Timestamp>,
    /// The present time, by the server's clock, to a quarter of a minute.
    pub(crate) clock: Timestamp,
    /// The age of the list, in seconds, while refreshing fails.
    pub(crate) age: i64,
    /// Whether the stream reports every change as it happens.
    pub(crate) is_live: bool,
    /// Whether it is known by now that the page is kept up to date, and how.
    pub(crate) is_kept: bool,
    /// Whether the list belongs to the address.
    pub(crate) loading: Loading,
    /// The messages at the edge of the page.
    pub(crate) toasts: Vec<Toast>,
    /// How many refreshes failed since the last one that did not.
    pub(super) failures: u32,
    /// How many periods went by since the page asked by itself.
    pub(super) periods: u32,
    /// After how long a silence a live stream says where it is, in milliseconds.
    pub(super) heartbeat_ms: f64,
    pub(super) places: Vec<Place>,
    pub(super) beginning: Option<Beginning>,
    /// Where the user was who came back from another page, as [`Self::kept`] has it.
    pub(super) resumes: String,
    pub(super) changes: Changes,
    pub(super) heard: StreamState,
    /// Whether the user points at the messages, or has the focus there: they stay.
    pub(super) is_attended: bool,
    pub(super) doomed: Vec<Doomed>,
    /// The rows selected last: the key of the one that the user began with, and of the one up to which they went.
    pub(super) range: Option<(i64, i64)>,
    pub(super) marks: Vec<MarkUnderWay>,
    pub(super) unconfirmed: Option<Unconfirmed>,
    pub(super) next_key: i64,
    /// How many notifications are asked for.
    pub(super) limit: u16,
    /// How far the server's clock is ahead of the browser's, in milliseconds.
    pub(super) ahead: f64,
    /// The end of the time for which the server is left alone, in milliseconds of the browser's clock.
    pub(super) wait_until: f64,
    /// How many arrivals were not announced to a screen reader yet.
    pub(super) untold: usize,
    /// The effects of the message that is being applied.
    pub(super) effects: Vec<Effect>,
}

/// What is small of the state and changes seldom. Each type that the page listens to by itself would cost what it loads a
/// quarter of a kilobyte.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    /// As [`View::next`].
    pub(crate) next: Option<Cursor>,
    /// As [`View::held`].
    pub(crate) held: usize,
    /// As [`View::selected`].
    pub(crate) selected: usize,
    /// As [`View::wait`].
    pub(crate) wait: u32,
    /// As [`View::refusal`].
    pub(crate) refusal: Option<Refusal>,
    /// Whether the list was read.
    pub(crate) is_read: bool,
    /// As [`View::clock`].
    pub(crate) clock: Timestamp,
    /// As [`View::age`].
    pub(crate) age: i64,
    /// As [`View::is_live`].
    pub(crate) is_live: bool,
    /// As [`View::is_kept`].
    pub(crate) is_kept: bool,
    /// As [`View::loading`].
    pub(crate) loading: Loading,
}

/// Whether the list belongs to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loading {
    /// It belongs to the address.
    Done,
    /// It is being loaded.
    Begun,
    /// Loading takes so long that the page should show it.
    Slow,
}

/// Changes that the stream reported and that are not shown yet, or may have to be shown again.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    /// The position: everything up to this change is shown, or in `waiting`.
    pub(super) position: Option<u64>,
    /// No notification created up to this change waits above the list.
    pub(super) seen: Option<u64>,
    /// Notifications of the list that may have been created later.
    pub(super) newer: Vec<NotificationId>,
    /// When the last message was heard, or the page began to listen, in milliseconds.
    pub(super) at: f64,
    pub(super) waiting: Vec<live::Message>,
    /// Messages shown while an answer was under way, which may not have them.
    pub(super) recent: Vec<live::Message>,
    /// Changes that were made here and answered, which the stream will report too.
    pub(super) echoes: Vec<Echo>,
    /// How many answers are under way.
    pub(super) asked: usize,
    /// When the newest of them was asked for, in milliseconds.
    pub(super) asked_at: f64,
    /// Whether the list comes back to the place where the user was.
    pub(super) returns: bool,
    /// When a notification last arrived, in milliseconds.
    pub(super) arrived_at: f64,
    pub(super) is_shown_soon: bool,
    pub(super) shown_at: f64,
    pub(super) asks_soon: bool,
    /// Whether the list grew over its end, so that the page does not know where it continues.
    pub(super) is_cut: bool,
    /// Until when the user wants to go on with what is older once it is known where, in milliseconds.
    pub(super) goes_on_until: f64,
    /// Whether the page owes a request, because a change under way kept it from asking.
    pub(super) owes: bool,
    /// Whether the page asked for the waiting notifications because the user scrolled up to them.
    pub(super) is_released: bool,
}

/// A change made here, as the stream will report it.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) kind: live::Kind,
    pub(super) id: NotificationId,
    pub(super) user_id: UserId,
}

impl View {
    /// The state with which the page arrives.
    pub(crate) fn new(initial: Initial) -> Self {
        let Initial { address, snapshot, refusal, heartbeat_seconds, words, .. } = initial;
        let (snapshot, trouble) = match snapshot {
            Ok(snapshot) => (Some(snapshot), None),
            Err(problem) => (None, Some(problem)),
        };
        let now = snapshot.as_ref().map(|snapshot| snapshot.now);
        let (page, overview) = snapshot.map_or((None, None), |read| (Some(read.page), Some(read.overview)));
        let next = page.as_ref().and_then(|page| page.next);
        let position = page.as_ref().and_then(|page| page.modseq);
        let mut view = Self {
            words,
            is_own: address.is_own,
            address: Arc::new(address),
            rows: Vec::new(),
            next,
            held: 0,
            overview: overview.unwrap_or_default(),
            trouble,
            wait: 0,
            refusal,
            read_at: now,
            clock: now.unwrap_or(Timestamp::EPOCH),
            age: 0,
            is_live: false,
            is_kept: false,
            loading: Loading::Done,
            toasts: Vec::new(),
            failures: 0,
            periods: 0,
            heartbeat_ms: 1_000.0 * f64::from(heartbeat_seconds),
            places: Vec::new(),
            beginning: None,
            resumes: String::new(),
            changes: Changes::default(),
            heard: StreamState { position, seen: position, ..StreamState::default() },
            is_attended: false,
            doomed: Vec::new(),
            range: None,
            marks: Vec::new(),
            unconfirmed: None,
            next_key: 0,
            limit: FIRST,
            ahead: 0.0,
            wait_until: 0.0,
            untold: 0,
            effects: Vec::new(),
        };
        let notifications = page.map(|page| page.notifications).unwrap_or_default();
        view.rows = notifications.into_iter().map(|notification| view.item(notification, false)).collect();
        counting::in_rows(&mut view.overview, &view.rows, -1);
        view
    }

    /// The small parts of it.
    pub(crate) fn status(&self) -> Status {
        Status {
            next: self.next,
            held: self.held,
            selected: self.selected(),
            wait: self.wait,
            refusal: self.refusal.clone(),
            is_read: self.read_at.is_some(),
            clock: self.clock,
            age: self.age,
            is_live: self.is_live,
            is_kept: self.is_kept,
            loading: self.loading,
        }
    }

    /// What stands beside the list. What is unread in the list itself is counted anew each time: so its categories follow
    /// whatever becomes of a row.
    pub(crate) fn counted(&self) -> Overview {
        let mut overview = self.overview.clone();
        counting::in_rows(&mut overview, &self.rows, 1);
        overview
    }

    /// What an address shows here: a user stays in the own inbox, and each viewer on this server.
    pub(crate) fn narrow(&self, address: Address) -> Address {
        let address = Address { base: self.address.base.clone(), ..address };
        match &self.address.user_id {
            Some(own) if self.is_own => address.in_own_inbox(own),
            _ => address,
        }
    }

    /// The filter of the address; everything while the address is not valid.
    pub(crate) fn filter(&self) -> Filter {
        self.address.filter().unwrap_or_default()
    }

    /// Converts a time of the browser's clock, in milliseconds, to the server's clock.
    pub(super) fn server_time(&self, ms: f64) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time fit")]
        let micros = (ms + self.ahead) as i64 * 1_000;
        Timestamp::from_micros(micros).unwrap_or(self.clock)
    }

    /// A key that no row has had; later ones are greater.
    pub(super) fn take_key(&mut self) -> i64 {
        let key = self.next_key;
        self.next_key += 1;
        key
    }

    /// A new row.
    pub(super) fn item(&mut self, data: Notification, arrives: bool) -> Item {
        Item { key: self.take_key(), data, is_open: false, is_selected: false, is_sending: false, arrives }
    }

    /// The place of the row with this key.
    pub(super) fn place_of(&self, key: i64) -> Option<usize> {
        self.rows.iter().position(|row| row.key == key)
    }

    /// The place of the row with this notification.
    pub(super) fn place_with(&self, id: NotificationId) -> Option<usize> {
        self.rows.iter().position(|row| row.data.id == id)
    }

    /// Whether this notification is about to be deleted.
    pub(super) fn is_doomed(&self, id: NotificationId) -> bool {
        self.doomed.iter().any(|doomed| doomed.item.data.id == id)
    }

    /// Whether the numbers beside the list count this user's notifications.
    pub(super) fn is_in_scope(&self, user_id: &UserId) -> bool {
        self.address.shows(user_id)
    }

    /// Opens or closes a long text.
    pub(super) fn toggle(&mut self, key: i64) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == key) {
            row.is_open = !row.is_open;
        }
    }

    /// The place for a notification that returns: between its former neighbours, if one of them is still in the list.
    pub(super) fn place_at(&self, spot: Spot, of: &Notification) -> Option<usize> {
        let place = |key: Option<i64>| key.and_then(|key| self.place_of(key));
        let (above, below) = (place(spot.above), place(spot.below));
        let (first, last) = (above.map_or(0, |above| above + 1), below.unwrap_or(self.rows.len()));
        above.or(below).map(|_| self.place_in_order(of).max(first).min(last))
    }

    /// The place for a notification of which only the time is known: newest first, and rows being sent stay on top.
    pub(super) fn place_in_order(&self, of: &Notification) -> usize {
        let is_older = |row: &Item| !row.is_sending && (row.data.timestamp, row.data.id) < (of.timestamp, of.id);
        self.rows.iter().position(is_older).unwrap_or(self.rows.len())
    }

    /// Puts a row back in its place, unless a refresh has done so already.
    pub(super) fn put_back(&mut self, item: Item, spot: Spot) {
        if self.place_with(item.data.id).is_none() {
            let place = self.place_at(spot, &item.data).unwrap_or_else(|| self.place_in_order(&item.data));
            self.rows.insert(place, Item { is_selected: false, ..item });
        }
    }
}
