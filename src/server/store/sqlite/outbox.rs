//! The outbox.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::{
    SqliteStore,
    delivery_row::{columns, insert, read_delivery},
    digests,
    entry_row::{insert_entry, unplanned},
    row::moment,
    writer::Weight,
};
use crate::{
    model::{Attempt, DeliveryId, DeliveryState, Timestamp, UserId},
    server::{
        clock::after,
        store::{
            StoreError,
            outbox::{
                Backlog, Bundle, Claim, Claimed, Delivery, Entry, Health, LaneMemory, MOST_ATTEMPTS, Next, Outbox,
                Part, Planned, Settlement,
            },
        },
    },
};

#[async_trait]
impl Outbox for SqliteStore {
    fn reach_contacts(&self) {
        self.writer.reach_contacts();
    }

    async fn leave(&self, entry: &Entry) -> Result<(), StoreError> {
        let (entry, weight) = (entry.clone(), Weight::rows_of(1, entry.data.len()));
        self.writer.write(weight, move |batch| insert_entry(batch.connection(), &entry)).await
    }

    async fn unplanned(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        self.readers.read(most <= 100, move |connection| unplanned(connection, most)).await
    }

    async fn plan(&self, planned: Vec<Planned>, backlog: Backlog, now: Timestamp) -> Result<usize, StoreError> {
        let deliveries: usize = planned.iter().map(|planned| 1 + planned.deliveries.len()).sum();
        let bytes: usize =
            planned.iter().flat_map(|planned| &planned.deliveries).map(|delivery| delivery.payload.len()).sum();
        let write = move |batch: &mut super::write::Batch<'_>| plan(batch.connection(), &planned, backlog, now);
        self.writer.write(Weight::rows_of(deliveries, bytes), write).await
    }

    async fn claim(&self, claim: &Claim, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        // Usually nothing is due, which a read can tell without a transaction.
        if !self.readers.read(true, move |connection| is_due(connection, now)).await? {
            return Ok(Vec::new());
        }
        let claim = claim.clone();
        self.writer.write(Weight::ONE, move |batch| claim_due(batch.connection(), &claim, now)).await
    }

