use super::*;
use crate::{
    app::board::core::mark::Marking,
    model::{Code, Problem},
};

fn marking(page: &mut Open) -> Marking {
    page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None }).unwrap()
}

pub(super) fn refused() -> Problem {
    Problem::new(Code::Unavailable, "Not now.")
}

#[test]
fn marking_is_one_request_and_its_echo_asks_for_nothing() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    assert_eq!(page.counts(), (2, 1), "shown before it is answered");
    page.hear(live::Message { unread_count: Some(1), ..updated(2, true, 11) });
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Ok(as_read(2, true))));
    assert_eq!((page.counts(), page.view.rows[0].data.is_read, page.asks()), ((2, 1), true, 0));
    assert!(page.view.heard.echoes.is_empty() && page.view.heard.waiting.is_empty());
}

#[test]
fn the_count_does_not_go_back_while_the_stream_is_behind() {
    let mut page = of_ann("", &[3, 2, 1]);
    let (first, second) = (page.key(3), page.key(2));
    page.send(Message::Mark(first, true)).send(Message::Mark(second, true));
    let (one, other) = (marking(&mut page), marking(&mut page));
    page.send(Message::Marked(one, Ok(as_read(3, true))));
    page.hear(live::Message { unread_count: Some(2), ..updated(3, true, 11) });
    page.send(Message::Marked(other, Ok(as_read(2, true))));
    assert_eq!(page.counts(), (3, 1), "the stream told of the first alone");
    page.hear(live::Message { unread_count: Some(1), ..updated(2, true, 12) });
    page.hear(live::Message { unread_count: Some(5), ..created(4, 13) });
    assert_eq!((page.counts(), page.asks()), ((4, 5), 0));
}

#[test]
fn without_a_stream_the_list_is_refreshed_after_a_change() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Live(false)).send(Message::Mark(key, true));
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Ok(as_read(2, true))));
    assert_eq!(page.asks(), 1);
}

#[test]
fn a_change_received_during_a_request_is_shown_after_its_answer() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true)).hear(created(3, 11));
    assert_eq!(page.shown(), [2, 1]);
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Ok(as_read(2, true))));
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![3, 2, 1], (3, 2), 0));
}

#[test]
fn the_unread_filter_drops_a_marked_row_and_undo_puts_it_back() {
    let mut page = of_ann("unread=true", &[3, 2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    assert_eq!((page.shown(), page.toasts()), (vec![3, 1], "Marked as read.".to_owned()));
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Ok(as_read(2, true)))).hear(updated(2, true, 11));
    assert_eq!((page.counts(), page.asks()), ((3, 2), 0));
    page.send(Message::UndoLast);
    let under_way = marking(&mut page);
    assert!(!under_way.is_read && page.toasts().is_empty());
    page.send(Message::Marked(under_way, Ok(as_read(2, false)))).hear(updated(2, false, 12));
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![3, 2, 1], (3, 3), 0));
}

#[test]
fn marking_many_rows_counts_each_once_in_any_order_of_events() {
    let numbers: Vec<u128> = (1..=200).rev().collect();
    let mut page = of_ann("unread=true", &numbers);
    // The list does not show all that is unread of this kind.
    let category = page.view.rows[0].data.category.clone();
    super::super::counting::beside(&mut page.view.overview, &category, 300);
    let keys: Vec<_> = page.view.rows.iter().map(|row| row.key).collect();
    page.send(Message::SelectTo(Some(keys[0]), keys[149])).send(Message::MarkSelected(Some(true)));
    let mut answers = Vec::new();
    while let Some(marking) =
        page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None })
    {
        let answer = Ok(as_read(number(marking.id), true));
        answers.push(Message::Marked(marking, answer));
    }
    page.send(Message::Each(answers));
    for (place, number) in numbers[..150].iter().enumerate() {
        let (modseq, unread) = (11 + place as u64, 199 - place as u64);
        page.hear(live::Message { unread_count: Some(unread), ..updated(*number, true, modseq) });
        assert_eq!(page.counts(), (200, 50));
    }
    let counted: u64 = page.view.counted().categories.iter().map(|(_, count)| *count).sum();
    assert_eq!((counted, page.asks(), page.toasts()), (350, 0, "150 marked as read.".to_owned()));
}

