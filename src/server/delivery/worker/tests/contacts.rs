//! Deliveries to contacts: a user who has read a notification is not disturbed.

use super::*;
use crate::{
    model::{ContactId, EmailAddress, FcmKind, FcmToken, Marking},
    server::store::{
        Contacts,
        contacts::{NewContact, Put},
    },
};

/// The contact of user 1.
pub(super) const CONTACT: u128 = 101;

/// A contact of user 1, which behaves in this way.
pub(super) async fn rig(behaves: Behaves) -> Rig {
    let rig = Rig::new(&[WELL]).await;
    rig.channel.behaves.lock().unwrap().insert(CONTACT, behaves);
    reach(&rig).await;
    rig
}

pub(super) async fn reach(rig: &Rig) {
    let address = ContactAddress::Email { address: EmailAddress::parse("ann@example.com").unwrap() };
    let id = ContactId::new(Uuid::from_u128(CONTACT));
    let contact = NewContact { id, user_id: user(1), address, label: None, at: rig.clock.now() };
    assert!(matches!(rig.store.put_contact(&contact).await.unwrap(), Put::Added(_) | Put::Renewed(_)));
}

/// Sends user 1 this many notifications of a category, and returns them.
pub(super) async fn tell(rig: &Rig, category: &str, count: usize) -> Vec<Notification> {
    let all: Vec<_> = (0..count)
        .map(|_| {
            let notification = rig.notification(1);
            let new = NewNotification { category: Category::parse(category).unwrap(), ..notification.new.clone() };
            Notification::new(notification.id, notification.timestamp, new)
        })
        .collect();
    rig.store.create(&all, None).await.unwrap();
    all
}

/// The states and reasons of the deliveries to the contact, oldest first.
pub(super) async fn ends(rig: &Rig) -> Vec<(DeliveryState, Option<String>)> {
    let all = rig.deliveries(CONTACT).await;
    all.into_iter().rev().map(|delivery| (delivery.state, delivery.reason)).collect()
}

pub(super) fn ended(state: DeliveryState, reason: &str) -> (DeliveryState, Option<String>) {
    (state, Some(reason.to_owned()))
}

pub(super) const SENT: (DeliveryState, Option<String>) = (DeliveryState::Sent, None);

#[tokio::test(start_paused = true)]
async fn a_contact_receives_the_wanted_notifications_and_the_rest_is_skipped_with_a_reason() {
    let rig = rig(WELL).await;
    tell(&rig, "alert", 1).await;
    tell(&rig, "message", 1).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(ends(&rig).await, [SENT, ended(DeliveryState::Skipped, "off_by_default")]);
    assert_eq!(rig.attempted(CONTACT).len(), 1);
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 2)].into());
}

#[tokio::test(start_paused = true)]
async fn a_notification_read_while_waiting_goes_only_to_webhooks() {
    let rig = rig(Behaves::Hangs).await;
    let told = tell(&rig, "alert", 8).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(rig.attempted(CONTACT).len(), 4);
    rig.store.set_read(told[5].id, None, true).await.unwrap();
    rig.store.delete(told[6].id, None).await.unwrap();
    let read = ended(DeliveryState::Cancelled, "read");
    // In the same transaction.
    assert_eq!(ends(&rig).await[5..7], [read.clone(), ended(DeliveryState::Cancelled, "deleted")]);
    rig.store.mark_all_read(&user(1), &Marking::default()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(ends(&rig).await[4], read);
    assert_eq!(ends(&rig).await[7], read);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.attempted(CONTACT).len(), 4);
    assert!(ends(&rig).await[..4].iter().all(|end| *end == read));
    let told: Vec<_> = rig.deliveries(1).await.iter().map(|delivery| delivery.state).collect();
    assert!(told.len() > 8 && told.iter().all(|state| *state == DeliveryState::Sent), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_notification_read_after_the_claim_is_not_sent() {
    let rig = rig(Behaves::Answers(Outcome::Sent, 10)).await;
    tell(&rig, "alert", 20).await;
    sleep(Duration::from_secs(2)).await;
    let told = tell(&rig, "alert", 30).await;
    sleep(Duration::from_millis(15)).await;
    let last = rig.deliveries(CONTACT).await.remove(0);
    assert_eq!((last.state, last.notification_id), (DeliveryState::Leased, Some(told[29].id)), "the test needs it");
    rig.store.set_read(told[29].id, None, true).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let ends = ends(&rig).await;
    assert_eq!(ends[49], ended(DeliveryState::Cancelled, "read"));
    assert!(ends[..49].iter().all(|end| *end == SENT), "{ends:?}");
    assert_eq!(rig.attempted(CONTACT).len(), 49);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_expires_between_retries_is_not_sent() {
    let rig = rig(FAILS).await;
    let notification = rig.notification(1);
    let expires_at = Some(crate::server::clock::after(rig.clock.now(), Duration::from_secs(20)));
    let category = Category::parse("alert").unwrap();
    let new = NewNotification { category, expires_at, ..notification.new.clone() };
    rig.store.create(&[Notification::new(notification.id, notification.timestamp, new)], None).await.unwrap();
    sleep(Duration::from_secs(1_000)).await;
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Expired, "notification_expired")]);
    assert_eq!(rig.attempted(CONTACT).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_contact_receives_nothing_until_it_is_put_again() {
    let rig = rig(Behaves::Answers(Outcome::ContactDead { as_of: None, state: ContactState::Suppressed }, 2)).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    let skipped = ended(DeliveryState::Skipped, "contact_suppressed");
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Dead, "contact_dead"), skipped]);
    rig.channel.behaves.lock().unwrap().insert(CONTACT, WELL);
    reach(&rig).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(ends(&rig).await[2], SENT);
}

