//! The columns of a delivery.

use tokio_postgres::Row;
use uuid::Uuid;

use super::row::damaged;
use crate::{
    model::{Attempt, Channel, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::{StoreError, outbox::Delivery},
};

/// The columns of [`read_delivery`], of the table under the name `d`; the first one is its place.
macro_rules! delivery_columns {
    () => {
        concat!(crate::server::store::postgres::delivery_row::delivery_columns_but_via!(), ", d.via")
    };
}
pub(super) use delivery_columns;

/// The same for tables that do not know digests yet.
macro_rules! delivery_columns_but_via {
    () => {
        "d.seq, d.id, d.notification_id, d.user_id, d.channel, d.target, d.lane, d.state, d.reason, d.due_at, d.tries,
         d.attempts, d.payload, d.expires_at, d.created_at, d.ended_at, d.replay_of, d.is_replayed"
    };
}
pub(super) use delivery_columns_but_via;

/// The number of these columns: further columns of a query begin there.
pub(super) const DELIVERY_COLUMNS: usize = 19;

/// Reads the columns of a row.
pub(super) fn read_delivery(row: &Row) -> Result<Delivery, StoreError> {
    let moment = |column: usize| Ok::<_, StoreError>(row.try_get::<_, Option<i64>>(column)?.map(Timestamp::stored));
    let attempt = |json: &str| serde_json::from_str::<Attempt>(json).map_err(damaged);
    Ok(Delivery {
        id: DeliveryId::new(row.try_get(1)?),
        notification_id: row.try_get::<_, Option<Uuid>>(2)?.map(NotificationId::new),
        user_id: UserId::stored(row.try_get(3)?),
        channel: Channel::parse(row.try_get(4)?).map_err(damaged)?,
        target: row.try_get(5)?,
        lane: row.try_get(6)?,
        state: DeliveryState::parse(row.try_get(7)?).map_err(damaged)?,
        reason: row.try_get(8)?,
        due_at: Timestamp::stored(row.try_get(9)?),
        tries: u32::try_from(row.try_get::<_, i32>(10)?).map_err(damaged)?,
        attempts: row.try_get::<_, Vec<&str>>(11)?.into_iter().map(attempt).collect::<Result<_, _>>()?,
        payload: row.try_get(12)?,
        expires_at: moment(13)?,
        created_at: Timestamp::stored(row.try_get(14)?),
        ended_at: moment(15)?,
        replay_of: row.try_get::<_, Option<Uuid>>(16)?.map(DeliveryId::new),
        is_replayed: row.try_get(17)?,
        via: row.try_get::<_, Option<Uuid>>(18)?.map(DeliveryId::new),
    })
}
