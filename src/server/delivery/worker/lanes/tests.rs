use super::*;

#[tokio::test(start_paused = true)]
async fn concurrent_failures_count_once_and_then_one_attempt_probes() {
    let (lanes, lane) = (Lanes::default(), "webpush:https://push.example");
    lanes.drain(lane);
    lanes.free(lane, 32);
    let second = Duration::from_secs(1);
    let began = Instant::now();
    tokio::time::advance(second).await;
    for _ in 0..32 {
        assert!(!lanes.took(lane, began, Admission::Refused));
        assert_eq!((lanes.misconfigured(lane), lanes.rooms()[lane]), (1, Lanes::PROBES_FROM));
        assert_eq!(lanes.all()[lane].at_once(), 1);
    }
    for times in 2..5 {
        let probed = Instant::now();
        tokio::time::advance(second).await;
        // An attempt without an answer, and one that hung since the beginning.
        lanes.took(lane, probed, Admission::Unknown);
        lanes.took(lane, began, Admission::LetIn);
        lanes.took(lane, probed, Admission::Refused);
        lanes.took(lane, began, Admission::Refused);
        assert_eq!(lanes.misconfigured(lane), times);
    }
    assert!(lanes.took(lane, Instant::now(), Admission::LetIn));
    assert!(!lanes.took(lane, Instant::now(), Admission::LetIn));
    assert_eq!((lanes.misconfigured(lane), lanes.rooms()[lane]), (0, Lanes::STEP));
}

#[test]
fn failures_of_the_service_are_counted_apart_from_attempts() {
    let at = |second: u32| Timestamp::parse(&format!("2026-01-01T00:00:{second:02}Z")).unwrap();
    let attempt =
        |second, code| Attempt { at: at(second), result: "retry".to_owned(), code, ms: 1, counted: true, detail: None };
    let Past { attempts, unwell, unwell_since } = Past::of(&[]);
    assert_eq!((attempts, unwell, unwell_since), (0, 0, None));
    let codes = [None, Some(429), Some(503), None, Some(401), Some(502)];
    let all: Vec<_> = (0..).zip(codes).map(|(second, code)| attempt(second, code)).collect();
    let Past { attempts, unwell, unwell_since } = Past::of(&all);
    assert_eq!((attempts, unwell, unwell_since), (6, 2, Some(at(2))));
}

#[test]
fn a_refusal_counts_for_its_user_while_others_are_reached() {
    let lanes = Lanes::default();
    lanes.drain("fcm:shop");
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(UserId::stored);
    let [phone, tablet, other] = [1, 2, 3].map(Uuid::from_u128);
    let is_of_user = |user: &UserId, contact| lanes.is_of_user("fcm:shop", user, contact);
    // While no contact was reached, the lane is at fault.
    assert!(!is_of_user(&eve, other));
    lanes.reaches("fcm:shop", phone);
    for _ in 0..9 {
        assert!(is_of_user(&eve, other));
    }
    // Another device of the user who was reached is one more that is registered differently; a third user is too many,
    // and the contact that was reached is refused from now on.
    assert!(is_of_user(&ann, tablet));
    assert!(!is_of_user(&bob, other));
    assert!(!is_of_user(&eve, other));
    lanes.reaches("fcm:shop", phone);
    assert!(!is_of_user(&ann, phone));
    lanes.reaches("fcm:shop", tablet);
    assert!(is_of_user(&eve, other));
    assert!(!lanes.is_of_user("fcm:other", &eve, other));
}
