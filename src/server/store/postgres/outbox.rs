//! The outbox, by the database's clock: `now` is ignored, because the clocks of the servers differ.

use std::{borrow::Cow, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    PostgresStore,
    credentials::execute,
    delivery_row::{DELIVERY_COLUMNS, delivery_columns, read_delivery},
    row::{damaged, number, sql_number, timestamp},
};
use crate::{
    model::{Category, DeliveryId, DeliveryState, EventKind, NotificationId, Timestamp, UserId},
    server::store::{
        Outbox, StoreError,
        outbox::{
            Backlog, Bundle, Claim, Claimed, DIGEST, Entry, Health, MOST_ATTEMPTS, NewDelivery, Next, Part, Planned,
            Settlement,
        },
    },
};

#[async_trait]
impl Outbox for PostgresStore {
    fn reach_contacts(&self) {
        self.database.reaches_contacts.store(true, Ordering::Relaxed);
    }

    async fn leave(&self, entry: &Entry) -> Result<(), StoreError> {
        execute(&self.database.pool, INSERT_ENTRY, &EntryColumns::of(entry)?.values()).await.map(drop)
    }

    async fn unplanned(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        const OLDEST: &str = "SELECT seq, kind, user_id, category, notification_id, expires_at, at, data, to_contacts,
                routing FROM outbox ORDER BY seq LIMIT $1";
        self.database.pool.query(OLDEST, &[&sql_number(most as u64)]).await?.iter().map(read_entry).collect()
    }

    async fn plan(&self, planned: Vec<Planned>, backlog: Backlog, _now: Timestamp) -> Result<usize, StoreError> {
        const PLAN: &str = "SELECT functions.plan($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let entries: Vec<i64> = planned.iter().map(|planned| planned.entry).collect();
        let all: Vec<(i64, &NewDelivery)> =
            planned.iter().flat_map(|one| one.deliveries.iter().map(|delivery| (one.entry, delivery))).collect();
        let of_entries: Vec<i64> = all.iter().map(|(entry, _)| *entry).collect();
        let ids: Vec<Uuid> = each(&all, |d| d.id.as_uuid());
        let notification_ids: Vec<Option<Uuid>> = each(&all, |d| d.notification_id.map(NotificationId::as_uuid));
        let users: Vec<&str> = each(&all, |d| d.user_id.as_str());
        let channels: Vec<&str> = each(&all, |d| d.channel.as_str());
        let targets: Vec<Uuid> = each(&all, |d| d.target);
        let lanes: Vec<&str> = each(&all, |d| d.lane.as_str());
        let states: Vec<&str> = each(&all, |d| d.state.as_str());
        let reasons: Vec<Option<Cow<'_, str>>> = each(&all, |d| d.reason.as_deref().map(text));
        let waits: Vec<i64> = each(&all, |d| micros(d.wait));
        let payloads: Vec<&str> = each(&all, |d| d.payload.as_str());
        let expiries: Vec<Option<i64>> = each(&all, |d| d.expires_at.map(Timestamp::as_micros));
        let (most, bytes) = (sql_number(backlog.deliveries), sql_number(backlog.bytes));
        let values: [&(dyn ToSql + Sync); 15] = [
            &entries,
            &of_entries,
            &ids,
            &notification_ids,
            &users,
            &channels,
            &targets,
            &lanes,
            &states,
            &reasons,
            &waits,
            &payloads,
            &expiries,
            &most,
            &bytes,
        ];
        count(&self.database.call_one(PLAN, &values).await?)
    }

