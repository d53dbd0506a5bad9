//! Showing each change as it is heard of. What can be shown only by asking is asked for, but not
//! for each change.

use std::collections::VecDeque;

use leptos::prelude::*;

use super::{Board, Row, counting};
use crate::{
    app::{
        browser,
        live::{Kind, Message},
    },
    model::NotificationId,
};

/// How long the page is left alone after something was shown, in milliseconds: to lay it out anew
/// takes most of a frame.
const PAUSE: f64 = 100.0;
/// How many rows may be new before they are shown all at once.
///
/// One row that is put on top of many costs nothing; with two at once, leptos takes those below out
/// of their block and puts them back, which begins their arrival anew.
const ONE_BY_ONE: usize = 64;
/// How long to wait before asking for what cannot be told from the changes.
const SOON: u32 = 1_500;
/// How many rows a page has, at most.
const MOST_ROWS: usize = 1_000;

/// What was heard and is not shown yet, or may have to be shown again.
#[derive(Default)]
pub(crate) struct Heard {
    /// The position: everything up to this change is shown, or in `waiting`.
    position: Option<u64>,
    /// Nothing that was created up to this change waits above the list.
    seen: Option<u64>,
    /// What is in the list, and may have been created later.
    newer: Vec<NotificationId>,
    waiting: VecDeque<Message>,
    /// What was shown while an answer was under way, which may not have it.
    recent: Vec<Message>,
    asked: usize,
    is_shown_soon: bool,
    shown_at: f64,
    asks_soon: bool,
    /// Whether the user reads further down, until they scroll.
    holds: Option<bool>,
}

impl Heard {
    /// At the position of the list that the page arrived with.
    pub(super) fn at(position: Option<u64>) -> Self {
        Self { position, seen: position, ..Self::default() }
    }
}

impl Board {
    /// Whether the page is told of every change.
    pub(crate) fn set_live(self, is_live: bool) {
        if self.is_live.get_untracked() != is_live {
            self.is_live.set(is_live);
        }
    }

    /// The change number from which to follow the inbox that is shown; none where all are.
    pub(crate) fn position(self) -> Option<u64> {
        self.book.with_value(|book| book.heard.position)
    }

    /// The change number up to which the user could see what was created; none where all inboxes are
    /// shown. What the page left out came later.
    pub(crate) fn seen(self) -> Option<u64> {
        self.book.with_value(|book| book.heard.seen)
    }

    /// Whether what a row shows was created by the change that [`Self::seen`] names.
    pub(super) fn is_seen(self, row: &Row) -> bool {
        let id = row.id();
        !row.is_sending.get_untracked() && self.book.with_value(|book| !book.heard.newer.contains(&id))
    }

    /// Notes that the list has what was created up to this change, unless some of it waits above. These
    /// have just come into the list.
    fn saw(self, change: Option<u64>, arrived: Vec<NotificationId>) {
        let waits = self.held.get_untracked() > 0;
        self.book.update_value(|book| {
            let heard = &mut book.heard;
            if waits {
                heard.newer.extend(arrived);
            } else {
                heard.seen = heard.seen.max(change);
                heard.newer.clear();
            }
        });
    }

    /// Notes that the list has what was sent from here, of which the change number is not known yet.
    pub(super) fn saw_sent(self, id: NotificationId) {
        self.book.update_value(|book| book.heard.newer.push(id));
    }

    /// A change was heard of.
    pub(crate) fn hear(self, message: Message) {
        let mut wait = None;
        self.book.update_value(|book| {
            // What is heard twice, here and by way of another tab, is shown once.
            if message.user_id.is_none() {
                if message.modseq <= book.heard.position {
                    return;
                }
                book.heard.position = message.modseq;
            }
            let heard = &mut book.heard;
            heard.waiting.push_back(message);
            if !std::mem::replace(&mut heard.is_shown_soon, true) {
                wait = Some((heard.shown_at + PAUSE - browser::now_ms()).clamp(0.0, PAUSE));
            }
        });
        if let Some(wait) = wait {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a tenth of a second")]
            browser::after(wait as u32, move || self.show_heard_soon());
        }
    }

    /// Shows what was heard with the next frame: each new row by a call of its own, between which
    /// the page changes.
    fn show_heard_soon(self) {
        let mut calls = 0;
        self.book.update_value(|book| {
            book.heard.is_shown_soon = false;
            book.heard.shown_at = browser::now_ms();
            calls = book.heard.waiting.iter().filter(|message| message.kind == Kind::Created).count().max(1);
        });
        for _ in 0..if calls > ONE_BY_ONE { 1 } else { calls } {
            browser::before_next_frame(move || self.show_heard());
        }
    }