/// How the server is asked to mark what has this number.
fn marks(page: &mut Open) -> Vec<bool> {
    let mark = |effect: &Effect| if let Effect::Mark(marking) = effect { Some(marking.is_read) } else { None };
    page.effects.iter().filter_map(mark).collect()
}

fn answer(page: &mut Open, answer: Result<Notification, Problem>) {
    let under_way = marking(page);
    page.send(Message::Marked(under_way, answer));
}

#[test]
fn the_marks_of_one_row_wait_for_each_other_and_the_last_one_wins() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true)).send(Message::Mark(key, false));
    assert_eq!((marks(&mut page), page.counts()), (vec![true], (2, 2)), "the second one waits");
    answer(&mut page, Ok(as_read(2, true)));
    assert_eq!((marks(&mut page), page.view.rows[0].data.is_read), (vec![false], false));
    page.send(Message::Mark(key, true)).send(Message::Mark(key, false)).send(Message::Mark(key, true));
    answer(&mut page, Ok(as_read(2, false)));
    assert_eq!(marks(&mut page), [true], "of those that wait, the last one is sent");
    answer(&mut page, Ok(as_read(2, true)));
    page.hear(updated(2, true, 11)).hear(updated(2, false, 12)).hear(updated(2, true, 13));
    assert_eq!((page.view.rows[0].data.is_read, page.counts(), page.asks()), (true, (2, 1), 0));
    assert!(page.view.marks.is_empty() && page.view.heard.echoes.is_empty());
}

#[test]
fn marks_that_cancel_out_send_no_second_request() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    for is_read in [true, false, true] {
        page.send(Message::Mark(key, is_read));
    }
    answer(&mut page, Ok(as_read(2, true)));
    assert_eq!((marks(&mut page), page.counts(), page.asks()), (vec![], (2, 1), 0));
    page.hear(updated(2, true, 11));
    assert!(page.view.heard.echoes.is_empty());
}

#[test]
fn after_a_failed_mark_the_last_choice_is_sent_if_it_differs() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    for is_read in [true, false, true] {
        page.send(Message::Mark(key, is_read));
    }
    answer(&mut page, Err(refused()));
    assert_eq!((marks(&mut page), page.toasts()), (vec![true], String::new()));
    answer(&mut page, Ok(as_read(2, true)));
    assert_eq!((page.view.rows[0].data.is_read, page.counts()), (true, (2, 1)));
    page.send(Message::Mark(key, false)).send(Message::Mark(key, true));
    answer(&mut page, Err(refused()));
    assert_eq!((marks(&mut page), page.view.rows[0].data.is_read, page.counts()), (vec![], true, (2, 1)));
    // Where the answer was lost, the server may have taken it.
    page.send(Message::Mark(key, false)).send(Message::Mark(key, true));
    answer(&mut page, Err(Problem::new(Code::Unreachable, "")));
    assert_eq!(marks(&mut page), [true]);
}

#[test]
fn a_mark_that_waits_is_not_sent_once_its_notification_is_deleted() {
    let mut page = of_ann("", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true)).send(Message::Mark(key, false)).send(Message::Delete(key)).expire();
    answer(&mut page, Ok(as_read(2, true)));
    assert!(marks(&mut page).is_empty());
}

#[test]
fn under_unread_an_undo_waits_for_the_mark_that_it_takes_back() {
    let mut page = of_ann("unread=true", &[3, 2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true)).send(Message::UndoLast);
    assert_eq!(marks(&mut page), [true]);
    answer(&mut page, Ok(as_read(2, true)));
    assert_eq!(marks(&mut page), [false]);
    answer(&mut page, Ok(as_read(2, false)));
    assert_eq!((page.shown(), page.counts()), (vec![3, 2, 1], (3, 3)));
    let key = page.key(2);
    page.send(Message::Mark(key, true)).send(Message::UndoLast);
    answer(&mut page, Err(refused()));
    assert_eq!((marks(&mut page), page.shown(), page.counts()), (vec![], vec![3, 2, 1], (3, 3)));
}

