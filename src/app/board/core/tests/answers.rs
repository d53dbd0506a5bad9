use super::*;
use crate::{
    app::board::core::Loading,
    model::{Code, Problem, UnreadCount},
};

fn list(numbers: &[u128]) -> Vec<Notification> {
    numbers.iter().map(|number| notification(*number)).collect()
}

#[test]
fn changes_newer_than_an_answer_are_applied_to_it() {
    let mut page = of_ann("", &[1]);
    let asked = ticket(page.send(Message::Refresh));
    page.hear(created(2, 11)).hear(created(3, 12));
    page.send(Message::Answered(asked, Ok(snapshot(list(&[2, 1]), Some(11)))));
    assert_eq!((page.shown(), page.counts(), page.view.position()), (vec![3, 2, 1], (3, 3), Some(12)));
    page.hear(created(4, 13));
    assert_eq!((page.shown(), page.counts()), (vec![4, 3, 2, 1], (4, 4)));
    assert_eq!(page.asks(), 0);
}

#[test]
fn rows_that_stay_keep_their_keys_and_whether_they_are_open() {
    let mut page = of_ann("", &[2, 1]);
    let (asked, key) = (ticket(page.send(Message::Refresh)), page.key(1));
    page.send(Message::Toggle(key)).send(Message::Answered(asked, Ok(snapshot(list(&[3, 1]), Some(11)))));
    assert_eq!((page.shown(), page.key(1)), (vec![3, 1], key));
    assert!(page.view.rows[1].is_open && page.view.rows[0].arrives);
}

#[test]
fn an_answer_that_arrives_after_a_newer_one_is_discarded() {
    let mut page = of_ann("", &[1]);
    let first = ticket(page.send(Message::Refresh));
    let second = ticket(page.send(Message::Refresh));
    page.send(Message::Answered(second, Ok(snapshot(list(&[3, 1]), Some(12)))));
    page.send(Message::Answered(first, Ok(snapshot(list(&[2, 1]), Some(11)))));
    assert_eq!((page.shown(), page.asks()), (vec![3, 1], 0));
}

#[test]
fn an_answer_older_than_a_local_change_is_discarded_and_requested_again() {
    let mut page = of_ann("", &[2, 1]);
    let before = ticket(page.send(Message::Refresh));
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    page.send(Message::Answered(before, Ok(snapshot(list(&[2, 1]), Some(10)))));
    assert!(page.view.rows[0].data.is_read, "the change stays");
    assert_eq!(page.asks(), 0, "while it is under way, any answer would be old");
    let marking = page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None });
    let answer = as_read(2, true);
    page.send(Message::Marked(marking.unwrap(), Ok(answer)));
    assert_eq!(page.asks(), 1);
}

#[test]
fn a_refresh_during_a_change_is_sent_after_the_answer_to_the_change() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true)).send(Message::Refresh);
    assert_eq!(page.asks(), 0);
    let marking = page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None });
    page.send(Message::Marked(marking.unwrap(), Ok(as_read(2, true))));
    assert_eq!(page.asks(), 1);
}

#[test]
fn a_refresh_requests_all_shown_rows_when_the_user_is_further_down() {
    let numbers: Vec<u128> = (1..=200).rev().collect();
    let mut page = of_ann("", &numbers);
    let limit = |effect: &Effect| if let Effect::Ask(_, limit) = effect { Some(*limit) } else { None };
    assert_eq!(page.send(Message::Refresh).take(limit), Some(50));
    page.now.is_at_top = false;
    assert_eq!(page.send(Message::Refresh).take(limit), Some(200));
    page.send(Message::ShowOlder);
    assert_eq!(page.take(limit), Some(400));
    assert_eq!(page.send(Message::ShowOlder).take(limit), Some(800));
    assert_eq!(page.send(Message::ShowOlder).take(limit), Some(1_000));
    assert!(!page.view.can_grow());
}

#[test]
fn changing_the_filter_shows_the_known_rows_that_match_at_once() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.hear(updated(2, true, 11));
    let old = ticket(page.send(Message::Refresh));
    page.send(Message::Turn(Address::parse("user_id=ann&unread=true")));
    assert_eq!((page.shown(), page.view.loading), (vec![1], Loading::Begun));
    let asked = ticket(&mut page);
    page.send(Message::Answered(old, Ok(snapshot(list(&[9]), Some(12)))));
    assert_eq!(page.shown(), [1], "what belongs to the address before is not shown");
    page.send(Message::IsSlow);
    assert_eq!(page.view.loading, Loading::Slow);
    page.send(Message::Answered(asked, Ok(snapshot(list(&[1]), Some(12)))));
    assert_eq!((page.shown(), page.view.loading, page.asks()), (vec![1], Loading::Done, 0));
    assert!(page.view.rows.iter().all(|row| row.key != key));
}

