//! Listing, retrying and cancelling deliveries, by the database's clock.

use async_trait::async_trait;
use tokio_postgres::{Row, error::SqlState, types::ToSql};
use uuid::Uuid;

use super::{
    PostgresStore,
    credentials::execute,
    delivery_row::{DELIVERY_COLUMNS, delivery_columns, read_delivery},
    outbox::{count, read_health},
    row::{number, sql_number},
    typed::typed,
};
use crate::{
    model::{Channel, ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::store::{
        Deliveries, LOOKED_AT, StoreError,
        outbox::{Delivery, DeliveryFilter, DeliveryPage, Lane},
    },
};

/// The filter on the rows of `d`, but for the notification. A parameter that is null selects all.
macro_rules! admitted {
    () => {
        "d.seq < $1 AND ($3::text IS NULL OR d.user_id = $3) AND ($4::text IS NULL OR d.state = $4)
         AND ($5::text IS NULL OR d.channel = $5) AND ($6::uuid IS NULL OR d.target = $6)
         AND ($7::bigint IS NULL OR d.created_at >= $7) ORDER BY d.seq DESC LIMIT $2"
    };
}

/// The deliveries about one notification: found by its index, whatever else the filter says.
const OF_ONE: &str = concat!(
    "WITH d AS MATERIALIZED (SELECT * FROM deliveries WHERE notification_id = $8)
     SELECT ",
    delivery_columns!(),
    ", NULL::bigint FROM d WHERE ",
    admitted!()
);

/// The deliveries down to a place, `$8` rows below, and that place; null when nothing is below it, or all are examined.
const OF_ALL: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    ", f.seq FROM (SELECT CASE WHEN $8::bigint IS NOT NULL THEN (
         SELECT e.seq FROM deliveries e WHERE e.seq < $1 ORDER BY e.seq DESC OFFSET $8 LIMIT 1
     ) END AS seq) f LEFT JOIN LATERAL (
         SELECT * FROM deliveries d WHERE d.seq > coalesce(f.seq, 0) AND ",
    admitted!(),
    ") d ON true ORDER BY d.seq DESC"
);

