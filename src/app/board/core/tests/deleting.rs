use super::*;
use crate::{
    app::board::core::{message::Deletion, view::Undo},
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
fn what_is_deleted_goes_at_once_and_comes_back_where_it_was() {
    let mut page = of_ann("", &[3, 2, 1]);
    let key = page.key(2);
    delete(&mut page, 2);
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![3, 1], (2, 2), "Deleted.".to_owned()));
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts(), page.key(2)), (vec![3, 2, 1], (3, 3), key));
    page.send(Message::ReallyDelete(id(2)));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0, "it was put back");
}

#[test]
fn what_comes_back_is_between_the_same_ones_whatever_came_meanwhile() {
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
    page.send(Message::Undo(Undo::Delete(id(3)))).send(Message::UndoLast);
    assert_eq!(page.shown(), [5, 4, 2, 3, 1]);
}

#[test]
fn a_deletion_is_one_request_and_its_echo_asks_for_nothing() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.send(Message::ReallyDelete(id(2)));
    assert!(page.toasts().is_empty());
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Ok(())));
    page.hear(live::Message { unread_count: Some(1), ..deleted(2, 11) });
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![1], (1, 1), 0));
}

#[test]
fn what_is_about_to_be_deleted_is_in_no_answer_and_in_no_change() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.send(Message::Refresh).hear(updated(2, true, 11));
    let ticket = page.take(|effect| if let Effect::Ask(ticket, _) = effect { Some(*ticket) } else { None });
    let found = snapshot(vec![notification(2), notification(1)], Some(10));
    page.send(Message::Answered(ticket.unwrap(), Ok(found)));
    assert_eq!((page.shown(), page.counts()), (vec![1], (1, 1)));
}

#[test]
fn what_another_client_deletes_first_can_no_longer_be_undone() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.hear(deleted(2, 11));
    assert!(page.toasts().is_empty());
    page.send(Message::ReallyDelete(id(2)));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0);
}

#[test]
fn a_deletion_that_is_refused_is_taken_back() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.send(Message::ReallyDelete(id(2)));
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Err(Problem::new(Code::Unavailable, "Not now."))));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
    assert_eq!((page.toasts(), page.asks()), ("Not deleted. Not now.".to_owned(), 1));
}

#[test]
fn several_can_be_undone_one_after_the_other_and_all_are_deleted_when_the_page_is_left() {
    let mut page = of_ann("", &[3, 2, 1]);
    delete(&mut page, 3);
    delete(&mut page, 1);
    page.send(Message::UndoLast);
    assert_eq!(page.shown(), [2, 1]);
    assert_eq!(page.view.take_doomed(), [id(3)]);
    assert!(page.toasts().is_empty());
}

#[test]
fn what_is_deleted_in_one_inbox_is_not_counted_in_the_next() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    turn_to_bob(&mut page, vec![notification_of(7, "bob")]);
    assert_eq!(page.counts(), (1, 1));
    page.send(Message::ReallyDelete(id(2)));
    let under_way = deletion(&mut page);
    page.send(Message::Deleted(under_way, Ok(())));
    page.hear(live::Message { unread_count: Some(0), ..change(Kind::AllRead, 6) });
    assert_eq!(page.counts(), (1, 0), "no echo of the other inbox is waited for");
}

#[test]
fn what_is_put_back_in_another_inbox_is_not_counted_there() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    turn_to_bob(&mut page, vec![notification_of(7, "bob")]);
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![7], (1, 1)));
}

#[test]
fn what_is_about_to_be_deleted_is_read_when_all_is() {
    let mut page = of_ann("", &[2, 1]);
    delete(&mut page, 2);
    page.hear(live::Message { unread_count: Some(0), ..change(Kind::AllRead, 11) }).send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 0)));
}
