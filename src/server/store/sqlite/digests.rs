//! Digests: several deliveries to one contact that are sent as one message.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    delivery_row::{columns, insert, read_delivery},
    row::uuid,
};
use crate::{
    model::{DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::outbox::{ANEW, Bundle, DIGEST, Delivery, Part},
};

/// Creates a digest, if several deliveries belong to it, and returns whether it did.
pub(super) fn bundle(connection: &Connection, bundle: &Bundle, now: Timestamp) -> rusqlite::Result<bool> {
    const CLAIMED: &str =
        concat!("SELECT ", columns!(), ", seq FROM deliveries WHERE id = ?1 AND lease = ?2 AND state = 'leased'");
    const TOO: &str = "SELECT seq FROM deliveries INDEXED BY deliveries_to_contacts
        WHERE user_id = ?1 AND notification_id IS NOT NULL AND ended_at IS NULL AND channel <> 'webhook'
            AND target = ?2 AND lane = ?6 AND state = 'held' AND via IS NULL
            AND ((due_at <= ?3 AND reason IS NOT ?7) OR (?4 AND reason = ?5))";
    const JOIN: &str = "UPDATE deliveries SET state = 'held', lease = NULL, due_at = ?2, via = ?3,
        tries = tries - (state = 'leased') WHERE seq = ?1";
    const COUNT: &str = "UPDATE lanes SET waiting = waiting + 1 WHERE lane = ?1";
    let mut claimed: Vec<(Delivery, i64)> = Vec::with_capacity(bundle.claimed.len());
    for id in &bundle.claimed {
        let read = |row: &Row<'_>| Ok((read_delivery(row)?, row.get(super::delivery_row::COLUMNS)?));
        let leased = (id.as_uuid().into_bytes(), bundle.lease.into_bytes());
        claimed.extend(connection.prepare_cached(CLAIMED)?.query_row(leased, read).optional()?);
    }
    let Some((first, _)) = claimed.first() else { return Ok(false) };
    let takes_digests = claimed.iter().any(|(delivery, _)| delivery.reason.as_deref() == Some(DIGEST));
    let (due, lane) = (now.as_micros(), &first.lane);
    let too = (first.user_id.as_str(), first.target.as_bytes(), due, takes_digests, DIGEST, lane, ANEW);
    let mut seqs: Vec<i64> =
        connection.prepare_cached(TOO)?.query_map(too, |row| row.get(0))?.collect::<Result<_, _>>()?;
    seqs.extend(claimed.iter().map(|(_, seq)| *seq));
    if seqs.len() < 2 {
        return Ok(false);
    }
    let mut join = connection.prepare_cached(JOIN)?;
    for seq in seqs {
        join.execute((seq, now.as_micros(), bundle.id.as_uuid().into_bytes()))?;
    }
    connection.prepare_cached(COUNT)?.execute([&first.lane])?;
    insert(connection, &first.digest(bundle.id, now))?;
    Ok(true)
}

/// The unfinished parts of a digest, the newest notification first.
pub(super) fn parts(connection: &Connection, digest: DeliveryId) -> rusqlite::Result<Vec<Part>> {
    const PARTS: &str = "SELECT id, notification_id FROM deliveries INDEXED BY deliveries_by_via
        WHERE via = ?1 AND ended_at IS NULL ORDER BY notification_id DESC";
    let read = |row: &Row<'_>| {
        Ok(Part { id: DeliveryId::new(uuid(row, 0)?), notification_id: NotificationId::new(uuid(row, 1)?) })
    };
    connection.prepare_cached(PARTS)?.query_map([digest.as_uuid().into_bytes()], read)?.collect()
}

/// Ends the parts of a digest as the digest ends, and returns their number and their bytes.
pub(super) fn end_parts(
    connection: &Connection,
    digest: DeliveryId,
    state: DeliveryState,
    reason: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<(u64, u64)> {
    const END: &str = "UPDATE deliveries INDEXED BY deliveries_by_via SET state = ?2, reason = ?3, ended_at = ?4
        WHERE via = ?1 AND ended_at IS NULL RETURNING octet_length(payload)";
    let values = (digest.as_uuid().into_bytes(), state.as_str(), reason, now.as_micros());
    let mut end = connection.prepare_cached(END)?;
    let sizes: Vec<u64> = end.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok((sizes.len() as u64, sizes.iter().sum()))
}

/// Has the rules judge up to `most` held deliveries of an inbox again, and returns their number.
pub(super) fn judge_anew(
    connection: &Connection,
    user_id: &UserId,
    most: usize,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    const JUDGE: &str = "UPDATE deliveries SET reason = ?4, due_at = ?2, via = NULL WHERE seq IN (
            SELECT seq FROM deliveries d INDEXED BY deliveries_to_contacts
                WHERE d.user_id = ?1 AND d.notification_id IS NOT NULL AND d.ended_at IS NULL
                    AND d.channel <> 'webhook' AND d.state = 'held' AND (d.due_at > ?2 OR d.via IS NOT NULL)
                    AND NOT EXISTS (SELECT 1 FROM deliveries v WHERE v.id = d.via AND (v.state = 'leased' OR v.tries > 0))
                LIMIT ?3
        )";
    connection.prepare_cached(JUDGE)?.execute((user_id.as_str(), now.as_micros(), most, ANEW))
}
