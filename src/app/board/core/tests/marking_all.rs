use super::{marking::refused, *};
use crate::{
    app::board::core::message::{MarkingAll, UnmarkingAll},
    model::{Marked, MarkedBy},
};

fn marking_all(page: &mut Open) -> MarkingAll {
    page.take(|effect| if let Effect::MarkAll(marking) = effect { Some(marking.clone()) } else { None }).unwrap()
}

fn unmarking_all(page: &mut Open) -> UnmarkingAll {
    page.take(|effect| if let Effect::UnmarkAll(it) = effect { Some(it.clone()) } else { None }).unwrap()
}

fn marked(count: u64) -> Marked {
    Marked { count, by: MarkedBy { after: 10, up_to: 11, is_whole: true } }
}

fn all_read(modseq: u64) -> live::Message {
    live::Message { unread_count: Some(0), ..change(Kind::AllRead, modseq) }
}

#[test]
fn mark_all_marks_what_was_seen_and_nothing_newer() {
    let mut page = of_ann("", &[2, 1]);
    page.now.is_at_top = false;
    page.hear(created(3, 11)).send(Message::MarkAll(None));
    assert_eq!(page.counts(), (3, 1), "the one that waits above");
    let under_way = marking_all(&mut page);
    assert_eq!(under_way.up_to, Some(10));
    page.send(Message::AllMarked(under_way, Ok(marked(2))));
    assert_eq!((page.toasts(), page.asks()), ("2 marked as read.".to_owned(), 0));
}

#[test]
fn marking_all_is_undone_as_it_was_done() {
    let mut page = of_ann("", &[3, 2, 1]);
    page.hear(updated(2, true, 11)).send(Message::MarkAll(None));
    assert_eq!(page.counts(), (3, 0));
    let under_way = marking_all(&mut page);
    page.send(Message::AllMarked(under_way, Ok(marked(2)))).hear(all_read(12)).send(Message::UndoLast);
    assert_eq!(page.counts(), (3, 2));
    let read: Vec<_> = page.view.rows.iter().map(|row| row.data.is_read).collect();
    assert_eq!(read, [false, true, false], "what was read before stays read");
    let under_way = unmarking_all(&mut page);
    page.send(Message::AllUnmarked(under_way, Ok(2)));
    page.hear(live::Message { unread_count: Some(1), ..updated(3, false, 13) });
    page.hear(live::Message { unread_count: Some(2), ..updated(1, false, 14) });
    assert_eq!((page.counts(), page.asks()), ((3, 2), 0));
}

#[test]
fn the_unread_filter_drops_all_rows_on_mark_all_and_undo_restores_them() {
    let mut page = of_ann("unread=true", &[3, 2, 1]);
    page.send(Message::MarkAll(None));
    let under_way = marking_all(&mut page);
    page.send(Message::AllMarked(under_way, Ok(marked(3)))).hear(all_read(11));
    assert_eq!((page.shown(), page.counts()), (vec![], (3, 0)));
    page.send(Message::UndoLast);
    assert_eq!((page.shown(), page.counts()), (vec![3, 2, 1], (3, 3)));
    let under_way = unmarking_all(&mut page);
    page.send(Message::AllUnmarked(under_way, Err(refused())));
    assert_eq!((page.shown(), page.counts()), (vec![], (3, 0)));
    assert!(page.view.toasts.iter().any(|toast| toast.undo.is_some()), "it is offered again");
}

#[test]
fn undoing_mark_all_goes_back_to_where_the_user_was() {
    for (at, below, to) in [(Some(2), 0.0, 2), (Some(2), -5.0, 1), (Some(1), -5.0, 1), (None, 0.0, 3)] {
        let mut page = of_ann("unread=true", &[3, 2, 1]);
        let (at, to) = (at.map(|row| (page.key(row), below)), page.view.rows[3 - to].element_id());
        page.send(Message::MarkAll(at));
        let under_way = marking_all(&mut page);
        page.send(Message::AllMarked(under_way, Ok(marked(3)))).hear(all_read(11));
        page.effects.clear();
        page.send(Message::UndoLast);
        let focus = page.take(|effect| if let Effect::Focus(id) = effect { Some(id.clone()) } else { None });
        let shown = page.take(|effect| if let Effect::Show(at) = effect { Some(*at) } else { None });
        assert_eq!((focus, shown), (Some(to), at));
    }
}

#[test]
fn the_focus_goes_from_undo_to_the_first_row_in_sight() {
    for (at, to) in [(Some(2), 1), (None, 0)] {
        let mut page = of_ann("", &[3, 2, 1]);
        page.send(Message::MarkAll(at.map(|row| (page.key(row), 0.0))));
        let under_way = marking_all(&mut page);
        page.send(Message::AllMarked(under_way, Ok(marked(3)))).send(Message::UndoLast);
        let heir = page.take(|effect| if let Effect::HandOn(_, to) = effect { Some(to.clone()) } else { None });
        let rows = [String::from("inbox-name"), page.view.rows[1].element_id()];
        assert_eq!(heir.as_ref(), Some(&rows[to]));
    }
}

#[test]
fn marking_all_that_is_refused_is_taken_back() {
    let mut page = of_ann("", &[2, 1]);
    page.send(Message::MarkAll(None));
    let under_way = marking_all(&mut page);
    page.send(Message::AllMarked(under_way, Err(refused())));
    assert_eq!((page.counts(), page.asks()), ((2, 2), 1));
    assert!(page.view.rows.iter().all(|row| !row.data.is_read));
}

#[test]
fn the_list_is_refreshed_when_mark_all_marked_nothing() {
    let mut page = of_ann("", &[2, 1]);
    page.send(Message::MarkAll(None));
    let under_way = marking_all(&mut page);
    page.send(Message::AllMarked(under_way, Ok(marked(0))));
    assert_eq!((page.toasts(), page.asks()), ("Nothing was left to mark.".to_owned(), 1));
}

#[test]
fn a_search_and_all_inboxes_cannot_be_marked() {
    assert!(of_ann("", &[1]).view.can_mark_all());
    assert!(!of_ann("q=number", &[1]).view.can_mark_all());
    assert!(!open("", vec![notification(1)], None).view.can_mark_all());
    assert!(!of_ann("", &[]).view.can_mark_all());
}

#[test]
fn a_category_without_anything_unread_cannot_be_marked() {
    // Each is a message.
    let can = |query: &str| of_ann(query, &[1]).view.can_mark_all();
    assert_eq!((can("category=message"), can("category=alert"), can("")), (true, false, true));
}

#[test]
fn a_partial_undo_of_mark_all_refreshes_the_list() {
    let mut page = of_ann("", &[2, 1]);
    page.send(Message::MarkAll(None));
    let under_way = marking_all(&mut page);
    page.send(Message::AllMarked(under_way, Ok(marked(2)))).hear(all_read(11)).send(Message::UndoLast);
    let under_way = unmarking_all(&mut page);
    page.send(Message::AllUnmarked(under_way, Ok(0)));
    assert_eq!(page.asks(), 1);
}
