use super::*;
use crate::{
    app::board::core::message::Deletion,
    model::{Code, Problem},
};

fn deletion(page: &mut Open) -> Deletion {
    page.take(|effect| if let Effect::Delete(deletion) = effect { Some(deletion.clone()) } else { None }).unwrap()
}

fn delete(page: &mut Open, number: u128) {
    let key = page.key(number);
    page.send(Message::Delete(key));
}

#[test]
fn a_deleted_row_disappears_at_once_and_undo_puts_it_back() {
    let mut page = of_ann("", &[3, 2, 1]);
    let key = page.key(2);
    delete(&mut page, 2);
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![3, 1], (2, 2), "Deleted.".to_owned()));
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts(), page.key(2)), (vec![3, 2, 1], (3, 3), key));
    page.expire();
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0, "it was put back");
}

#[test]
fn an_undone_deletion_returns_to_its_place_beside_new_rows() {
    // Of one batch, chance says which has the greater id.
    let mut page = of_ann("", &[2, 3, 1]);
    delete(&mut page, 3);
    page.hear(created(4, 11)).send(Message::UndoLast);
    assert_eq!(page.shown(), [4, 2, 3, 1]);
    delete(&mut page, 1);
    page.send(Message::UndoLast);
    assert_eq!(page.shown(), [4, 2, 3, 1]);
    delete(&mut page, 4);
    page.hear(created(5, 12)).send(Message::UndoLast);
    assert_eq!(page.shown(), [5, 4, 2, 3, 1]);
    delete(&mut page, 3);
    delete(&mut page, 1);
    page.send(Message::UndoLast);
    assert_eq!(page.shown(), [5, 4, 2, 3, 1]);
}

#[test]
fn a_deletion_is_one_request_and_its_echo_asks_for_nothing() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.expire();
    assert!(page.toasts().is_empty());
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Ok(())));
    page.hear(live::Message { unread_count: Some(1), ..deleted(2, 11) });
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![1], (1, 1), 0));
}

#[test]
fn answers_and_changes_do_not_show_a_row_that_is_being_deleted() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.send(Message::Refresh).hear(updated(2, true, 11));
    let ticket = page.take(|effect| if let Effect::Ask(ticket, _) = effect { Some(*ticket) } else { None });
    let found = snapshot(vec![notification(2), notification(1)], Some(10));
    page.send(Message::Answered(ticket.unwrap(), Ok(found)));
    assert_eq!((page.shown(), page.counts()), (vec![1], (1, 1)));
}

#[test]
fn a_deletion_by_another_client_removes_the_undo() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.hear(deleted(2, 11));
    assert!(page.toasts().is_empty());
    page.expire();
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0);
}

#[test]
fn a_deletion_that_is_refused_is_taken_back() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.expire();
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Err(Problem::new(Code::Unavailable, "Not now."))));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
    assert_eq!((page.toasts(), page.asks()), ("Not deleted. Not now.".to_owned(), 1));
}

#[test]
fn a_refusal_does_not_repeat_the_reason_that_the_page_gives_already() {
    let mut page = of_ann("", &[2, 1]);
    let lost = || Problem::new(Code::Unreachable, "");
    let fail = |page: &mut Open| {
        let asked = ticket(page);
        page.send(Message::Answered(asked, Err(lost())));
    };
    let refuse = |page: &mut Open| {
        delete(page, 2);
        page.expire();
        let under_way = deletion(page);
        page.send(Message::Deleted(under_way, Err(lost())));
    };
    refuse(&mut page);
    assert_eq!(page.toasts(), "Not deleted. Can't reach the server.");
    fail(&mut page);
    assert_eq!(page.toasts(), "Not deleted.", "the page says now why its list is old");
    page.view.toasts.clear();
    refuse(&mut page);
    assert_eq!(page.toasts(), "Not deleted.");
}

#[test]
fn several_deletions_share_one_toast_and_one_undo() {
    let mut page = of_ann("", &[6, 5, 4, 3, 2, 1]);
    (2..=6).for_each(|number| delete(&mut page, number));
    assert_eq!((page.shown(), page.toasts()), (vec![1], "5 deleted.".to_owned()));
    page.effects.clear();
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![6, 5, 4, 3, 2, 1], (6, 6), String::new()));
    let first = format!("row-{}", page.key(6));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Focus(of) if *of == first)), 1);
    assert_eq!(page.count(|effect| matches!(effect, Effect::Focus(_))), 0);
}

#[test]
fn several_deletions_are_sent_when_the_time_of_the_last_one_is_over() {
    let mut page = of_ann("", &[3, 2, 1]);
    delete(&mut page, 3);
    let first = page.take(expiry).unwrap();
    delete(&mut page, 1);
    page.send(Message::Expire(first.0, first.1));
    assert_eq!((page.toasts(), page.count(|effect| matches!(effect, Effect::Delete(_)))), ("2 deleted.".to_owned(), 0));
    page.expire();
    assert_eq!((page.toasts(), page.count(|effect| matches!(effect, Effect::Delete(_)))), (String::new(), 2));
}

