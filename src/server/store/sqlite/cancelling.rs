//! Waiting deliveries to contacts, and whether a user has a contact.

use rusqlite::{Connection, Row};

use super::{lane_load::take_from_lane, row::uuid};
use crate::{
    model::{NotificationId, Timestamp, UserId},
    server::store::outbox::ends_as,
};

/// Whether a user has a contact.
pub(super) fn has_contact(connection: &Connection, user_id: &UserId) -> rusqlite::Result<bool> {
    const HAS: &str = "SELECT 1 FROM contacts INDEXED BY contacts_by_user WHERE user_id = ?1";
    connection.prepare_cached(HAS)?.exists([user_id.as_str()])
}

/// Whether any delivery to a contact is not over.
pub(super) fn one_waits(connection: &Connection) -> rusqlite::Result<bool> {
    const ONE: &str = "SELECT 1 FROM deliveries INDEXED BY deliveries_to_contacts
        WHERE ended_at IS NULL AND channel <> 'webhook'";
    connection.prepare_cached(ONE)?.exists(())
}

/// Cancels waiting deliveries to contacts about a notification, and returns their number.
pub(super) fn cancel_about(
    connection: &Connection,
    user_id: &UserId,
    id: NotificationId,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    const WAITING: &str =
        "SELECT seq, lane, octet_length(payload), expires_at FROM deliveries INDEXED BY deliveries_to_contacts
        WHERE user_id = ?1 AND notification_id = ?2 AND ended_at IS NULL AND channel <> 'webhook' AND state <> 'leased'";
    const END: &str = "UPDATE deliveries SET state = ?2, reason = ?3, ended_at = ?4 WHERE seq = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, super::row::moment(row, 3)?));
    let mut waiting = connection.prepare_cached(WAITING)?;
    let waiting: Vec<(i64, String, u64, Option<Timestamp>)> =
        waiting.query_map((user_id.as_str(), id.as_uuid().as_bytes()), read)?.collect::<rusqlite::Result<_>>()?;
    for (seq, lane, bytes, expires_at) in &waiting {
        let (state, reason) = ends_as(*expires_at, reason, now);
        connection.prepare_cached(END)?.execute((seq, state.as_str(), reason, now.as_micros()))?;
        take_from_lane(connection, lane, 1, *bytes)?;
    }
    Ok(waiting.len())
}

/// The notifications of an inbox about which deliveries to contacts wait, by id, after this one.
pub(super) fn awaited(
    connection: &Connection,
    user_id: &UserId,
    after: Option<NotificationId>,
    most: usize,
) -> rusqlite::Result<Vec<NotificationId>> {
    const AWAITED: &str = "SELECT DISTINCT notification_id FROM deliveries INDEXED BY deliveries_to_contacts
        WHERE user_id = ?1 AND notification_id > ?2 AND ended_at IS NULL AND channel <> 'webhook' AND state <> 'leased'
        ORDER BY notification_id LIMIT ?3";
    let after = after.map(|id| id.as_uuid().into_bytes().to_vec()).unwrap_or_default();
    let read = |row: &Row<'_>| Ok(NotificationId::new(uuid(row, 0)?));
    connection.prepare_cached(AWAITED)?.query_map((user_id.as_str(), after, most), read)?.collect()
}
