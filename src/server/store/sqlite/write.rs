//! The writes: the operations of one transaction.

mod deleting;
mod mark_all;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension};

use super::{
    body, cancelling, entry_row,
    inbox::Inbox,
    inboxes::Inboxes,
    insert::Insert,
    once::{answer, insert_once},
    row::{COLUMNS, Stored, columns, kept_text, timestamp},
    webhook_row,
};
use crate::{
    model::{Category, Change, Event, Notification, NotificationId, Timestamp, UserId},
    server::{
        clock::{Clock, SystemClock},
        store::{
            Creation, Once,
            outbox::{Subscriptions, over},
        },
    },
};
use deleting::Deletion;

/// So many notifications beyond the window are deleted before the end of the transaction: their room is free for the next.
const MOST_SURPLUS: u64 = 64;

/// The place of the next notification.
pub(super) fn next_seq(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(seq), 0) + 1 FROM notifications", (), |row| row.get(0))
}

/// The events that webhooks receive.
pub(super) fn told(connection: &Connection) -> rusqlite::Result<Subscriptions> {
    Ok(Subscriptions::to(&webhook_row::all(connection)?))
}

/// The result of a transaction.
pub(super) struct Finished {
    /// The place of the next notification.
    pub(super) next_seq: i64,
    /// The changes to announce.
    pub(super) changes: Vec<Change>,
    /// The changed inboxes in their new state.
    pub(super) inboxes: Vec<Inbox>,
    /// The events that webhooks receive from now on, where that was changed.
    pub(super) told: Option<Subscriptions>,
}

