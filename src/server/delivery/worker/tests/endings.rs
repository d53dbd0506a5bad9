//! The end of a delivery that its server, its webhook or its time leaves behind.

use super::*;

#[tokio::test(start_paused = true)]
async fn claims_of_a_lost_server_are_retried_and_counted_as_an_attempt() {
    let rig = Rig::new(&[WELL]).await;
    // Another server claims first, and disappears.
    rig.worker.0.is_stopping.store(true, Ordering::Relaxed);
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(2)).await;
    let claim = Claim { lease: Uuid::from_u128(9), lease_for: LEASE, room: 1, rooms: HashMap::new() };
    assert_eq!(rig.store.claim(&claim, rig.clock.now()).await.unwrap().len(), 1);
    rig.worker.0.is_stopping.store(false, Ordering::Relaxed);
    let gone_at = rig.clock.began.elapsed();
    sleep(2 * LEASE).await;
    let [at] = rig.attempted(1)[..] else { panic!("once") };
    let later = at - gone_at.as_secs_f64();
    assert!((59.0..62.0).contains(&later), "{later}");
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    let results: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.result.as_str()).collect();
    assert_eq!((results, delivery.tries), (vec!["ambiguous", "sent"], 2));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_crashes_every_server_is_given_up() {
    let rig = Rig::new(&[WELL]).await;
    rig.worker.0.is_stopping.store(true, Ordering::Relaxed);
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(2)).await;
    for number in 0..10 {
        let claim = Claim { lease: Uuid::from_u128(number), lease_for: LEASE, room: 1, rooms: HashMap::new() };
        assert_eq!(rig.store.claim(&claim, rig.clock.now()).await.unwrap().len(), 1);
        sleep(LEASE).await;
    }
    rig.worker.0.is_stopping.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((rig.attempted(1).len(), rig.states(1).await), (0, [(DeliveryState::Dead, 1)].into()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_returns_unsent_deliveries_and_waits_for_those_in_flight() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Sent, 1_000)]).await;
    rig.tell(1, 20).await;
    sleep(Duration::from_millis(500)).await;
    rig.worker.stop(Duration::from_secs(5)).await;
    let states = rig.states(1).await;
    assert_eq!(states, [(DeliveryState::Sent, 4), (DeliveryState::Ready, 16)].into());
    assert!(rig.deliveries(1).await.iter().all(|delivery| delivery.tries <= 1));
    let due = rig.deliveries(1).await.into_iter().filter(|delivery| delivery.state == DeliveryState::Ready);
    assert!(due.into_iter().all(|delivery| delivery.tries == 0 && delivery.due_at <= rig.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn deleting_a_webhook_cancels_its_waiting_deliveries() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 3).await;
    sleep(Duration::from_secs(1)).await;
    assert!(rig.store.delete_webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Cancelled, 3)].into());
    assert!(rig.deliveries(1).await.iter().all(|delivery| delivery.reason.as_deref() == Some("webhook_deleted")));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_delivery_expires_only_before_its_first_attempt() {
    let rig = Rig::new(&[FAILS]).await;
    let expires_at = Some(crate::server::clock::after(rig.clock.now(), Duration::from_secs(100)));
    let of = |seconds| {
        let notification = rig.notification(1);
        let expires_at = if seconds == 0 { Some(rig.clock.at) } else { expires_at };
        let new = NewNotification { expires_at, ..notification.new.clone() };
        Notification::new(notification.id, notification.timestamp, new)
    };
    rig.store.create(&[of(0), of(100)], None).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.attempted(1).len(), 1);
    sleep(Duration::from_secs(400)).await;
    assert_eq!(rig.attempted(1).len(), 3);
    let states = rig.states(1).await;
    assert_eq!(states, [(DeliveryState::Expired, 1), (DeliveryState::Ready, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn thousands_of_cancelled_deliveries_end_quickly() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    rig.tell(1, 5_000).await;
    sleep(Duration::from_secs(1)).await;
    assert!(rig.store.delete_webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap());
    rig.worker.look_anew(&crate::server::store::outbox::lane_of(WebhookId::new(Uuid::from_u128(1))));
    sleep(Duration::from_secs(20)).await;
    let states = rig.states(1).await;
    assert!(states[&DeliveryState::Cancelled] >= 5_000 - 8, "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_hangs_has_its_whole_share_in_flight_however_slowly_it_comes() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    for _ in 0..6 {
        rig.tell(1, 1).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rig.worker.in_flight().values().sum::<usize>(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_cut_off_by_a_stop_is_recorded_and_retried() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    rig.worker.stop(Duration::from_secs(5)).await;
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    let [attempt] = &delivery.attempts[..] else { panic!("one") };
    assert_eq!((delivery.state, delivery.tries, attempt.result.as_str()), (DeliveryState::Ready, 1, "ambiguous"));
    let due_in = delivery.due_at.to_utc() - rig.clock.now().to_utc();
    assert!((4..=7).contains(&due_in.num_seconds()), "{due_in}");
}
