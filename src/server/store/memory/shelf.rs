//! What is behind the lock: all inboxes and the window over them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::inbox::{Change, Inbox, Seq};
use crate::model::{
    Category, Changes, Cursor, Event, Filter, Limit, Notification, NotificationId, Overview, Page, Timestamp, UserId,
};

/// How many users an overview names as written to last.
const RECENT_USERS: usize = 8;
/// How many notifications are looked at to find them.
const RECENT_ROWS: usize = 200;

/// A notification and its change numbers. Its `is_read` is its own mark: it may have been read by
/// marking the whole inbox since, see [`Row::is_read`].
#[derive(Debug)]
struct Row {
    notification: Notification,
    modseq: u64,
    created: u64,
}

impl Row {
    fn is_read(&self, inbox: &Inbox) -> bool {
        self.notification.is_read || self.modseq <= inbox.all_read_modseq
    }

    fn seen_in(&self, inbox: &Inbox) -> Notification {
        self.notification.clone().with_read(self.is_read(inbox))
    }
}

/// All inboxes, and the window over them.
#[derive(Debug)]
pub(super) struct Shelf {
    window: usize,
    /// A new inbox continues from here: no inbox that was forgotten had a higher change number.
    floor: u64,
    next_seq: Seq,
    inboxes: HashMap<UserId, Inbox>,
    rows: BTreeMap<Seq, Row>,
    seqs: HashMap<NotificationId, Seq>,
    expiries: BTreeSet<(Timestamp, Seq)>,
    /// The remembered deletions, oldest first, as many as the window has places.
    deletions: VecDeque<(UserId, u64)>,
    unread: u64,
    categories: BTreeMap<Category, u64>,
}

impl Shelf {
    pub(super) fn new(window: usize, floor: u64) -> Self {
        Self {
            window,
            floor,
            next_seq: 1,
            inboxes: HashMap::new(),
            rows: BTreeMap::new(),
            seqs: HashMap::new(),
            expiries: BTreeSet::new(),
            deletions: VecDeque::new(),
            unread: 0,
            categories: BTreeMap::new(),
        }
    }

