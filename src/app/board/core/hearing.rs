//! Shows each change as the stream reports it. Changes that only a refresh can show lead to a request, but not one for
//! each.

use super::{
    counting,
    item::Item,
    message::{Effect, Message, Now},
    undo::Doomed,
    view::{Echo, Loading, View},
};
use crate::{
    app::live::{self, Kind},
    model::{Filter, Notification, NotificationId, UserId},
};

/// How long the page is left alone after it changed, in milliseconds: to lay it out anew takes most of a frame.
const PAUSE: f64 = 100.0;
/// How many new rows may wait before they are shown all at once.
///
/// One row that is put on top of many costs nothing; with two at once, leptos takes those below out
/// of their block and puts them back, which begins their arrival anew.
const ONE_BY_ONE: usize = 64;
/// How long to wait before asking for data that the changes do not carry, in milliseconds.
const SOON: u32 = 1_500;
/// How many rows a page has, at most.
pub(super) const MOST_ROWS: usize = 1_000;
/// How many of the changes made here are remembered, to recognise them when the stream reports them.
const MOST_ECHOES: usize = 2 * MOST_ROWS;

/// The state while one group of changes is shown.
struct Shown {
    filter: Filter,
    /// Whether the list begins with the newest.
    is_head: bool,
    /// Whether new notifications wait above the list.
    waits: bool,
    /// Whether the numbers beside the list follow.
    counts: bool,
    arrived: Vec<NotificationId>,
    held: usize,
    /// Whether the changes leave something open that only the server knows.
    asks: bool,
}

impl View {
    /// The change number from which to follow the inbox that is shown; none where all are.
    pub(crate) fn position(&self) -> Option<u64> {
        self.heard.position
    }

    /// The change number up to which the user could see every created notification; none where all inboxes are shown.
    /// Notifications that the page left out came later.
    pub(crate) fn seen(&self) -> Option<u64> {
        self.heard.seen
    }

    /// Whether the notification of a row was created by the change that [`Self::seen`] names, or before.
    pub(super) fn is_seen(&self, row: &Item) -> bool {
        !row.is_sending && !self.heard.newer.contains(&row.data.id)
    }

    /// Notes that the list has every notification created up to this change, unless some wait above. Those in `arrived`
    /// have just come into the list.
    pub(super) fn saw(&mut self, change: Option<u64>, arrived: Vec<NotificationId>) {
        if self.held > 0 {
            self.heard.newer.extend(arrived);
        } else {
            self.heard.seen = self.heard.seen.max(change);
            self.heard.newer.clear();
        }
    }

    /// Notes a change made here to a notification of this user, if the stream will report it too.
    pub(super) fn expect(&mut self, kind: Kind, user_id: &UserId, id: NotificationId) {
        if self.is_live && self.is_in_scope(user_id) {
            self.heard.echoes.push(Echo { kind, id, user_id: user_id.clone() });
            if self.heard.echoes.len() > MOST_ECHOES {
                self.heard.echoes.remove(0);
            }
        }
    }

