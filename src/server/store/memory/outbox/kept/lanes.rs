//! Operations on whole lanes.

use super::{LaneRow, OutboxTables, Row};
use crate::{
    model::{DeliveryState, Timestamp},
    server::store::outbox::{Health, Lane, is_of_lane},
};

impl OutboxTables {
    pub(in crate::server::store::memory) fn end_lane(
        &mut self,
        name: &str,
        state: DeliveryState,
        reason: &str,
        most: usize,
        now: Timestamp,
    ) -> usize {
        let Some(lane) = self.lanes.get(name) else { return 0 };
        let waits = |row: &&Row| row.delivery.state != DeliveryState::Leased;
        let rows = lane.due.iter().filter_map(|(_, seq)| self.deliveries.get(seq)).filter(waits);
        let ids: Vec<_> = rows.take(most).map(|row| row.delivery.id).collect();
        for id in &ids {
            self.end(*id, state, Some(reason.to_owned()), now);
        }
        ids.len()
    }

    pub(in crate::server::store::memory) fn forget_lane(&mut self, name: &str) {
        if self.lanes.get(name).is_some_and(|lane| lane.due.is_empty()) {
            self.lanes.remove(name);
        }
    }

    pub(in crate::server::store::memory) fn forget_idle_lanes(
        &mut self,
        of: &str,
        since: Timestamp,
        most: usize,
    ) -> usize {
        let is_idle = |lane: &LaneRow| {
            let noted = [lane.paused_until, lane.health.failing_since, lane.health.worked_at];
            lane.due.is_empty() && noted.into_iter().flatten().all(|at| at <= since)
        };
        let is_of = |name: &String| name.len() > of.len() && is_of_lane(name, of);
        let idle = self.lanes.iter().filter(|(name, lane)| is_of(name) && is_idle(lane));
        let idle: Vec<_> = idle.take(most).map(|(name, _)| name.clone()).collect();
        idle.iter().filter(|name| self.lanes.remove(*name).is_some()).count()
    }

    pub(in crate::server::store::memory) fn lanes(&self) -> Vec<Lane> {
        let lane = |(name, lane): (&String, &LaneRow)| Lane {
            lane: name.clone(),
            waiting: lane.due.len() as u64,
            oldest: lane.due.first().and_then(|(_, seq)| self.deliveries.get(seq)).map(|row| row.delivery.created_at),
            paused_until: lane.paused_until,
            reason: lane.reason.clone(),
            health: lane.health,
        };
        self.lanes.iter().map(lane).collect()
    }

    pub(in crate::server::store::memory) fn resume(&mut self, of: &str) {
        for (_, lane) in self.lanes.iter_mut().filter(|(name, _)| is_of_lane(name, of)) {
            (lane.paused_until, lane.reason, lane.health) = (None, None, Health::default());
        }
    }
}
