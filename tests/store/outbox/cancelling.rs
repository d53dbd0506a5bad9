//! Users with contacts, and which of their deliveries are cancelled when they become useless.

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{
        Category, Channel, ContactAddress, ContactId, DeliveryId, DeliveryState, EmailAddress, Marking, Notification,
        NotificationDraft, NotificationId, Timestamp,
    },
    server::store::{
        Due,
        contacts::{NewContact, Put},
        outbox::{NewDelivery, Planned},
    },
};

use super::{
    HOUR, Kept, PLENTY, WINDOW, again, category, claim_for, contract, everything, new, now, settlement, uuid, year,
};
use crate::store::{create, draft, send, user};

/// Adds an address of a user.
pub(super) async fn reach(kept: &Kept, user_id: &str) -> ContactId {
    let address = ContactAddress::Email { address: EmailAddress::parse(&format!("{user_id}@example.com")).unwrap() };
    let contact = NewContact { id: ContactId::new(uuid()), user_id: user(user_id), address, label: None, at: now() };
    let put = kept.contacts.put_contact(&contact).await.unwrap();
    assert!(matches!(put, Put::Added(_)));
    contact.id
}

/// A delivery by e-mail about a notification.
fn mail(about: &Notification, state: DeliveryState) -> NewDelivery {
    NewDelivery {
        notification_id: Some(about.id),
        user_id: about.user_id.clone(),
        channel: Channel::Email,
        state,
        wait: if state == DeliveryState::Held { HOUR } else { Duration::ZERO },
        expires_at: about.expires_at,
        ..new("email")
    }
}

/// The waiting deliveries about one notification: a held mail, a ready one, and one for a webhook.
struct Waiting {
    about: Notification,
    mails: [DeliveryId; 2],
    webhook: DeliveryId,
}

impl Waiting {
    async fn for_one(kept: &Kept, about: Notification) -> Self {
        let mails = [DeliveryState::Held, DeliveryState::Ready].map(|state| mail(&about, state));
        let webhook = NewDelivery { channel: Channel::Webhook, lane: "webhook:1".to_owned(), ..mails[1].clone() };
        let webhook = NewDelivery { id: DeliveryId::new(uuid()), ..webhook };
        let waiting = Self { about, mails: mails.each_ref().map(|mail| mail.id), webhook: webhook.id };
        kept.plan_within(PLENTY, mails.into_iter().chain([webhook]).collect()).await;
        waiting
    }

    async fn new(kept: &Kept) -> Self {
        Self::for_one(kept, send(&*kept.inboxes, "ann", "x").await).await
    }

    /// Checks that both mails ended in this state, and that the webhook's delivery still waits.
    async fn assert_ended(&self, kept: &Kept, state: DeliveryState, reason: &str) {
        for id in self.mails {
            let ended = kept.delivery(id).await;
            assert_eq!((ended.state, ended.reason.as_deref()), (state, Some(reason)));
            assert!(ended.ended_at.is_some() && ended.attempts.is_empty() && ended.tries == 0);
        }
        assert_eq!(kept.delivery(self.webhook).await.state, DeliveryState::Ready);
    }

    async fn assert_waits(&self, kept: &Kept) {
        assert_eq!(kept.delivery(self.mails[0]).await.state, DeliveryState::Held);
        assert_eq!(kept.delivery(self.mails[1]).await.state, DeliveryState::Ready);
    }
}

/// The number of waiting mails after the next claim.
async fn mails_wait(kept: &Kept) -> u64 {
    let nothing = super::Claim { room: 0, ..claim_for(HOUR) };
    assert!(kept.claim(&nothing).await.is_empty());
    kept.waiting("email").await
}

