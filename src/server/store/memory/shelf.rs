//! The state behind the lock: all inboxes and the window over them.

mod mark_all;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{
    inbox::{Inbox, Newest, Seq},
    keys::Keys,
};
use crate::{
    model::{
        Category, Change, Changes, Cursor, Event, Filter, Limit, Notification, NotificationId, Overview, Page,
        Timestamp, UnreadCount, UserId,
    },
    server::{
        clock::{Clock, SystemClock},
        store::{
            ChangeNumbers, Due, LOOKED_AT, Once, RECENT_ROWS, RECENT_USERS, by_importance,
            collect::Collect,
            outbox::{Entry, Subscriptions},
            replay,
        },
    },
};

/// A notification and its change numbers. Its `is_read` is its own mark: marking the whole inbox may have made it read
/// since, see [`Row::is_read`].
#[derive(Debug)]
struct Row {
    notification: Notification,
    modseq: u64,
    created: u64,
}

impl Row {
    fn is_read(&self, inbox: &Inbox) -> bool {
        self.notification.is_read || self.modseq <= inbox.present.all_read_modseq
    }

    fn seen_in(&self, inbox: &Inbox) -> Notification {
        self.notification.clone().with_read(self.is_read(inbox))
    }
}

/// All inboxes, and the window over them.
#[derive(Debug)]
pub(super) struct Shelf {
    window: usize,
    /// A new inbox continues from here: no forgotten inbox had a higher change number.
    floor: u64,
    next_seq: Seq,
    inboxes: HashMap<UserId, Inbox>,
    rows: BTreeMap<Seq, Row>,
    seqs: HashMap<NotificationId, Seq>,
    expiries: BTreeSet<(Timestamp, Seq)>,
    /// The remembered deletions, oldest first; at most as many as the window has places.
    deletions: VecDeque<(UserId, u64)>,
    unread: u64,
    categories: BTreeMap<Category, u64>,
    /// The requests with an idempotency key.
    pub(super) keys: Keys,
    /// The changes to announce.
    pub(super) changes: Vec<Change>,
    /// The events that webhooks receive.
    pub(super) told: Subscriptions,
    /// The categories of deleted notifications, while there are webhooks.
    gone: HashMap<NotificationId, Category>,
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
            keys: Keys::default(),
            changes: Vec::new(),
            told: Subscriptions::default(),
            gone: HashMap::new(),
        }
    }

    /// The outbox entries of the changes to announce. `has_contact` tells whether a user has a contact.
    pub(super) fn entries(&mut self, has_contact: impl Fn(&UserId) -> bool) -> Vec<Entry> {
        let (gone, now) = (std::mem::take(&mut self.gone), SystemClock.now());
        let entry = |change: &Change| {
            let to_contacts = matches!(change.event, Event::Created { .. }) && has_contact(&change.user_id);
            self.told.entry(change, &gone, to_contacts, now)
        };
        self.changes.iter().filter_map(entry).collect()
    }

    /// Adds a notification, drops those that it pushes out of the window, and returns it as it was accepted.
    pub(super) fn add(&mut self, notification: Notification) -> Notification {
        let seq = self.next_seq;
        self.next_seq += 1;
        let floor = self.floor;
        let inbox = self.inboxes.entry(notification.user_id.clone()).or_insert_with(|| Inbox::new(floor));
        let accepted = notification.timestamp.max(inbox.newest.unwrap_or(notification.timestamp));
        let notification = notification.with_timestamp(accepted);
        inbox.newest = Some(accepted);
        let modseq = inbox.next_modseq();
        inbox.seqs.push_back(seq);
        inbox.changed.insert(modseq, Newest::Row(seq));
        inbox.present.unread_count += 1;
        let (user_id, unread_count) = (notification.user_id.clone(), inbox.present.unread_count);
        let event = Event::Created { modseq, unread_count, notification: notification.clone() };
        self.changes.push(Change { user_id, event });
        *inbox.categories.entry(notification.category.clone()).or_default() += 1;
        self.unread += 1;
        *self.categories.entry(notification.category.clone()).or_default() += 1;
        if let Some(expires_at) = notification.expires_at {
            self.expiries.insert((expires_at, seq));
        }
        self.seqs.insert(notification.id, seq);
        self.rows.insert(seq, Row { notification: notification.clone(), modseq, created: modseq });
        while self.rows.len() > self.window {
            let Some((&oldest, _)) = self.rows.first_key_value() else { break };
            self.remove(oldest);
        }
        notification
    }

    pub(super) fn list(&self, filter: &Filter, before: Option<Cursor>, limit: Limit) -> Page {
        let end = before.map_or(Seq::MAX, Cursor::position);
        let mut page = Collect::new(filter, limit);
        let Some(user_id) = &filter.user_id else {
            for (seq, row) in self.rows.range(..end).rev() {
                let Some(inbox) = self.inboxes.get(&row.notification.user_id) else { continue };
                if page.look_at(Cursor::overall(*seq), || row.seen_in(inbox)).is_break() {
                    break;
                }
            }
            return page.page(None);
        };
        let Some(inbox) = self.inboxes.get(user_id) else { return page.page(Some(self.floor)) };
        // Change numbers increase with the places.
        let is_before = |seq: &Seq| self.rows.get(seq).is_some_and(|row| row.created < end);
        for seq in inbox.seqs.range(..inbox.seqs.partition_point(is_before)).rev() {
            let Some(row) = self.rows.get(seq) else { continue };
            if page.look_at(Cursor::in_inbox(row.created), || row.seen_in(inbox)).is_break() {
                break;
            }
        }
        page.page(Some(inbox.present.modseq))
    }

    pub(super) fn get(&self, id: NotificationId) -> Option<Notification> {
        let row = self.rows.get(self.seqs.get(&id)?)?;
        Some(row.seen_in(self.inboxes.get(&row.notification.user_id)?))
    }

    pub(super) fn change_numbers(&self, id: NotificationId) -> Option<ChangeNumbers> {
        let row = self.rows.get(self.seqs.get(&id)?)?;
        let present = &self.inboxes.get(&row.notification.user_id)?.present;
        Some(ChangeNumbers::of(row.created, row.modseq, row.notification.is_read, present.all_read_modseq))
    }

    pub(super) fn set_read(
        &mut self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> Option<Notification> {
        self.mark(self.find(id, owner)?, is_read)
    }

    /// The place of a notification, if it is in the inbox of this owner; without an owner, of any.
    fn find(&self, id: NotificationId, owner: Option<&UserId>) -> Option<Seq> {
        let seq = *self.seqs.get(&id)?;
        let user_id = &self.rows.get(&seq)?.notification.user_id;
        owner.is_none_or(|owner| owner == user_id).then_some(seq)
    }

    pub(super) fn mark_read_at(&mut self, user_id: &UserId, index: u64) -> Option<Notification> {
        self.mark(self.inboxes.get(user_id)?.seq_at(index)?, true)
    }

    /// Marks the notification at a place; if it is marked so already, this takes no change number.
    fn mark(&mut self, seq: Seq, is_read: bool) -> Option<Notification> {
        let row = self.rows.get_mut(&seq)?;
        let inbox = self.inboxes.get_mut(&row.notification.user_id)?;
        if row.is_read(inbox) != is_read {
            inbox.changed.remove(&row.modseq);
            row.modseq = inbox.next_modseq();
            row.notification.is_read = is_read;
            inbox.changed.insert(row.modseq, Newest::Row(seq));
            if is_read {
                inbox.present.unread_count -= 1;
                self.unread -= 1;
            } else {
                inbox.present.unread_count += 1;
                self.unread += 1;
            }
            let (modseq, unread_count) = (row.modseq, inbox.present.unread_count);
            let notification = row.seen_in(inbox);
            let event = Event::Updated { modseq, unread_count, notification };
            self.changes.push(Change { user_id: row.notification.user_id.clone(), event });
        }
        Some(row.seen_in(inbox))
    }

    pub(super) fn delete(&mut self, id: NotificationId, owner: Option<&UserId>) -> Option<Notification> {
        self.remove(self.find(id, owner)?)
    }

    /// Removes a notification and remembers the deletion.
    fn remove(&mut self, seq: Seq) -> Option<Notification> {
        let row = self.rows.remove(&seq)?;
        let inbox = self.inboxes.get_mut(&row.notification.user_id)?;
        let gone = row.seen_in(inbox);
        let modseq = inbox.next_modseq();
        inbox.remove(seq);
        inbox.changed.remove(&row.modseq);
        inbox.changed.insert(modseq, Newest::Deleted(gone.id));
        take_one(&mut inbox.categories, &gone.category);
        take_one(&mut self.categories, &gone.category);
        if !gone.is_read {
            inbox.present.unread_count -= 1;
            self.unread -= 1;
        }
        if !self.told.is_empty() {
            self.gone.insert(gone.id, gone.category.clone());
        }
        let event = Event::Deleted { modseq, unread_count: inbox.present.unread_count, id: gone.id };
        self.changes.push(Change { user_id: gone.user_id.clone(), event });
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

    /// Forgets the oldest remembered deletion, and its inbox when that is empty, so that memory is bounded by the
    /// window and not by the number of users there ever were.
    fn forget_oldest_deletion(&mut self) {
        let Some((user_id, modseq)) = self.deletions.pop_front() else { return };
        let Some(inbox) = self.inboxes.get_mut(&user_id) else { return };
        inbox.changed.remove(&modseq);
        inbox.present.forgotten = modseq;
        if inbox.is_forgettable() {
            self.floor = self.floor.max(inbox.present.modseq);
            self.inboxes.remove(&user_id);
        }
    }

    pub(super) fn unread_count(&self, user_id: &UserId) -> u64 {
        self.inboxes.get(user_id).map_or(0, |inbox| inbox.present.unread_count)
    }

    pub(super) fn end(&self, user_id: &UserId) -> (u64, u64) {
        let inbox = self.inboxes.get(user_id);
        inbox.map_or((self.floor, 0), |inbox| (inbox.present.modseq, inbox.present.unread_count))
    }

    pub(super) fn changes(&self, user_id: &UserId, since: u64, limit: Limit) -> Changes {
        let unknown = Inbox::new(self.floor);
        let inbox = self.inboxes.get(user_id).unwrap_or(&unknown);
        if !inbox.present.can_continue_from(since) {
            return inbox.present.reset();
        }
        let changed = inbox.changed.range(since.saturating_add(1)..).filter_map(|(&modseq, change)| {
            let told = match change {
                Newest::Deleted(id) => replay::Replayed::Deleted(*id),
                Newest::Row(seq) => {
                    self.rows.get(seq).map(|row| replay::Replayed::Row(row.seen_in(inbox), row.created))?
                }
            };
            Some((modseq, told))
        });
        inbox.present.replay(since, limit, changed)
    }

    pub(super) fn overview(&self, user_id: Option<&UserId>) -> Overview {
        if let Some(user_id) = user_id {
            let unknown = Inbox::new(self.floor);
            let inbox = self.inboxes.get(user_id).unwrap_or(&unknown);
            let unread_count = inbox.present.unread_count;
            let rows = inbox.seqs.iter().rev().filter_map(|seq| self.rows.get(seq));
            return Overview {
                total: inbox.seqs.len() as u64,
                unread_count,
                categories: self.unread_of(&inbox.categories, rows, unread_count),
                recent: vec![UnreadCount { user_id: user_id.clone(), unread_count }],
            };
        }
        let mut named = HashSet::new();
        let newest = self.rows.values().rev().take(RECENT_ROWS).map(|row| &row.notification.user_id);
        let recent = newest.filter(|user_id| named.insert(*user_id)).take(RECENT_USERS);
        let recent =
            recent.map(|user_id| UnreadCount { user_id: user_id.clone(), unread_count: self.unread_count(user_id) });
        Overview {
            total: self.rows.len() as u64,
            unread_count: self.unread,
            categories: self.unread_of(&self.categories, self.rows.values().rev(), self.unread),
            recent: recent.collect(),
        }
    }

    /// How many of these rows are unread of each category, of which there are so many together.
    fn unread_of<'a>(
        &self,
        categories: &BTreeMap<Category, u64>,
        rows: impl Iterator<Item = &'a Row>,
        unread_count: u64,
    ) -> Vec<(Category, u64)> {
        let is_unread =
            |row: &&Row| self.inboxes.get(&row.notification.user_id).is_some_and(|inbox| !row.is_read(inbox));
        let mut counts: BTreeMap<Category, u64> = categories.keys().map(|category| (category.clone(), 0)).collect();
        let most = usize::try_from(unread_count).unwrap_or(usize::MAX);
        for row in rows.take(LOOKED_AT).filter(is_unread).take(most) {
            *counts.entry(row.notification.category.clone()).or_default() += 1;
        }
        by_importance(counts.into_iter().collect())
    }

    pub(super) fn delete_due(&mut self, due: &Due) -> usize {
        self.keys.forget_until(Once::forgotten_at(due.now));
        let expired = self.expiries.iter().take_while(|(at, _)| *at <= due.now).map(|(_, seq)| *seq);
        let too_old = due.accepted_before.into_iter().flat_map(|moment| {
            self.rows.iter().take_while(move |(_, row)| row.notification.timestamp < moment).map(|(seq, _)| *seq)
        });
        let gone: BTreeSet<Seq> = expired.take(due.limit).chain(too_old.take(due.limit)).collect();
        gone.into_iter().take(due.limit).filter_map(|seq| self.remove(seq)).count()
    }

    /// Deletes up to `most` of the oldest notifications of an inbox, and returns their number.
    pub(super) fn forget(&mut self, user_id: &UserId, most: usize) -> usize {
        let oldest = self.inboxes.get(user_id).into_iter().flat_map(|inbox| &inbox.seqs);
        let oldest: Vec<Seq> = oldest.take(most).copied().collect();
        oldest.into_iter().filter_map(|seq| self.remove(seq)).count()
    }
}

/// Counts one less of a kind; kinds with a count of 0 are removed.
fn take_one(categories: &mut BTreeMap<Category, u64>, category: &Category) {
    if let Some(count) = categories.get_mut(category) {
        *count -= 1;
        if *count == 0 {
            categories.remove(category);
        }
    }
}