#[test]
fn no_request_is_sent_before_retry_after_is_over() {
    let mut page = of_ann("", &[1]);
    let asked = ticket(page.send(Message::Refresh));
    page.send(Message::Answered(asked, Err(Problem::too_many("", 2))));
    assert_eq!(page.view.wait, 2);
    assert_eq!(page.send(Message::Refresh).asks(), 0);
    page.now.ms += 1_000.0;
    assert_eq!((page.send(Message::CountDown).view.wait, page.asks()), (1, 0));
    page.now.ms += 1_000.0;
    assert_eq!((page.send(Message::CountDown).view.wait, page.asks()), (0, 1));
}

#[test]
fn a_session_that_is_over_ends_the_connection() {
    let mut page = of_ann("", &[1]);
    let asked = ticket(page.send(Message::Refresh));
    page.send(Message::Answered(asked, Err(Problem::new(Code::Unauthenticated, ""))));
    assert!(page.view.is_signed_out());
    assert_eq!(page.count(|effect| matches!(effect, Effect::Cut)), 1);
    assert_eq!(page.shown(), [1], "what is shown stays");
}

#[test]
fn a_change_received_during_two_requests_survives_both_answers() {
    let mut page = of_ann("", &[1]);
    let first = ticket(page.send(Message::Refresh));
    let second = ticket(page.send(Message::Refresh));
    page.send(Message::Heard(created(2, 11)));
    page.send(Message::Answered(second, Ok(snapshot(list(&[1]), Some(10)))));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
    page.send(Message::Answered(first, Ok(snapshot(list(&[1]), Some(10)))));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
}

fn unreachable() -> Problem {
    Problem::new(Code::Unreachable, "")
}

/// A refresh that fails.
fn fail(page: &mut Open, problem: Problem) {
    let asked = ticket(page.send(Message::Refresh));
    page.send(Message::Answered(asked, Err(problem)));
}

#[test]
fn a_live_page_refreshes_once_a_minute_and_a_failing_one_every_period() {
    let mut page = of_ann("", &[1]);
    (0..11).for_each(|_| assert_eq!(page.send(Message::Period).asks(), 0));
    let asked = ticket(page.send(Message::Period));
    page.send(Message::Answered(asked, Err(unreachable())));
    for _ in 0..3 {
        let asked = ticket(page.send(Message::Period));
        page.send(Message::Answered(asked, Err(unreachable())));
    }
    let asked = ticket(page.send(Message::Period));
    page.send(Message::Answered(asked, Ok(snapshot(list(&[1]), Some(10)))));
    assert!(page.view.trouble.is_none());
    assert_eq!(page.send(Message::Period).asks(), 0, "all is well again");
    page.send(Message::Live(false));
    assert_eq!(page.send(Message::Period).asks(), 1, "nothing is told");
    fail(&mut page, Problem::new(Code::Unauthenticated, ""));
    assert_eq!(page.send(Message::Period).asks(), 0, "until the user has signed in");
}

#[test]
fn a_change_on_the_stream_clears_the_error() {
    let mut page = of_ann("", &[1]);
    fail(&mut page, unreachable());
    page.hear(created(2, 11));
    assert_eq!((page.view.trouble.is_none(), page.shown(), page.asks()), (true, vec![2, 1], 1));
    page.send(Message::Live(false));
    fail(&mut page, unreachable());
    fail(&mut page, unreachable());
    page.send(Message::Live(true));
    assert_eq!((page.view.trouble.is_none(), page.asks()), (true, 1));
}

#[test]
fn a_stream_silent_for_longer_than_a_heartbeat_is_not_shown_as_live() {
    let mut page = of_ann("", &[1]);
    page.view.heartbeat_ms = 25_000.0;
    page.now.ms += 30_000.0;
    assert!(page.send(Message::Period).view.is_live);
    page.now.ms += 5_000.0;
    assert!(!page.send(Message::Period).view.is_live);
    assert_eq!(page.asks(), 1, "from now on the page asks");
    page.send(Message::Live(true));
    page.now.ms += 30_000.0;
    page.hear(created(2, 11));
    page.now.ms += 30_000.0;
    assert!(page.send(Message::Period).view.is_live);
}

#[test]
fn a_working_stream_does_not_hide_that_the_list_keeps_failing() {
    let mut page = of_ann("", &[1]);
    fail(&mut page, unreachable());
    fail(&mut page, unreachable());
    page.hear(created(2, 11)).send(Message::Live(true));
    assert!(page.view.trouble.is_some());
}

