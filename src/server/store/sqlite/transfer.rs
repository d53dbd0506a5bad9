//! Exports from the file, and imports into it.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::mpsc;

use super::{
    SqliteOptions,
    connection::{known, on_a_thread, open_for_reading, open_for_writing},
    contacts,
    credentials::{ALL_KEYS, insert_key, read_key},
    delivery_row, entry_row,
    error::of_commit,
    insert::Insert,
    once::insert_once,
    origin::assert_ours,
    outbox,
    row::{COLUMNS, Stored, columns, kept_text, moment, timestamp, uuid},
    webhook_row, wishes,
    write::next_seq,
};
use crate::{
    model::{NotificationId, Timestamp, UserId},
    server::store::{
        Once, Record, ServiceKey, StoreError, Transfer,
        credentials::id_is_taken,
        made,
        outbox::LaneMemory,
        record::{NO_FINGERPRINT, NO_INBOX, NOT_EMPTY, NUMBERS_DO_NOT_FIT, SecretRecord, damaged_key},
    },
};

/// A SQLite file whose contents are moved. It can be exported while a server uses it.
#[derive(Debug)]
pub struct SqliteTransfer(
    /// The file, and its settings.
    pub SqliteOptions,
);

#[async_trait]
impl Transfer for SqliteTransfer {
    async fn export(&self, into: mpsc::Sender<Record>) -> Result<(), StoreError> {
        let path = self.0.path.clone();
        on_a_thread(move || {
            let connection = open_for_reading(&path)?;
            assert_ours(&path, &connection, &known())?;
            export(&connection, &into)
        })
        .await
    }

    async fn import(&self, from: mpsc::Receiver<Result<Record, StoreError>>) -> Result<u64, StoreError> {
        let options = self.0.clone();
        on_a_thread(move || {
            let is_new = !options.path.exists();
            let (connection, _lock) = open_for_writing(&options)?;
            let set = connection.pragma_update(None, "cache_size", IMPORT_CACHE).map_err(StoreError::from);
            let imported = set.and_then(|()| import(&connection, from));
            drop(connection);
            if imported.is_err() && is_new {
                remove(&options.path);
            }
            imported
        })
        .await
    }
}

/// Removes a file that was created in vain, and the files beside it. It is of no use, so leaving it behind is no
/// failure. The lock goes last, and is still held.
fn remove(path: &Path) {
    for suffix in ["-wal", "-shm", "", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        drop(std::fs::remove_file(name));
    }
}

/// The memory that an import may take for cached pages, in SQLite's unit (128 MiB).
const IMPORT_CACHE: i64 = -131_072;

