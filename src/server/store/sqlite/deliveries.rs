//! Listing, retrying and cancelling deliveries.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    SqliteStore, cancelling,
    delivery_row::{COLUMNS, columns, read_delivery},
    digests,
    lane_load::take_from_lane,
    outbox::{add, read_health, set_load},
    row::{moment, uuid},
    writer::Weight,
};
use crate::{
    model::{ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::{
        LOOKED_AT, StoreError,
        outbox::{Deliveries, Delivery, DeliveryFilter, DeliveryPage, Lane},
    },
};

/// One delivery.
const ONE: &str = concat!("SELECT ", columns!(), ", seq FROM deliveries WHERE id = ?1");

#[async_trait]
impl Deliveries for SqliteStore {
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let filter = filter.clone();
        self.readers.read(false, move |connection| list(connection, &filter, before, limit)).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.readers.read(true, move |connection| Ok(find(connection, id)?.map(|(delivery, _)| delivery))).await
    }

    async fn cancel(&self, id: DeliveryId, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
        const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = ?2, ended_at = ?3, lease = NULL,
                due_at = CASE WHEN state = 'leased' THEN min(due_at, ?3) ELSE due_at END
            WHERE id = ?1 AND ended_at IS NULL RETURNING lane, octet_length(payload)";
        let reason = reason.to_owned();
        let cancel = move |connection: &Connection| {
            let values = (id.as_uuid().into_bytes(), &reason, now.as_micros());
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let found: Option<(String, u64)> = connection.prepare_cached(CANCEL)?.query_row(values, read).optional()?;
            if let Some((lane, bytes)) = &found {
                take_from_lane(connection, lane, 1, *bytes)?;
                let (parts, bytes) = digests::end_parts(connection, id, DeliveryState::Cancelled, Some(&reason), now)?;
                take_from_lane(connection, lane, parts, bytes)?;
            }
            Ok(found.is_some())
        };
        self.writer.write(Weight::ONE, move |batch| cancel(batch.connection())).await
    }

    async fn awaited(
        &self,
        user_id: &UserId,
        after: Option<NotificationId>,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let user_id = user_id.clone();
        self.readers.read(true, move |connection| cancelling::awaited(connection, &user_id, after, most)).await
    }

    async fn cancel_about(
        &self,
        user_id: &UserId,
        ids: &[NotificationId],
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let weight = Weight::rows(2 * ids.len());
        let (user_id, ids, reason) = (user_id.clone(), ids.to_vec(), reason.to_owned());
        let cancel = move |connection: &Connection| {
            ids.iter().map(|id| cancelling::cancel_about(connection, &user_id, *id, &reason, now)).sum()
        };
        self.writer.write(weight, move |batch| cancel(batch.connection())).await
    }

    async fn to_be_counted(&self, user_id: &UserId) -> Result<Vec<ContactId>, StoreError> {
        const COUNTS: &str = "SELECT DISTINCT target FROM deliveries INDEXED BY deliveries_to_contacts
            WHERE user_id = ?1 AND notification_id IS NULL AND ended_at IS NULL AND channel <> 'webhook'
                AND channel <> 'email'";
        let user_id = user_id.clone();
        let counts = move |connection: &Connection| {
            let read = |row: &Row<'_>| Ok(ContactId::new(uuid(row, 0)?));
            connection.prepare_cached(COUNTS)?.query_map([user_id.as_str()], read)?.collect()
        };
        self.readers.read(true, counts).await
    }

    async fn end_lane(
        &self,
        lane: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let (lane, reason) = (lane.to_owned(), reason.to_owned());
        let end = move |connection: &Connection| end_lane(connection, &lane, state, &reason, most, now);
        self.writer.write(Weight::rows(most), move |batch| end(batch.connection())).await
    }

    async fn forget_lane(&self, lane: &str) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM lanes WHERE lane = ?1 AND waiting = 0";
        let lane = lane.to_owned();
        let forget = move |connection: &Connection| connection.prepare_cached(FORGET)?.execute([&lane]).map(drop);
        self.writer.write(Weight::ONE, move |batch| forget(batch.connection())).await
    }

    async fn forget_idle_lanes(&self, of: &str, idle_since: Timestamp, most: usize) -> Result<usize, StoreError> {
        let (of, since) = (of.to_owned(), idle_since.as_micros());
        // Usually there is none, which a read can tell without a transaction.
        let idle = move |connection: &Connection, of: &str, most| idle_lanes(connection, of, since, most);
        let is_any = {
            let of = of.clone();
            move |connection: &Connection| Ok(!idle(connection, &of, 1)?.is_empty())
        };
        if !self.readers.read(false, is_any).await? {
            return Ok(0);
        }
        let forget = move |connection: &Connection| {
            let mut forget = connection.prepare_cached("DELETE FROM lanes WHERE lane = ?1")?;
            idle(connection, &of, most)?.iter().map(|lane| forget.execute([lane])).sum()
        };
        self.writer.write(Weight::rows(most), move |batch| forget(batch.connection())).await
    }

    async fn replay(&self, ids: &[(DeliveryId, DeliveryId)], now: Timestamp) -> Result<usize, StoreError> {
        let (weight, ids) = (Weight::rows(2 * ids.len()), ids.to_vec());
        self.writer.write(weight, move |batch| replay(batch.connection(), &ids, now)).await
    }

    async fn hasten(&self, ids: &[DeliveryId], now: Timestamp) -> Result<usize, StoreError> {
        const HASTEN: &str = "UPDATE deliveries SET due_at = ?2 WHERE id = ?1 AND state = 'ready' AND due_at > ?2";
        let (weight, ids) = (Weight::rows(ids.len()), ids.to_vec());
        let hasten = move |connection: &Connection| {
            let mut hasten = connection.prepare_cached(HASTEN)?;
            ids.iter().map(|id| hasten.execute((id.as_uuid().into_bytes(), now.as_micros()))).sum()
        };
        self.writer.write(weight, move |batch| hasten(batch.connection())).await
    }

    async fn lanes(&self) -> Result<Vec<Lane>, StoreError> {
        self.readers.read(true, lanes).await
    }

    async fn resume(&self, lane: &str) -> Result<(), StoreError> {
        const RESUME: &str = "UPDATE lanes SET paused_until = NULL, reason = NULL, failures = 0, failing_since = NULL,
            worked_at = NULL WHERE lane = ?1 OR substr(lane, 1, length(?1) + 1) = ?1 || ':'";
        let lane = lane.to_owned();
        let resume = move |connection: &Connection| connection.prepare_cached(RESUME)?.execute([&lane]).map(drop);
        self.writer.write(Weight::ONE, move |batch| resume(batch.connection())).await
    }

    async fn forget_deliveries(&self, ended_until: Timestamp, most: usize) -> Result<usize, StoreError> {
        const FORGET: &str =
            "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries INDEXED BY deliveries_by_end
            WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2)";
        // If nothing is to be forgotten, this needs no transaction.
        const IS_ANY: &str = "SELECT 1 FROM deliveries INDEXED BY deliveries_by_end WHERE ended_at <= ?1 LIMIT 1";
        let until = ended_until.as_micros();
        if !self.readers.read(true, move |connection| connection.prepare_cached(IS_ANY)?.exists([until])).await? {
            return Ok(0);
        }
        let forget = move |connection: &Connection| connection.prepare_cached(FORGET)?.execute((until, most));
        self.writer.write(Weight::rows(most), move |batch| forget(batch.connection())).await
    }
}

