//! Exports from the database, and imports into it.

mod delivery;
mod wishes;

use std::collections::HashSet;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_postgres::{Client, IsolationLevel, Transaction};
use uuid::Uuid;

use super::{
    PostgresOptions,
    connection::{FORGET_STATEMENTS, connect, migrate, url},
    contacts,
    credentials::{ALL_KEYS, insert_key, read_key},
    error::of_write,
    row::{COLUMNS, Stored, columns, damaged, number, sql_number, timestamp},
    write::Columns,
};
use crate::{
    model::{Notification, NotificationId, UserId},
    server::store::{
        Once, Record, ServiceKey, StoreError, Transfer, made,
        record::{NO_FINGERPRINT, NO_INBOX, NOT_EMPTY, NUMBERS_DO_NOT_FIT, damaged_key},
    },
};

/// How many records are read or written in one statement.
const AT_ONCE: usize = 1000;

/// A PostgreSQL database whose contents are moved. It can be exported while servers use it.
#[derive(Debug)]
pub struct PostgresTransfer(
    /// The database.
    pub PostgresOptions,
);

#[async_trait]
impl Transfer for PostgresTransfer {
    async fn export(&self, into: mpsc::Sender<Record>) -> Result<(), StoreError> {
        let mut client = connect(&url(&self.0.url)?).await?;
        let transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = transaction.start().await?;
        transaction.batch_execute(FORGET_STATEMENTS).await?;
        let has_callers: bool = transaction.query_one(HAS_CALLERS, &[]).await?.try_get(0)?;
        let has_delivery: bool = transaction.query_one(delivery::IS_THERE, &[]).await?.try_get(0)?;
        let all = EXPORT.into_iter().filter(|(query, _)| has_callers || *query != ONCE_BY_CALLER);
        let has_via: bool = transaction.query_one(delivery::HAS_VIA, &[]).await?.try_get(0)?;
        let all = all.chain(delivery::export(has_via).into_iter().filter(|_| has_delivery));
        let has_contacts: bool = transaction.query_one(HAS_CONTACTS, &[]).await?.try_get(0)?;
        let contacts: (&str, ReadRecord) = (contacts::OF_ALL, |row| contacts::read(row).map(Record::Contact));
        let all = all.chain([contacts].into_iter().filter(|_| has_contacts));
        let has_wishes: bool = transaction.query_one(HAS_WISHES, &[]).await?.try_get(0)?;
        let all = all.chain(wishes::EXPORT.into_iter().filter(|_| has_wishes));
        for (number, (query, read)) in all.enumerate() {
            let cursor = format!("export_{number}");
            transaction.batch_execute(&format!("DECLARE {cursor} NO SCROLL CURSOR FOR {query}")).await?;
            let fetch = transaction.prepare(&format!("FETCH {AT_ONCE} FROM {cursor}")).await?;
            loop {
                let rows = transaction.query(&fetch, &[]).await?;
                for row in &rows {
                    if into.send(read(row)?).await.is_err() {
                        return Ok(());
                    }
                }
                if rows.len() < AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn import(&self, mut from: mpsc::Receiver<Result<Record, StoreError>>) -> Result<u64, StoreError> {
        let url = url(&self.0.url)?;
        migrate(&url).await?;
        let mut client = connect(&url).await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(FORGET_STATEMENTS).await?;
        transaction.batch_execute("LOCK TABLE inboxes IN EXCLUSIVE MODE").await?;
        if transaction.query_opt("SELECT 1 FROM inboxes LIMIT 1", &[]).await?.is_some() {
            return Err(StoreError::failed(NOT_EMPTY));
        }
        let mut import = Import::new(&transaction);
        while let Some(record) = from.recv().await {
            import.take(record?).await?;
        }
        let notifications = import.finish().await?;
        transaction.commit().await.map_err(of_write)?;
        analyze(&client).await;
        Ok(notifications)
    }
}

/// Counts the rows, because query plans made for empty tables would be bad ones. Everything is imported already, so a
/// failure is only logged.
async fn analyze(client: &Client) {
    const ANALYZE: &str =
        "ANALYZE inboxes, notifications, deletions, once, once_by_caller, service_keys, deliveries, lanes";
    if let Err(error) = client.batch_execute(ANALYZE).await {
        let error = StoreError::from(error);
        tracing::warn!(%error, "ANALYZE failed after the import: reads are slow until autovacuum does it");
    }
}

/// The keys of requests, as stored by releases that know the caller.
const ONCE_BY_CALLER: &str = "SELECT caller, key, fingerprint, at, made FROM once_by_caller ORDER BY caller, key";
/// Whether the tables are recent enough for that one: an export changes nothing.
const HAS_CALLERS: &str = "SELECT to_regclass('once_by_caller') IS NOT NULL";

/// Whether they are recent enough for contacts.
const HAS_CONTACTS: &str = "SELECT to_regclass('contacts') IS NOT NULL";

/// Whether they are recent enough for preferences and the server's own keys.
const HAS_WISHES: &str = "SELECT to_regclass('preferences') IS NOT NULL";

fn once(row: &tokio_postgres::Row) -> Result<Record, StoreError> {
    let fingerprint: &[u8] = row.try_get(2)?;
    let once = Once {
        caller: row.try_get(0)?,
        key: row.try_get(1)?,
        fingerprint: fingerprint.try_into().map_err(damaged)?,
        fingerprint_of_old: None,
        at: timestamp(row.try_get(3)?)?,
    };
    Ok(once.record(made::from_bytes(row.try_get(4)?)))
}

type ReadRecord = fn(&tokio_postgres::Row) -> Result<Record, StoreError>;

/// The records to export, in this order.
const EXPORT: [(&str, ReadRecord); 6] = [
    ("SELECT user_id, modseq, forgotten, all_read_modseq FROM inboxes ORDER BY user_id", |row| {
        Ok(Record::Inbox {
            user_id: UserId::stored(row.try_get(0)?),
            modseq: number(row, 1)?,
            forgotten: number(row, 2)?,
            all_read_modseq: number(row, 3)?,
        })
    }),
    (
        concat!(
            "SELECT ",
            columns!(),
            ", b.all_read_modseq
             FROM notifications n JOIN inboxes b USING (user_id) ORDER BY n.seq"
        ),
        |row| {
            let stored = Stored::read(row)?;
            let (modseq, created) = (stored.modseq, stored.created);
            Ok(Record::notification(modseq, created, stored.seen(number(row, COLUMNS)?)))
        },
    ),
    ("SELECT user_id, modseq, id FROM deletions ORDER BY user_id, modseq", |row| {
        Ok(Record::Deletion {
            user_id: UserId::stored(row.try_get(0)?),
            modseq: number(row, 1)?,
            id: NotificationId::new(row.try_get(2)?),
        })
    }),
    ("SELECT NULL::text, key, fingerprint, at, made FROM once ORDER BY key", once),
    (ONCE_BY_CALLER, once),
    (ALL_KEYS, |row| read_key(row).map(Record::from)),
];

/// An import in progress: inboxes and notifications wait until there are enough for a statement.
struct Import<'a> {
    transaction: &'a Transaction<'a>,
    inboxes: Vec<(UserId, [i64; 3])>,
    notifications: Vec<(i64, i64, Notification)>,
    taken: u64,
    /// The users whose inboxes were imported.
    known: HashSet<UserId>,
}

impl<'a> Import<'a> {
    fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, inboxes: Vec::new(), notifications: Vec::new(), taken: 0, known: HashSet::new() }
    }

