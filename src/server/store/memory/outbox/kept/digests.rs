//! Digests: deliveries that go to one contact together.

use super::{OutboxTables, Row, place_of};
use crate::{
    model::{DeliveryId, DeliveryState, Timestamp, UserId},
    server::store::outbox::{ANEW, Bundle, DIGEST, Delivery, Part},
};

impl OutboxTables {
    /// Creates a digest, if several deliveries belong to it, and returns whether it did.
    pub(in crate::server::store::memory) fn bundle(
        &mut self,
        Bundle { id, lease, claimed }: &Bundle,
        now: Timestamp,
    ) -> bool {
        let leased = |row: &&Row| row.lease == Some(*lease) && row.delivery.state == DeliveryState::Leased;
        let rows = claimed.iter().filter_map(|id| self.deliveries.get(self.seqs.get(id)?)).filter(leased);
        let claimed: Vec<_> = rows.map(|row| &row.delivery).collect();
        let Some(first) = claimed.first().map(|first| (*first).clone()) else { return false };
        let takes_digests = claimed.iter().any(|delivery| delivery.reason.as_deref() == Some(DIGEST));
        let goes_too = |delivery: &&Delivery| {
            let is_held = delivery.state == DeliveryState::Held && delivery.via.is_none();
            let is = |reason| delivery.reason.as_deref() == Some(reason);
            let is_time = (delivery.due_at <= now && !is(ANEW)) || (takes_digests && is(DIGEST));
            is_held && is_time && delivery.target == first.target && delivery.lane == first.lane
        };
        let waiting = self.to_contacts.get(&first.user_id).into_iter().flatten().filter_map(|(_, id)| self.get(*id));
        let parts: Vec<_> = claimed.into_iter().chain(waiting.filter(goes_too)).map(|delivery| delivery.id).collect();
        if parts.len() < 2 {
            return false;
        }
        for part in parts {
            let Some(seq) = self.seqs.get(&part).copied() else { continue };
            let Some(Row { delivery, lease }) = self.deliveries.get_mut(&seq) else { continue };
            let before = place_of(delivery, seq);
            if lease.take().is_some() {
                delivery.tries = delivery.tries.saturating_sub(1);
            }
            (delivery.state, delivery.due_at, delivery.via) = (DeliveryState::Held, now, Some(*id));
            if let Some(lane) = self.lanes.get_mut(&delivery.lane) {
                lane.due.remove(&before);
                lane.due.insert(place_of(delivery, seq));
            }
        }
        self.insert(first.digest(*id, now));
        true
    }

    /// The unfinished parts of a digest, the newest notification first.
    pub(in crate::server::store::memory) fn parts(&self, digest: DeliveryId) -> Vec<Part> {
        let Some(user_id) = self.get(digest).filter(|digest| digest.is_digest()).map(|digest| &digest.user_id) else {
            return Vec::new();
        };
        let waiting = self.to_contacts.get(user_id).into_iter().flatten().rev();
        let of_it = |id: &DeliveryId| self.get(*id).is_some_and(|delivery| delivery.via == Some(digest));
        let parts = waiting.filter(|(_, id)| of_it(id));
        parts.map(|(notification_id, id)| Part { id: *id, notification_id: *notification_id }).collect()
    }

    /// Has the rules judge up to `most` held deliveries of an inbox again, and returns their number.
    pub(in crate::server::store::memory) fn judge_anew(
        &mut self,
        user_id: &UserId,
        most: usize,
        now: Timestamp,
    ) -> usize {
        let is_on_its_way =
            |via| self.get(via).is_some_and(|digest| digest.state == DeliveryState::Leased || digest.tries > 0);
        let waits = |delivery: &&Delivery| {
            let is_later = now < delivery.due_at || delivery.via.is_some();
            delivery.state == DeliveryState::Held && is_later && !delivery.via.is_some_and(is_on_its_way)
        };
        let held = self.to_contacts.get(user_id).into_iter().flatten().filter_map(|(_, id)| self.get(*id));
        let held: Vec<_> = held.filter(waits).take(most).map(|delivery| delivery.id).collect();
        for id in &held {
            let Some(seq) = self.seqs.get(id).copied() else { continue };
            let Some(Row { delivery, .. }) = self.deliveries.get_mut(&seq) else { continue };
            let before = place_of(delivery, seq);
            (delivery.reason, delivery.due_at, delivery.via) = (Some(ANEW.to_owned()), now, None);
            if let Some(lane) = self.lanes.get_mut(&delivery.lane) {
                lane.due.remove(&before);
                lane.due.insert(place_of(delivery, seq));
            }
        }
        held.len()
    }
}