    /// Adds a notification and lets go of what that pushes out of the window.
    pub(super) fn add(&mut self, notification: Notification) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let floor = self.floor;
        let inbox = self.inboxes.entry(notification.user_id.clone()).or_insert_with(|| Inbox::new(floor));
        let modseq = inbox.next_modseq();
        inbox.seqs.push_back(seq);
        inbox.changed.insert(modseq, Change::Row(seq));
        inbox.unread += 1;
        *inbox.categories.entry(notification.category.clone()).or_default() += 1;
        self.unread += 1;
        *self.categories.entry(notification.category.clone()).or_default() += 1;
        if let Some(expires_at) = notification.expires_at {
            self.expiries.insert((expires_at, seq));
        }
        self.seqs.insert(notification.id, seq);
        self.rows.insert(seq, Row { notification, modseq, created: modseq });
        while self.rows.len() > self.window {
            let Some((&oldest, _)) = self.rows.first_key_value() else { break };
            self.remove(oldest);
        }
    }

    pub(super) fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Page {
        let end = before.map_or(Seq::MAX, Cursor::position);
        let Some(user_id) = &filter.user_id else {
            let rows = self.rows.range(..end).rev();
            let seen = rows.filter_map(|(seq, row)| Some((*seq, row, self.inboxes.get(&row.notification.user_id)?)));
            return page(seen, filter, limit, None);
        };
        let Some(inbox) = self.inboxes.get(user_id) else {
            return Page { notifications: Vec::new(), next: None, modseq: Some(self.floor) };
        };
        let seqs = inbox.seqs.range(..inbox.seqs.partition_point(|seq| *seq < end)).rev();
        page(seqs.filter_map(|seq| Some((*seq, self.rows.get(seq)?, inbox))), filter, limit, Some(inbox.modseq))
    }

    pub(super) fn get(&self, id: NotificationId) -> Option<Notification> {
        let row = self.rows.get(self.seqs.get(&id)?)?;
        Some(row.seen_in(self.inboxes.get(&row.notification.user_id)?))
    }

    pub(super) fn set_read(&mut self, id: NotificationId, is_read: bool) -> Option<Notification> {
        self.mark(*self.seqs.get(&id)?, is_read)
    }

    pub(super) fn mark_read_at(&mut self, user_id: &UserId, index: u64) -> Option<Notification> {
        self.mark(self.inboxes.get(user_id)?.seq_at(index)?, true)
    }

    /// Marks the notification at a place; marking it as it is takes no change number.
    fn mark(&mut self, seq: Seq, is_read: bool) -> Option<Notification> {
        let row = self.rows.get_mut(&seq)?;
        let inbox = self.inboxes.get_mut(&row.notification.user_id)?;
        if row.is_read(inbox) != is_read {
            inbox.changed.remove(&row.modseq);
            row.modseq = inbox.next_modseq();
            row.notification.is_read = is_read;
            inbox.changed.insert(row.modseq, Change::Row(seq));
            if is_read {
                inbox.unread -= 1;
                self.unread -= 1;
            } else {
                inbox.unread += 1;
                self.unread += 1;
            }
        }
        Some(row.seen_in(inbox))
    }

    /// Marks everything in an inbox read without touching the notifications.
    pub(super) fn mark_all_read(&mut self, user_id: &UserId) -> u64 {
        let Some(inbox) = self.inboxes.get_mut(user_id) else { return 0 };
        let marked = std::mem::take(&mut inbox.unread);
        if marked > 0 {
            inbox.all_read_modseq = inbox.next_modseq();
            self.unread -= marked;
        }
        marked
    }

    pub(super) fn delete(&mut self, id: NotificationId) -> Option<Notification> {
        self.remove(*self.seqs.get(&id)?)
    }

    /// Takes a notification away and remembers that.
    fn remove(&mut self, seq: Seq) -> Option<Notification> {
        let row = self.rows.remove(&seq)?;
        let inbox = self.inboxes.get_mut(&row.notification.user_id)?;
        let gone = row.seen_in(inbox);
        let modseq = inbox.next_modseq();
        inbox.remove(seq);
        inbox.changed.remove(&row.modseq);
        inbox.changed.insert(modseq, Change::Deleted(gone.id));
        take_one(&mut inbox.categories, &gone.category);
        take_one(&mut self.categories, &gone.category);
        if !gone.is_read {
            inbox.unread -= 1;
            self.unread -= 1;
        }
        self.seqs.remove(&gone.id);
        if let Some(expires_at) = gone.expires_at {
            self.expiries.remove(&(expires_at, seq));
        }
        self.deletions.push_back((gone.user_id.clone(), modseq));
        if self.deletions.len() > self.window {
            self.forget_oldest_deletion();
        }
        Some(gone)
    }

    /// Lets go of the oldest remembered deletion, and of its inbox when nothing else is in it, so
    /// that memory is bounded by the window and not by how many users there ever were.
    fn forget_oldest_deletion(&mut self) {
        let Some((user_id, modseq)) = self.deletions.pop_front() else { return };
        let Some(inbox) = self.inboxes.get_mut(&user_id) else { return };
        inbox.changed.remove(&modseq);
        inbox.forgotten = modseq;
        if inbox.is_forgettable() {
            self.floor = self.floor.max(inbox.modseq);
            self.inboxes.remove(&user_id);
        }
    }

    pub(super) fn unread_count(&self, user_id: &UserId) -> u64 {
        self.inboxes.get(user_id).map_or(0, |inbox| inbox.unread)
    }

    pub(super) fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Changes {
        let nobody = Inbox::new(self.floor);
        let inbox = self.inboxes.get(user_id).unwrap_or(&nobody);
        let unread_count = inbox.unread;
        let present = Changes { modseq: inbox.modseq, unread_count, events: Vec::new(), more: false, reset: false };
        if !inbox.can_continue_from(since) {
            return Changes { reset: true, ..present };
        }
        let all_read = inbox.all_read_modseq;
        let mut all_read_event = (all_read > since).then_some(Event::AllRead { modseq: all_read, unread_count });
        let mut events = Vec::new();
        for (&modseq, change) in inbox.changed.range(since.saturating_add(1)..) {
            if modseq > all_read {
                events.extend(all_read_event.take());
            }
            events.extend(match change {
                Change::Deleted(id) => Some(Event::Deleted { modseq, unread_count, id: *id }),
                Change::Row(seq) => self.rows.get(seq).map(|row| {
                    let notification = row.seen_in(inbox);
                    if row.created > since {
                        Event::Created { modseq, unread_count, notification }
                    } else {
                        Event::Updated { modseq, unread_count, notification }
                    }
                }),
            });
            if events.len() > limit.get() {
                break;
            }
        }
        events.extend(all_read_event);
        let more = events.len() > limit.get();
        events.truncate(limit.get());
        let modseq = if more { events.last().map_or(since, Event::modseq) } else { inbox.modseq };
        Changes { modseq, events, more, ..present }
    }

    pub(super) fn overview(&self, user_id: Option<&UserId>) -> Overview {
        if let Some(user_id) = user_id {
            let nobody = Inbox::new(self.floor);
            let inbox = self.inboxes.get(user_id).unwrap_or(&nobody);
            return Overview {
                total: inbox.seqs.len() as u64,
                unread_count: inbox.unread,
                categories: by_importance(&inbox.categories),
                recent: vec![user_id.clone()],
            };
        }
        let mut named = HashSet::new();
        let newest = self.rows.values().rev().take(RECENT_ROWS).map(|row| &row.notification.user_id);
        Overview {
            total: self.rows.len() as u64,
            unread_count: self.unread,
            categories: by_importance(&self.categories),
            recent: newest.filter(|user_id| named.insert(*user_id)).take(RECENT_USERS).cloned().collect(),
        }
    }

    pub(super) fn delete_expired(&mut self, now: Timestamp, limit: usize) -> usize {
        let due: Vec<Seq> =
            self.expiries.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, s)| *s).collect();
        due.into_iter().filter_map(|seq| self.remove(seq)).count()
    }
}