    /// Shows the next thing that was heard, unless a change made here is not answered: its answer
    /// comes first.
    fn show_heard(self) {
        let mut messages = Vec::new();
        self.book.update_value(|book| {
            if book.changes.is_under_way(browser::now_ms()) {
                return;
            }
            let heard = &mut book.heard;
            let new = |(place, message): (usize, &Message)| (message.kind == Kind::Created).then_some(place);
            let mut new = heard.waiting.iter().enumerate().filter_map(new);
            // Up to the second one that is new.
            let some = match (new.nth(1), new.count()) {
                (Some(second), more) if more <= ONE_BY_ONE => second,
                _ => heard.waiting.len(),
            };
            messages.extend(heard.waiting.drain(..some));
            if heard.asked > 0 {
                heard.recent.extend(messages.iter().cloned());
            }
        });
        if !messages.is_empty() {
            self.show_messages(messages, true);
        }
    }

    /// Shows whatever was heard: there may be no frame for a while, or a change was answered.
    pub(crate) fn show_all_heard(self) {
        let mut waiting = 0;
        self.book.update_value(|book| waiting = book.heard.waiting.len());
        (0..waiting).for_each(|_| self.show_heard());
    }

    /// An answer is asked for: what is heard meanwhile may not be in it.
    pub(super) fn asks(self) {
        self.book.update_value(|book| book.heard.asked += 1);
    }

    /// An answer came that is not shown, or none came.
    pub(crate) fn was_not_shown(self) {
        self.book.update_value(|book| {
            book.heard.asked = book.heard.asked.saturating_sub(1);
            if book.heard.asked == 0 {
                book.heard.recent.clear();
            }
        });
        self.show_all_heard();
    }

    /// An answer was shown that was read at this change number: what was heard since is shown once
    /// more.
    pub(super) fn was_shown(self, read_at: Option<u64>) {
        let mut again = Vec::new();
        self.book.update_value(|book| {
            let heard = &mut book.heard;
            heard.asked = heard.asked.saturating_sub(1);
            heard.position = read_at.map(|read_at| heard.position.map_or(read_at, |heard| heard.max(read_at)));
            again = if heard.asked == 0 { std::mem::take(&mut heard.recent) } else { heard.recent.clone() };
            again.extend(heard.waiting.drain(..));
            if let Some(read_at) = read_at {
                again.retain(|message| message.modseq > Some(read_at));
            }
        });
        if read_at.is_some() {
            self.saw(read_at, Vec::new());
        }
        if !again.is_empty() {
            // Where all inboxes are shown it is not known whether the numbers beside the list have it.
            self.show_messages(again, read_at.is_some());
            if read_at.is_none() {
                self.ask_soon();
            }
        }
    }

    /// Something else is shown from now on. What was seen of an inbox stays seen.
    pub(super) fn forget_heard(self, another_inbox: bool) {
        self.book.update_value(|book| {
            let seen = book.heard.seen.filter(|_| !another_inbox);
            book.heard = Heard { asked: book.heard.asked, seen, ..Heard::default() };
        });
    }