#[test]
fn undo_stays_available_while_the_user_attends_to_the_toast() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.send(Message::Attend(true)).expire();
    assert_eq!(page.toasts(), "Deleted.");
    page.send(Message::Attend(false));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0, "its time begins anew");
    page.expire();
    assert_eq!((page.toasts(), page.count(|effect| matches!(effect, Effect::Delete(_)))), (String::new(), 1));
}

#[test]
fn dismissing_a_toast_deletes_for_good_and_moves_focus_to_the_next_row() {
    let mut page = of_ann("", &[3, 2, 1]);
    delete(&mut page, 2);
    page.effects.clear();
    let toast = page.view.toasts[0].key;
    page.send(Message::Dismiss(toast));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 1);
    let next = format!("row-{}", page.key(1));
    assert_eq!(page.count(|it| matches!(it, Effect::HandOn(_, to) if *to == next)), 1);
}

#[test]
fn other_messages_do_not_crowd_out_the_undo() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    for n in 0..9 {
        page.send(Message::Toast(format!("message {n}")));
    }
    assert_eq!(page.toasts(), "Deleted. | message 6 | message 7 | message 8");
    page.send(Message::Toast("message 8".to_owned())).send(Message::Toast("message 8".to_owned()));
    assert_eq!(page.toasts(), "Deleted. | message 6 | message 7 | message 8", "the same is said once");
}

#[test]
fn focus_moves_to_the_list_when_a_toast_is_removed_or_replaced() {
    let mut page = of_ann("", &[3, 2, 1]);
    delete(&mut page, 2);
    let first = page.view.toasts[0].element_id();
    page.hear(deleted(2, 11));
    let to = format!("row-{}", page.key(3));
    let is_handed_on = |of: &Effect, id: &str| matches!(of, Effect::HandOn(from, heir) if from == id && *heir == to);
    assert_eq!(page.count(|effect| is_handed_on(effect, &first)), 1);
    for n in 0..4 {
        page.send(Message::Toast(format!("message {n}")));
    }
    let oldest = page.view.toasts[0].element_id();
    page.send(Message::Toast("one more".to_owned()));
    assert_eq!(page.count(|effect| is_handed_on(effect, &oldest)), 1);
}

#[test]
fn leaving_the_page_carries_out_all_pending_deletions() {
    let mut page = of_ann("", &[3, 2, 1]);
    delete(&mut page, 3);
    delete(&mut page, 1);
    assert_eq!(page.view.take_doomed(), [id(3), id(1)]);
    assert!(page.toasts().is_empty());
}

#[test]
fn a_deletion_in_one_inbox_does_not_change_the_count_of_another() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    turn_to_bob(&mut page, vec![notification_of(7, "bob")]);
    assert_eq!(page.counts(), (1, 1));
    page.expire();
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Ok(())));
    page.hear(live::Message { unread_count: Some(0), ..change(Kind::AllRead, 6) });
    assert_eq!(page.counts(), (1, 0), "no echo of the other inbox is waited for");
}

#[test]
fn an_undo_from_another_inbox_does_not_change_the_shown_count() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    turn_to_bob(&mut page, vec![notification_of(7, "bob")]);
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![7], (1, 1)));
}

#[test]
fn an_undone_deletion_is_read_if_all_were_marked_read_meanwhile() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.hear(live::Message { unread_count: Some(0), ..change(Kind::AllRead, 11) }).send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 0)));
}

#[test]
fn an_answer_from_before_a_creation_does_not_count_its_deletion() {
    let mut page = of_ann("", &[2, 1]);
    let asked = {
        page.send(Message::Refresh);
        ticket(&mut page)
    };
    page.hear(created(3, 11));
    let key = page.key(3);
    page.send(Message::Delete(key));
    page.send(Message::Answered(asked, Ok(snapshot(vec![notification(2), notification(1)], Some(10)))));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![3, 2, 1], (3, 3)));
}

#[test]
fn no_more_are_pending_than_one_request_can_name() {
    let numbers: Vec<u128> = (1..=1_000).rev().collect();
    let mut page = of_ann("", &numbers);
    let last = page.key(1);
    page.send(Message::SelectTo(Some(last), page.view.rows[0].key)).send(Message::DeleteSelected);
    assert_eq!(
        (page.toasts(), page.count(|effect| matches!(effect, Effect::Delete(_)))),
        ("1,000 deleted.".to_owned(), 0)
    );
    page.hear(created(1_001, 11));
    delete(&mut page, 1_001);
    assert_eq!(
        (page.toasts(), page.count(|effect| matches!(effect, Effect::Delete(_)))),
        ("Deleted.".to_owned(), 1_000)
    );
    page.send(Message::UndoLast);
    assert_eq!(page.shown(), [1_001], "the others cannot come back");
}