    async fn claim(&self, claim: &Claim, _now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        const CLAIM: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            ", c.was_lost, c.is_expired
             FROM functions.claim($1, $2, $3, $4, $5) c, LATERAL (SELECT (c.target).*) d"
        );
        let (lanes, rooms): (Vec<&str>, Vec<i64>) =
            claim.rooms.iter().map(|(lane, room)| (lane.as_str(), sql_number(*room as u64))).unzip();
        let (lease_for, room) = (micros(claim.lease_for), sql_number(claim.room as u64));
        let rows = self.database.call(CLAIM, &[&claim.lease, &lease_for, &room, &lanes, &rooms]).await?;
        let read = |row: &Row| {
            let (was_lost, is_expired) = (row.try_get(DELIVERY_COLUMNS)?, row.try_get(DELIVERY_COLUMNS + 1)?);
            Ok(Claimed { delivery: read_delivery(row)?, was_lost, is_expired })
        };
        rows.iter().map(read).collect()
    }

    async fn renew(
        &self,
        leased: Vec<(DeliveryId, Uuid)>,
        lease_for: Duration,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        const RENEW: &str = "UPDATE deliveries d SET due_at = functions.clock() + $3
            FROM unnest($1::uuid[], $2::uuid[]) l (id, lease)
            WHERE d.id = l.id AND d.lease = l.lease AND d.state = 'leased' RETURNING d.seq";
        let (ids, leases): (Vec<_>, Vec<_>) = leased.into_iter().map(|(id, lease)| (id.as_uuid(), lease)).unzip();
        self.database.call(RENEW, &[&ids, &leases, &micros(lease_for)]).await.map(drop)
    }

    async fn settle(&self, settlements: Vec<Settlement>, _now: Timestamp) -> Result<Vec<Option<Health>>, StoreError> {
        const SETTLE: &str = "SELECT place, failures, failing_since, worked_at
            FROM functions.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        let unwritable = |error: serde_json::Error| StoreError::failed("an attempt cannot be written").because(error);
        let attempts = settlements.iter().map(|one| serde_json::to_string(&one.attempts).map_err(unwritable));
        let attempts: Vec<String> = attempts.collect::<Result<_, _>>()?;
        let ids: Vec<Uuid> = settlements.iter().map(|one| one.id.as_uuid()).collect();
        let leases: Vec<Uuid> = settlements.iter().map(|one| one.lease).collect();
        let refunds: Vec<bool> = settlements.iter().map(|one| one.refund).collect();
        let worked: Vec<Option<bool>> = settlements.iter().map(|one| one.worked).collect();
        let ends = settlements.iter().map(|one| match &one.next {
            Next::Again { wait } => (None, None, micros(*wait)),
            Next::Held { wait, reason } => {
                (Some(DeliveryState::Held.as_str()), Some(Cow::Borrowed(reason.as_str())), micros(*wait))
            }
            Next::Over { state, reason } => (Some(state.as_str()), reason.as_deref().map(text), 0),
        });
        let (states, reasons, waits): (Vec<_>, Vec<_>, Vec<_>) = ends.collect();
        let pauses = settlements.iter().map(|one| one.pause.as_ref().map(|(pause, why)| (micros(*pause), text(why))));
        let (pauses, why): (Vec<Option<i64>>, Vec<Option<Cow<'_, str>>>) = pauses.map(Option::unzip).unzip();
        let most = i32::try_from(MOST_ATTEMPTS).unwrap_or(i32::MAX);
        let values: [&(dyn ToSql + Sync); 11] =
            [&ids, &leases, &attempts, &refunds, &states, &reasons, &waits, &worked, &pauses, &why, &most];
        let mut healths = vec![None; settlements.len()];
        for row in self.database.call(SETTLE, &values).await? {
            let place = usize::try_from(number(&row, 0)?.saturating_sub(1)).map_err(damaged)?;
            if let Some(health) = healths.get_mut(place) {
                *health = Some(read_health(&row, 1)?);
            }
        }
        Ok(healths)
    }

    async fn bundle(&self, bundles: Vec<Bundle>, _now: Timestamp) -> Result<Vec<bool>, StoreError> {
        const BUNDLE: &str = "SELECT functions.bundle($1, $2, $3, $4)";
        let mut done = Vec::with_capacity(bundles.len());
        for Bundle { id, lease, claimed } in bundles {
            let claimed: Vec<Uuid> = claimed.iter().map(|id| id.as_uuid()).collect();
            let row = self.database.call_one(BUNDLE, &[&id.as_uuid(), &lease, &claimed, &DIGEST]).await?;
            done.push(row.try_get(0)?);
        }
        Ok(done)
    }

    async fn parts(&self, digest: DeliveryId) -> Result<Vec<Part>, StoreError> {
        const PARTS: &str = "SELECT id, notification_id FROM deliveries
            WHERE via = $1 AND ended_at IS NULL AND notification_id IS NOT NULL ORDER BY notification_id DESC";
        let read = |row: &Row| {
            let (id, notification_id) = (row.try_get(0)?, row.try_get(1)?);
            Ok(Part { id: DeliveryId::new(id), notification_id: NotificationId::new(notification_id) })
        };
        self.database.pool.query(PARTS, &[&digest.as_uuid()]).await?.iter().map(read).collect()
    }

    async fn judge_anew(&self, user_id: &UserId, most: usize, _now: Timestamp) -> Result<usize, StoreError> {
        const JUDGE: &str = "SELECT functions.judge_anew($1, $2)";
        count(&self.database.call_one(JUDGE, &[&user_id.as_str(), &sql_number(most as u64)]).await?)
    }
}