/// The first `limit` of the rows that meet the filter, and where the next page starts if one does.
fn page<'a>(
    rows: impl Iterator<Item = (Seq, &'a Row, &'a Inbox)>,
    filter: &Filter,
    limit: Limit,
    modseq: Option<u64>,
) -> Page {
    let mut notifications = Vec::with_capacity(limit.get().min(rows.size_hint().1.unwrap_or(0)));
    let mut last = None;
    for (seq, row, inbox) in rows {
        if limit.get() == 0 {
            break;
        }
        let hidden = (filter.unread && row.is_read(inbox))
            || filter.category.as_ref().is_some_and(|category| *category != row.notification.category);
        if hidden {
            continue;
        }
        if notifications.len() == limit.get() {
            return Page { notifications, next: last.map(Cursor::new), modseq };
        }
        notifications.push(row.seen_in(inbox));
        last = Some(seq);
    }
    Page { notifications, next: None, modseq }
}

/// One less of a kind; kinds of which nothing is left are not kept.
fn take_one(categories: &mut BTreeMap<Category, u64>, category: &Category) {
    if let Some(count) = categories.get_mut(category) {
        *count -= 1;
        if *count == 0 {
            categories.remove(category);
        }
    }
}

/// The well-known kinds first, in their order, then the others by name.
fn by_importance(categories: &BTreeMap<Category, u64>) -> Vec<(Category, u64)> {
    let mut sorted: Vec<_> = categories.iter().map(|(category, count)| (category.clone(), *count)).collect();
    sorted.sort_by_key(|(category, _)| {
        Category::WELL_KNOWN.iter().position(|known| *known == category.as_str()).unwrap_or(usize::MAX)
    });
    sorted
}