#[async_trait]
impl Deliveries for PostgresStore {
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let DeliveryFilter { notification_id, user_id, state, channel, target, since } = filter;
        let narrows = user_id.is_some() || state.is_some() || channel.is_some() || target.is_some() || since.is_some();
        let (of_one, looked_at) =
            (notification_id.map(NotificationId::as_uuid), narrows.then(|| sql_number(LOOKED_AT as u64)));
        let (sql, last): (_, &(dyn ToSql + Sync)) = match &of_one {
            Some(id) => (OF_ONE, id),
            None => (OF_ALL, &looked_at),
        };
        let (before, enough) = (before.map_or(i64::MAX, sql_number), sql_number(limit as u64).saturating_add(1));
        let user_id = user_id.as_ref().map(UserId::as_str);
        let (state, channel) = (state.map(DeliveryState::as_str), channel.map(Channel::as_str));
        let since = since.map(Timestamp::as_micros);
        let values: [&(dyn ToSql + Sync); 8] = [&before, &enough, &user_id, &state, &channel, target, &since, last];
        page(&self.database.pool.query(sql, &values).await?, limit)
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        const ONE: &str = concat!("SELECT ", delivery_columns!(), " FROM deliveries d WHERE d.id = $1");
        self.database.pool.query_opt(ONE, &[&id.as_uuid()]).await?.map(|row| read_delivery(&row)).transpose()
    }

    async fn cancel(&self, id: DeliveryId, reason: &str, _now: Timestamp) -> Result<bool, StoreError> {
        const CANCEL: &str = "SELECT functions.cancel($1, $2)";
        Ok(self.database.call_one(CANCEL, &[&id.as_uuid(), &reason]).await?.try_get(0)?)
    }

    async fn awaited(
        &self,
        user_id: &UserId,
        after: Option<NotificationId>,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        const AWAITED: &str = "SELECT functions.awaited($1, $2, $3)";
        // No notification has the nil UUID.
        let (after, most) = (after.map(NotificationId::as_uuid).unwrap_or_default(), sql_number(most as u64));
        let rows = self.database.call(AWAITED, &[&user_id.as_str(), &after, &most]).await?;
        rows.iter().map(|row| Ok(NotificationId::new(row.try_get(0)?))).collect()
    }

    async fn cancel_about(
        &self,
        user_id: &UserId,
        ids: &[NotificationId],
        reason: &str,
        _now: Timestamp,
    ) -> Result<usize, StoreError> {
        const CANCEL: &str = "SELECT functions.cancel_about($1, $2, $3)";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        count(&self.database.call_one(CANCEL, &[&user_id.as_str(), &ids, &reason]).await?)
    }

    async fn to_be_counted(&self, user_id: &UserId) -> Result<Vec<ContactId>, StoreError> {
        const COUNTS: &str = "SELECT DISTINCT d.target FROM deliveries d
            WHERE d.user_id = $1 AND d.notification_id IS NULL AND d.ended_at IS NULL AND d.channel <> 'webhook'
                AND d.channel <> 'email'";
        let rows = self.database.pool.query(COUNTS, &[&user_id.as_str()]).await?;
        rows.iter().map(|row| Ok(ContactId::new(row.try_get(0)?))).collect()
    }

    async fn end_lane(
        &self,
        lane: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        _now: Timestamp,
    ) -> Result<usize, StoreError> {
        // The lane's lock comes before those of its deliveries, as everywhere.
        const END: &str = "WITH meant AS MATERIALIZED (
                SELECT l.lane FROM lanes l WHERE l.lane = $1 FOR NO KEY UPDATE
            ), waiting AS MATERIALIZED (
                SELECT d.seq FROM meant m JOIN deliveries d ON d.lane = m.lane
                    WHERE d.ended_at IS NULL AND d.via IS NULL AND d.state <> 'leased' LIMIT $4
                    FOR UPDATE OF d SKIP LOCKED
            ), done AS (
                UPDATE deliveries d SET state = $2, reason = $3, ended_at = functions.clock()
                    FROM waiting w WHERE d.seq = w.seq RETURNING octet_length(d.payload) AS size
            ), counted AS (
                SELECT count(*) AS ended, coalesce(sum(size), 0) AS bytes FROM done
            )
            UPDATE lanes l SET waiting = l.waiting - c.ended, bytes = l.bytes - c.bytes FROM counted c
                WHERE l.lane = $1 RETURNING c.ended";
        let most = sql_number(most as u64);
        let rows = self.database.call(END, &[&lane, &state.as_str(), &reason, &most]).await?;
        Ok(rows.first().map(count).transpose()?.unwrap_or(0))
    }

    async fn forget_lane(&self, lane: &str) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM lanes WHERE lane = $1 AND waiting = 0";
        execute(&self.database.pool, FORGET, &[&lane]).await.map(drop)
    }

    async fn forget_idle_lanes(&self, of: &str, idle_since: Timestamp, most: usize) -> Result<usize, StoreError> {
        // The character after a colon is a semicolon. Decrements of a lane's counts that wait elsewhere keep the lane.
        const IDLE: &str = "SELECT l.lane FROM lanes l
            WHERE l.lane >= $1 || ':' AND l.lane < $1 || ';' AND l.waiting = 0
                AND greatest(l.paused_until, l.failing_since, l.worked_at, 0) <= $2
                AND NOT EXISTS (
                    SELECT FROM deliveries d WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL
                )
                AND NOT EXISTS (SELECT FROM lane_debts b WHERE b.lane = l.lane)
            LIMIT $3 FOR UPDATE OF l SKIP LOCKED";
        // A planner that finds a lane locks it in its next statement. If the lane were forgotten between the two, the
        // planned deliveries would be in no lane, and never be claimed. So no such transaction may run at that moment;
        // where there is always one, lanes are forgotten another time: deliveries do not wait for this for long.
        const ALONE: &str = "SET LOCAL lock_timeout = '100ms'; LOCK TABLE lanes IN SHARE ROW EXCLUSIVE MODE";
        let since = idle_since.as_micros();
        if self.database.pool.query(IDLE, &[&of, &since, &1_i64]).await?.is_empty() {
            return Ok(0);
        }
        let mut link = self.database.pool.get().await?;
        let transaction = link.client.transaction().await?;
        match transaction.batch_execute(ALONE).await {
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Ok(0),
            locked => locked?,
        }
        let names = transaction.query_typed(IDLE, &typed(&[&of, &since, &sql_number(most as u64)])?).await?;
        let names: Vec<&str> = names.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let forget = "DELETE FROM lanes WHERE lane = ANY ($1)";
        let forgotten = transaction.execute_typed(forget, &typed(&[&names])?).await?;
        transaction.commit().await?;
        Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
    }

    async fn replay(&self, ids: &[(DeliveryId, DeliveryId)], _now: Timestamp) -> Result<usize, StoreError> {
        let (olds, news): (Vec<Uuid>, Vec<Uuid>) = ids.iter().map(|(old, new)| (old.as_uuid(), new.as_uuid())).unzip();
        count(&self.database.call_one("SELECT functions.replay($1, $2)", &[&olds, &news]).await?)
    }

    async fn hasten(&self, ids: &[DeliveryId], _now: Timestamp) -> Result<usize, StoreError> {
        // Deliveries locked by another transaction are being tried, or ended.
        const HASTEN: &str = "WITH mine AS MATERIALIZED (
                SELECT d.seq FROM deliveries d
                    WHERE d.id = ANY ($1) AND d.state = 'ready' AND d.due_at > functions.clock() FOR UPDATE SKIP LOCKED
            )
            UPDATE deliveries d SET due_at = functions.clock() FROM mine m WHERE d.seq = m.seq RETURNING d.seq";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        Ok(self.database.call(HASTEN, &[&ids]).await?.len())
    }

    async fn lanes(&self) -> Result<Vec<Lane>, StoreError> {
        const LANES: &str = "SELECT l.lane, l.waiting, o.created_at, l.paused_until, l.reason, l.failures,
                l.failing_since, l.worked_at
            FROM lanes l LEFT JOIN LATERAL (
                SELECT d.created_at FROM deliveries d
                    WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL ORDER BY d.due_at, d.seq LIMIT 1
            ) o ON true
            WHERE l.waiting > 0 OR l.paused_until IS NOT NULL OR l.failures > 0 OR l.worked_at IS NOT NULL
            ORDER BY l.lane";
        self.database.pool.query(LANES, &[]).await?.iter().map(read_lane).collect()
    }

    async fn resume(&self, lane: &str) -> Result<(), StoreError> {
        // Locked in the order of their names first, as in the statements that count in them.
        const RESUME: &str = "WITH meant AS MATERIALIZED (
                SELECT l.lane FROM lanes l WHERE l.lane = $1 OR starts_with(l.lane, $1 || ':')
                    ORDER BY l.lane FOR NO KEY UPDATE
            )
            UPDATE lanes l SET paused_until = NULL, reason = NULL, failures = 0, failing_since = NULL, worked_at = NULL
                FROM meant m WHERE l.lane = m.lane";
        execute(&self.database.pool, RESUME, &[&lane]).await.map(drop)
    }

    async fn forget_deliveries(&self, ended_until: Timestamp, most: usize) -> Result<usize, StoreError> {
        // Several servers do this at once: each skips the rows that another one is removing.
        const FORGET: &str = "WITH old AS MATERIALIZED (
                SELECT d.seq FROM deliveries d WHERE d.ended_at <= $1 ORDER BY d.ended_at LIMIT $2
                    FOR UPDATE SKIP LOCKED
            )
            DELETE FROM deliveries d USING old o WHERE d.seq = o.seq";
        let most = sql_number(most as u64);
        let forgotten = execute(&self.database.pool, FORGET, &[&ended_until.as_micros(), &most]).await?;
        Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
    }
}

