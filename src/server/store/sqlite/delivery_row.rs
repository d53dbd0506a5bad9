//! The columns of a delivery.

use rusqlite::{Connection, Row, types::Type};
use uuid::Uuid;

use super::row::{kept_text, moment, text, timestamp, uuid};
use crate::{
    model::{Channel, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::outbox::Delivery,
};

/// The columns that [`read_delivery`] reads.
macro_rules! columns {
    () => {
        concat!(crate::server::store::sqlite::delivery_row::columns_but_via!(), ", via")
    };
}
pub(super) use columns;

/// The same for tables that do not know digests yet.
macro_rules! columns_but_via {
    () => {
        "id, notification_id, user_id, channel, target, lane, state, reason, due_at, tries, attempts, payload, \
         expires_at, created_at, ended_at, replay_of, is_replayed"
    };
}
pub(super) use columns_but_via;

/// The number of these columns: further columns of a query begin there.
pub(super) const COLUMNS: usize = 18;

pub(super) fn read_delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let attempts = serde_json::from_str(row.get_ref(10)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(10, Type::Text, Box::new(error)))?;
    Ok(Delivery {
        id: DeliveryId::new(uuid(row, 0)?),
        notification_id: uuid_or_null(row, 1)?.map(NotificationId::new),
        user_id: kept_text(row, 2, UserId::stored)?,
        channel: text(row, 3, Channel::parse)?,
        target: uuid(row, 4)?,
        lane: row.get(5)?,
        state: text(row, 6, DeliveryState::parse)?,
        reason: row.get(7)?,
        due_at: timestamp(8, row.get(8)?)?,
        tries: row.get(9)?,
        attempts,
        payload: row.get(11)?,
        expires_at: moment(row, 12)?,
        created_at: timestamp(13, row.get(13)?)?,
        ended_at: moment(row, 14)?,
        replay_of: uuid_or_null(row, 15)?.map(DeliveryId::new),
        is_replayed: row.get(16)?,
        via: uuid_or_null(row, 17)?.map(DeliveryId::new),
    })
}

/// Adds a row.
pub(super) fn insert(connection: &Connection, delivery: &Delivery) -> rusqlite::Result<()> {
    const INSERT: &str = concat!(
        "INSERT INTO deliveries (",
        columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    );
    let attempts = serde_json::to_string(&delivery.attempts)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let values = rusqlite::params![
        delivery.id.as_uuid().into_bytes(),
        delivery.notification_id.map(|id| id.as_uuid().into_bytes()),
        delivery.user_id.as_str(),
        delivery.channel.as_str(),
        delivery.target.as_bytes(),
        delivery.lane,
        delivery.state.as_str(),
        delivery.reason,
        delivery.due_at.as_micros(),
        delivery.tries,
        attempts,
        delivery.payload,
        delivery.expires_at.map(Timestamp::as_micros),
        delivery.created_at.as_micros(),
        delivery.ended_at.map(Timestamp::as_micros),
        delivery.replay_of.map(|id| id.as_uuid().into_bytes()),
        delivery.is_replayed,
        delivery.via.map(|id| id.as_uuid().into_bytes()),
    ];
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

pub(super) fn uuid_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    let is_there = row.get_ref(column)?.as_bytes_or_null()?.is_some();
    is_there.then(|| uuid(row, column)).transpose()
}
