//! The state behind the lock: entries, deliveries and lanes.

mod digests;
mod lanes;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeInclusive,
};

use uuid::Uuid;

use crate::{
    model::{Channel, ContactId, DeliveryId, DeliveryState, NotificationId, Timestamp, UserId},
    server::{
        clock::after,
        store::{
            LOOKED_AT,
            outbox::{
                Backlog, Claim, Claimed, Delivery, DeliveryFilter, DeliveryPage, Entry, Health, MOST_ATTEMPTS,
                NewDelivery, Next, Planned, Settlement, Webhook, ends_as,
            },
        },
    },
};

/// How many finished deliveries are remembered, so that memory is bounded.
const MOST_ENDED: usize = 10_000;

/// A delivery's place among all: later ones are newer.
type Seq = u64;

/// Webhooks, entries, deliveries and lanes.
#[derive(Default)]
pub(super) struct OutboxTables {
    pub(super) webhooks: Vec<Webhook>,
    pub(super) entries: BTreeMap<i64, Entry>,
    next_entry: i64,
    next_seq: Seq,
    deliveries: BTreeMap<Seq, Row>,
    seqs: HashMap<DeliveryId, Seq>,
    lanes: BTreeMap<String, LaneRow>,
    /// Unfinished deliveries to contacts, by inbox and notification.
    to_contacts: BTreeMap<UserId, BTreeSet<(NotificationId, DeliveryId)>>,
    /// Unfinished deliveries of an unread count, by inbox.
    counts: BTreeMap<UserId, BTreeSet<DeliveryId>>,
    /// Finished deliveries, in the order in which they ended.
    ended: BTreeSet<(Timestamp, Seq)>,
}

/// The place of an unfinished delivery in its lane.
type Place = (Timestamp, Seq);

struct Row {
    delivery: Delivery,
    lease: Option<Uuid>,
}

#[derive(Default)]
struct LaneRow {
    /// Its unfinished deliveries, in the order in which they are due.
    due: BTreeSet<Place>,
    bytes: u64,
    paused_until: Option<Timestamp>,
    reason: Option<String>,
    health: Health,
}