/// Sends the records that the queries find, from one moment.
fn export(connection: &Connection, into: &mpsc::Sender<Record>) -> Result<(), StoreError> {
    const INBOXES: &str = "SELECT user_id, modseq, forgotten, all_read_modseq FROM inboxes ORDER BY user_id";
    const NOTIFICATIONS: &str = concat!(
        "SELECT ",
        columns!(),
        ", i.user_id, i.all_read_modseq
         FROM notifications n CROSS JOIN inboxes i USING (inbox) ORDER BY n.seq"
    );
    const DELETIONS: &str = "SELECT i.user_id, d.modseq, d.id FROM inboxes i CROSS JOIN deletions d USING (inbox)
        ORDER BY i.user_id, d.modseq";
    const ONCE: &str = "SELECT NULL AS caller, key, fingerprint, at, made FROM once ORDER BY key";
    const ONCE_BY_CALLER: &str = "SELECT caller, key, fingerprint, at, made FROM once_by_caller ORDER BY caller, key";
    /// Whether the file is recent enough for that table: an export changes nothing.
    const HAS_CALLERS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'once_by_caller')";

    let transaction = connection.unchecked_transaction()?;
    // The receiver is gone: the caller has all that it wants.
    let send = |record: rusqlite::Result<Record>| Ok::<_, StoreError>(into.blocking_send(record?).is_ok());
    let mut query = transaction.prepare(INBOXES)?;
    for record in query.query_map((), |row| {
        let user_id = kept_text(row, 0, UserId::stored)?;
        Ok(Record::Inbox { user_id, modseq: row.get(1)?, forgotten: row.get(2)?, all_read_modseq: row.get(3)? })
    })? {
        if !send(record)? {
            return Ok(());
        }
    }
    let mut query = transaction.prepare(NOTIFICATIONS)?;
    for record in query.query_map((), |row| {
        let stored = Stored::read(row, kept_text(row, COLUMNS, UserId::stored)?)?;
        let (modseq, created) = (stored.modseq, stored.created);
        Ok(Record::notification(modseq, created, stored.seen(row.get(COLUMNS + 1)?)))
    })? {
        if !send(record)? {
            return Ok(());
        }
    }
    let mut query = transaction.prepare(DELETIONS)?;
    for record in query.query_map((), |row| {
        let (user_id, id) = (kept_text(row, 0, UserId::stored)?, NotificationId::new(uuid(row, 2)?));
        Ok(Record::Deletion { user_id, modseq: row.get(1)?, id })
    })? {
        if !send(record)? {
            return Ok(());
        }
    }
    let has_callers: bool = transaction.query_row(HAS_CALLERS, (), |row| row.get(0))?;
    for query in if has_callers { &[ONCE, ONCE_BY_CALLER][..] } else { &[ONCE] } {
        let mut query = transaction.prepare(query)?;
        for record in query.query_map((), |row| {
            let once = Once {
                caller: row.get(0)?,
                key: row.get(1)?,
                fingerprint: row.get(2)?,
                fingerprint_of_old: None,
                at: timestamp(3, row.get(3)?)?,
            };
            Ok(once.record(made::from_bytes(row.get_ref(4)?.as_blob()?)))
        })? {
            if !send(record)? {
                return Ok(());
            }
        }
    }
    let mut query = transaction.prepare(ALL_KEYS)?;
    for record in query.query_map((), |row| read_key(row).map(Record::from))? {
        if !send(record)? {
            return Ok(());
        }
    }
    if transaction.query_row(HAS_DELIVERY, (), |row| row.get(0))? {
        export_delivery(&transaction, send)?;
    }
    if transaction.query_row(HAS_CONTACTS, (), |row| row.get(0))? {
        let mut query = transaction.prepare(contacts::OF_ALL)?;
        for record in query.query_map((), |row| contacts::read_contact(row).map(Record::Contact))? {
            if !send(record)? {
                return Ok(());
            }
        }
    }
    if transaction.query_row(HAS_WISHES, (), |row| row.get(0))? {
        export_all(&transaction, &WISHES, send)?;
    }
    Ok(())
}

/// Sends the records that these queries find, while there is a receiver.
fn export_all(
    connection: &Connection,
    queries: &[(&str, ReadRecord)],
    send: impl Fn(rusqlite::Result<Record>) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    for (query, read) in queries {
        let mut query = connection.prepare(query)?;
        for record in query.query_map((), read)? {
            if !send(record)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether the file is recent enough for deliveries.
const HAS_DELIVERY: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'deliveries')";

/// Whether the file is recent enough for contacts.
const HAS_CONTACTS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'contacts')";

/// Whether the file is recent enough for preferences and the server's own keys.
const HAS_WISHES: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'preferences')";

/// Sends the outbox and the deliveries, while there is a receiver.
fn export_delivery(
    connection: &Connection,
    send: impl Fn(rusqlite::Result<Record>) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    for webhook in webhook_row::all(connection)? {
        if !send(Ok(Record::Webhook(webhook)))? {
            return Ok(());
        }
    }
    /// All deliveries of a table that does not know digests yet.
    const OLD: &str = concat!("SELECT ", delivery_row::columns_but_via!(), ", NULL FROM deliveries ORDER BY seq");
    const HAS_VIA: &str = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('deliveries') WHERE name = 'via')";
    let has_via: bool = connection.query_row(HAS_VIA, (), |row| row.get(0))?;
    let all = DELIVERY.map(|(query, read)| (if query == ALL && !has_via { OLD } else { query }, read));
    export_all(connection, &all, send)
}