/// A page of the rows found; it has a next page when one row more was found, or when not all were examined.
fn page(rows: &[Row], limit: usize) -> Result<DeliveryPage, StoreError> {
    let below = rows.first().map(|row| row.try_get::<_, Option<i64>>(DELIVERY_COLUMNS)).transpose()?.flatten();
    // Where nothing was found, one row has the place alone.
    let found = rows.iter().filter(|row| !matches!(row.try_get::<_, Option<i64>>(0), Ok(None)));
    let found: Vec<&Row> = found.collect();
    let next = if found.len() > limit {
        found.get(..limit).and_then(<[_]>::last).map(|last| number(last, 0)).transpose()?
    } else {
        // All rows above that place were examined.
        below.and_then(|seq| u64::try_from(seq).ok()).map(|seq| seq + 1)
    };
    let deliveries = found.into_iter().take(limit).map(read_delivery).collect::<Result<_, _>>()?;
    Ok(DeliveryPage { deliveries, next })
}

fn read_lane(row: &Row) -> Result<Lane, StoreError> {
    let moment = |column: usize| Ok::<_, StoreError>(row.try_get::<_, Option<i64>>(column)?.map(Timestamp::stored));
    Ok(Lane {
        lane: row.try_get(0)?,
        waiting: number(row, 1)?,
        oldest: moment(2)?,
        paused_until: moment(3)?,
        reason: row.try_get(4)?,
        health: read_health(row, 5)?,
    })
}
