//! Deliveries to contacts that wait: for a user to read, for quiet hours to end, for others to join.

use serde_json::{Value, json};

use super::{
    contacts::{CONTACT, SENT, ended, ends, rig, tell},
    *,
};
use crate::model::{Marking, Preferences};

/// Changes the preferences of user 1, by which waiting deliveries are judged.
async fn want(rig: &Rig, patch: Value) {
    let (old, version) = rig.store.preferences(&user(1)).await.unwrap();
    let new: Preferences = old.merge(&patch).unwrap();
    assert!(rig.store.set_preferences(&user(1), &new, version).await.unwrap());
    while rig.store.judge_anew(&user(1), 10, rig.clock.now()).await.unwrap() == 10 {}
}

/// Waits until this many seconds after the beginning.
async fn at(rig: &Rig, seconds: u64) {
    tokio::time::sleep_until(rig.clock.began + Duration::from_secs(seconds)).await;
}

/// The number of notifications in each message to the contact.
fn told(rig: &Rig) -> Vec<u64> {
    rig.channel.told.lock().unwrap().iter().map(|(total, _)| *total).collect()
}

fn held(reason: &str) -> (DeliveryState, Option<String>) {
    ended(DeliveryState::Held, reason)
}

const HOUR: u64 = 3_600;

#[tokio::test(start_paused = true)]
async fn a_delay_sends_only_notifications_that_are_unread_at_its_end() {
    let rig = rig(WELL).await;
    want(&rig, json!({"categories": {"alert": {"email": {"if_unread_after": 600}}}})).await;
    let first = tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(300)).await;
    tell(&rig, "alert", 1).await;
    sleep(Duration::from_secs(299)).await;
    assert_eq!(ends(&rig).await, [held("if_unread_after"), held("if_unread_after")]);
    rig.store.set_read(first[0].id, None, true).await.unwrap();
    sleep(Duration::from_secs(1_000)).await;
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Cancelled, "read"), SENT]);
    let attempted = rig.attempted(CONTACT);
    assert!(attempted.len() == 1 && (900.0..902.0).contains(&attempted[0]), "{attempted:?}");
}