/// The statement that adds an entry.
pub(super) const INSERT_ENTRY: &str = "INSERT INTO outbox (kind, user_id, category, notification_id, expires_at, at,
        data, to_contacts, routing)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// An entry, as [`INSERT_ENTRY`] takes it.
pub(super) struct EntryColumns<'e> {
    kind: &'e str,
    user_id: &'e str,
    category: Option<&'e str>,
    notification_id: Option<Uuid>,
    expires_at: Option<i64>,
    at: i64,
    data: &'e str,
    to_contacts: bool,
    routing: Option<String>,
}

impl<'e> EntryColumns<'e> {
    pub(super) fn of(entry: &'e Entry) -> Result<Self, StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::failed("an entry cannot be written").because(error);
        let routing = (!entry.routing.is_silent()).then(|| serde_json::to_string(&entry.routing));
        Ok(Self {
            kind: entry.kind.as_str(),
            user_id: entry.user_id.as_str(),
            category: entry.category.as_ref().map(Category::as_str),
            notification_id: entry.notification_id.map(NotificationId::as_uuid),
            expires_at: entry.expires_at.map(Timestamp::as_micros),
            at: entry.at.as_micros(),
            data: &entry.data,
            to_contacts: entry.to_contacts,
            routing: routing.transpose().map_err(unwritable)?,
        })
    }

    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 9] {
        [
            &self.kind,
            &self.user_id,
            &self.category,
            &self.notification_id,
            &self.expires_at,
            &self.at,
            &self.data,
            &self.to_contacts,
            &self.routing,
        ]
    }
}

/// A list with one value for each delivery.
fn each<'a, T>(all: &[(i64, &'a NewDelivery)], column: impl Fn(&'a NewDelivery) -> T) -> Vec<T> {
    all.iter().map(|(_, delivery)| column(delivery)).collect()
}

/// A duration in microseconds, at most the longest by which a time can be put off; a longer one is for ever anyhow.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// The other side's answer may contain a NUL, which PostgreSQL's texts cannot, and which would refuse the whole row.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The number that a function returns.
pub(super) fn count(row: &Row) -> Result<usize, StoreError> {
    usize::try_from(number(row, 0)?).map_err(damaged)
}

/// The health of a lane, in three columns from this one on.
pub(super) fn read_health(row: &Row, from: usize) -> Result<Health, StoreError> {
    Ok(Health {
        failures: number(row, from)?,
        failing_since: row.try_get::<_, Option<i64>>(from + 1)?.map(timestamp).transpose()?,
        worked_at: row.try_get::<_, Option<i64>>(from + 2)?.map(timestamp).transpose()?,
    })
}

pub(super) fn read_entry(row: &Row) -> Result<Entry, StoreError> {
    let routing: Option<&str> = if row.len() > 9 { row.try_get(9)? } else { None };
    Ok(Entry {
        seq: row.try_get(0)?,
        kind: EventKind::parse(row.try_get(1)?).map_err(damaged)?,
        user_id: UserId::stored(row.try_get(2)?),
        category: row.try_get::<_, Option<&str>>(3)?.map(Category::stored),
        notification_id: row.try_get::<_, Option<Uuid>>(4)?.map(NotificationId::new),
        expires_at: row.try_get::<_, Option<i64>>(5)?.map(Timestamp::stored),
        at: Timestamp::stored(row.try_get(6)?),
        data: row.try_get(7)?,
        to_contacts: row.len() > 8 && row.try_get(8)?,
        routing: routing.map(serde_json::from_str).transpose().map_err(damaged)?.unwrap_or_default(),
    })
}