    fn show_messages(self, messages: Vec<Message>, counts: bool) {
        let filter = self.filter();
        let is_head = self.address.read_untracked().before.is_none();
        // What comes while others wait above is newer than they are, and waits with them.
        let (holds, waited) = (self.holds(), self.held.get_untracked() > 0);
        let waits = holds || waited;
        let shown = self.rows.get_untracked();
        let mut rows = shown.clone();
        let mut overview = self.overview.get_untracked();
        let (mut arrived, mut held, mut asks) = (Vec::new(), 0, false);
        let last = messages.iter().filter_map(|message| message.modseq).max();
        let one_inbox = filter.user_id.is_some();
        let mut unread_count = None;
        for message in messages {
            unread_count = message.unread_count.or(unread_count);
            match (message.kind, message.notification) {
                (Kind::Created | Kind::Updated, Some(notification)) if self.is_doomed(notification.id) => {
                    drop(notification);
                }
                (Kind::Created | Kind::Updated, Some(notification)) => {
                    let known = rows.iter().position(|row| row.id() == notification.id);
                    let is_new = message.kind == Kind::Created && known.is_none();
                    if is_new && counts {
                        counting::add(&mut overview, &notification);
                    }
                    match known {
                        Some(place) => {
                            let (row, is_read) = (rows[place].clone(), notification.is_read);
                            if row.data.read_untracked().is_read != is_read && counts {
                                counting::set_read(&mut overview, is_read);
                            }
                            if *row.data.read_untracked() != notification {
                                row.data.set(notification);
                            }
                            if is_read && filter.unread {
                                rows.remove(place);
                            }
                        }
                        None if is_new && is_head && filter.admits(&notification) => {
                            if waits && !rows.is_empty() {
                                held += 1;
                            } else {
                                arrived.push(notification.id);
                                insert(&mut rows, Row::new(self.next_key(), notification, true));
                            }
                        }
                        // One that is not shown: only the server knows what that changes.
                        None => asks |= message.kind == Kind::Updated && (!one_inbox || filter.unread),
                    }
                }
                (Kind::AllRead, _) => {
                    let of = message.user_id.as_ref();
                    let is_of = |row: &Row| of.is_none_or(|user_id| row.data.read_untracked().user_id == *user_id);
                    for row in rows.iter().filter(|row| is_of(row) && !row.data.read_untracked().is_read) {
                        row.data.update(|notification| notification.is_read = true);
                    }
                    if filter.unread {
                        rows.retain(|row| !is_of(row));
                    }
                    asks |= !one_inbox;
                }
                (Kind::Deleted, _) => {
                    let Some(id) = message.id else { continue };
                    self.was_deleted(id);
                    match rows.iter().position(|row| row.id() == id) {
                        Some(place) => {
                            let row = rows.remove(place);
                            self.hand_focus_on(&row, rows.get(place).or_else(|| rows.get(place.checked_sub(1)?)));
                            if counts {
                                counting::remove(&mut overview, &row.data.read_untracked());
                            }
                        }
                        // Of what kind it was, and whether it was read, the server knows.
                        None => asks = true,
                    }
                }
                _ => {}
            }
        }
        if one_inbox && let Some(unread_count) = unread_count {
            overview.unread_count = unread_count.saturating_sub(self.doomed_unread());
        }
        if rows.len() > MOST_ROWS {
            rows.truncate(MOST_ROWS);
            asks = true;
        }
        if rows != shown {
            self.rows.set(rows);
        }
        if held > 0 {
            self.held.update(|count| *count += held);
            asks |= !holds;
        }
        if *self.overview.read_untracked() != overview {
            self.overview.set(overview);
        }
        self.read_at.set(Some(self.now()));
        self.tell(arrived.len() + held);
        if one_inbox {
            self.saw(last, arrived);
        }
        if asks {
            self.ask_soon();
        }
    }

    /// Whether the user reads further down. It is looked up once until they scroll: to say it, the
    /// browser has to lay out the page.
    fn holds(self) -> bool {
        if let Some(holds) = self.book.with_value(|book| book.heard.holds) {
            return holds;
        }
        let holds = !browser::is_at_top();
        self.book.update_value(|book| book.heard.holds = Some(holds));
        holds
    }

    /// The user scrolled. Reaching the top releases what waits above the list, as the pill does.
    pub(crate) fn scrolled(self) {
        let holds = (self.held.get_untracked() > 0).then(|| !browser::is_at_top());
        let mut before = None;
        self.book.update_value(|book| before = std::mem::replace(&mut book.heard.holds, holds));
        // Each further step of the same scroll would ask once more.
        if holds == Some(false) && before != holds {
            self.refresh();
        }
    }

    /// Asks the server for the present, in a moment and once.
    fn ask_soon(self) {
        let mut asks = false;
        self.book.update_value(|book| asks = !std::mem::replace(&mut book.heard.asks_soon, true));
        if asks {
            browser::after(SOON, move || {
                self.book.update_value(|book| book.heard.asks_soon = false);
                self.refresh();
            });
        }
    }

    /// Whether this notification is about to be deleted.
    pub(super) fn is_doomed(self, id: NotificationId) -> bool {
        self.book.with_value(|book| book.doomed.iter().any(|doomed| doomed.id() == id))
    }

    /// How many of those that are about to be deleted count as unread with the server.
    fn doomed_unread(self) -> u64 {
        let is_unread = |doomed: &&super::Doomed| !doomed.row.data.read_untracked().is_read;
        self.book.with_value(|book| book.doomed.iter().filter(is_unread).count() as u64)
    }

    /// Another client deleted what is about to be deleted here: there is nothing left to do.
    fn was_deleted(self, id: NotificationId) {
        if self.is_doomed(id) {
            self.book.update_value(|book| book.doomed.retain(|doomed| doomed.id() != id));
            self.dismiss_undo(super::Undo::Delete(id));
        }
    }
}

/// Puts a row where it belongs: newest first, and what is being sent stays on top.
fn insert(rows: &mut Vec<Row>, row: Row) {
    let sending = rows.iter().take_while(|row| row.is_sending.get_untracked()).count();
    rows.insert(sending, row);
}