#[tokio::test(start_paused = true)]
async fn a_failure_from_before_the_contact_was_renewed_is_ignored() {
    let dead = Outcome::ContactDead {
        as_of: Some(Timestamp::parse("2025-12-31T00:00:00Z").unwrap()),
        state: ContactState::Dead,
    };
    let rig = rig(Behaves::Answers(dead, 2)).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    let contact = rig.store.contact(ContactId::new(Uuid::from_u128(CONTACT))).await.unwrap().unwrap();
    assert_eq!(contact.state, ContactState::Active);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_contact_cancels_its_waiting_deliveries() {
    let rig = rig(FAILS).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    assert!(rig.store.delete_contact(&user(1), ContactId::new(Uuid::from_u128(CONTACT))).await.unwrap());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Cancelled, "contact_deleted")]);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_is_put_again_while_it_is_tried_is_not_dead() {
    let rig = rig(Behaves::Answers(GONE, 2_000)).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.attempted(CONTACT).len(), 1);
    reach(&rig).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Dead, "contact_dead")]);
    let id = ContactId::new(Uuid::from_u128(CONTACT));
    assert_eq!(rig.store.contact(id).await.unwrap().unwrap().state, ContactState::Active);
    // The next delivery finds it out again.
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(5)).await;
    let dead = rig.store.contact(id).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.since > dead.last_seen_at), (ContactState::Dead, true));
}

#[tokio::test(start_paused = true)]
async fn an_old_failure_report_is_recorded_with_the_present_time() {
    let rig = rig(WELL).await;
    let as_of = Some(crate::server::clock::after(rig.clock.now(), Duration::from_secs(5)));
    sleep(Duration::from_secs(86_400)).await;
    let dead = Behaves::Answers(Outcome::ContactDead { as_of, state: ContactState::Dead }, 2);
    rig.channel.behaves.lock().unwrap().insert(CONTACT, dead);
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(5)).await;
    let contact = rig.store.contact(ContactId::new(Uuid::from_u128(CONTACT))).await.unwrap().unwrap();
    let since = contact.since.as_micros() - rig.clock.at.as_micros();
    assert_eq!((contact.state, since / 1_000_000), (ContactState::Dead, 86_400));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_moves_to_another_user_gets_no_old_deliveries() {
    const ANNS: u128 = 301;
    const BOBS: u128 = 302;
    let rig = rig(WELL).await;
    let put = async |number, of| {
        let address = ContactAddress::Fcm { token: FcmToken::parse("t").unwrap(), kind: FcmKind::Token };
        let id = ContactId::new(Uuid::from_u128(number));
        let contact = NewContact { id, user_id: user(of), address, label: None, at: rig.clock.now() };
        assert!(matches!(rig.store.put_contact(&contact).await.unwrap(), Put::Added(_)));
    };
    rig.channel.behaves.lock().unwrap().extend([(ANNS, FAILS), (BOBS, WELL)]);
    put(ANNS, 1).await;
    tell(&rig, "alert", 3).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.attempted(ANNS).len(), 3);
    put(BOBS, 2).await;
    sleep(Duration::from_secs(1_000)).await;
    assert_eq!((rig.attempted(ANNS).len(), rig.attempted(BOBS).len()), (3, 0));
    let waited = rig.deliveries(ANNS).await;
    assert!(waited.iter().all(|delivery| delivery.reason.as_deref() == Some("contact_deleted")), "{waited:?}");
    // Nor is it when the device returns, with an id of its own.
    rig.channel.behaves.lock().unwrap().insert(303, WELL);
    put(303, 1).await;
    sleep(Duration::from_secs(1_000)).await;
    assert_eq!(rig.attempted(303).len(), 0);
}
