use super::*;
use crate::{
    app::board::core::{Submission, Typed},
    model::{Code, Problem},
};

fn typed(number: u128) -> Typed {
    let content = format!("number {number}");
    Typed { user_id: "ann".to_owned(), content, ..Typed::default() }
}

fn submit(page: &mut Open, number: u128, key: &str) -> Submission {
    page.view.submit(typed(number), new(number, "ann"), key.to_owned(), page.now)
}

fn lost() -> Problem {
    Problem::new(Code::Unreachable, "Campanile does not answer.")
}

#[test]
fn a_submission_is_shown_at_once_and_counted_once() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    assert!(page.view.rows[0].is_sending);
    assert_eq!((page.view.rows.len(), page.counts()), (2, (2, 2)));
    let key = page.view.rows[0].key;
    page.hear(created(2, 11)).send(Message::Sent(submission, notification(2)));
    assert_eq!((page.shown(), page.key(2), page.counts(), page.asks()), (vec![2, 1], key, (2, 2), 0));
    assert!(!page.view.rows[0].is_sending);
}

#[test]
fn a_submission_outside_the_filter_is_counted_once() {
    let mut page = of_ann("category=alert", &[]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::Sent(submission, notification(2))).hear(created(2, 11));
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![], (1, 1), 0));
}

#[test]
fn a_submission_to_another_inbox_shows_a_toast() {
    let mut page = of_ann("", &[1]);
    let to_bob = Typed { user_id: "bob".to_owned(), ..typed(2) };
    let submission = page.view.submit(to_bob, new(2, "bob"), "a".to_owned(), page.now);
    page.send(Message::Sent(submission, notification_of(2, "bob")));
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![1], (1, 1), "Sent to bob.".to_owned()));
}

#[test]
fn a_submission_whose_row_is_out_of_sight_shows_a_toast() {
    for (query, is_at_top, toasts) in
        [("", true, ""), ("", false, "Sent to ann."), ("category=alert", true, "Sent to ann.")]
    {
        let mut page = of_ann(query, &[]);
        page.now.is_at_top = is_at_top;
        let submission = submit(&mut page, 2, "a");
        page.send(Message::Sent(submission, notification(2)));
        assert_eq!(page.toasts(), toasts, "{query}, at the top: {is_at_top}");
        let is_said = page.count(|effect| matches!(effect, Effect::Say(text) if text == "Sent to ann.")) > 0;
        assert_eq!(is_said, toasts.is_empty(), "a screen reader hears it once");
    }
}

#[test]
fn a_refused_submission_is_removed_and_the_next_one_has_a_new_key() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, Problem::new(Code::InvalidInput, "No.")));
    assert_eq!((page.shown(), page.counts()), (vec![1], (1, 1)));
    assert_eq!(submit(&mut page, 2, "b").key, "b");
}

#[test]
fn a_repeat_after_a_lost_answer_has_the_same_key() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    let again = submit(&mut page, 2, "b");
    assert_eq!(again.key, "a");
    page.send(Message::NotSent(again, Problem::new(Code::Unavailable, "Not now.")));
    assert_eq!(submit(&mut page, 2, "c").key, "a", "a repeat that is refused says nothing of the first");
}

#[test]
fn the_same_text_after_another_submission_has_a_new_key() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    assert_eq!(submit(&mut page, 3, "b").key, "b");
    assert_eq!(submit(&mut page, 2, "c").key, "c");
}

#[test]
fn a_submission_with_a_lost_answer_is_confirmed_by_the_stream() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    assert_eq!(page.view.confirmed(), None);
    page.hear(created(2, 11));
    assert_eq!(page.view.confirmed(), Some(typed(2)));
    assert_eq!(page.view.confirmed(), None, "once");
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
}

#[test]
fn a_repeat_of_what_the_list_shows_already_is_shown_once() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    let again = submit(&mut page, 2, "b");
    page.now.ms += 20_000.0;
    page.hear(created(2, 11)).send(Message::Sent(again, notification(2)));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
}

#[test]
fn a_repeat_of_a_delivered_submission_refreshes_the_list() {
    let mut page = of_ann("", &[1]);
    page.now.is_at_top = false;
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    page.asks();
    // It waits above the list, and is counted.
    page.hear(created(2, 11));
    let again = submit(&mut page, 2, "b");
    page.send(Message::Sent(again, notification(2)));
    assert_eq!(page.asks(), 1);
}

#[test]
fn a_refused_submission_outside_the_filter_is_not_counted() {
    let unread = |page: &Open| page.view.counted().categories.iter().map(|(_, count)| *count).sum::<u64>();
    let refused = || Problem::new(Code::Forbidden, "You may not do this.");
    let mut page = of_ann("category=alert", &[]);
    let submission = submit(&mut page, 2, "a");
    assert_eq!(unread(&page), 1);
    page.send(Message::NotSent(submission, refused()));
    assert_eq!((unread(&page), page.counts()), (0, (0, 0)));
}

#[test]
fn what_has_a_key_of_the_users_own_may_be_there_already_and_is_looked_up() {
    let mut page = of_ann("", &[1]);
    let named = Typed { own_key: "mine".to_owned(), ..typed(2) };
    let submission = page.view.submit(named, new(2, "ann"), "a".to_owned(), page.now);
    page.asks();
    page.send(Message::Sent(submission, notification(2)));
    assert_eq!((page.shown(), page.asks()), (vec![2, 1], 1));
}

#[test]
fn another_expiry_or_another_key_is_another_submission() {
    let mut page = of_ann("", &[1]);
    let submission = submit(&mut page, 2, "a");
    page.send(Message::NotSent(submission, lost()));
    let later = Typed { expires_at: "2030-01-31T12:00".to_owned(), ..typed(2) };
    assert_eq!(page.view.submit(later, new(2, "ann"), "b".to_owned(), page.now).key, "b");
}

#[test]
fn a_key_of_the_users_own_leaves_the_page_waiting_for_nothing() {
    let mut page = open("", vec![notification(1)], None);
    let typed = Typed { own_key: "mine".to_owned(), ..typed(2) };
    let submission = page.view.submit(typed, new(2, "ann"), "mine".to_owned(), page.now);
    // The server had it, so the stream does not tell of it.
    page.send(Message::Sent(submission, notification(3)));
    let of_ann = Some(UserId::parse("ann").unwrap());
    page.hear(live::Message { unread_count: Some(7), user_id: of_ann, ..updated(1, true, 11) });
    assert_eq!(page.view.counted().recent.first().map(|inbox| inbox.unread_count), Some(7));
}
