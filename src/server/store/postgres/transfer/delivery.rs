//! Exports and imports deliveries and webhooks.

use tokio_postgres::{Transaction, types::ToSql};

use super::ReadRecord;
use crate::{
    model::{Label, Timestamp},
    server::store::{
        Record, StoreError,
        contacts::KeptContact,
        outbox::{Delivery, Entry, Health, LaneMemory, Webhook},
        postgres::{
            delivery_row::{delivery_columns, delivery_columns_but_via, read_delivery},
            outbox::{EntryColumns, INSERT_ENTRY, read_entry, read_health, text},
            row::sql_number,
            webhooks::{self, Columns},
        },
    },
};

/// Whether the tables are recent enough for these: an export changes nothing.
pub(super) const IS_THERE: &str = "SELECT to_regclass('deliveries') IS NOT NULL";

/// Whether the deliveries know digests, which came with that index.
pub(super) const HAS_VIA: &str = "SELECT to_regclass('deliveries_by_via') IS NOT NULL";

/// All deliveries, the oldest first.
const ALL: &str = concat!("SELECT ", delivery_columns!(), " FROM deliveries d ORDER BY d.seq");
/// The same of a table that does not know digests yet.
const ALL_OLD: &str = concat!("SELECT ", delivery_columns_but_via!(), ", NULL::uuid FROM deliveries d ORDER BY d.seq");

/// The records to export, in this order.
pub(super) fn export(has_via: bool) -> [(&'static str, ReadRecord); 4] {
    EXPORT.map(|(query, read)| (if query == ALL && !has_via { ALL_OLD } else { query }, read))
}

const EXPORT: [(&str, ReadRecord); 4] = [
    (webhooks::ALL, |row| webhooks::read(row).map(Record::Webhook)),
    // Also of tables that have no column for contacts or routing yet.
    ("SELECT * FROM outbox ORDER BY seq", |row| read_entry(row).map(Record::Outbox)),
    (ALL, |row| Ok(Record::Delivery(Box::new(read_delivery(row)?)))),
    (
        "SELECT lane, paused_until, reason, failures, failing_since, worked_at FROM lanes
         WHERE paused_until IS NOT NULL OR failures > 0 OR worked_at IS NOT NULL ORDER BY lane",
        |row| {
            let paused_until = row.try_get::<_, Option<i64>>(1)?.map(Timestamp::stored);
            let (lane, reason, health) = (row.try_get(0)?, row.try_get(2)?, read_health(row, 3)?);
            Ok(Record::Lane(LaneMemory { lane, paused_until, reason, health }))
        },
    ),
];

/// Counts the load of each lane, once all deliveries are imported.
pub(super) const COUNT: &str = "INSERT INTO lanes (lane, waiting, bytes)
    SELECT lane, count(*), sum(octet_length(payload)) FROM deliveries WHERE ended_at IS NULL GROUP BY lane
    ON CONFLICT (lane) DO UPDATE SET waiting = excluded.waiting, bytes = excluded.bytes;";

pub(super) async fn take_webhook(transaction: &Transaction<'_>, webhook: &Webhook) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO webhooks (id, created, version, events, categories, user_id, record)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Columns { events, categories, user_id, record } = Columns::of(webhook)?;
    let (id, created) = (webhook.id.as_uuid(), webhook.created_at.as_micros());
    let version = sql_number(webhook.version);
    let values: [&(dyn ToSql + Sync); 7] = [&id, &created, &version, &events, &categories, &user_id, &record];
    transaction.execute(INSERT, &values).await?;
    Ok(())
}

pub(super) async fn take_entry(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), StoreError> {
    transaction.execute(INSERT_ENTRY, &EntryColumns::of(entry)?.values()).await?;
    Ok(())
}

pub(super) async fn take_delivery(transaction: &Transaction<'_>, delivery: &Delivery) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO deliveries (id, notification_id, user_id, channel, target, lane, state, reason,
            due_at, tries, attempts, payload, expires_at, created_at, ended_at, replay_of, is_replayed, via)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    let unwritable = |error: serde_json::Error| StoreError::failed("an attempt cannot be written").because(error);
    let attempts = delivery.attempts.iter().map(|attempt| serde_json::to_string(attempt).map_err(unwritable));
    let attempts: Vec<String> = attempts.collect::<Result<_, _>>()?;
    let notification_id = delivery.notification_id.map(crate::model::NotificationId::as_uuid);
    let reason = delivery.reason.as_deref().map(text);
    let tries = i32::try_from(delivery.tries).unwrap_or(i32::MAX);
    let [expires_at, ended_at] = [delivery.expires_at, delivery.ended_at].map(|at| at.map(Timestamp::as_micros));
    let replay_of = delivery.replay_of.map(crate::model::DeliveryId::as_uuid);
    let via = delivery.via.map(crate::model::DeliveryId::as_uuid);
    let values: [&(dyn ToSql + Sync); 18] = [
        &delivery.id.as_uuid(),
        &notification_id,
        &delivery.user_id.as_str(),
        &delivery.channel.as_str(),
        &delivery.target,
        &delivery.lane,
        &delivery.state.as_str(),
        &reason,
        &delivery.due_at.as_micros(),
        &tries,
        &attempts,
        &delivery.payload,
        &expires_at,
        &delivery.created_at.as_micros(),
        &ended_at,
        &replay_of,
        &delivery.is_replayed,
        &via,
    ];
    transaction.execute(INSERT, &values).await?;
    Ok(())
}

pub(super) async fn take_contact(transaction: &Transaction<'_>, contact: &KeptContact) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO contacts (id, user_id, channel, identity, address, label, state, since, created_at,
            last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let unwritable = |error: serde_json::Error| StoreError::failed("a contact cannot be written").because(error);
    let address = serde_json::to_string(&contact.address).map_err(unwritable)?;
    let identity = contact.address.identity(&contact.user_id);
    let values: [&(dyn ToSql + Sync); 10] = [
        &contact.id.as_uuid(),
        &contact.user_id.as_str(),
        &contact.address.channel().as_str(),
        &identity.as_slice(),
        &address,
        &contact.label.as_ref().map(Label::as_str),
        &contact.state.as_str(),
        &contact.since.as_micros(),
        &contact.created_at.as_micros(),
        &contact.last_seen_at.as_micros(),
    ];
    transaction.execute(INSERT, &values).await?;
    Ok(())
}

pub(super) async fn take_lane(transaction: &Transaction<'_>, lane: &LaneMemory) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO lanes (lane, paused_until, reason, failures, failing_since, worked_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let LaneMemory { lane, paused_until, reason, health: Health { failures, failing_since, worked_at } } = lane;
    let [paused_until, failing_since, worked_at] =
        [paused_until, failing_since, worked_at].map(|at| at.map(Timestamp::as_micros));
    let values: [&(dyn ToSql + Sync); 6] =
        [lane, &paused_until, reason, &sql_number(*failures), &failing_since, &worked_at];
    transaction.execute(INSERT, &values).await?;
    Ok(())
}