impl OutboxTables {
    pub(super) fn take(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.next_entry += 1;
            self.entries.insert(self.next_entry, Entry { seq: self.next_entry, ..entry });
        }
    }

    pub(super) fn plan(&mut self, planned: Vec<Planned>, backlog: Backlog, now: Timestamp) -> usize {
        let mut made = 0;
        for Planned { entry, deliveries } in planned {
            if self.entries.remove(&entry).is_some() {
                made += deliveries.len();
                deliveries.into_iter().for_each(|new| self.add(new, backlog, now));
            }
        }
        made
    }

    fn add(&mut self, new: NewDelivery, backlog: Backlog, now: Timestamp) {
        let mut delivery = new.made(now);
        let lane = self.lanes.get(&delivery.lane);
        let (waiting, bytes) = lane.map_or((0, 0), |lane| (lane.due.len() as u64, lane.bytes));
        let is_full =
            waiting >= backlog.deliveries || bytes.saturating_add(delivery.payload.len() as u64) > backlog.bytes;
        if is_full && delivery.ended_at.is_none() {
            (delivery.state, delivery.reason) = (DeliveryState::Skipped, Some("backlog_full".to_owned()));
            delivery.ended_at = Some(now);
        }
        self.insert(delivery);
    }

    fn insert(&mut self, delivery: Delivery) {
        let seq = self.next_seq;
        self.next_seq += 1;
        match delivery.ended_at {
            Some(at) => {
                self.ended.insert((at, seq));
            }
            None => {
                let lane = self.lanes.entry(delivery.lane.clone()).or_default();
                lane.due.insert(place_of(&delivery, seq));
                lane.bytes += delivery.payload.len() as u64;
                if let Some(place) = place_to_contact(&delivery) {
                    self.to_contacts.entry(delivery.user_id.clone()).or_default().insert(place);
                }
                if delivery.is_count() {
                    self.counts.entry(delivery.user_id.clone()).or_default().insert(delivery.id);
                }
            }
        }
        self.seqs.insert(delivery.id, seq);
        self.deliveries.insert(seq, Row { delivery, lease: None });
        while self.ended.len() > MOST_ENDED {
            self.forget_oldest();
        }
    }

    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        for (name, lane) in &mut self.lanes {
            if lane.paused_until.is_some_and(|until| now < until) {
                continue;
            }
            let room = claim.rooms.get(name).copied().unwrap_or(claim.room);
            let due: Vec<_> = lane.due.iter().take_while(|(at, _)| *at <= now).take(room).copied().collect();
            for (at, seq) in due {
                let Some(Row { delivery, lease }) = self.deliveries.get_mut(&seq) else { continue };
                let was_lost = delivery.state == DeliveryState::Leased;
                lane.due.remove(&(at, seq));
                delivery.state = DeliveryState::Leased;
                delivery.due_at = after(now, claim.lease_for);
                delivery.tries += 1;
                *lease = Some(claim.lease);
                lane.due.insert(place_of(delivery, seq));
                let is_expired = delivery.expires_at.is_some_and(|end| end <= now);
                claimed.push(Claimed { delivery: delivery.clone(), was_lost, is_expired });
            }
        }
        claimed
    }

    /// Extends a lease.
    pub(super) fn renew(&mut self, id: DeliveryId, leased: Uuid, until: Timestamp) {
        let Some(seq) = self.seqs.get(&id).copied() else { return };
        let Some(Row { delivery, lease }) = self.deliveries.get_mut(&seq) else { return };
        if *lease == Some(leased)
            && delivery.state == DeliveryState::Leased
            && let Some(lane) = self.lanes.get_mut(&delivery.lane)
        {
            lane.due.remove(&place_of(delivery, seq));
            delivery.due_at = until;
            lane.due.insert(place_of(delivery, seq));
        }
    }

    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp) -> Option<Health> {
        let Settlement { id, lease, attempts, refund, next, worked, pause } = settlement;
        let seq = *self.seqs.get(&id)?;
        let row = self.deliveries.get_mut(&seq)?;
        if row.lease != Some(lease) || row.delivery.state != DeliveryState::Leased {
            return None;
        }
        row.lease = None;
        let delivery = &mut row.delivery;
        delivery.attempts.extend(attempts);
        let surplus = delivery.attempts.len().saturating_sub(MOST_ATTEMPTS);
        delivery.attempts.drain(..surplus);
        delivery.tries -= u32::from(refund);
        let lane = self.lanes.entry(delivery.lane.clone()).or_default();
        match worked {
            Some(true) => lane.health = Health { worked_at: Some(now), ..Health::default() },
            Some(false) => {
                lane.health.failures += 1;
                lane.health.failing_since.get_or_insert(now);
            }
            None => {}
        }
        if let Some((pause, why)) = pause {
            // The longest pause is in force, with its reason.
            let until = Some(after(now, pause));
            if until >= lane.paused_until {
                (lane.paused_until, lane.reason) = (until, Some(why));
            }
        }
        let health = lane.health;
        let (state, reason, wait) = match next {
            Next::Again { wait } => (DeliveryState::Ready, None, wait),
            Next::Held { wait, reason } => (DeliveryState::Held, Some(reason), wait),
            Next::Over { state, reason } => {
                self.end(id, state, reason, now);
                return Some(health);
            }
        };
        lane.due.remove(&place_of(delivery, seq));
        (delivery.state, delivery.reason, delivery.due_at) = (state, reason, after(now, wait));
        lane.due.insert(place_of(delivery, seq));
        Some(health)
    }

    /// Ends an unfinished delivery with its parts; `false` when it had ended already.
    pub(super) fn end(&mut self, id: DeliveryId, state: DeliveryState, reason: Option<String>, now: Timestamp) -> bool {
        for part in self.parts(id) {
            self.end_one(part.id, state, reason.clone(), now);
        }
        self.end_one(id, state, reason, now)
    }

    fn end_one(&mut self, id: DeliveryId, state: DeliveryState, reason: Option<String>, now: Timestamp) -> bool {
        let Some(seq) = self.seqs.get(&id).copied() else { return false };
        let Some(row) = self.deliveries.get_mut(&seq).filter(|row| row.delivery.ended_at.is_none()) else {
            return false;
        };
        let delivery = &mut row.delivery;
        if let Some(lane) = self.lanes.get_mut(&delivery.lane) {
            lane.due.remove(&place_of(delivery, seq));
            lane.bytes = lane.bytes.saturating_sub(delivery.payload.len() as u64);
        }
        forget_place(&mut self.to_contacts, place_to_contact(delivery), &delivery.user_id);
        forget_place(&mut self.counts, Some(delivery.id), &delivery.user_id);
        if delivery.state == DeliveryState::Leased {
            delivery.due_at = delivery.due_at.min(now);
        }
        (delivery.state, delivery.reason, delivery.ended_at, row.lease) = (state, reason, Some(now), None);
        self.ended.insert((now, seq));
        while self.ended.len() > MOST_ENDED {
            self.forget_oldest();
        }
        true
    }

    /// The notifications of an inbox about which deliveries to contacts wait.
    pub(super) fn awaited(&self, user_id: &UserId, after: Option<NotificationId>, most: usize) -> Vec<NotificationId> {
        let places = self.to_contacts.get(user_id).into_iter().flatten().map(|(id, _)| *id);
        let mut ids: Vec<_> = places.filter(|id| after.is_none_or(|after| after < *id)).collect();
        ids.dedup();
        ids.truncate(most);
        ids
    }

    /// Cancels waiting deliveries to contacts about a notification, and returns their number.
    pub(super) fn cancel_about(&mut self, user_id: &UserId, id: NotificationId, reason: &str, now: Timestamp) -> usize {
        let Some(of_user) = self.to_contacts.get(user_id) else { return 0 };
        let about = of_user.range((id, DeliveryId::new(Uuid::nil()))..=(id, DeliveryId::new(Uuid::max())));
        let about: Vec<_> = about.filter_map(|(_, id)| self.get(*id)).collect();
        let waiting = about.into_iter().filter(|delivery| delivery.state != DeliveryState::Leased);
        let ends: Vec<_> = waiting.map(|delivery| (delivery.id, ends_as(delivery.expires_at, reason, now))).collect();
        for (id, (state, reason)) in &ends {
            self.end(*id, *state, Some((*reason).to_owned()), now);
        }
        ends.len()
    }

    /// The contacts that are still to receive the unread count.
    pub(super) fn to_be_counted(&self, user_id: &UserId) -> Vec<ContactId> {
        let counts = self.counts.get(user_id).into_iter().flatten().filter_map(|id| self.get(*id));
        let contacts: BTreeSet<_> = counts.map(|delivery| ContactId::new(delivery.target)).collect();
        contacts.into_iter().collect()
    }

    pub(super) fn get(&self, id: DeliveryId) -> Option<&Delivery> {
        self.deliveries.get(self.seqs.get(&id)?).map(|row| &row.delivery)
    }

    pub(super) fn list(&self, filter: &DeliveryFilter, before: Option<u64>, limit: usize) -> DeliveryPage {
        let mut deliveries = Vec::new();
        let rows = self.deliveries.range(..before.unwrap_or(Seq::MAX)).rev();
        for (looked_at, (seq, row)) in rows.enumerate() {
            if deliveries.len() == limit || looked_at == LOOKED_AT {
                return DeliveryPage { deliveries, next: Some(seq + 1) };
            }
            if filter.admits(&row.delivery) {
                deliveries.push(row.delivery.clone());
            }
        }
        DeliveryPage { deliveries, next: None }
    }

    pub(super) fn replay(&mut self, old: DeliveryId, new: DeliveryId, now: Timestamp) -> bool {
        let Some(row) = self.seqs.get(&old).and_then(|seq| self.deliveries.get_mut(seq)) else { return false };
        if !row.delivery.may_be_replayed() {
            return false;
        }
        let again = row.delivery.again(new, now);
        row.delivery.is_replayed = true;
        self.insert(again);
        true
    }

    pub(super) fn hasten(&mut self, id: DeliveryId, now: Timestamp) -> bool {
        let Some(seq) = self.seqs.get(&id).copied() else { return false };
        let Some(Row { delivery, .. }) = self.deliveries.get_mut(&seq) else { return false };
        let waits = delivery.state == DeliveryState::Ready && now < delivery.due_at;
        if waits && let Some(lane) = self.lanes.get_mut(&delivery.lane) {
            lane.due.remove(&place_of(delivery, seq));
            delivery.due_at = now;
            lane.due.insert(place_of(delivery, seq));
        }
        waits
    }

    pub(super) fn forget(&mut self, ended_until: Timestamp, most: usize) -> usize {
        let forgotten = self.ended.iter().take_while(|(at, _)| *at <= ended_until).take(most).count();
        (0..forgotten).for_each(|_| self.forget_oldest());
        forgotten
    }

    fn forget_oldest(&mut self) {
        if let Some((_, seq)) = self.ended.pop_first() {
            self.remove(seq);
        }
    }

    /// The place of the newest delivery.
    pub(super) fn newest(&self) -> Seq {
        self.deliveries.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// Forgets the deliveries about an inbox at these places, whatever their state, and returns where to go on.
    pub(super) fn forget_about(&mut self, user_id: &UserId, places: RangeInclusive<Seq>) -> Option<Seq> {
        let some: Vec<_> = self.deliveries.range(places).take(LOOKED_AT).collect();
        let next = some.get(LOOKED_AT - 1).map(|(last, _)| **last + 1);
        let about = some.into_iter().filter(|(_, row)| row.delivery.user_id == *user_id);
        let about: Vec<_> = about.map(|(seq, _)| *seq).collect();
        about.into_iter().for_each(|seq| self.remove(seq));
        next
    }

    fn remove(&mut self, seq: Seq) {
        let Some(Row { delivery, .. }) = self.deliveries.remove(&seq) else { return };
        self.seqs.remove(&delivery.id);
        if let Some(at) = delivery.ended_at {
            self.ended.remove(&(at, seq));
        } else if let Some(lane) = self.lanes.get_mut(&delivery.lane) {
            lane.due.remove(&place_of(&delivery, seq));
            lane.bytes = lane.bytes.saturating_sub(delivery.payload.len() as u64);
            forget_place(&mut self.to_contacts, place_to_contact(&delivery), &delivery.user_id);
            forget_place(&mut self.counts, Some(delivery.id), &delivery.user_id);
        }
    }
}

/// The place of an unfinished delivery in its lane. A part of a digest is never due.
fn place_of(delivery: &Delivery, seq: Seq) -> Place {
    (if delivery.via.is_some() { Timestamp::stored(i64::MAX) } else { delivery.due_at }, seq)
}

/// The place of a delivery to a contact among those about its inbox.
fn place_to_contact(delivery: &Delivery) -> Option<(NotificationId, DeliveryId)> {
    (delivery.channel != Channel::Webhook).then_some((delivery.notification_id?, delivery.id))
}

fn forget_place<P: Ord>(places: &mut BTreeMap<UserId, BTreeSet<P>>, place: Option<P>, user_id: &UserId) {
    let (Some(place), Some(of_user)) = (place, places.get_mut(user_id)) else { return };
    of_user.remove(&place);
    if of_user.is_empty() {
        places.remove(user_id);
    }
}