#[tokio::test(start_paused = true)]
async fn several_that_come_due_together_are_one_message() {
    let rig = rig(WELL).await;
    want(&rig, json!({"channels": {"email": {"if_unread_after": 60}}})).await;
    let all = tell(&rig, "alert", 7).await;
    rig.store.set_read(all[3].id, None, true).await.unwrap();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(told(&rig), [6]);
    let newest_first: Vec<_> =
        all.iter().rev().map(|notification| notification.id).filter(|id| *id != all[3].id).collect();
    assert_eq!(rig.channel.told.lock().unwrap()[0].1, newest_first);
    let deliveries = rig.deliveries(CONTACT).await;
    let digest = deliveries.iter().find(|delivery| delivery.is_digest()).unwrap();
    let parts = deliveries.iter().filter(|delivery| delivery.via == Some(digest.id));
    assert_eq!(parts.filter(|part| part.state == DeliveryState::Sent && part.tries == 0).count(), 6);
    assert_eq!(rig.store.lanes().await.unwrap().iter().map(|lane| lane.waiting).sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn quiet_hours_hold_all_but_mandatory_notifications() {
    let rig = rig(WELL).await;
    // It is one o'clock in Berlin.
    want(&rig, json!({"quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00"}})).await;
    tell(&rig, "alert", 1).await;
    tell(&rig, "security", 1).await;
    at(&rig, 10).await;
    assert_eq!(ends(&rig).await, [held("quiet_hours"), SENT]);
    at(&rig, 6 * HOUR - 1).await;
    assert_eq!(rig.attempted(CONTACT).len(), 1);
    at(&rig, 6 * HOUR + 2).await;
    assert_eq!(ends(&rig).await, [SENT, SENT]);
}

#[tokio::test(start_paused = true)]
async fn a_held_delivery_follows_changes_of_quiet_hours() {
    let rig = rig(WELL).await;
    let quiet = |zone: &str| json!({"quiet_hours": {"zone": zone, "from": "22:00", "to": "07:00"}});
    want(&rig, quiet("Europe/Berlin")).await;
    tell(&rig, "alert", 3).await;
    at(&rig, 10).await;
    want(&rig, quiet("Europe/Lisbon")).await;
    at(&rig, 6 * HOUR + 2).await;
    assert_eq!(told(&rig).len(), 0);
    let due: Vec<_> = rig.deliveries(CONTACT).await.iter().map(|delivery| delivery.due_at.to_string()).collect();
    assert_eq!(due, ["2026-01-01T07:00:00.000000Z"; 3]);
    want(&rig, json!({"quiet_hours": null})).await;
    at(&rig, 6 * HOUR + 10).await;
    assert_eq!(told(&rig), [3]);
}

#[tokio::test(start_paused = true)]
async fn turning_a_channel_off_cancels_its_held_deliveries() {
    let rig = rig(WELL).await;
    want(&rig, json!({"channels": {"email": {"if_unread_after": 60}}})).await;
    tell(&rig, "alert", 1).await;
    tell(&rig, "message", 1).await;
    sleep(Duration::from_secs(10)).await;
    want(&rig, json!({"categories": {"alert": {"email": "off"}}})).await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(ends(&rig).await, [ended(DeliveryState::Skipped, "off_by_category"), SENT]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_are_one_digest_of_the_newest_and_what_was_read_drops_out() {
    let rig = rig(WELL).await;
    want(&rig, json!({"digest": {"email": "1h"}})).await;
    let all = tell(&rig, "alert", 100).await;
    at(&rig, 600).await;
    tell(&rig, "alert", 1).await;
    assert_eq!(rig.attempted(CONTACT).len(), 0);
    for read in &all[40..60] {
        rig.store.set_read(read.id, None, true).await.unwrap();
    }
    at(&rig, HOUR - 1).await;
    assert_eq!(told(&rig).len(), 0);
    at(&rig, HOUR + 5).await;
    assert_eq!(told(&rig), [81]);
    assert_eq!(rig.channel.told.lock().unwrap()[0].1.len(), 20);
    let expected = [(DeliveryState::Sent, 82), (DeliveryState::Cancelled, 20)].into();
    assert_eq!(rig.states(CONTACT).await, expected);
    // The first one opened the window; the next one opens another.
    tell(&rig, "alert", 2).await;
    at(&rig, 2 * HOUR).await;
    assert_eq!(told(&rig).len(), 1);
    at(&rig, 2 * HOUR + 10).await;
    assert_eq!(told(&rig), [81, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_daily_digest_goes_at_its_time_and_not_at_all_when_everything_is_read() {
    let rig = rig(WELL).await;
    let quiet = json!({"zone": "Europe/Berlin", "from": "00:00", "to": "00:00"});
    want(&rig, json!({"quiet_hours": quiet, "digest": {"email": "daily 08:00"}})).await;
    for hour in [0, 1, 10, 20] {
        at(&rig, hour * HOUR + 100).await;
        tell(&rig, "alert", 2).await;
    }
    at(&rig, 24 * HOUR).await;
    assert_eq!(told(&rig), [4]);
    assert!((25_200.0..25_205.0).contains(&rig.attempted(CONTACT)[0]), "{:?}", rig.attempted(CONTACT));
    rig.store.mark_all_read(&user(1), &Marking::default()).await.unwrap();
    at(&rig, 48 * HOUR).await;
    assert_eq!(told(&rig), [4]);
    // A notification that is read after the digest was made.
    rig.channel.behaves.lock().unwrap().insert(CONTACT, FAILS);
    tell(&rig, "alert", 2).await;
    at(&rig, 48 * HOUR + 7 * HOUR + 100).await;
    rig.store.mark_all_read(&user(1), &Marking::default()).await.unwrap();
    at(&rig, 60 * HOUR).await;
    let deliveries = rig.deliveries(CONTACT).await;
    let digest = &deliveries[0];
    assert!(digest.is_digest() && digest.tries > 0 && digest.tries < 4, "{digest:?}");
    assert_eq!((digest.state, digest.reason.as_deref()), (DeliveryState::Cancelled, Some("nothing_left")));
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_fails_is_the_same_when_it_is_tried_again_and_what_comes_later_is_another() {
    let rig = rig(FAILS).await;
    want(&rig, json!({"channels": {"email": "on"}, "digest": {"email": "1h"}})).await;
    tell(&rig, "message", 3).await;
    at(&rig, HOUR + 3).await;
    tell(&rig, "message", 2).await;
    at(&rig, HOUR + 100).await;
    rig.channel.behaves.lock().unwrap().insert(CONTACT, WELL);
    at(&rig, 3 * HOUR).await;
    assert_eq!(told(&rig), [3, 3, 3, 2]);
    let ids: Vec<_> =
        rig.channel.attempted.lock().unwrap().iter().filter(|(of, ..)| *of == CONTACT).map(|(_, id, _)| *id).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_attempted_stays_what_it_is_whatever_its_user_changes_but_off() {
    let rig = rig(FAILS).await;
    want(&rig, json!({"digest": {"email": "1h"}})).await;
    tell(&rig, "alert", 3).await;
    at(&rig, HOUR + 30).await;
    want(&rig, json!({"digest": null, "channels": {"email": {"if_unread_after": 7200}}})).await;
    let attempted = rig.attempted(CONTACT).len();
    at(&rig, HOUR + 60).await;
    assert_eq!(rig.attempted(CONTACT).len(), attempted, "it waits as its schedule says");
    rig.channel.behaves.lock().unwrap().insert(CONTACT, WELL);
    at(&rig, 2 * HOUR).await;
    assert_eq!(told(&rig).last(), Some(&3));
    let ids: Vec<_> =
        rig.channel.attempted.lock().unwrap().iter().filter(|(of, ..)| *of == CONTACT).map(|of| of.1).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_attempted_is_not_sent_to_a_user_who_turned_mail_off() {
    let rig = rig(Behaves::Answers(Outcome::Retry { after: None }, 6_000)).await;
    want(&rig, json!({"digest": {"email": "1h"}})).await;
    tell(&rig, "alert", 3).await;
    // In the middle of an attempt.
    at(&rig, HOUR + 3).await;
    assert_eq!(rig.attempted(CONTACT).len(), 1);
    want(&rig, json!({"categories": {"alert": {"email": "off"}}})).await;
    at(&rig, 3 * HOUR).await;
    assert_eq!(rig.attempted(CONTACT).len(), 1);
    let ends = ends(&rig).await;
    assert_eq!(ends[..3], vec![ended(DeliveryState::Cancelled, "off_by_category"); 3]);
    assert_eq!(ends[3], ended(DeliveryState::Cancelled, "nothing_left"));
    assert_eq!(rig.store.lanes().await.unwrap().iter().map(|lane| lane.waiting).sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn deliveries_over_the_limit_of_a_contact_are_held() {
    let rig = Rig::limited(&[WELL], "2/h:2").await;
    rig.channel.behaves.lock().unwrap().insert(CONTACT, WELL);
    super::contacts::reach(&rig).await;
    tell(&rig, "alert", 10).await;
    at(&rig, 60).await;
    assert_eq!(told(&rig), [1, 1]);
    assert_eq!(ends(&rig).await.iter().filter(|end| **end == held("limit")).count(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_held_for_longer_than_all_retries_is_still_sent() {
    let rig = rig(WELL).await;
    *rig.channel.schedule.lock().unwrap() = Schedule::PUSH;
    want(&rig, json!({"channels": {"email": {"if_unread_after": 172_800}}})).await;
    tell(&rig, "message", 1).await;
    at(&rig, 172_799).await;
    // Its lane rests when it is claimed, as after an answer that asks for time.
    rig.worker.0.lanes.drain("email");
    for _ in 0..5 {
        rig.worker.0.lanes.rest("email");
        sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(rig.attempted(CONTACT).len(), 0);
    at(&rig, 172_810).await;
    assert_eq!(ends(&rig).await, [SENT]);
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_count_against_the_limit_of_a_contact() {
    let rig = Rig::limited(&[WELL], "2/h:2").await;
    rig.channel.behaves.lock().unwrap().insert(CONTACT, FAILS);
    super::contacts::reach(&rig).await;
    tell(&rig, "alert", 2).await;
    at(&rig, 400).await;
    let attempted = rig.attempted(CONTACT).len();
    assert!(attempted >= 4, "{attempted}");
    rig.channel.behaves.lock().unwrap().insert(CONTACT, WELL);
    at(&rig, 3_000).await;
    assert_eq!(ends(&rig).await, [SENT, SENT]);
}
