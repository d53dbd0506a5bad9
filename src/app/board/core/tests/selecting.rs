use super::*;
use crate::model::Code;

fn select(page: &mut Open, number: u128) {
    let key = page.key(number);
    page.send(Message::Select(key));
}

fn select_to(page: &mut Open, from: Option<u128>, to: u128) {
    let message = Message::SelectTo(from.map(|from| page.key(from)), page.key(to));
    page.send(message);
}

/// The numbers of the notifications that are selected.
fn selected(page: &Open) -> Vec<u128> {
    page.view.rows.iter().filter(|row| row.is_selected).map(|row| number(row.data.id)).collect()
}

fn said(page: &mut Open) -> Option<String> {
    page.take(|effect| if let Effect::Say(text) = effect { Some(text.clone()) } else { None })
}

/// Where the focus goes from the bar with the actions.
fn handed_on(page: &mut Open) -> Option<String> {
    page.take(|effect| match effect {
        Effect::HandOn(from, to) if from == crate::app::board::SELECTION => Some(to.clone()),
        _ => None,
    })
}

fn row(page: &Open, number: u128) -> String {
    format!("row-{}", page.key(number))
}

#[test]
fn rows_are_selected_one_by_one_and_the_count_is_announced() {
    let mut page = of_ann("", &[3, 2, 1]);
    select(&mut page, 3);
    assert_eq!(said(&mut page), Some("1 selected".to_owned()));
    select(&mut page, 1);
    assert_eq!(
        (selected(&page), page.view.selected(), said(&mut page)),
        (vec![3, 1], 2, Some("2 selected".to_owned()))
    );
    select(&mut page, 3);
    assert_eq!((selected(&page), said(&mut page)), (vec![1], Some("1 selected".to_owned())));
    page.send(Message::Unselect);
    assert_eq!((selected(&page), said(&mut page)), (vec![], Some("0 selected".to_owned())));
}

#[test]
fn a_range_goes_from_where_the_user_began_and_shrinks_again() {
    let mut page = of_ann("", &[5, 4, 3, 2, 1]);
    select(&mut page, 4);
    select_to(&mut page, None, 1);
    assert_eq!(selected(&page), [4, 3, 2, 1]);
    select_to(&mut page, None, 5);
    assert_eq!(selected(&page), [5, 4], "it turns round where it began");
    page.send(Message::Unselect);
    select_to(&mut page, None, 3);
    assert_eq!(selected(&page), [3], "after nothing was selected it begins anew");
}

#[test]
fn shift_and_arrow_extend_the_selection_and_shrink_it_on_the_way_back() {
    let mut page = of_ann("", &[5, 4, 3, 2, 1]);
    select_to(&mut page, Some(5), 4);
    select_to(&mut page, Some(4), 3);
    assert_eq!(selected(&page), [5, 4, 3]);
    select_to(&mut page, Some(3), 4);
    assert_eq!(selected(&page), [5, 4]);
    // The user went elsewhere in between: what is selected stays.
    select_to(&mut page, Some(2), 1);
    assert_eq!(selected(&page), [5, 4, 2, 1]);
}

#[test]
fn removed_rows_are_deselected_and_new_rows_are_not_selected() {
    let mut page = of_ann("", &[5, 4, 3, 2, 1]);
    select(&mut page, 5);
    select_to(&mut page, None, 2);
    page.hear(created(6, 11)).hear(deleted(4, 12));
    assert_eq!((page.shown(), selected(&page)), (vec![6, 5, 3, 2, 1], vec![5, 3, 2]));
    page.send(Message::Refresh);
    let asked = ticket(&mut page);
    let found = [7, 6, 5, 3, 1].map(notification).into();
    page.send(Message::Answered(asked, Ok(snapshot(found, Some(14)))));
    assert_eq!((page.shown(), selected(&page)), (vec![7, 6, 5, 3, 1], vec![5, 3]));
    // The row where the range ends is gone.
    select_to(&mut page, None, 1);
    assert_eq!(selected(&page), [5, 3, 1]);
}

#[test]
fn a_row_cut_off_a_full_list_is_deselected() {
    let numbers: Vec<u128> = (1..=1_000).rev().collect();
    let mut page = of_ann("", &numbers);
    select(&mut page, 1);
    select(&mut page, 2);
    page.hear(created(2_000, 11));
    assert_eq!((page.view.rows.len(), selected(&page)), (1_000, vec![2]));
}