#[test]
fn the_unread_filter_shows_one_toast_for_several_marks() {
    let mut page = of_ann("unread=true", &[4, 3, 2, 1]);
    for number in [3, 2] {
        let key = page.key(number);
        page.send(Message::Mark(key, true));
        let under_way = marking(&mut page);
        page.send(Message::Marked(under_way, Ok(as_read(number, true)))).hear(updated(number, true, 10));
    }
    assert_eq!((page.shown(), page.toasts()), (vec![4, 1], "2 marked as read.".to_owned()));
    page.send(Message::UndoLast);
    for number in [2, 3] {
        let under_way = marking(&mut page);
        assert_eq!((under_way.id, under_way.is_read), (id(number), false));
        page.send(Message::Marked(under_way, Ok(as_read(number, false))));
    }
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![4, 3, 2, 1], (4, 4), String::new()));
}

#[test]
fn a_marking_that_is_refused_is_taken_back() {
    let mut page = of_ann("unread=true", &[3, 2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Err(refused())));
    assert_eq!((page.shown(), page.counts()), (vec![3, 2, 1], (3, 3)));
    assert_eq!((page.toasts(), page.asks()), ("Not marked as read. Not now.".to_owned(), 1));
}

#[test]
fn an_undo_is_counted_in_the_inbox_that_it_is_of() {
    let mut page = of_ann("unread=true", &[2, 1]);
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    let under_way = marking(&mut page);
    page.send(Message::Marked(under_way, Ok(as_read(2, true))));
    turn_to_bob(&mut page, vec![notification_of(7, "bob")]);
    page.send(Message::UndoLast);
    assert_eq!(page.counts(), (1, 1));
}

#[test]
fn the_unread_filter_moves_focus_when_another_client_marks_a_row() {
    let mut page = of_ann("unread=true", &[2, 1]);
    let key = page.key(2);
    page.hear(updated(2, true, 11));
    assert_eq!(page.count(|effect| matches!(effect, Effect::HandOn(of, _) if *of == format!("row-{key}"))), 1);
}

#[test]
fn an_undone_mark_brings_nothing_back_that_is_about_to_be_deleted() {
    let mut page = of_ann("", &[3, 2, 1]);
    for number in [3, 2] {
        let key = page.key(number);
        page.send(Message::Select(key));
    }
    page.send(Message::MarkSelected(None)).send(Message::DeleteSelected);
    assert_eq!(
        (page.shown(), page.counts(), page.toasts()),
        (vec![1], (1, 1), "2 marked as read. | 2 deleted.".to_owned())
    );
    let read = page.view.toasts[0].key;
    page.send(Message::Undo(read));
    for number in [3, 2] {
        let find = |effect: &Effect| match effect {
            Effect::Mark(marking) if marking.id == id(number) && !marking.is_read => Some(marking.clone()),
            _ => None,
        };
        if let Some(marking) = page.take(find) {
            page.send(Message::Marked(marking, Ok(notification(number))));
        }
    }
    assert_eq!((page.shown(), page.counts()), (vec![1], (1, 1)), "they are about to be deleted");
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![3, 2, 1], (3, 3)), "and come back unread");
}

#[test]
fn a_notification_deleted_for_good_cannot_be_marked_unread() {
    let mut page = of_ann("", &[3, 2, 1]);
    for number in [3, 2] {
        let key = page.key(number);
        page.send(Message::Select(key));
    }
    page.send(Message::MarkSelected(None)).send(Message::DeleteSelected);
    let deleted = page.view.toasts[1].key;
    page.send(Message::Dismiss(deleted));
    assert_eq!((page.toasts(), page.counts()), (String::new(), (1, 1)));
}