    /// The stream reported a change.
    pub(super) fn hear(&mut self, message: live::Message, now: Now) {
        self.heard.at = now.ms;
        // A change that arrives twice, here and by way of another tab, is shown once.
        if message.user_id.is_none() {
            if message.modseq <= self.heard.position {
                return;
            }
            self.heard.position = message.modseq;
        }
        self.heard.waiting.push(message);
        // A stream that was silent for too long may have left something out.
        let was_silent = !std::mem::replace(&mut self.is_live, true);
        if self.ends_trouble(false) || was_silent {
            self.ask_soon();
        }
        if std::mem::replace(&mut self.heard.is_shown_soon, true) {
            return;
        }
        let wait = (self.heard.shown_at + PAUSE - now.ms).clamp(0.0, PAUSE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a tenth of a second")]
        let wait = wait as u32;
        self.effects.push(Effect::After(wait, Message::ShowSoon));
    }

    /// Shows the waiting changes with the next frame: each new row by a call of its own, between which the page
    /// changes.
    pub(super) fn show_soon(&mut self, now: Now) {
        self.heard.is_shown_soon = false;
        self.heard.shown_at = now.ms;
        let calls = self.heard.waiting.iter().filter(|message| message.kind == Kind::Created).count().max(1);
        for _ in 0..if calls > ONE_BY_ONE { 1 } else { calls } {
            self.effects.push(Effect::NextFrame(Message::ShowNext));
        }
    }

    /// Shows the next waiting changes, unless a change made here is not answered: its answer comes first.
    pub(super) fn show_next(&mut self, now: Now) {
        let new = |(place, message): (usize, &live::Message)| (message.kind == Kind::Created).then_some(place);
        let mut new = self.heard.waiting.iter().enumerate().filter_map(new);
        // Up to the second new notification.
        let some = match (new.nth(1), new.count()) {
            (Some(second), more) if more <= ONE_BY_ONE => second,
            _ => self.heard.waiting.len(),
        };
        self.show_heard(some, now);
    }

    /// Shows all waiting changes.
    pub(super) fn show_all(&mut self, now: Now) {
        self.show_heard(self.heard.waiting.len(), now);
    }

    fn show_heard(&mut self, some: usize, now: Now) {
        // What belongs to the address is not known before the answer; on top of that it is shown.
        if some == 0 || self.changes.is_under_way(now.ms) || self.loading != Loading::Done {
            return;
        }
        let messages: Vec<_> = self.heard.waiting.drain(..some).collect();
        if self.heard.asked > 0 {
            self.heard.recent.extend(messages.iter().cloned());
        }
        self.show_messages(messages, true, now);
    }

    /// An answer that was read at this change number is shown now: shows the changes heard since once more.
    pub(super) fn show_again(&mut self, read_at: Option<u64>, now: Now) {
        let heard = &mut self.heard;
        heard.position = read_at.map(|read_at| heard.position.map_or(read_at, |heard| heard.max(read_at)));
        let mut again = std::mem::take(&mut heard.recent);
        again.append(&mut heard.waiting);
        // The next answer may lack them too.
        if heard.asked > 0 {
            heard.recent.clone_from(&again);
        }
        if let Some(read_at) = read_at {
            again.retain(|message| message.modseq > Some(read_at));
            self.saw(Some(read_at), Vec::new());
        }
        if !again.is_empty() {
            // Where all inboxes are shown, the numbers beside the list may include them or not.
            self.show_messages(again, read_at.is_some(), now);
            if read_at.is_none() {
                self.ask_soon();
            }
        }
    }

    fn show_messages(&mut self, messages: Vec<live::Message>, counts: bool, now: Now) {
        let filter = self.filter();
        let holds = !now.is_at_top;
        let mut shown = Shown {
            is_head: self.address.before.is_none(),
            // Notifications that come while others wait above are newer than those, and wait with them.
            waits: holds || self.held > 0,
            counts,
            arrived: Vec::new(),
            held: 0,
            asks: false,
            filter,
        };
        let one_inbox = shown.filter.user_id.is_some();
        let last = messages.iter().filter_map(|message| message.modseq).max();
        for message in messages {
            let count = message.unread_count.zip(message.user_id.clone().or_else(|| shown.filter.user_id.clone()));
            match (message.kind, message.notification) {
                (kind @ (Kind::Created | Kind::Updated), Some(notification)) if self.is_doomed(notification.id) => {
                    let is_own = self.is_echo(kind, notification.id);
                    // If it is put back, it shows this newer state, unless the user has marked it once more since.
                    let is_old = is_own && self.expects(kind, notification.id);
                    let is_it = |doomed: &&mut Doomed| !is_old && doomed.item.data.id == notification.id;
                    if let Some(doomed) = self.doomed.iter_mut().find(is_it) {
                        doomed.item.data = notification;
                    }
                }
                (Kind::Created, Some(notification)) => self.show_created(notification, &mut shown),
                (Kind::Updated, Some(notification)) => self.show_updated(notification, &mut shown),
                (Kind::AllRead, _) => {
                    let of = message.user_id.as_ref();
                    let is_of = |item: &Item| of.is_none_or(|of| item.data.user_id == *of);
                    let doomed = self.doomed.iter_mut().map(|doomed| &mut doomed.item);
                    for item in self.rows.iter_mut().chain(doomed).filter(|item| is_of(item)) {
                        item.data.is_read = true;
                    }
                    if shown.filter.unread {
                        drop(self.take_rows(&is_of));
                    }
                    if one_inbox {
                        self.overview.categories.iter_mut().for_each(|(_, count)| *count = 0);
                    }
                    shown.asks |= !one_inbox;
                }
                (Kind::Deleted, _) => {
                    if let Some(id) = message.id {
                        self.show_deleted(id, &mut shown);
                    }
                }
                _ => {}
            }
            // Until the stream has reported every change made here to an inbox, its count is older than those.
            let is_present = |user_id: &UserId| !self.heard.echoes.iter().any(|echo| echo.user_id == *user_id);
            if let Some((unread_count, user_id)) = count.filter(|(_, user_id)| shown.counts && is_present(user_id)) {
                let is_counted = |doomed: &&Doomed| !doomed.item.data.is_read && doomed.item.data.user_id == user_id;
                let doomed = self.doomed.iter().filter(is_counted).count() as u64;
                let unread_count = unread_count.saturating_sub(doomed);
                counting::set_inbox(&mut self.overview, &user_id, unread_count);
                if one_inbox {
                    self.overview.unread_count = unread_count;
                }
            }
        }
        if self.rows.len() > MOST_ROWS {
            let last = self.rows.iter().enumerate().skip(MOST_ROWS - 1);
            let last: Vec<_> = last.map(|(place, row)| (row.key, place < MOST_ROWS)).collect();
            self.hand_on(&last);
            let beyond = self.rows.split_off(MOST_ROWS);
            counting::in_rows(&mut self.overview, &beyond, 1);
            self.heard.is_cut = true;
        }
        if shown.held > 0 {
            self.heard.is_released &= self.held > 0;
            self.held += shown.held;
            shown.asks |= !holds;
        }
        self.read_at = Some(self.server_time(now.ms));
        self.tell(shown.arrived.len() + shown.held, now);
        if one_inbox {
            self.saw(last, shown.arrived);
        }
        if shown.asks {
            self.ask_soon();
        }
    }

    fn show_created(&mut self, notification: Notification, shown: &mut Shown) {
        let is_own = self.is_echo(Kind::Created, notification.id);
        if let Some(place) = self.place_with(notification.id) {
            return self.show_known(place, notification, shown);
        }
        if is_own {
            // It was counted when it was sent, and is shown in its place.
            return;
        }
        if shown.counts {
            counting::add(&mut self.overview, &notification);
        }
        let belongs = shown.is_head && shown.filter.admits(&notification);
        let waits = shown.waits && !self.rows.is_empty();
        if shown.counts && (waits || !belongs) {
            counting::beside(&mut self.overview, &notification.category, i64::from(!notification.is_read));
        }
        if !belongs {
            return;
        }
        if waits {
            shown.held += 1;
        } else {
            shown.arrived.push(notification.id);
            // Newest first, and rows that are being sent stay on top.
            let sending = self.rows.iter().take_while(|row| row.is_sending).count();
            let item = self.item(notification, true);
            self.rows.insert(sending, item);
        }
    }

    fn show_updated(&mut self, notification: Notification, shown: &mut Shown) {
        let is_own = self.is_echo(Kind::Updated, notification.id);
        // The user has marked it once more since.
        if is_own && self.expects(Kind::Updated, notification.id) {
            return;
        }
        match self.place_with(notification.id) {
            Some(place) => self.show_known(place, notification, shown),
            // The list does not show it, so only the server knows what changes. Where only unread notifications are
            // shown, one that is read now is no loss, unless it waits above the list.
            None => {
                let belongs = shown.filter.unread && (!notification.is_read || self.held + shown.held > 0);
                shown.asks |= !is_own && (shown.filter.user_id.is_none() || belongs);
                // What was deleted here is not counted any more.
                let is_gone = self.expects(Kind::Deleted, notification.id);
                // The user marks rows of the list as read, so that was counted when the row left it.
                let is_counted = is_own && notification.is_read;
                if shown.counts && !is_gone && !is_counted {
                    counting::beside(
                        &mut self.overview,
                        &notification.category,
                        if notification.is_read { -1 } else { 1 },
                    );
                }
            }
        }
    }

    /// Brings a row up to date with the notification that a change carries.
    fn show_known(&mut self, place: usize, notification: Notification, shown: &Shown) {
        let Some(row) = self.rows.get_mut(place) else { return };
        let is_read = notification.is_read;
        if row.data.is_read != is_read && shown.counts {
            counting::set_read(&mut self.overview, is_read);
        }
        row.data = notification;
        let key = row.key;
        if is_read && shown.filter.unread {
            self.take(key);
        }
    }

    fn show_deleted(&mut self, id: NotificationId, shown: &mut Shown) {
        self.dismiss_read(&[id]);
        let is_own = self.is_echo(Kind::Deleted, id);
        // Where it is about to be deleted here, there is nothing left to do.
        if self.is_doomed(id) {
            self.doomed.retain(|doomed| doomed.item.data.id != id);
            self.recount_undos();
        }
        let Some(key) = self.place_with(id).and_then(|place| self.rows.get(place)).map(|row| row.key) else {
            // Only the server knows its kind, and whether it was read.
            shown.asks |= !is_own;
            return;
        };
        if let Some((row, _)) = self.take(key)
            && shown.counts
        {
            counting::remove(&mut self.overview, &row.data);
        }
    }

    /// Whether the stream reports a change that was made here.
    fn is_echo(&mut self, kind: Kind, id: NotificationId) -> bool {
        let found = self.heard.echoes.iter().position(|echo| (echo.kind, echo.id) == (kind, id));
        found.map(|place| self.heard.echoes.remove(place)).is_some()
    }

    /// Whether the stream is yet to report such a change that was made here.
    fn expects(&self, kind: Kind, id: NotificationId) -> bool {
        self.heard.echoes.iter().any(|echo| (echo.kind, echo.id) == (kind, id))
    }

    /// The user scrolled while new ones wait above the list. Reaching the top releases them, as the pill does.
    pub(super) fn scrolled(&mut self, now: Now) {
        // Each further step of the same scroll would ask once more.
        let before = std::mem::replace(&mut self.heard.is_released, now.is_at_top);
        if now.is_at_top && !before {
            self.refresh(now);
        }
    }

    /// Asks the server for the current list, in a moment and once.
    pub(super) fn ask_soon(&mut self) {
        if !std::mem::replace(&mut self.heard.asks_soon, true) {
            self.effects.push(Effect::After(SOON, Message::RefreshAsSaid));
        }
    }

    /// The moment of [`Self::ask_soon`] is over.
    pub(super) fn refresh_as_said(&mut self, now: Now) {
        self.heard.asks_soon = false;
        self.refresh(now);
    }
}