    async fn take(&mut self, record: Record) -> Result<(), StoreError> {
        match record {
            Record::Inbox { user_id, modseq, forgotten, all_read_modseq } => {
                self.known.insert(user_id.clone());
                self.inboxes.push((user_id, [modseq, forgotten, all_read_modseq].map(sql_number)));
                if self.inboxes.len() == AT_ONCE { self.write_inboxes().await } else { Ok(()) }
            }
            Record::Notification { modseq, created, notification, kept: _ } => {
                self.must_be_known(&notification.user_id)?;
                self.notifications.push((sql_number(modseq), sql_number(created), notification));
                if self.notifications.len() == AT_ONCE { self.write_notifications().await } else { Ok(()) }
            }
            Record::Deletion { user_id, modseq, id } => {
                self.must_be_known(&user_id)?;
                let sql = "INSERT INTO deletions (user_id, modseq, id) VALUES ($1, $2, $3)";
                self.transaction.execute(sql, &[&user_id.as_str(), &sql_number(modseq), &id.as_uuid()]).await?;
                Ok(())
            }
            Record::Once { caller, key, fingerprint, at, made } => {
                const INSERT: &str =
                    "INSERT INTO once_by_caller (key, fingerprint, at, made, caller) VALUES ($1, $2, $3, $4, $5)";
                const INSERT_OLD: &str = "INSERT INTO once (key, fingerprint, at, made) VALUES ($1, $2, $3, $4)";
                let once = Once::from_record(caller, key, &fingerprint, at);
                let once = once.ok_or_else(|| StoreError::failed(NO_FINGERPRINT))?;
                let (fingerprint, at, made) = (once.fingerprint.as_slice(), once.at.as_micros(), made::to_bytes(made));
                match &once.caller {
                    Some(caller) => {
                        self.transaction.execute(INSERT, &[&once.key, &fingerprint, &at, &made, caller]).await
                    }
                    None => self.transaction.execute(INSERT_OLD, &[&once.key, &fingerprint, &at, &made]).await,
                }?;
                Ok(())
            }
            Record::Key(record) => {
                let key = ServiceKey::try_from(record).map_err(|why| damaged_key(&why))?;
                insert_key(self.transaction, &key).await
            }
            Record::Webhook(webhook) => delivery::take_webhook(self.transaction, &webhook).await,
            Record::Outbox(entry) => delivery::take_entry(self.transaction, &entry).await,
            Record::Delivery(of_one) => delivery::take_delivery(self.transaction, &of_one).await,
            Record::Lane(lane) => delivery::take_lane(self.transaction, &lane).await,
            Record::Contact(contact) => delivery::take_contact(self.transaction, &contact).await,
            Record::Preferences { user_id, version, preferences } => {
                wishes::take_preferences(self.transaction, &user_id, version, &preferences).await
            }
            Record::Secret(secret) => wishes::take_secret(self.transaction, &secret).await,
        }
    }