#[test]
fn a_stream_does_not_shorten_the_wait_of_retry_after() {
    let mut page = of_ann("", &[1]);
    fail(&mut page, Problem::too_many("", 20));
    page.send(Message::Live(false)).send(Message::Live(true)).send(Message::Period).hear(created(2, 11));
    assert_eq!((page.view.trouble.is_some(), page.asks()), (true, 0));
}

#[test]
fn a_server_that_is_back_is_followed_live_at_once() {
    let mut page = of_ann("", &[1]);
    page.send(Message::Live(false));
    fail(&mut page, unreachable());
    let asked = ticket(page.send(Message::Period));
    page.send(Message::Answered(asked, Ok(snapshot(list(&[1]), Some(10)))));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Hurry)), 1);
    let asked = ticket(page.send(Message::Period));
    page.send(Message::Answered(asked, Ok(snapshot(list(&[1]), Some(10)))));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Hurry)), 0);
}

#[test]
fn changes_before_the_first_answer_are_added_to_its_count() {
    let mut page = of_ann("", &[1]);
    page.send(Message::Turn(Address::parse("user_id=bob")));
    let asked = ticket(&mut page);
    let bobs = |number| notification_of(number, "bob");
    page.hear(live::Message { notification: Some(bobs(9)), ..change(Kind::Created, 3) });
    assert_eq!((page.shown(), page.counts()), (vec![], (0, 0)));
    page.send(Message::Answered(asked, Ok(snapshot(vec![bobs(8), bobs(7)], Some(2)))));
    assert_eq!((page.shown(), page.counts()), (vec![9, 8, 7], (3, 3)));
}

#[test]
fn live_or_polling_is_shown_only_after_updates_have_begun() {
    let page = View::new(Initial { snapshot: Ok(snapshot(list(&[1]), Some(10))), ..Initial::default() });
    assert!(!page.is_kept);
    let mut page = of_ann("", &[1]);
    assert!(page.view.is_kept, "a stream tells of every change");
    page.view.is_kept = false;
    assert!(page.send(Message::Period).view.is_kept);
}

#[test]
fn a_screen_reader_announces_the_number_of_results() {
    let mut page = of_ann("", &[1]);
    let said = |effect: &Effect| if let Effect::Say(text) = effect { Some(text.clone()) } else { None };
    for (query, found, more, want) in [
        ("user_id=ann&q=number", vec![2, 1], false, "2 results"),
        ("user_id=ann&q=none", vec![], false, "No results"),
        ("user_id=ann&q=number", vec![3, 2], true, "2 results, and more"),
        ("user_id=ann&unread=true", vec![1], false, "1 notification"),
    ] {
        page.send(Message::Turn(Address::parse(query)));
        let asked = ticket(&mut page);
        let mut answer = snapshot(list(&found), Some(10));
        answer.page.next = more.then(|| crate::model::Cursor::in_inbox(2));
        page.send(Message::Answered(asked, Ok(answer)));
        assert_eq!(page.take(said).as_deref(), Some(want));
        let asked = ticket(page.send(Message::Refresh));
        page.send(Message::Answered(asked, Ok(snapshot(list(&found), Some(10)))));
        assert_eq!(page.take(said), None, "what the page asks for by itself");
    }
}

#[test]
fn the_open_inbox_shows_its_count_after_many_other_inboxes() {
    let inbox =
        |number: u64| UnreadCount { user_id: UserId::parse(&format!("u{number}")).unwrap(), unread_count: number };
    let mut page = open("", vec![], None);
    for number in 10..30 {
        page.send(Message::Turn(Address::parse(&format!("user_id=u{number}"))));
        let asked = ticket(&mut page);
        let mut found = snapshot(vec![], Some(1));
        found.overview.recent = (1..=8).chain([number]).map(inbox).collect();
        page.send(Message::Answered(asked, Ok(found)));
        let recent = page.view.counted().recent;
        assert!(recent.contains(&inbox(number)) && recent.len() == 9, "{recent:?}");
    }
}

#[test]
fn focus_moves_to_the_nearest_row_that_a_fresh_list_still_has() {
    let mut page = of_ann("", &[4, 3, 2, 1]);
    let (keys, asked) = ([4, 3, 2, 1].map(|number| page.key(number)), ticket(page.send(Message::Refresh)));
    page.send(Message::Answered(asked, Ok(snapshot(list(&[5, 4, 2]), Some(11)))));
    assert_eq!(page.shown(), [5, 4, 2]);
    let row = |key: i64| format!("row-{key}");
    let handed = |effect: &Effect| match effect {
        Effect::HandOn(from, to) => Some((from.clone(), to.clone())),
        _ => None,
    };
    let all: Vec<_> = std::iter::from_fn(|| page.take(handed)).collect();
    assert_eq!(all, [(row(keys[3]), row(keys[2])), (row(keys[1]), row(keys[2]))]);
}