    async fn renew(
        &self,
        leased: Vec<(DeliveryId, Uuid)>,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const RENEW: &str = "UPDATE deliveries SET due_at = ?3 WHERE id = ?1 AND lease = ?2 AND state = 'leased'";
        let (weight, until) = (Weight::rows(leased.len()), after(now, lease_for).as_micros());
        let renew = move |connection: &Connection| {
            let mut renew = connection.prepare_cached(RENEW)?;
            for (id, lease) in &leased {
                renew.execute((id.as_uuid().into_bytes(), lease.into_bytes(), until))?;
            }
            Ok(())
        };
        self.writer.write(weight, move |batch| renew(batch.connection())).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Option<Health>>, StoreError> {
        let weight = Weight::rows(settlements.len());
        let write = move |batch: &mut super::write::Batch<'_>| settle_all(batch.connection(), &settlements, now);
        self.writer.write(weight, write).await
    }

    async fn bundle(&self, bundles: Vec<Bundle>, now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let weight = Weight::rows(bundles.iter().map(|bundle| 1 + bundle.claimed.len()).sum());
        let bundle = move |connection: &Connection| {
            bundles.iter().map(|bundle| digests::bundle(connection, bundle, now)).collect()
        };
        self.writer.write(weight, move |batch| bundle(batch.connection())).await
    }

    async fn parts(&self, digest: DeliveryId) -> Result<Vec<Part>, StoreError> {
        self.readers.read(true, move |connection| digests::parts(connection, digest)).await
    }

    async fn judge_anew(&self, user_id: &UserId, most: usize, now: Timestamp) -> Result<usize, StoreError> {
        let user_id = user_id.clone();
        let judge = move |connection: &Connection| digests::judge_anew(connection, &user_id, most, now);
        self.writer.write(Weight::rows(most), move |batch| judge(batch.connection())).await
    }

    fn is_pressed(&self) -> bool {
        self.writer.is_pressed()
    }
}

/// Stores the recorded state of a lane.
pub(super) fn insert_lane(connection: &Connection, lane: &LaneMemory) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO lanes (lane, paused_until, reason, failures, failing_since, worked_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let LaneMemory { lane, paused_until, reason, health: Health { failures, failing_since, worked_at } } = lane;
    let [paused_until, failing_since, worked_at] =
        [paused_until, failing_since, worked_at].map(|moment| moment.map(Timestamp::as_micros));
    let values = (lane, paused_until, reason, failures, failing_since, worked_at);
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

/// The number of unfinished deliveries of a lane, and of their bytes.
type Load = (u64, u64);

/// Replaces entries by their deliveries.
fn plan(connection: &Connection, planned: &[Planned], backlog: Backlog, now: Timestamp) -> rusqlite::Result<usize> {
    let mut take = connection.prepare_cached("DELETE FROM outbox WHERE seq = ?1")?;
    let mut lanes = BTreeMap::new();
    let mut made = 0;
    for Planned { entry, deliveries } in planned {
        if take.execute([entry])? == 0 {
            continue;
        }
        for new in deliveries {
            add(connection, new.clone().made(now), Some(backlog), &mut lanes)?;
        }
        made += deliveries.len();
    }
    lanes.iter().try_for_each(|(lane, load)| set_load(connection, lane, *load))?;
    Ok(made)
}

/// Adds a delivery, and counts it in its lane, whose load is written later.
pub(super) fn add(
    connection: &Connection,
    mut delivery: Delivery,
    backlog: Option<Backlog>,
    lanes: &mut BTreeMap<String, Load>,
) -> rusqlite::Result<()> {
    if delivery.ended_at.is_none() {
        if !lanes.contains_key(&delivery.lane) {
            lanes.insert(delivery.lane.clone(), load(connection, &delivery.lane)?);
        }
        let (waiting, bytes) = lanes.entry(delivery.lane.clone()).or_default();
        let more = bytes.saturating_add(delivery.payload.len() as u64);
        if backlog.is_some_and(|backlog| *waiting >= backlog.deliveries || more > backlog.bytes) {
            (delivery.state, delivery.reason) = (DeliveryState::Skipped, Some("backlog_full".to_owned()));
            delivery.ended_at = Some(delivery.created_at);
        } else {
            (*waiting, *bytes) = (*waiting + 1, more);
        }
    }
    insert(connection, &delivery)
}

fn load(connection: &Connection, lane: &str) -> rusqlite::Result<Load> {
    let mut query = connection.prepare_cached("SELECT waiting, bytes FROM lanes WHERE lane = ?1")?;
    Ok(query.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()?.unwrap_or_default())
}

/// Writes the load of a lane.
pub(super) fn set_load(connection: &Connection, lane: &str, (waiting, bytes): Load) -> rusqlite::Result<()> {
    const SET: &str = "INSERT INTO lanes (lane, waiting, bytes) VALUES (?1, ?2, ?3)
        ON CONFLICT (lane) DO UPDATE SET waiting = excluded.waiting, bytes = excluded.bytes";
    connection.prepare_cached(SET)?.execute((lane, waiting, bytes)).map(drop)
}

/// Whether anything is due in any lane.
fn is_due(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    const IS_DUE: &str =
        "SELECT 1 FROM lanes l WHERE l.waiting > 0 AND (l.paused_until IS NULL OR l.paused_until <= ?1)
        AND EXISTS (SELECT 1 FROM deliveries d WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL
            AND d.due_at <= ?1)";
    connection.prepare_cached(IS_DUE)?.exists([now.as_micros()])
}

fn claim_due(connection: &Connection, claim: &Claim, now: Timestamp) -> rusqlite::Result<Vec<Claimed>> {
    const LANES: &str = "SELECT lane FROM lanes WHERE waiting > 0 AND (paused_until IS NULL OR paused_until <= ?1)";
    const DUE: &str = concat!(
        "SELECT ",
        columns!(),
        ", seq FROM deliveries INDEXED BY deliveries_by_lane
         WHERE lane = ?1 AND ended_at IS NULL AND via IS NULL AND due_at <= ?2 ORDER BY due_at, seq LIMIT ?3"
    );
    const LEASE: &str =
        "UPDATE deliveries SET state = 'leased', lease = ?2, due_at = ?3, tries = tries + 1 WHERE seq = ?1";
    let (lease, until) = (claim.lease.as_bytes(), after(now, claim.lease_for));
    let mut lanes = connection.prepare_cached(LANES)?;
    let lanes: Vec<String> = lanes.query_map([now.as_micros()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut claimed = Vec::new();
    let mut due = connection.prepare_cached(DUE)?;
    let mut take = connection.prepare_cached(LEASE)?;
    for lane in lanes {
        let room = claim.rooms.get(&lane).copied().unwrap_or(claim.room);
        let read = |row: &Row<'_>| Ok((read_delivery(row)?, row.get::<_, i64>(super::delivery_row::COLUMNS)?));
        let found: Vec<_> = due.query_map((&lane, now.as_micros(), room), read)?.collect::<rusqlite::Result<_>>()?;
        for (mut delivery, seq) in found {
            take.execute((seq, lease, until.as_micros()))?;
            let was_lost = delivery.state == DeliveryState::Leased;
            delivery.state = DeliveryState::Leased;
            delivery.due_at = until;
            delivery.tries += 1;
            let is_expired = delivery.expires_at.is_some_and(|end| end <= now);
            claimed.push(Claimed { delivery, was_lost, is_expired });
        }
    }
    Ok(claimed)
}

/// Stores all these results, and each lane once, however many of its deliveries are among them.
fn settle_all(
    connection: &Connection,
    settlements: &[Settlement],
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<Health>>> {
    let mut lanes = BTreeMap::new();
    let each = settlements.iter().map(|settlement| settle(connection, settlement, now, &mut lanes));
    let healths = each.collect::<rusqlite::Result<_>>()?;
    lanes.iter().try_for_each(|(lane, row)| row.update(connection, lane))?;
    Ok(healths)
}

fn settle(
    connection: &Connection,
    settlement: &Settlement,
    now: Timestamp,
    lanes: &mut BTreeMap<String, LaneRow>,
) -> rusqlite::Result<Option<Health>> {
    const LEASED: &str = "SELECT seq, lane, octet_length(payload), attempts,
            channel <> 'webhook' AND notification_id IS NULL FROM deliveries
        WHERE id = ?1 AND lease = ?2 AND state = 'leased'";
    const SETTLE: &str =
        "UPDATE deliveries SET lease = NULL, attempts = ?2, tries = tries - ?3, state = ?4, reason = ?5,
        due_at = CASE WHEN ?7 IS NULL THEN ?6 ELSE min(due_at, ?6) END, ended_at = ?7 WHERE seq = ?1";
    let leased = (settlement.id.as_uuid().into_bytes(), settlement.lease.into_bytes());
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    let found: Option<(i64, String, u64, String, bool)> =
        connection.prepare_cached(LEASED)?.query_row(leased, read).optional()?;
    let Some((seq, lane, bytes, attempts, is_digest)) = found else { return Ok(None) };
    let attempts = with_attempts(attempts, settlement)?;
    let (state, reason, due_at, ended_at) = match &settlement.next {
        Next::Again { wait } => (DeliveryState::Ready, None, after(now, *wait), None),
        Next::Held { wait, reason } => (DeliveryState::Held, Some(reason.as_str()), after(now, *wait), None),
        Next::Over { state, reason } => (*state, reason.as_deref(), now, Some(now.as_micros())),
    };
    let values = (seq, attempts, settlement.refund, state.as_str(), reason, due_at.as_micros(), ended_at);
    connection.prepare_cached(SETTLE)?.execute(values)?;
    if !lanes.contains_key(&lane) {
        lanes.insert(lane.clone(), LaneRow::load(connection, &lane)?);
    }
    let row = lanes.entry(lane).or_default();
    if ended_at.is_some() {
        let (parts, of_parts) =
            if is_digest { digests::end_parts(connection, settlement.id, state, reason, now)? } else { (0, 0) };
        row.waiting = row.waiting.saturating_sub(1 + parts);
        row.bytes = row.bytes.saturating_sub(bytes + of_parts);
    }
    row.note(settlement, now);
    Ok(Some(row.health))
}

/// The attempts of a delivery in JSON, with those of a settlement.
fn with_attempts(known: String, settlement: &Settlement) -> rusqlite::Result<String> {
    if settlement.attempts.is_empty() {
        return Ok(known);
    }
    let wrong = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    if known == "[]" {
        return serde_json::to_string(&settlement.attempts).map_err(wrong);
    }
    let mut attempts: Vec<Attempt> = serde_json::from_str(&known).map_err(wrong)?;
    attempts.extend(settlement.attempts.iter().cloned());
    let surplus = attempts.len().saturating_sub(MOST_ATTEMPTS);
    attempts.drain(..surplus);
    serde_json::to_string(&attempts).map_err(wrong)
}

/// The row of a lane, which exists as soon as anything has waited in it.
#[derive(Default)]
struct LaneRow {
    waiting: u64,
    bytes: u64,
    paused_until: Option<Timestamp>,
    reason: Option<String>,
    health: Health,
}

impl LaneRow {
    fn load(connection: &Connection, lane: &str) -> rusqlite::Result<Self> {
        const LOAD: &str = "SELECT waiting, bytes, paused_until, reason, failures, failing_since, worked_at FROM lanes
            WHERE lane = ?1";
        let read = |row: &Row<'_>| {
            Ok(Self {
                waiting: row.get(0)?,
                bytes: row.get(1)?,
                paused_until: moment(row, 2)?,
                reason: row.get(3)?,
                health: read_health(row, 4)?,
            })
        };
        Ok(connection.prepare_cached(LOAD)?.query_row([lane], read).optional()?.unwrap_or_default())
    }

    /// Records the result of an attempt.
    fn note(&mut self, settlement: &Settlement, now: Timestamp) {
        match settlement.worked {
            Some(true) => self.health = Health { worked_at: Some(now), ..Health::default() },
            Some(false) => {
                self.health.failures += 1;
                self.health.failing_since.get_or_insert(now);
            }
            None => {}
        }
        if let Some((pause, why)) = &settlement.pause {
            // The longest pause is in force, with its reason.
            let until = Some(after(now, *pause));
            if until >= self.paused_until {
                (self.paused_until, self.reason) = (until, Some(why.clone()));
            }
        }
    }

    fn update(&self, connection: &Connection, lane: &str) -> rusqlite::Result<()> {
        const UPDATE: &str = "UPDATE lanes SET waiting = ?2, bytes = ?3, paused_until = ?4, reason = ?5, failures = ?6,
            failing_since = ?7, worked_at = ?8 WHERE lane = ?1";
        let Self { waiting, bytes, paused_until, reason, health: Health { failures, failing_since, worked_at } } = self;
        let [paused_until, failing_since, worked_at] =
            [paused_until, failing_since, worked_at].map(|moment| moment.map(Timestamp::as_micros));
        let values = (lane, waiting, bytes, paused_until, reason, failures, failing_since, worked_at);
        connection.prepare_cached(UPDATE)?.execute(values).map(drop)
    }
}

pub(super) fn read_health(row: &Row<'_>, column: usize) -> rusqlite::Result<Health> {
    Ok(Health {
        failures: row.get(column)?,
        failing_since: moment(row, column + 1)?,
        worked_at: moment(row, column + 2)?,
    })
}