contract! {
    async fn a_user_with_a_contact_causes_entries_once_a_channel_is_set_up(kept) {
        reach(&kept, "ann").await;
        send(&*kept.inboxes, "ann", "before there was a way").await;
        assert!(kept.unplanned().await.is_empty());
        kept.outbox.reach_contacts();
        let mine = send(&*kept.inboxes, "ann", "x").await;
        send(&*kept.inboxes, "bob", "has none").await;
        kept.inboxes.set_read(mine.id, None, true).await.unwrap();
        kept.inboxes.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        let entries = kept.unplanned().await;
        let [entry] = &entries[..] else { panic!("one: {entries:?}") };
        assert_eq!((&entry.user_id, entry.notification_id), (&mine.user_id, Some(mine.id)));
        assert_eq!((entry.category.as_ref(), entry.at), (Some(&mine.category), mine.timestamp));
        assert!(entry.to_contacts && entry.data.is_empty());
        assert_eq!(kept.outbox.plan(vec![Planned { entry: entry.seq, deliveries: vec![] }], PLENTY, now()).await.unwrap(), 0);
        assert!(kept.unplanned().await.is_empty());
    }

    async fn a_contact_and_an_endpoint_share_an_entry(kept) {
        kept.outbox.reach_contacts();
        let contact = reach(&kept, "ann").await;
        kept.listen(everything()).await;
        let batch: Vec<_> = ["ann", "bob", "ann"].map(|user_id| crate::store::accepted(draft(user_id, "x"))).into();
        kept.inboxes.create(&batch, None).await.unwrap();
        let entries = kept.unplanned().await;
        let found: Vec<_> = entries.iter().map(|entry| (entry.user_id.as_str(), entry.to_contacts)).collect();
        assert_eq!(found, [("ann", true), ("bob", false), ("ann", true)]);
        assert!(entries.iter().all(|entry| entry.data.starts_with(r#"{"user_id":"#)));
        // Once ann's only contact is deleted, entries are no longer for contacts.
        assert!(kept.contacts.delete_contact(&user("ann"), contact).await.unwrap());
        send(&*kept.inboxes, "ann", "x").await;
        assert!(!kept.unplanned().await.last().unwrap().to_contacts);
    }

    async fn reading_cancels_waiting_deliveries_to_contacts(kept) {
        let [by_id, by_place, stays] = [Waiting::new(&kept).await, Waiting::new(&kept).await, Waiting::new(&kept).await];
        kept.inboxes.set_read(by_id.about.id, None, true).await.unwrap();
        by_id.assert_ended(&kept, DeliveryState::Cancelled, "read").await;
        let listed = crate::store::inbox(&*kept.inboxes, &user("ann")).await;
        let place = listed.iter().position(|one| one.id == by_place.about.id).unwrap();
        kept.inboxes.mark_read_at(&user("ann"), place as u64).await.unwrap();
        by_place.assert_ended(&kept, DeliveryState::Cancelled, "read").await;
        stays.assert_waits(&kept).await;
        assert_eq!(mails_wait(&kept).await, 2);
        // Marking it unread again does not send it: the user has seen it.
        kept.inboxes.set_read(by_id.about.id, None, false).await.unwrap();
        by_id.assert_ended(&kept, DeliveryState::Cancelled, "read").await;
    }

    async fn reading_a_part_of_an_inbox_cancels_that_part(kept) {
        let of = |kind: &str| NotificationDraft { category: Some(kind.to_owned()), ..draft("ann", "x") };
        let alert = create(&*kept.inboxes, of("alert")).await;
        let system = create(&*kept.inboxes, of("system")).await;
        let (alert, system) = (Waiting::for_one(&kept, alert).await, Waiting::for_one(&kept, system).await);
        let alerts: Category = category("alert");
        let marking = Marking { category: Some(alerts), ..Marking::default() };
        assert_eq!(kept.inboxes.mark_all_read(&user("ann"), &marking).await.unwrap().count, 1);
        alert.assert_ended(&kept, DeliveryState::Cancelled, "read").await;
        system.assert_waits(&kept).await;
        assert_eq!(mails_wait(&kept).await, 2);
    }

    async fn deleting_cancels_and_expiry_expires_deliveries(kept) {
        let deleted = Waiting::new(&kept).await;
        kept.inboxes.delete(deleted.about.id, None).await.unwrap();
        deleted.assert_ended(&kept, DeliveryState::Cancelled, "deleted").await;
        let expired = create(
            &*kept.inboxes,
            NotificationDraft { expires_at: Some("2020-01-01T00:00:00Z".to_owned()), ..draft("ann", "x") },
        );
        let expired = Waiting::for_one(&kept, expired.await).await;
        let due = Due { now: year(2021), accepted_before: None, limit: 10 };
        assert_eq!(kept.inboxes.delete_due(&due).await.unwrap(), 1);
        expired.assert_ended(&kept, DeliveryState::Expired, "notification_expired").await;
        assert_eq!(mails_wait(&kept).await, 0);
    }

    async fn deliveries_about_evicted_notifications_are_cancelled(kept) {
        let oldest = Waiting::new(&kept).await;
        let many: Vec<_> = (0..WINDOW).map(|_| crate::store::accepted(draft("ann", "x"))).collect();
        kept.inboxes.create(&many, None).await.unwrap();
        oldest.assert_ended(&kept, DeliveryState::Cancelled, "deleted").await;
        assert_eq!(mails_wait(&kept).await, 0);
    }

    async fn a_delivery_that_is_being_sent_is_left_to_its_claim(kept) {
        let waiting = Waiting::new(&kept).await;
        let lease = kept.lease(waiting.mails[1]).await;
        kept.inboxes.set_read(waiting.about.id, None, true).await.unwrap();
        assert_eq!(kept.delivery(waiting.mails[0]).await.state, DeliveryState::Cancelled);
        assert_eq!(kept.delivery(waiting.mails[1]).await.state, DeliveryState::Leased);
        assert!(kept.settle(settlement(waiting.mails[1], lease, again(HOUR))).await.is_some());
        assert_eq!(mails_wait(&kept).await, 1);
    }

    async fn reading_everything_by_one_change_touches_no_delivery_and_returns_those_to_cancel(kept) {
        let all = [Waiting::new(&kept).await, Waiting::new(&kept).await, Waiting::new(&kept).await];
        let bobs = Waiting::for_one(&kept, send(&*kept.inboxes, "bob", "x").await).await;
        kept.inboxes.mark_all_read(&user("ann"), &Marking::default()).await.unwrap();
        for waiting in &all {
            waiting.assert_waits(&kept).await;
        }
        let mut ids: Vec<NotificationId> = all.iter().map(|waiting| waiting.about.id).collect();
        ids.sort();
        let ann = user("ann");
        assert_eq!(kept.deliveries.awaited(&ann, None, 100).await.unwrap(), ids);
        assert_eq!(kept.deliveries.awaited(&ann, None, 2).await.unwrap(), ids[..2]);
        assert_eq!(kept.deliveries.awaited(&ann, Some(ids[1]), 2).await.unwrap(), ids[2..]);
        assert_eq!(kept.deliveries.cancel_about(&ann, &ids[..2], "read", now()).await.unwrap(), 4);
        assert_eq!(kept.deliveries.cancel_about(&ann, &ids[..2], "read", now()).await.unwrap(), 0);
        assert_eq!(kept.deliveries.cancel_about(&ann, &[bobs.about.id], "read", now()).await.unwrap(), 0);
        assert_eq!(kept.deliveries.awaited(&ann, None, 100).await.unwrap(), ids[2..]);
        for waiting in all.iter().filter(|waiting| waiting.about.id != ids[2]) {
            waiting.assert_ended(&kept, DeliveryState::Cancelled, "read").await;
        }
        bobs.assert_waits(&kept).await;
        assert_eq!(mails_wait(&kept).await, 4);
    }

    async fn concurrent_reads_deletions_claims_and_settlements_do_not_deadlock(kept) {
        let mut abouts = Vec::new();
        for number in 0..60 {
            let user_id = format!("user {}", number % 6);
            let expires_at = (number % 3 == 0).then_some("2020-01-01T00:00:00Z".to_owned());
            let about = create(&*kept.inboxes, NotificationDraft { expires_at, ..draft(&user_id, "x") }).await;
            let lanes = ["email", "email:2", "email:3"];
            let mails = lanes.map(|lane| NewDelivery { lane: lane.to_owned(), ..mail(&about, DeliveryState::Ready) });
            let mails = mails.map(|mail| NewDelivery { id: DeliveryId::new(uuid()), ..mail });
            kept.plan_within(PLENTY, mails.into()).await;
            abouts.push(about);
        }
        let kept = Arc::new(kept);
        let readers = abouts.chunks(15).map(|some| {
            let (kept, some) = (Arc::clone(&kept), some.to_vec());
            tokio::spawn(async move {
                for about in some {
                    kept.inboxes.set_read(about.id, None, true).await.unwrap();
                    kept.inboxes.delete(about.id, None).await.unwrap();
                }
            })
        });
        let sweeping = {
            let (kept, abouts) = (Arc::clone(&kept), abouts.clone());
            tokio::spawn(async move {
                for number in (0..6).chain(0..6) {
                    let user_id = user(&format!("user {number}"));
                    let ids: Vec<_> = abouts.iter().filter(|about| about.user_id == user_id).map(|about| about.id).collect();
                    kept.deliveries.cancel_about(&user_id, &ids, "read", now()).await.unwrap();
                    let marking = Marking { category: Some(category("message")), ..Marking::default() };
                    kept.inboxes.mark_all_read(&user_id, &marking).await.unwrap();
                }
            })
        };
        let expiring = {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let due = Due { now: year(2021), accepted_before: None, limit: 5 };
                    kept.inboxes.delete_due(&due).await.unwrap();
                }
            })
        };
        let senders = (0..3).map(|_| {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let claim = super::Claim { room: 3, ..claim_for(HOUR) };
                    let claimed = kept.claim(&claim).await;
                    let settlements = claimed.iter().rev().map(|one| settlement(one.delivery.id, claim.lease, again(HOUR)));
                    kept.outbox.settle(settlements.collect(), now()).await.unwrap();
                }
            })
        });
        let all: Vec<_> = readers.chain([sweeping, expiring]).chain(senders).collect();
        let began: Timestamp = now();
        for task in all {
            task.await.unwrap();
        }
        assert!(now().as_micros() - began.as_micros() < 8_000_000, "they waited for each other");
        // The counts match the waiting deliveries.
        mails_wait(&kept).await;
        for lane in ["email", "email:2", "email:3"] {
            let filter = super::DeliveryFilter { channel: Some(Channel::Email), ..super::DeliveryFilter::default() };
            let page = kept.deliveries.deliveries(&filter, None, 1000).await.unwrap();
            let waits = page.deliveries.iter().filter(|one| one.lane == lane && one.ended_at.is_none()).count();
            assert_eq!(kept.waiting(lane).await, waits as u64, "{lane}");
        }
    }
}
