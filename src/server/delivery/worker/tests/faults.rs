//! A lane whose other side refuses or fails.

use super::*;

#[rstest]
#[case(GONE, "gone")]
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_is_disabled_and_what_waits_is_skipped(#[case] outcome: Outcome, #[case] why: &str) {
    let rig = Rig::new(&[Behaves::Answers(outcome, 2)]).await;
    rig.tell(1, 50).await;
    sleep(Duration::from_secs(5)).await;
    let webhook = rig.store.webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap().unwrap();
    assert_eq!(webhook.disabled.as_deref(), Some(why));
    let states = rig.states(1).await;
    assert_eq!(states[&DeliveryState::Dead] + states[&DeliveryState::Skipped], 50, "{states:?}");
    assert!(states[&DeliveryState::Dead] <= 8, "{states:?}");
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.states(1).await[&DeliveryState::Skipped], states[&DeliveryState::Skipped] + 1);
}

#[tokio::test(start_paused = true)]
async fn disabling_an_endpoint_skips_deliveries_that_wait_for_a_retry() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 10).await;
    sleep(Duration::from_secs(1)).await;
    rig.channel.behaves.lock().unwrap().insert(1, Behaves::Answers(GONE, 2));
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Dead, 1), (DeliveryState::Skipped, 10)].into());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_for_five_days_is_disabled_and_one_that_works_in_between_is_not() {
    let rig = Rig::new(&[FAILS, FAILS]).await;
    for _ in 0..5 {
        rig.tell(1, 1).await;
        rig.tell(2, 1).await;
        sleep(Duration::from_secs(86_300)).await;
        rig.channel.behaves.lock().unwrap().insert(2, WELL);
        rig.tell(2, 1).await;
        sleep(Duration::from_secs(100)).await;
        rig.channel.behaves.lock().unwrap().insert(2, FAILS);
    }
    rig.tell(1, 1).await;
    rig.tell(2, 1).await;
    sleep(Duration::from_secs(400)).await;
    let disabled =
        async |number| rig.store.webhook(WebhookId::new(Uuid::from_u128(number))).await.unwrap().unwrap().disabled;
    assert_eq!(disabled(1).await.as_deref(), Some("failing"));
    assert_eq!(disabled(2).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_asks_for_time_pauses_its_lane_and_no_other() {
    let asks = Behaves::Answers(Outcome::Retry { after: Some(Duration::from_secs(600)) }, 2);
    let rig = Rig::new(&[asks, WELL]).await;
    rig.tell(1, 100).await;
    rig.tell(2, 100).await;
    sleep(Duration::from_secs(500)).await;
    assert_eq!(rig.states(2).await, [(DeliveryState::Sent, 100)].into());
    // Those that were running, or claimed, when it refused.
    let first = rig.attempted(1).len();
    assert!(first <= 8, "{first}");
    sleep(Duration::from_secs(200)).await;
    assert!(rig.attempted(1).len() > first);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_set_up_right_is_probed_by_one_and_no_attempt_counts() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Misconfigured, 2)]).await;
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(4 * 3_600)).await;
    let attempted = rig.attempted(1);
    let waits: Vec<_> = attempted.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect();
    assert_eq!(waits[..3], [300, 900, 3_600], "{waits:?}");
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Ready, 0));
    assert!(delivery.attempts.iter().all(|attempt| !attempt.counted && attempt.result == "misconfigured"));
    rig.channel.behaves.lock().unwrap().insert(1, WELL);
    sleep(Duration::from_secs(3_700)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn concurrent_refusals_are_one_fault_and_one_delivery_probes() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Misconfigured, 2)]).await;
    rig.tell(1, 100).await;
    sleep(Duration::from_secs(4 * 3_600)).await;
    let mut bursts: Vec<(f64, usize)> = Vec::new();
    for at in rig.attempted(1) {
        match bursts.last_mut() {
            Some((began, count)) if at - *began < 60.0 => *count += 1,
            _ => bursts.push((at, 1)),
        }
    }
    let waits: Vec<_> = bursts.windows(2).map(|pair| (pair[1].0 - pair[0].0) as u64).collect();
    assert_eq!(waits[..3], [300, 900, 3_600], "{bursts:?}");
    assert!(bursts[0].1 <= Lanes::AT_FIRST && bursts[1..].iter().all(|burst| burst.1 == 1), "{bursts:?}");
    rig.channel.behaves.lock().unwrap().insert(1, WELL);
    sleep(Duration::from_secs(3_700)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 100)].into());
}