    fn must_be_known(&self, user_id: &UserId) -> Result<(), StoreError> {
        if self.known.contains(user_id) {
            return Ok(());
        }
        Err(StoreError::failed(NO_INBOX))
    }

    async fn write_inboxes(&mut self) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO inboxes (user_id, modseq, forgotten, all_read_modseq)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])";
        let users: Vec<_> = self.inboxes.iter().map(|(user_id, _)| user_id.as_str()).collect();
        let numbers = |place: usize| self.inboxes.iter().map(|(_, numbers)| numbers[place]).collect::<Vec<_>>();
        self.transaction.execute(INSERT, &[&users, &numbers(0), &numbers(1), &numbers(2)]).await?;
        self.inboxes.clear();
        Ok(())
    }

    async fn write_notifications(&mut self) -> Result<(), StoreError> {
        const INSERT: &str = r#"INSERT INTO notifications
            (seq, user_id, id, "timestamp", category, content, title, link, data, expires_at, is_read, modseq, created)
            SELECT $13 + n.place, n.user_id, n.id, n.time, n.category, n.content, n.title, n.link, n.data, n.expires_at,
                n.is_read, n.modseq, n.created
            FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::bigint[], $10::boolean[], $11::bigint[], $12::bigint[]) WITH ORDINALITY
                AS n (user_id, id, time, category, content, title, link, data, expires_at, is_read, modseq, created, place)"#;
        self.write_inboxes().await?;
        let rows: Vec<_> = self.notifications.iter().map(|(_, _, notification)| notification.clone()).collect();
        let Columns { users, ids, times, categories, contents, titles, links, data_texts, expiries } =
            Columns::of(&rows)?;
        let ids: Vec<Uuid> = ids;
        let is_read: Vec<_> = rows.iter().map(|notification| notification.is_read).collect();
        let modseqs: Vec<_> = self.notifications.iter().map(|(modseq, _, _)| *modseq).collect();
        let created: Vec<_> = self.notifications.iter().map(|(_, created, _)| *created).collect();
        let first = sql_number(self.taken);
        self.transaction
            .execute(
                INSERT,
                &[
                    &users,
                    &ids,
                    &times,
                    &categories,
                    &contents,
                    &titles,
                    &links,
                    &data_texts,
                    &expiries,
                    &is_read,
                    &modseqs,
                    &created,
                    &first,
                ],
            )
            .await?;
        self.taken += rows.len() as u64;
        self.notifications.clear();
        Ok(())
    }

    /// Writes the waiting rows, updates the counts, and returns the number of notifications.
    async fn finish(mut self) -> Result<u64, StoreError> {
        const COUNT: &str = "
            UPDATE inboxes b SET total = n.total, unread_count = n.unread, categories = n.categories
                FROM (SELECT user_id, sum(total)::bigint AS total, sum(unread)::bigint AS unread,
                          jsonb_object_agg(category, total) AS categories
                      FROM (SELECT user_id, category, count(*) AS total, count(*) FILTER (WHERE NOT is_read) AS unread
                            FROM notifications GROUP BY user_id, category) c
                      GROUP BY user_id) n
                WHERE b.user_id = n.user_id;
            UPDATE inboxes b SET deletions = d.total
                FROM (SELECT user_id, count(*) AS total FROM deletions GROUP BY user_id) d WHERE b.user_id = d.user_id;
            SELECT setval('notification_seq', (SELECT coalesce(max(seq), 1) FROM notifications));";
        const WRONG: &str = "SELECT
            EXISTS (SELECT 1 FROM notifications n JOIN inboxes b USING (user_id) WHERE n.modseq > b.modseq)
            OR EXISTS (SELECT 1 FROM deletions d JOIN inboxes b USING (user_id) WHERE d.modseq > b.modseq)
            OR EXISTS (SELECT 1 FROM notifications GROUP BY user_id, created HAVING count(*) > 1)
            OR EXISTS (SELECT 1 FROM (SELECT user_id, modseq FROM notifications
                                      UNION ALL SELECT user_id, modseq FROM deletions) c
                       GROUP BY user_id, modseq HAVING count(*) > 1)";
        self.write_inboxes().await?;
        self.write_notifications().await?;
        if self.transaction.query_one(WRONG, &[]).await?.try_get(0)? {
            return Err(StoreError::failed(NUMBERS_DO_NOT_FIT));
        }
        self.transaction.batch_execute(COUNT).await?;
        self.transaction.batch_execute(delivery::COUNT).await?;
        Ok(self.taken)
    }
}