type ReadRecord = fn(&rusqlite::Row<'_>) -> rusqlite::Result<Record>;

/// All deliveries, the oldest first.
const ALL: &str = concat!("SELECT ", delivery_row::columns!(), " FROM deliveries ORDER BY seq");

/// The records of deliveries to export, in this order.
const DELIVERY: [(&str, ReadRecord); 3] = [
    (entry_row::ALL, |row| entry_row::read_entry(row).map(Record::Outbox)),
    (ALL, |row| Ok(Record::Delivery(Box::new(delivery_row::read_delivery(row)?)))),
    (
        "SELECT lane, paused_until, reason, failures, failing_since, worked_at FROM lanes
         WHERE paused_until IS NOT NULL OR failures > 0 OR worked_at IS NOT NULL ORDER BY lane",
        |row| {
            let (paused_until, health) = (moment(row, 1)?, outbox::read_health(row, 3)?);
            Ok(Record::Lane(LaneMemory { lane: row.get(0)?, paused_until, reason: row.get(2)?, health }))
        },
    ),
];

/// Preferences, and the server's own keys.
const WISHES: [(&str, ReadRecord); 2] = [
    ("SELECT record, version, user_id FROM preferences ORDER BY user_id", |row| {
        let (preferences, version) = wishes::read_preferences(row)?;
        Ok(Record::Preferences { user_id: kept_text(row, 2, UserId::stored)?, version, preferences })
    }),
    ("SELECT name, secret FROM secrets ORDER BY name", |row| {
        Ok(Record::Secret(SecretRecord { name: row.get(0)?, secret: row.get(1)? }))
    }),
];

/// Imports all records into a store without inboxes, in one transaction.
fn import(connection: &Connection, mut from: mpsc::Receiver<Result<Record, StoreError>>) -> Result<u64, StoreError> {
    /// Indexes are built at the end: that takes a fraction of the time.
    const PUT_OFF: [(&str, &str); 4] = [
        ("notifications_by_id", "CREATE UNIQUE INDEX notifications_by_id ON notifications (id)"),
        ("notifications_by_inbox", "CREATE INDEX notifications_by_inbox ON notifications (inbox, created)"),
        (
            "notifications_by_change",
            "CREATE INDEX notifications_by_change ON notifications (inbox, modseq) WHERE modseq <> created",
        ),
        (
            "notifications_by_expiry",
            "CREATE INDEX notifications_by_expiry ON notifications (expires_at) WHERE expires_at IS NOT NULL",
        ),
    ];
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if transaction.query_row("SELECT 1 FROM inboxes LIMIT 1", (), |_| Ok(())).optional()?.is_some() {
        return Err(StoreError::failed(NOT_EMPTY));
    }
    for (index, _) in PUT_OFF {
        transaction.execute_batch(&format!("DROP INDEX {index}"))?;
    }
    let first = next_seq(&transaction)?;
    let mut seq = first;
    while let Some(record) = from.blocking_recv() {
        take(&transaction, record?, &mut seq)?;
    }
    for (_, create) in PUT_OFF {
        transaction.execute_batch(create)?;
    }
    if transaction.query_row(WRONG, (), |row| row.get(0))? {
        return Err(StoreError::failed(NUMBERS_DO_NOT_FIT));
    }
    transaction.execute_batch(COUNT)?;
    transaction.commit().map_err(of_commit)?;
    Ok(u64::try_from(seq - first).unwrap_or(0))
}

/// Whether a change has a number that its inbox has not reached, or two have the same number.
const WRONG: &str = "SELECT
    EXISTS (SELECT 1 FROM notifications n JOIN inboxes i USING (inbox) WHERE n.modseq > i.modseq)
    OR EXISTS (SELECT 1 FROM deletions d JOIN inboxes i USING (inbox) WHERE d.modseq > i.modseq)
    OR EXISTS (SELECT 1 FROM notifications GROUP BY inbox, created HAVING count(*) > 1)
    OR EXISTS (SELECT 1 FROM (SELECT inbox, modseq FROM notifications UNION ALL SELECT inbox, modseq FROM deletions)
               GROUP BY inbox, modseq HAVING count(*) > 1)";

/// Updates the stored counts after an import.
const COUNT: &str = "
    UPDATE inboxes SET (total, unread_count) = (SELECT count(*), count(*) FILTER (WHERE NOT is_read)
        FROM notifications n INDEXED BY notifications_by_inbox WHERE n.inbox = inboxes.inbox);
    UPDATE inboxes SET deletions = (SELECT count(*) FROM deletions d WHERE d.inbox = inboxes.inbox);
    INSERT INTO totals SELECT category, count(*) FROM notifications GROUP BY category;
    INSERT INTO totals SELECT '', coalesce(sum(unread_count), 0) FROM inboxes;
    INSERT INTO lanes (lane, waiting, bytes)
        SELECT lane, count(*), sum(octet_length(payload)) FROM deliveries WHERE ended_at IS NULL GROUP BY lane
        ON CONFLICT (lane) DO UPDATE SET waiting = excluded.waiting, bytes = excluded.bytes;";

/// Imports one record.
fn take(connection: &Connection, record: Record, seq: &mut i64) -> Result<(), StoreError> {
    const INBOX: &str = "INSERT INTO inboxes (user_id, modseq, forgotten, all_read_modseq) VALUES (?1, ?2, ?3, ?4)";
    const DELETION: &str = "INSERT INTO deletions (inbox, modseq, id) VALUES (?1, ?2, ?3)";
    /// A server creates its keys when it starts, but the imported ones are those in use before.
    const SECRET: &str = "INSERT INTO secrets (name, secret) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET secret = excluded.secret";
    match record {
        Record::Inbox { user_id, modseq, forgotten, all_read_modseq } => {
            let values = (user_id.as_str(), modseq, forgotten, all_read_modseq);
            connection.prepare_cached(INBOX)?.execute(values)?;
        }
        Record::Notification { modseq, created, notification, kept: _ } => {
            let inbox = number_of(connection, &notification.user_id)?;
            Insert::into_table_of(connection)?.add(*seq, inbox, &notification, None, (modseq, created))?;
            *seq += 1;
        }
        Record::Deletion { user_id, modseq, id } => {
            let inbox = number_of(connection, &user_id)?;
            connection.prepare_cached(DELETION)?.execute((inbox, modseq, id.as_uuid().as_bytes()))?;
        }
        Record::Once { caller, key, fingerprint, at, made } => {
            let damaged = || StoreError::failed(NO_FINGERPRINT);
            let once = Once::from_record(caller, key, &fingerprint, at).ok_or_else(damaged)?;
            let made: Vec<(NotificationId, Timestamp)> = made;
            insert_once(connection, &once, &made)?;
        }
        Record::Key(record) => {
            let key = ServiceKey::try_from(record).map_err(|why| damaged_key(&why))?;
            if !insert_key(connection, &key)? {
                return Err(id_is_taken(key.id));
            }
        }
        Record::Webhook(webhook) => webhook_row::insert_webhook(connection, &webhook)?,
        Record::Outbox(entry) => entry_row::insert_entry(connection, &entry)?,
        Record::Delivery(delivery) => delivery_row::insert(connection, &delivery)?,
        Record::Lane(lane) => outbox::insert_lane(connection, &lane)?,
        Record::Contact(contact) => contacts::insert_contact(connection, &contact)?,
        Record::Preferences { user_id, version, preferences } => {
            wishes::insert_preferences(connection, &user_id, version, &preferences)?;
        }
        Record::Secret(SecretRecord { name, secret }) => {
            connection.prepare_cached(SECRET)?.execute((name, secret))?;
        }
    }
    Ok(())
}

fn number_of(connection: &Connection, user_id: &UserId) -> Result<i64, StoreError> {
    let mut query = connection.prepare_cached("SELECT inbox FROM inboxes WHERE user_id = ?1")?;
    let found = query.query_row([user_id.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| StoreError::failed(NO_INBOX))
}
