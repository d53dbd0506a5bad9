//! Devices get the unread count, silently and not often, when their user reads elsewhere.

use serde_json::json;

use super::{
    contacts::{SENT, ended, tell},
    *,
};
use crate::{
    model::{
        Change, ContactId, DeviceToken, EmailAddress, Environment, Event, FcmKind, FcmToken, Marking, Preferences,
        SubscriptionKeys, Topic,
    },
    server::store::{Announce, Contacts, contacts::NewContact},
};

/// A phone of user 1, by FCM.
const PHONE: u128 = 201;
/// A tablet of user 1, by APNs.
const TABLET: u128 = 202;
/// A browser of user 1.
const BROWSER: u128 = 203;
/// The address of user 1.
const MAIL: u128 = 204;

fn address(number: u128) -> ContactAddress {
    match number {
        TABLET => ContactAddress::Apns {
            token: DeviceToken::parse(&"a".repeat(64)).unwrap(),
            topic: Topic::parse("com.example.app").unwrap(),
            environment: Environment::Production,
        },
        BROWSER => {
            let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
            let keys = SubscriptionKeys::new(SubscriptionKeys::parse_p256dh(key).unwrap(), [7; 16]);
            ContactAddress::Webpush { endpoint: "https://push.example/1".to_owned(), keys }
        }
        MAIL => ContactAddress::Email { address: EmailAddress::parse("ann@example.com").unwrap() },
        _ => ContactAddress::Fcm { token: FcmToken::parse(&number.to_string()).unwrap(), kind: FcmKind::Token },
    }
}

async fn reach(rig: &Rig, number: u128) {
    let id = ContactId::new(Uuid::from_u128(number));
    let contact = NewContact { id, user_id: user(1), address: address(number), label: None, at: rig.clock.now() };
    rig.store.put_contact(&contact).await.unwrap();
}

/// User 1 with these contacts, all of which behave in this way.
async fn rig(numbers: &[u128], behaves: Behaves, rate: &str) -> Rig {
    let rig = Rig::limited(&[WELL], rate).await;
    for number in numbers {
        rig.channel.behaves.lock().unwrap().insert(*number, behaves);
        reach(&rig, *number).await;
    }
    rig
}

/// The badge updates that were delivered: device, count, second.
fn counted(rig: &Rig) -> Vec<(u128, u64, i64)> {
    let all = rig.channel.counted.lock().unwrap();
    let second = |at: &Timestamp| (at.as_micros() - rig.clock.at.as_micros()) / 1_000_000;
    all.iter().map(|(number, unread, at)| (*number, *unread, second(at))).collect()
}

/// The badge updates for a device with their states and reasons, oldest first.
async fn ends(rig: &Rig, number: u128) -> Vec<(DeliveryState, Option<String>)> {
    let all = rig.deliveries(number).await.into_iter().rev().filter(Delivery::is_count);
    all.map(|delivery| (delivery.state, delivery.reason)).collect()
}

