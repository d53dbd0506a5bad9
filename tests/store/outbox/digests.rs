//! Deliveries to one contact that are sent as one message.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use campanile::{
    model::{Channel, DeliveryId, DeliveryState, Notification, NotificationId},
    server::store::outbox::{Bundle, Claim, DIGEST, Delivery, DeliveryFilter, NewDelivery, Next, Part},
};
use uuid::Uuid;

use super::{HOUR, Kept, PLENTY, a_moment, again, claim_for, contract, ids, new, now, over, send, settlement, uuid};
use crate::store::user;

/// A mail to a contact of ann that a rule holds, due at once.
pub(super) fn held(target: Uuid, reason: &str) -> NewDelivery {
    NewDelivery {
        channel: Channel::Email,
        target,
        state: DeliveryState::Held,
        reason: Some(reason.to_owned()),
        payload: "0123456789".to_owned(),
        ..new("email")
    }
}

/// The same, due in an hour.
pub(super) fn later(target: Uuid, reason: &str) -> NewDelivery {
    NewDelivery { wait: HOUR, ..held(target, reason) }
}

/// The same about this notification.
pub(super) fn about(notification: &Notification, new: NewDelivery) -> NewDelivery {
    NewDelivery { notification_id: Some(notification.id), user_id: notification.user_id.clone(), ..new }
}

/// Creates a digest of these deliveries, and returns it, if there is one.
pub(super) async fn bundle(kept: &Kept, lease: Uuid, claimed: &[DeliveryId]) -> Option<DeliveryId> {
    let bundle = Bundle { id: DeliveryId::new(uuid()), lease, claimed: claimed.to_vec() };
    let id = bundle.id;
    let done = kept.outbox.bundle(vec![bundle], now()).await.unwrap();
    let [done] = done[..] else { panic!("one for each: {done:?}") };
    assert_eq!(kept.deliveries.delivery(id).await.unwrap().is_some(), done);
    done.then_some(id)
}

/// Plans and claims these mails, which are due, and creates a digest of them.
pub(super) async fn digest_of(kept: &Kept, mails: Vec<NewDelivery>) -> (DeliveryId, Vec<DeliveryId>) {
    let claimed: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    kept.plan_within(PLENTY, mails).await;
    let lease = kept.lease(claimed[0]).await;
    (bundle(kept, lease, &claimed).await.unwrap(), claimed)
}

/// A digest with this many parts.
pub(super) async fn digest(kept: &Kept, parts: usize) -> (DeliveryId, Vec<DeliveryId>) {
    let target = uuid();
    digest_of(kept, (0..parts).map(|_| held(target, "together")).collect()).await
}

/// The parts of a digest, in any order.
pub(super) async fn parts(kept: &Kept, digest: DeliveryId) -> BTreeSet<DeliveryId> {
    kept.outbox.parts(digest).await.unwrap().iter().map(|part| part.id).collect()
}

pub(super) fn set<const N: usize>(ids: [DeliveryId; N]) -> BTreeSet<DeliveryId> {
    ids.into()
}

/// The number of waiting mails after the next claim.
pub(super) async fn waiting(kept: &Kept) -> u64 {
    assert!(kept.claim(&Claim { room: 0, ..claim_for(HOUR) }).await.is_empty());
    kept.waiting("email").await
}

pub(super) async fn judge(kept: &Kept, user_id: &str, most: usize) -> usize {
    kept.outbox.judge_anew(&user(user_id), most, now()).await.unwrap()
}

/// Held until a rule allows it.
pub(super) fn held_for(wait: Duration, reason: &str) -> Next {
    Next::Held { wait, reason: reason.to_owned() }
}