#[test]
fn another_filter_or_inbox_selects_nothing_and_neither_does_the_way_back() {
    let mut page = of_ann("", &[2, 1]);
    select(&mut page, 2);
    page.send(Message::Leave(None)).send(Message::Turn(Address::parse("user_id=ann&unread=true")));
    assert_eq!((page.shown(), selected(&page)), (vec![2, 1], vec![]));
    page.send(Message::Return(Address::parse("user_id=ann")));
    assert_eq!((page.shown(), selected(&page)), (vec![2, 1], vec![]));
}

#[test]
fn deleting_a_selection_is_taken_back_by_one_undo() {
    let mut page = of_ann("", &[6, 5, 4, 3, 2, 1]);
    for number in [6, 5, 3] {
        select(&mut page, number);
    }
    page.effects.clear();
    page.send(Message::DeleteSelected);
    assert_eq!((page.shown(), page.counts(), page.toasts()), (vec![4, 2, 1], (3, 3), "3 deleted.".to_owned()));
    let (next, bar) = (row(&page, 2), handed_on(&mut page));
    assert_eq!(bar, Some(row(&page, 4)), "the row below the first one that went");
    assert_eq!(page.count(|effect| matches!(effect, Effect::HandOn(_, to) if *to == next)), 1);
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts(), selected(&page)), (vec![6, 5, 4, 3, 2, 1], (6, 6), vec![]));
    page.expire();
    assert_eq!(page.count(|effect| matches!(effect, Effect::Delete(_))), 0);
}

#[test]
fn marking_a_selection_keeps_it_and_is_taken_back_by_one_undo() {
    let mut page = of_ann("", &[4, 3, 2, 1]);
    page.hear(updated(3, true, 11));
    select(&mut page, 4);
    select_to(&mut page, None, 2);
    page.effects.clear();
    page.send(Message::MarkSelected(None));
    assert_eq!((page.counts(), page.toasts()), ((4, 1), "2 marked as read.".to_owned()));
    assert_eq!(page.count(|effect| matches!(effect, Effect::Mark(marking) if marking.is_read)), 2, "one was read");
    assert_eq!(selected(&page), [4, 3, 2]);
    page.send(Message::UndoLast);
    let unread: Vec<_> = page.view.rows.iter().filter(|row| !row.data.is_read).map(|row| number(row.data.id)).collect();
    assert_eq!((unread, page.counts()), (vec![4, 2, 1], (4, 3)));
}

#[test]
fn toggling_a_selection_marks_unread_only_if_all_rows_are_read() {
    let mut page = of_ann("", &[2, 1]);
    select(&mut page, 2);
    select(&mut page, 1);
    page.send(Message::MarkSelected(Some(true))).send(Message::MarkSelected(None));
    assert_eq!((page.counts(), page.toasts()), ((2, 2), String::new()), "there is nothing left to undo");
}

#[test]
fn under_unread_marked_rows_leave_the_list_and_the_bar_gives_the_focus_to_a_row() {
    let mut page = of_ann("unread=true", &[4, 3, 2, 1]);
    select(&mut page, 4);
    select(&mut page, 3);
    page.effects.clear();
    page.send(Message::MarkSelected(Some(true)));
    assert_eq!((page.shown(), page.toasts()), (vec![2, 1], "2 marked as read.".to_owned()));
    assert_eq!(handed_on(&mut page), Some(row(&page, 2)));
}

#[test]
fn a_refused_mark_brings_its_row_back_but_does_not_select_it() {
    let mut page = of_ann("unread=true", &[2, 1]);
    select(&mut page, 2);
    page.send(Message::MarkSelected(Some(true)));
    let marking = page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None });
    page.send(Message::Marked(marking.unwrap(), Err(crate::model::Problem::new(Code::Unavailable, "Not now."))));
    assert_eq!((page.shown(), selected(&page)), (vec![2, 1], vec![]));
}

#[test]
fn the_bar_gives_the_focus_to_the_row_selected_last() {
    let mut page = of_ann("", &[3, 2, 1]);
    select(&mut page, 3);
    select_to(&mut page, None, 2);
    page.send(Message::Unselect);
    assert_eq!(handed_on(&mut page), Some(row(&page, 2)));
}