async fn read(rig: &Rig, some: &[Notification]) {
    for notification in some {
        rig.store.set_read(notification.id, None, true).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn reads_within_a_minute_cause_two_badge_updates() {
    let rig = rig(&[PHONE], WELL, "off").await;
    let all = tell(&rig, "message", 50).await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(counted(&rig), []);
    // Two in each second, so that three are read before the first update.
    for two in all[..40].chunks(2) {
        read(&rig, two).await;
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(300)).await;
    let [first, last] = counted(&rig)[..] else { panic!("{:?}", counted(&rig)) };
    assert!(first.2 == 101 && (46..=48).contains(&first.1), "{first:?}");
    assert!((161..=162).contains(&last.2) && last.1 == 10, "{first:?} {last:?}");
    // A minute without a change, and it starts over.
    read(&rig, &all[40..41]).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(counted(&rig)[2..], [(PHONE, 9, 421)]);
    assert_eq!(ends(&rig, PHONE).await, [SENT, SENT, SENT]);
}

#[tokio::test(start_paused = true)]
async fn every_change_of_the_count_reaches_devices_and_neither_browsers_nor_addresses() {
    let rig = rig(&[PHONE, TABLET, BROWSER, MAIL], WELL, "off").await;
    let all = tell(&rig, "message", 5).await;
    sleep(Duration::from_secs(100)).await;
    let told = async |expected: u64| {
        sleep(Duration::from_secs(100)).await;
        let mut told: Vec<_> =
            rig.channel.counted.lock().unwrap().drain(..).map(|(number, unread, _)| (number, unread)).collect();
        told.sort_unstable();
        assert_eq!(told, [(PHONE, expected), (TABLET, expected)]);
    };
    read(&rig, &all[..1]).await;
    told(4).await;
    rig.store.set_read(all[0].id, None, false).await.unwrap();
    told(5).await;
    rig.store.delete(all[1].id, None).await.unwrap();
    told(4).await;
    rig.store.mark_all_read(&user(1), &Marking::default()).await.unwrap();
    told(0).await;
    assert!(rig.deliveries(BROWSER).await.iter().chain(&rig.deliveries(MAIL).await).all(|one| !one.is_count()));
    let entries = rig.store.unplanned(100).await.unwrap();
    assert!(entries.is_empty(), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn users_without_devices_and_new_notifications_get_no_badge_update() {
    let rig = rig(&[BROWSER, MAIL], WELL, "off").await;
    let all = tell(&rig, "message", 2).await;
    read(&rig, &all).await;
    sleep(Duration::from_secs(100)).await;
    assert!(rig.deliveries(BROWSER).await.iter().chain(&rig.deliveries(MAIL).await).all(|one| !one.is_count()));
    // A device that is registered after that gets later changes.
    rig.channel.behaves.lock().unwrap().insert(PHONE, WELL);
    reach(&rig, PHONE).await;
    tell(&rig, "message", 3).await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(counted(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn an_update_is_neither_counted_nor_held_and_uses_up_no_limit() {
    let rig = rig(&[PHONE], WELL, "1/h:2").await;
    let quiet = json!({"zone": "UTC", "from": "00:30", "to": "06:00"});
    let wishes =
        Preferences::default().merge(&json!({"quiet_hours": quiet, "categories": {"message": {"push": "off"}}}));
    let all = tell(&rig, "message", 9).await;
    sleep(Duration::from_secs(1)).await;
    rig.store.set_preferences(&user(1), &wishes.unwrap(), 0).await.unwrap();
    for some in all.chunks(2) {
        read(&rig, some).await;
        sleep(Duration::from_secs(600)).await;
    }
    // It is 00:50 by now. Two were sent before all that, and the rate allows no more for half an hour each.
    assert_eq!(counted(&rig).len(), 5);
    assert_eq!(rig.channel.told.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_wants_no_push_gets_none() {
    let rig = rig(&[PHONE], Behaves::Answers(Outcome::Retry { after: Some(Duration::from_secs(30)) }, 2), "off").await;
    let off = Preferences::default().merge(&json!({"channels": {"push": "off"}})).unwrap();
    let all = tell(&rig, "message", 2).await;
    sleep(Duration::from_secs(1)).await;
    rig.channel.behaves.lock().unwrap().insert(PHONE, WELL);
    read(&rig, &all[..1]).await;
    sleep(Duration::from_secs(5)).await;
    // It waits for its lane when the user turns pushes off.
    assert_eq!(ends(&rig, PHONE).await, [(DeliveryState::Ready, None)]);
    rig.store.set_preferences(&user(1), &off, 0).await.unwrap();
    read(&rig, &all[1..]).await;
    sleep(Duration::from_secs(300)).await;
    assert_eq!(ends(&rig, PHONE).await, [ended(DeliveryState::Skipped, "off_by_channel")]);
    assert_eq!(counted(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_expires_after_a_day() {
    let rig = rig(&[PHONE], FAILS, "off").await;
    let all = tell(&rig, "message", 1).await;
    read(&rig, &all).await;
    sleep(Duration::from_secs(40 * 3_600)).await;
    assert_eq!(ends(&rig, PHONE).await, [ended(DeliveryState::Expired, "count_expired")]);
    let delivery = rig.deliveries(PHONE).await.remove(0);
    assert!(delivery.is_count() && !delivery.may_be_replayed());
    assert_eq!(rig.store.replay(&[(delivery.id, DeliveryId::new(Uuid::now_v7()))], rig.clock.now()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_a_lane_is_paused_one_update_waits_for_each_device_and_has_the_last_count_when_it_is_sent() {
    let rig = rig(&[TABLET], WELL, "off").await;
    rig.channel.behaves.lock().unwrap().insert(PHONE, Behaves::Answers(Outcome::Retry { after: Some(30 * LEASE) }, 2));
    reach(&rig, PHONE).await;
    let all = tell(&rig, "message", 30).await;
    sleep(Duration::from_secs(1)).await;
    rig.channel.behaves.lock().unwrap().insert(PHONE, WELL);
    let pushed = rig.attempted(PHONE).len();
    for notification in &all[..20] {
        read(&rig, std::slice::from_ref(notification)).await;
        sleep(Duration::from_secs(61)).await;
    }
    assert_eq!((ends(&rig, PHONE).await.len(), rig.attempted(PHONE).len()), (1, pushed));
    // The other service accepts them all the time.
    assert!(ends(&rig, TABLET).await.len() >= 19, "{:?}", ends(&rig, TABLET).await);
    sleep(Duration::from_secs(900)).await;
    assert_eq!(ends(&rig, PHONE).await, [SENT, SENT]);
    assert_eq!(counted(&rig).last().map(|(_, unread, _)| *unread), Some(10));
}

#[tokio::test(start_paused = true)]
async fn many_users_who_read_at_once_all_receive_an_update() {
    let rig = rig(&[], WELL, "off").await;
    for number in 1_000..1_200 {
        rig.channel.behaves.lock().unwrap().insert(number, WELL);
        let id = ContactId::new(Uuid::from_u128(number));
        let (user_id, at) = (user(number), rig.clock.now());
        rig.store.put_contact(&NewContact { id, user_id, address: address(number), label: None, at }).await.unwrap();
        rig.tell(number, 1).await;
        rig.store.mark_all_read(&user(number), &Marking::default()).await.unwrap();
    }
    sleep(Duration::from_secs(5)).await;
    assert_eq!(counted(&rig).len(), 200);
    assert!(counted(&rig).iter().all(|(_, unread, second)| *unread == 0 && *second <= 3), "{:?}", counted(&rig));
}

#[test]
fn remembered_users_are_bounded_and_evictions_cause_no_update() {
    let badges = Badges::default();
    let deleted = |number: u128| Change {
        user_id: user(number),
        event: Event::Deleted { modseq: 1, unread_count: 0, id: NotificationId::new(Uuid::from_u128(number)) },
    };
    let new = NewNotification::new(user(1), Content::parse("hi").unwrap());
    let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let notification = Notification::new(NotificationId::new(Uuid::from_u128(9)), at, new);
    let created = Change { user_id: user(1), event: Event::Created { modseq: 2, unread_count: 1, notification } };
    badges.announce([created, deleted(1)].into());
    assert_eq!(badges.len(), 0);
    badges.announce([deleted(1)].into());
    assert_eq!(badges.len(), 1);
    badges.announce((1..20_000).map(deleted).collect());
    assert_eq!(badges.len(), 10_000);
}