fn find(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Option<(Delivery, i64)>> {
    let read = |row: &Row<'_>| Ok((read_delivery(row)?, row.get(COLUMNS)?));
    connection.prepare_cached(ONE)?.query_row([id.as_uuid().into_bytes()], read).optional()
}

fn list(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<u64>,
    limit: usize,
) -> rusqlite::Result<DeliveryPage> {
    const ALL: &str = concat!("SELECT ", columns!(), ", seq FROM deliveries WHERE seq < ?1 ORDER BY seq DESC");
    const OF_ONE: &str = concat!(
        "SELECT ",
        columns!(),
        ", seq FROM deliveries INDEXED BY deliveries_by_notification
         WHERE notification_id = ?2 AND seq < ?1 ORDER BY seq DESC"
    );
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let of = filter.notification_id.map(NotificationId::as_uuid);
    let mut query = connection.prepare_cached(if of.is_some() { OF_ONE } else { ALL })?;
    let mut rows = match of {
        Some(id) => query.query((before, id.into_bytes()))?,
        None => query.query([before])?,
    };
    let (mut deliveries, mut looked_at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if deliveries.len() == limit || looked_at == LOOKED_AT {
            let seq: u64 = row.get(COLUMNS)?;
            return Ok(DeliveryPage { deliveries, next: Some(seq + 1) });
        }
        looked_at += 1;
        let delivery = read_delivery(row)?;
        if filter.admits(&delivery) {
            deliveries.push(delivery);
        }
    }
    Ok(DeliveryPage { deliveries, next: None })
}

fn end_lane(
    connection: &Connection,
    lane: &str,
    state: DeliveryState,
    reason: &str,
    most: usize,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    const WAITING: &str = "SELECT seq, octet_length(payload) FROM deliveries INDEXED BY deliveries_by_lane
        WHERE lane = ?1 AND ended_at IS NULL AND via IS NULL AND state <> 'leased' LIMIT ?2";
    const END: &str = "UPDATE deliveries SET state = ?2, reason = ?3, ended_at = ?4 WHERE seq = ?1";
    const COUNT: &str = "UPDATE lanes SET waiting = max(waiting - ?2, 0), bytes = max(bytes - ?3, 0) WHERE lane = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found: Vec<(i64, u64)> =
        connection.prepare_cached(WAITING)?.query_map((lane, most), read)?.collect::<rusqlite::Result<_>>()?;
    let mut end = connection.prepare_cached(END)?;
    for (seq, _) in &found {
        end.execute((seq, state.as_str(), reason, now.as_micros()))?;
    }
    let bytes: u64 = found.iter().map(|(_, bytes)| bytes).sum();
    connection.prepare_cached(COUNT)?.execute((lane, found.len(), bytes))?;
    Ok(found.len())
}

fn replay(connection: &Connection, ids: &[(DeliveryId, DeliveryId)], now: Timestamp) -> rusqlite::Result<usize> {
    const MARK: &str = "UPDATE deliveries SET is_replayed = 1 WHERE seq = ?1";
    let mut loads = BTreeMap::new();
    let mut made = 0;
    for (old, new) in ids {
        let Some((delivery, seq)) = find(connection, *old)? else { continue };
        if !delivery.may_be_replayed() {
            continue;
        }
        connection.prepare_cached(MARK)?.execute([seq])?;
        add(connection, delivery.again(*new, now), None, &mut loads)?;
        made += 1;
    }
    loads.iter().try_for_each(|(lane, load)| set_load(connection, lane, *load))?;
    Ok(made)
}

/// Up to `most` lanes of a channel in which nothing waits, and of which nothing was recorded after a time.
fn idle_lanes(connection: &Connection, of: &str, since: i64, most: usize) -> rusqlite::Result<Vec<String>> {
    // The character after a colon is a semicolon.
    const IDLE: &str = "SELECT lane FROM lanes l WHERE lane >= ?1 || ':' AND lane < ?1 || ';' AND waiting = 0
            AND max(coalesce(paused_until, 0), coalesce(failing_since, 0), coalesce(worked_at, 0)) <= ?2
            AND NOT EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_by_lane
                WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL)
        LIMIT ?3";
    connection.prepare_cached(IDLE)?.query_map((of, since, most), |row| row.get(0))?.collect()
}

fn lanes(connection: &Connection) -> rusqlite::Result<Vec<Lane>> {
    const LANES: &str = "SELECT lane, waiting, (SELECT d.created_at FROM deliveries d INDEXED BY deliveries_by_lane
            WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL ORDER BY d.due_at LIMIT 1),
        paused_until, reason, failures, failing_since, worked_at FROM lanes l ORDER BY lane";
    let read = |row: &Row<'_>| {
        Ok(Lane {
            lane: row.get(0)?,
            waiting: row.get(1)?,
            oldest: moment(row, 2)?,
            paused_until: moment(row, 3)?,
            reason: row.get(4)?,
            health: read_health(row, 5)?,
        })
    };
    connection.prepare_cached(LANES)?.query_map((), read)?.collect()
}
