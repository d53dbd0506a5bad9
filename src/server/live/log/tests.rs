use super::*;

impl Shared for u64 {
    fn bytes(&self) -> usize {
        MOST_BYTES / 8
    }

    fn is_creation(&self) -> bool {
        *self >= CREATION
    }
}

/// Frames from this number on are of creations.
const CREATION: u64 = 1_000;

fn end(modseq: u64) -> End {
    End { modseq, unread_count: 0 }
}

fn publish(log: &Log<u64>, modseq: u64) -> bool {
    log.publish(end(modseq), modseq, |_| ())
}

/// All frames that a listener at this position gets without waiting.
fn read(log: &Log<u64>, mut position: u64) -> Vec<Next<u64>> {
    let seat = log.join();
    let mut all = Vec::new();
    let context = Context::from_waker(Waker::noop());
    while let Poll::Ready(next) = log.poll_next(&seat, position, &context) {
        let Next::Frame(_, at) = next else {
            all.push(next);
            break;
        };
        position = at;
        all.push(next);
    }
    log.leave(&seat);
    all
}

fn frames(numbers: impl IntoIterator<Item = u64>) -> Vec<Next<u64>> {
    numbers.into_iter().map(|number| Next::Frame(number, number)).collect()
}

#[test]
fn a_listener_gets_what_comes_after_its_position() {
    let log = Log::new(Some(end(7)));
    (8..=10).for_each(|number| assert!(!publish(&log, number)));
    assert_eq!(read(&log, 7), frames(8..=10));
    assert_eq!(read(&log, 9), frames([10]));
    assert_eq!(read(&log, 10), []);
    assert_eq!(read(&log, 11), [], "it has read the store ahead of what was published");
    assert_eq!(read(&log, 6), [Next::Behind]);
}

#[test]
fn frames_out_of_order_are_delivered_in_order_and_once() {
    let log = Log::new(Some(end(0)));
    let mut told = Vec::new();
    for number in [2, 4, 2, 1, 1, 3, 5] {
        log.publish(end(number), number, |frame| told.push(*frame));
    }
    assert_eq!(told, [1, 2, 3, 4, 5]);
    assert_eq!(read(&log, 0), frames(1..=5));
    assert_eq!(log.hole(), None);
}

#[test]
fn a_hole_is_reported_once_and_filled_from_the_store() {
    let log = Log::new(Some(end(0)));
    assert!(publish(&log, 3));
    assert!(!publish(&log, 4));
    assert_eq!(log.hole(), Some(Hole::After(0)));
    // Change 2 replaces change 1, as in a replay.
    log.fill(0, vec![(end(2), 2)], end(2), |_| ());
    assert_eq!(read(&log, 0), frames([2, 3, 4]));
    assert_eq!(read(&log, 1), frames([2, 3, 4]));
    log.fill(0, vec![(end(2), 2)], end(2), |_| ());
    assert_eq!(read(&log, 0), frames([2, 3, 4]), "filling again changes nothing");
}

#[test]
fn a_creation_that_was_read_from_the_store_is_not_sent_again() {
    let log = Log::new(Some(end(0)));
    publish(&log, 6);
    // The notification of change 4 was created as 1, and changed as 4 after a follower had read the store up to 2.
    log.fill(0, vec![(end(4), CREATION + 4), (end(5), CREATION + 5)], end(5), |_| ());
    assert_eq!(read(&log, 2), [Next::Behind]);
    assert_eq!(read(&log, 0), [Next::Frame(CREATION + 4, 4), Next::Behind]);
    assert_eq!(read(&log, 5), frames([6]));
}

#[test]
fn a_fill_discards_waiting_frames_that_it_covers() {
    let log = Log::new(Some(end(0)));
    publish(&log, 3);
    publish(&log, 9);
    log.fill(0, vec![(end(5), 5)], end(8), |_| ());
    assert_eq!(log.end(), Some(end(9)));
    assert_eq!(read(&log, 8), frames([9]));
    assert_eq!(read(&log, 0), [Next::Behind]);
}

#[test]
fn no_frame_is_delivered_before_the_position_is_known() {
    let log = Log::new(None);
    assert!(publish(&log, 6));
    publish(&log, 5);
    publish(&log, 7);
    assert_eq!(read(&log, 4), []);
    assert_eq!(log.hole(), Some(Hole::Unknown));
    log.begin(end(5), |_| ());
    assert_eq!(read(&log, 5), frames([6, 7]));
    assert_eq!(read(&log, 4), [Next::Behind]);
    log.begin(end(1), |_| ());
    assert_eq!(log.end(), Some(end(7)), "it begins once");
}

#[test]
fn a_follower_of_all_inboxes_starts_with_the_first_received_frame() {
    let log = Log::new(None);
    [9, 8].iter().for_each(|number| _ = publish(&log, *number));
    let mut told = Vec::new();
    log.begin_with_first(|frame| told.push(*frame));
    assert_eq!(told, [8, 9]);
    assert_eq!(log.hole(), None);
}

#[test]
fn after_a_gap_listeners_are_behind_and_continue_with_newer_frames() {
    let log = Log::new(Some(end(0)));
    log.append(1);
    log.skip();
    log.append(2);
    assert_eq!(read(&log, 0), [Next::Behind]);
    assert_eq!(read(&log, 1), [Next::Behind]);
    assert_eq!(read(&log, 2), [Next::Frame(2, 3)]);
}

#[test]
fn a_log_is_bounded_and_forgets() {
    let log = Log::new(Some(end(0)));
    (1..=20).for_each(|number| _ = publish(&log, number));
    assert_eq!(read(&log, 12), frames(13..=20), "eight of these have room");
    assert_eq!(read(&log, 11), [Next::Behind]);
    assert!(!log.trim());
    publish(&log, 21);
    assert_eq!(read(&log, 13), frames(14..=21));
    assert!(!log.trim());
    assert_eq!(read(&log, 20), frames([21]));
    assert_eq!(read(&log, 19), [Next::Behind]);
    assert!(log.trim());
    assert_eq!(read(&log, 21), []);
    assert!(log.reaches(21) && !log.reaches(20) && !log.reaches(22));
}

#[test]
fn a_closed_log_says_so() {
    let log = Log::<u64>::new(None);
    log.close();
    assert_eq!(read(&log, 0), [Next::Closed]);
}