contract! {
    async fn those_that_are_bundled_wait_as_parts_and_their_digest_is_claimed(kept) {
        let (target, other) = (uuid(), kept.add(later(uuid(), "quiet_hours")).await);
        let mails = [held(target, "together"), held(target, "quiet_hours")];
        let claimed = mails.each_ref().map(|mail| mail.id);
        kept.plan_within(PLENTY, mails.into()).await;
        let lease = kept.lease(claimed[0]).await;
        assert_eq!(kept.waiting("email").await, 3);
        let id = bundle(&kept, lease, &claimed).await.unwrap();
        assert_eq!(kept.waiting("email").await, 4);
        for (part, reason) in claimed.iter().zip(["together", "quiet_hours"]) {
            let part = kept.delivery(*part).await;
            assert_eq!((part.state, part.reason.as_deref(), part.via), (DeliveryState::Held, Some(reason), Some(id)));
            assert_eq!((part.tries, part.ended_at, part.attempts.len()), (0, None, 0));
        }
        let digest = kept.delivery(id).await;
        let like = kept.delivery(claimed[0]).await;
        assert!(digest.is_digest() && !like.is_digest());
        assert_eq!((&digest.user_id, digest.channel, digest.target), (&like.user_id, like.channel, target));
        assert_eq!((digest.state, digest.reason.as_deref(), digest.via), (DeliveryState::Ready, None, None));
        assert_eq!((digest.lane.as_str(), digest.payload.as_str(), digest.expires_at), ("email", "", None));
        assert_eq!((digest.due_at, digest.ended_at, digest.tries), (digest.created_at, None, 0));
        assert_eq!(kept.lane("email").await.oldest, Some(digest.created_at));
        // The result of the claim of a part no longer counts.
        for part in claimed {
            assert_eq!(kept.settle(settlement(part, lease, over(DeliveryState::Sent))).await, None);
        }
        assert_eq!(kept.claimed().await, [id]);
        assert_eq!(kept.lane("email").await.oldest, Some(kept.delivery(other).await.created_at.min(digest.created_at)));
        assert_eq!(parts(&kept, id).await, set(claimed));
    }

    async fn a_digest_takes_all_that_is_held_and_due_to_the_same_contact(kept) {
        let target = uuid();
        let of_another = digest_of(&kept, [(); 2].map(|()| held(target, "together")).into()).await;
        let first = kept.add(held(target, "together")).await;
        let lease = kept.lease(first).await;
        let too = [kept.add(held(target, "together")).await, kept.add(held(target, "quiet_hours")).await];
        let others = [
            later(target, "together"),
            later(target, DIGEST),
            NewDelivery { state: DeliveryState::Ready, reason: None, ..held(target, "") },
            held(uuid(), "together"),
            NewDelivery { user_id: user("bob"), ..held(target, "together") },
            NewDelivery { lane: "email:old".to_owned(), ..held(target, "together") },
            NewDelivery { channel: Channel::Webhook, ..held(target, "together") },
        ];
        let mut before = Vec::new();
        for other in others {
            let id = kept.add(other).await;
            before.push(kept.delivery(id).await);
        }
        let id = bundle(&kept, lease, &[first]).await.unwrap();
        assert_eq!(parts(&kept, id).await, set([first, too[0], too[1]]));
        for other in before {
            assert_eq!(kept.delivery(other.id).await, other);
        }
        assert_eq!(parts(&kept, of_another.0).await, of_another.1.into_iter().collect());
    }

    async fn deliveries_that_wait_for_a_digest_join_the_first_due_one(kept) {
        let target = uuid();
        let first = kept.add(held(target, DIGEST)).await;
        let other = kept.add(held(target, "together")).await;
        let lease = kept.lease(first).await;
        let waits = kept.add(later(target, DIGEST)).await;
        let quiet = kept.add(later(target, "quiet_hours")).await;
        let before = kept.delivery(quiet).await;
        // A mail that was held for another reason takes no others into its digest.
        assert_eq!(bundle(&kept, lease, &[other]).await, None);
        let id = bundle(&kept, lease, &[other, first]).await.unwrap();
        assert_eq!(parts(&kept, id).await, set([first, other, waits]));
        assert_eq!(kept.delivery(quiet).await, before);
        assert_eq!(kept.claimed().await, [id]);
    }

    async fn a_single_one_is_no_digest(kept) {
        let target = uuid();
        let single = kept.add(held(target, DIGEST)).await;
        let lease = kept.lease(single).await;
        kept.add(later(target, "quiet_hours")).await;
        let before = kept.delivery(single).await;
        assert_eq!(bundle(&kept, lease, &[single]).await, None);
        assert_eq!((kept.delivery(single).await, kept.waiting("email").await), (before, 2));
        assert!(kept.settle(settlement(single, lease, over(DeliveryState::Sent))).await.is_some());
        assert_eq!(kept.waiting("email").await, 1);
    }

    async fn deliveries_without_that_lease_are_skipped(kept) {
        let target = uuid();
        let mails: Vec<_> = (0..4).map(|_| held(target, "together")).collect();
        let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
        kept.plan_within(PLENTY, mails).await;
        let lease = kept.lease(ids[0]).await;
        for (lease, claimed) in [(uuid(), &ids[..]), (Uuid::nil(), &ids), (lease, &[]), (lease, &[new("email").id; 2])] {
            assert_eq!(bundle(&kept, lease, claimed).await, None);
        }
        assert_eq!(kept.waiting("email").await, 4);
        assert!(kept.deliveries.cancel(ids[0], "by_hand", now()).await.unwrap());
        assert!(kept.settle(settlement(ids[1], lease, again(HOUR))).await.is_some());
        let id = bundle(&kept, lease, &ids).await.unwrap();
        assert_eq!(parts(&kept, id).await, set([ids[2], ids[3]]));
        assert_eq!(kept.delivery(ids[1]).await.via, None);
        // They can no longer be claimed.
        assert_eq!(bundle(&kept, lease, &ids).await, None);
        assert_eq!(kept.waiting("email").await, 4);
    }

    async fn a_claim_that_another_one_took_over_makes_no_digest(kept) {
        let target = uuid();
        let mails = [held(target, "together"), held(target, "together")];
        let claimed = mails.each_ref().map(|mail| mail.id);
        kept.plan_within(PLENTY, mails.into()).await;
        let lost = claim_for(Duration::ZERO);
        assert_eq!(kept.claim(&lost).await.len(), 2);
        a_moment().await;
        let lease = kept.lease(claimed[0]).await;
        assert_eq!(bundle(&kept, lost.lease, &claimed).await, None);
        assert!(bundle(&kept, lease, &claimed).await.is_some());
    }

    async fn several_digests_are_made_in_one_call_and_answered_in_their_order(kept) {
        let (one, other) = (uuid(), uuid());
        let mails = [one, one, other, other].map(|target| held(target, "together"));
        let claimed = mails.each_ref().map(|mail| mail.id);
        kept.plan_within(PLENTY, mails.into()).await;
        let lease = kept.lease(claimed[0]).await;
        let of = |lease, claimed: &[DeliveryId]| Bundle { id: DeliveryId::new(uuid()), lease, claimed: claimed.to_vec() };
        let bundles = vec![of(lease, &claimed[..2]), of(uuid(), &claimed[2..]), of(lease, &claimed[2..])];
        let names: Vec<_> = bundles.iter().map(|bundle| bundle.id).collect();
        assert_eq!(kept.outbox.bundle(bundles, now()).await.unwrap(), [true, false, true]);
        assert_eq!(parts(&kept, names[0]).await, set([claimed[0], claimed[1]]));
        assert_eq!(parts(&kept, names[2]).await, set([claimed[2], claimed[3]]));
        assert_eq!(kept.waiting("email").await, 6);
        assert!(kept.outbox.bundle(vec![], now()).await.unwrap().is_empty());
    }

    async fn parts_come_with_the_newest_notification_first(kept) {
        let target = uuid();
        let numbered = [3, 1, 4, 2].map(|number| NewDelivery {
            notification_id: Some(NotificationId::new(Uuid::from_u128(number))),
            ..held(target, "together")
        });
        let mut expected: Vec<_> =
            numbered.iter().map(|mail| Part { id: mail.id, notification_id: mail.notification_id.unwrap() }).collect();
        expected.sort_by_key(|part| std::cmp::Reverse(part.notification_id));
        let (id, claimed) = digest_of(&kept, numbered.into()).await;
        assert_eq!(kept.outbox.parts(id).await.unwrap(), expected);
        for none in [claimed[0], new("email").id] {
            assert!(kept.outbox.parts(none).await.unwrap().is_empty());
        }
    }

    async fn a_digest_that_is_tried_again_keeps_its_parts(kept) {
        let (id, all) = digest(&kept, 2).await;
        let before = [kept.delivery(all[0]).await, kept.delivery(all[1]).await];
        for (next, tries) in [(again(Duration::ZERO), 1), (held_for(Duration::ZERO, "quiet_hours"), 2)] {
            let lease = kept.lease(id).await;
            assert!(kept.settle(settlement(id, lease, next)).await.is_some());
            assert_eq!(kept.delivery(id).await.tries, tries);
            assert_eq!([kept.delivery(all[0]).await, kept.delivery(all[1]).await], before);
            assert_eq!(kept.waiting("email").await, 3);
            a_moment().await;
        }
        assert_eq!(kept.claimed().await, [id]);
    }

    async fn a_digest_whose_claim_was_lost_is_claimed_again(kept) {
        let (id, all) = digest(&kept, 2).await;
        assert_eq!(ids(&kept.claim(&claim_for(Duration::ZERO)).await), [id]);
        a_moment().await;
        let claimed = kept.claim(&claim_for(HOUR)).await;
        let [again] = &claimed[..] else { panic!("the digest: {claimed:?}") };
        assert_eq!((again.delivery.id, again.was_lost, again.delivery.tries), (id, true, 2));
        assert_eq!(parts(&kept, id).await, all.into_iter().collect());
    }

    async fn a_part_that_is_read_drops_out(kept) {
        let target = uuid();
        let [read, deleted, stays] = [(); 3].map(|()| send(&*kept.inboxes, "ann", "x"));
        let all = [read.await, deleted.await, stays.await];
        let mails = all.each_ref().map(|one| about(one, held(target, "together")));
        let (id, mails) = digest_of(&kept, mails.into()).await;
        assert_eq!(waiting(&kept).await, 4);
        let lease = kept.lease(id).await;
        kept.inboxes.set_read(all[0].id, None, true).await.unwrap();
        kept.inboxes.delete(all[1].id, None).await.unwrap();
        let ended = async |part: usize| {
            let part = kept.delivery(mails[part]).await;
            (part.state, part.reason)
        };
        assert_eq!(ended(0).await, (DeliveryState::Cancelled, Some("read".to_owned())));
        assert_eq!(ended(1).await, (DeliveryState::Cancelled, Some("deleted".to_owned())));
        assert_eq!(parts(&kept, id).await, set([mails[2]]));
        assert_eq!(waiting(&kept).await, 2);
        assert_eq!(kept.deliveries.awaited(&user("ann"), None, 9).await.unwrap(), [all[2].id]);
        assert!(kept.settle(settlement(id, lease, over(DeliveryState::Sent))).await.is_some());
        assert_eq!(ended(0).await, (DeliveryState::Cancelled, Some("read".to_owned())));
        assert_eq!(ended(2).await, (DeliveryState::Sent, None));
        assert_eq!(waiting(&kept).await, 0);
    }

    async fn concurrent_bundling_judging_reading_and_sending_do_not_deadlock(kept) {
        let (contacts, users) = ([uuid(), uuid(), uuid()], ["ann", "bob", "eve"]);
        let mut abouts = Vec::new();
        for number in 0..60 {
            let one = send(&*kept.inboxes, users[number % 3], "x").await;
            let mail = if number % 2 == 0 { held } else { later };
            kept.plan_within(PLENTY, vec![about(&one, mail(contacts[number % 3], DIGEST))]).await;
            abouts.push(one);
        }
        let kept = Arc::new(kept);
        let mut all = Vec::new();
        for some in abouts.chunks(30).map(<[_]>::to_vec) {
            let kept = Arc::clone(&kept);
            all.push(tokio::spawn(async move {
                for one in some.iter().step_by(2) {
                    kept.inboxes.set_read(one.id, None, true).await.unwrap();
                }
            }));
        }
        let judging = Arc::clone(&kept);
        all.push(tokio::spawn(async move {
            for number in 0..30 {
                judge(&judging, users[number % 3], 7).await;
            }
        }));
        for worker in 0..3 {
            let kept = Arc::clone(&kept);
            all.push(tokio::spawn(async move {
                for round in 0..20 {
                    let claim = Claim { room: 4, ..claim_for(HOUR) };
                    let claimed = kept.claim(&claim).await;
                    let (digests, singles): (Vec<_>, Vec<_>) =
                        claimed.into_iter().map(|one| one.delivery).partition(Delivery::is_digest);
                    let mut bundles = Vec::new();
                    for target in contacts {
                        let of_one = singles.iter().filter(|one| one.target == target).map(|one| one.id);
                        let (id, claimed) = (DeliveryId::new(uuid()), of_one.collect());
                        bundles.push(Bundle { id, lease: claim.lease, claimed });
                    }
                    kept.outbox.bundle(bundles, now()).await.unwrap();
                    let next = |place| match (round + place) % 3 {
                        0 => over(DeliveryState::Sent),
                        1 => held_for(Duration::ZERO, DIGEST),
                        _ => again(Duration::ZERO),
                    };
                    // A delivery that became a part has lost its lease, and is skipped.
                    let leased = digests.iter().chain(&singles).enumerate();
                    let settled = leased.map(|(place, one)| settlement(one.id, claim.lease, next(place + worker)));
                    kept.outbox.settle(settled.collect(), now()).await.unwrap();
                    if let Some(digest) = digests.first().filter(|_| round % 7 == 0) {
                        kept.deliveries.cancel(digest.id, "by_hand", now()).await.unwrap();
                    }
                }
            }));
        }
        // If two of them deadlock in a database, one gets an error.
        for task in all {
            task.await.unwrap();
        }
        let mails = DeliveryFilter { channel: Some(Channel::Email), ..DeliveryFilter::default() };
        let page = kept.deliveries.deliveries(&mails, None, 1000).await.unwrap();
        assert_eq!(page.next, None);
        let waits: Vec<_> = page.deliveries.iter().filter(|one| one.ended_at.is_none()).collect();
        assert_eq!(waiting(&kept).await, waits.len() as u64);
        // No part waits for a digest that has ended.
        for part in waits.iter().filter(|one| one.via.is_some()) {
            assert!(kept.delivery(part.via.unwrap()).await.ended_at.is_none(), "{part:?}");
        }
    }
}