/// One transaction in progress. Inboxes and totals are written once, at its end, however often they changed in it.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    window: u64,
    next_seq: i64,
    /// The inboxes that need not be read.
    recent: &'a Inboxes,
    insert: Option<Insert<'a>>,
    deletion: Option<Deletion<'a>>,
    inboxes: HashMap<i64, Inbox>,
    /// The inboxes that grew beyond the window.
    overfull: BTreeSet<i64>,
    numbers: HashMap<UserId, i64>,
    kinds: BTreeMap<Category, i64>,
    unread: i64,
    /// The changes to announce after the commit.
    changes: Vec<Change>,
    /// The events that webhooks receive.
    told: Subscriptions,
    told_changed: bool,
    /// Whether a channel to contacts is set up.
    reaches_contacts: bool,
    /// How many of the changes have been entered into the outbox, if they belong there.
    in_outbox: usize,
    /// The categories of deleted notifications, while there are webhooks.
    gone: HashMap<NotificationId, Category>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        window: u64,
        next_seq: i64,
        recent: &'a Inboxes,
        told: &Subscriptions,
        reaches_contacts: bool,
    ) -> Self {
        Self {
            connection,
            window,
            next_seq,
            recent,
            insert: None,
            deletion: None,
            inboxes: HashMap::new(),
            overfull: BTreeSet::new(),
            numbers: HashMap::new(),
            kinds: BTreeMap::new(),
            unread: 0,
            changes: Vec::new(),
            told: told.clone(),
            told_changed: false,
            reaches_contacts,
            in_outbox: 0,
            gone: HashMap::new(),
        }
    }

    /// Webhooks were changed: further changes go to the present ones.
    pub(super) fn webhooks_changed(&mut self) -> rusqlite::Result<()> {
        self.fill_outbox()?;
        self.told = told(self.connection)?;
        self.told_changed = true;
        Ok(())
    }

    /// Adds new changes to the outbox, and cancels waiting deliveries to contacts about notifications that were read or
    /// deleted.
    fn fill_outbox(&mut self) -> rusqlite::Result<()> {
        let (connection, now) = (self.connection, SystemClock.now());
        let fresh = &self.changes[self.in_outbox..];
        // Mostly none waits at all, so that one look is enough for all that was deleted in this transaction.
        let one_waits = fresh.iter().any(|change| over(&change.event).is_some()) && cancelling::one_waits(connection)?;
        for change in fresh {
            if one_waits && let Some((id, reason)) = over(&change.event) {
                cancelling::cancel_about(connection, &change.user_id, id, reason, now)?;
            }
            let to_contacts = self.reaches_contacts
                && matches!(change.event, Event::Created { .. })
                && cancelling::has_contact(connection, &change.user_id)?;
            if let Some(entry) = self.told.entry(change, &self.gone, to_contacts, now) {
                entry_row::insert_entry(connection, &entry)?;
            }
        }
        self.in_outbox = self.changes.len();
        Ok(())
    }

    /// The connection, for work that does not concern inboxes.
    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    /// Empties the inboxes down to the window, writes them and the totals, and fills the outbox.
    pub(super) fn finish(mut self) -> rusqlite::Result<Finished> {
        const ADD: &str = "INSERT INTO totals (name, count) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET count = count + excluded.count";
        self.delete_surplus()?;
        Inbox::update(self.connection, self.inboxes.values())?;
        let kinds = self.kinds.iter().map(|(category, count)| (category.as_str(), *count));
        for total in kinds.chain([("", self.unread)]).filter(|(_, count)| *count != 0) {
            self.connection.prepare_cached(ADD)?.execute(total)?;
        }
        self.fill_outbox()?;
        let told = self.told_changed.then_some(self.told);
        let inboxes = self.inboxes.into_values().collect();
        Ok(Finished { next_seq: self.next_seq, changes: self.changes, inboxes, told })
    }

    pub(super) fn create_all(
        &mut self,
        notifications: &[Notification],
        once: Option<&Once>,
    ) -> rusqlite::Result<Creation> {
        if let Some(once) = once
            && let Some(answer) = answer(self.connection, once)?
        {
            return Ok(answer);
        }
        let body = body::in_common(notifications);
        let body = body.map(|of| body::keep(self.connection, of, notifications.len())).transpose()?;
        let accepted: Vec<_> = notifications
            .iter()
            .map(|notification| self.create(notification, body))
            .collect::<rusqlite::Result<_>>()?;
        if let Some(once) = once {
            let made: Vec<_> = notifications.iter().map(|notification| notification.id).zip(accepted.clone()).collect();
            insert_once(self.connection, once, &made)?;
        }
        Ok(Creation::Done(accepted))
    }

    /// Creates a notification, with this body if it shares one with others, and returns the time of its acceptance.
    fn create(&mut self, notification: &Notification, body: Option<i64>) -> rusqlite::Result<Timestamp> {
        let number = self.number_of(&notification.user_id)?;
        let (connection, seq, window) = (self.connection, self.next_seq, self.window);
        self.next_seq += 1;
        let inbox = self.inbox(number)?;
        let modseq = inbox.next_modseq();
        inbox.present.unread_count += 1;
        inbox.total += 1;
        let surplus = inbox.total.saturating_sub(window);
        let (user_id, unread_count) = (inbox.user_id.clone(), inbox.present.unread_count);
        let accepted = timestamp(3, inbox.accept(connection, notification.timestamp.as_micros())?)?;
        let notification = notification.clone().with_timestamp(accepted);
        let insert = match &mut self.insert {
            Some(insert) => insert,
            none => none.insert(Insert::into_table_of(connection)?),
        };
        insert.add(seq, number, &notification, body, (modseq, modseq))?;
        *self.kinds.entry(notification.category.clone()).or_default() += 1;
        self.changes.push(Change { user_id, event: Event::Created { modseq, unread_count, notification } });
        self.unread += 1;
        if surplus > 0 {
            self.overfull.insert(number);
        }
        if surplus >= MOST_SURPLUS {
            self.delete_surplus()?;
        }
        Ok(accepted)
    }

    pub(super) fn set_read(
        &mut self,
        id: NotificationId,
        owner: Option<&UserId>,
        is_read: bool,
    ) -> rusqlite::Result<Option<Notification>> {
        match self.find(id, owner)? {
            Some(stored) => self.mark(stored, is_read).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn mark_read_at(&mut self, user_id: &UserId, index: u64) -> rusqlite::Result<Option<Notification>> {
        const AT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM notifications n WHERE n.seq =
             (SELECT seq FROM notifications INDEXED BY notifications_by_inbox WHERE inbox = ?1
              ORDER BY created DESC LIMIT 1 OFFSET ?2)"
        );
        self.delete_surplus()?;
        let Some(inbox) = self.known(user_id)? else { return Ok(None) };
        let offset = i64::try_from(index).unwrap_or(i64::MAX);
        let mut query = self.connection.prepare_cached(AT)?;
        let found = query.query_row((inbox, offset), |row| Stored::read(row, user_id.clone())).optional()?;
        found.map(|stored| self.mark(stored, true)).transpose()
    }

    /// Marks a notification; if it is marked so already, this takes no change number.
    fn mark(&mut self, stored: Stored, is_read: bool) -> rusqlite::Result<Notification> {
        let connection = self.connection;
        let inbox = self.inbox(stored.inbox)?;
        let was_read = stored.is_read(inbox.present.all_read_modseq);
        let notification = stored.notification.with_read(is_read);
        if was_read != is_read {
            let modseq = inbox.next_modseq();
            let unread = if is_read { -1 } else { 1 };
            inbox.present.unread_count = inbox.present.unread_count.saturating_add_signed(unread);
            connection
                .prepare_cached("UPDATE notifications SET is_read = ?2, modseq = ?3 WHERE seq = ?1")?
                .execute((stored.seq, is_read, modseq))?;
            let (user_id, unread_count) = (inbox.user_id.clone(), inbox.present.unread_count);
            let event = Event::Updated { modseq, unread_count, notification: notification.clone() };
            self.changes.push(Change { user_id, event });
            self.unread += unread;
        }
        Ok(notification)
    }

    /// The notification, if it is in the inbox of this owner; without an owner, of any.
    fn find(&self, id: NotificationId, owner: Option<&UserId>) -> rusqlite::Result<Option<Stored>> {
        const QUERY: &str = concat!(
            "SELECT ",
            columns!(),
            ", i.user_id FROM notifications n JOIN inboxes i USING (inbox) WHERE n.id = ?1"
        );
        let mut query = self.connection.prepare_cached(QUERY)?;
        let found = query.query_row([id.as_uuid().as_bytes()], |row| {
            let user_id = kept_text(row, COLUMNS, UserId::stored)?;
            Stored::read(row, user_id)
        });
        let is_theirs = |stored: &Stored| owner.is_none_or(|owner| *owner == stored.notification.user_id);
        Ok(found.optional()?.filter(is_theirs))
    }

    /// The number of a user's inbox, which is created when there is none.
    fn number_of(&mut self, user_id: &UserId) -> rusqlite::Result<i64> {
        if let Some(number) = self.known(user_id)? {
            return Ok(number);
        }
        let inbox = Inbox::insert(self.connection, user_id)?;
        Ok(self.keep(user_id, inbox))
    }

    /// The number of a user's inbox, if there is one.
    fn known(&mut self, user_id: &UserId) -> rusqlite::Result<Option<i64>> {
        if let Some(number) = self.numbers.get(user_id) {
            return Ok(Some(*number));
        }
        let found = match self.recent.of(user_id) {
            Some(inbox) => Some(inbox.clone()),
            None => Inbox::of(self.connection, user_id)?,
        };
        Ok(found.map(|inbox| self.keep(user_id, inbox)))
    }

    fn keep(&mut self, user_id: &UserId, inbox: Inbox) -> i64 {
        let number = inbox.inbox;
        self.numbers.insert(user_id.clone(), number);
        // An inbox that was loaded by its number may have changes that its row lacks.
        self.inboxes.entry(number).or_insert(inbox);
        number
    }

    /// An inbox in its state within this transaction.
    fn inbox(&mut self, number: i64) -> rusqlite::Result<&mut Inbox> {
        use std::collections::hash_map::Entry;
        match self.inboxes.entry(number) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(Inbox::load(self.connection, number)?)),
        }
    }
}
