use super::*;

#[test]
fn a_new_notification_slides_in_when_the_user_is_at_the_top() {
    let mut page = of_ann("", &[2, 1]);
    page.hear(created(3, 11));
    assert_eq!(page.shown(), [3, 2, 1]);
    assert!(page.view.rows[0].arrives);
    assert_eq!((page.counts(), page.view.held, page.view.seen()), ((3, 3), 0, Some(11)));
    assert_eq!(page.asks(), 0);
}

#[test]
fn new_notifications_wait_above_the_list_when_the_user_is_further_down() {
    let mut page = of_ann("", &[2, 1]);
    page.now.is_at_top = false;
    page.hear(created(3, 11)).hear(created(4, 12));
    assert_eq!((page.shown(), page.view.held, page.counts()), (vec![2, 1], 2, (4, 4)));
    assert_eq!(page.view.seen(), Some(10), "what waits was not seen");
    page.send(Message::Scrolled);
    assert_eq!(page.asks(), 0);
    page.now.is_at_top = true;
    page.send(Message::Scrolled).send(Message::Scrolled);
    assert_eq!(page.asks(), 1, "each further step of the scroll asks for nothing more");
    page.view.held = 0;
    page.now.is_at_top = false;
    page.hear(created(5, 13));
    page.now.is_at_top = true;
    assert_eq!(page.send(Message::Scrolled).asks(), 1, "what waits later is asked for again");
}

#[test]
fn an_empty_list_shows_what_arrives_wherever_the_page_is_scrolled_to() {
    let mut page = of_ann("", &[]);
    page.now.is_at_top = false;
    page.hear(created(1, 11));
    assert_eq!((page.shown(), page.view.held), (vec![1], 0));
}

#[test]
fn a_repeated_change_is_applied_once() {
    let mut page = of_ann("", &[1]);
    page.hear(created(2, 11)).hear(created(2, 11)).hear(updated(1, true, 10));
    assert_eq!((page.shown(), page.counts()), (vec![2, 1], (2, 2)));
    assert!(!page.view.rows[1].data.is_read, "a change from before the list is in the list");
}

#[test]
fn a_mark_by_another_client_updates_the_row_and_the_count() {
    let mut page = of_ann("", &[2, 1]);
    page.hear(updated(1, true, 11));
    assert!(page.view.rows[1].data.is_read);
    assert_eq!(page.counts(), (2, 1));
    page.hear(updated(1, false, 12));
    assert_eq!((page.counts(), page.asks()), ((2, 2), 0));
}

#[test]
fn the_unread_filter_drops_rows_that_another_client_marks_read() {
    let mut page = of_ann("unread=true", &[2, 1]);
    page.hear(updated(1, true, 11));
    assert_eq!((page.shown(), page.counts()), (vec![2], (2, 1)));
    assert_eq!(page.hear(updated(7, true, 12)).asks(), 0, "one that is not shown is not to be shown now either");
    assert_eq!(page.hear(updated(7, false, 13)).asks(), 1, "where it belongs, the server knows");
}

#[test]
fn in_one_inbox_the_stream_says_how_many_are_unread() {
    let mut page = of_ann("", &[2, 1]);
    page.hear(live::Message { unread_count: Some(7), ..created(3, 11) });
    assert_eq!(page.counts(), (3, 7));
    let key = page.key(3);
    page.send(Message::Delete(key));
    page.hear(live::Message { unread_count: Some(8), ..created(4, 12) });
    assert_eq!(page.counts().1, 7, "what is about to be deleted is not counted");
}

#[test]
fn an_inbox_that_is_read_elsewhere_is_read_here() {
    let mut page = open("", vec![notification_of(2, "bob"), notification(1)], None);
    let user_id = Some(UserId::parse("bob").unwrap());
    page.hear(live::Message { user_id, ..change(Kind::AllRead, 4) });
    assert_eq!(page.view.rows.iter().map(|row| row.data.is_read).collect::<Vec<_>>(), [true, false]);
    assert_eq!(page.asks(), 1, "how many are unread in all inboxes, the server knows");
}

#[test]
fn a_deletion_by_another_client_moves_focus_to_the_next_row() {
    let mut page = of_ann("", &[3, 2, 1]);
    let (gone, next) = (page.key(2), page.key(1));
    page.hear(deleted(2, 11));
    assert_eq!((page.shown(), page.counts(), page.asks()), (vec![3, 1], (2, 2), 0));
    let handed = page.take(|effect| match effect {
        Effect::HandOn(from, to) => Some((from.clone(), to.clone())),
        _ => None,
    });
    assert_eq!(handed, Some((format!("row-{gone}"), format!("row-{next}"))));
    assert_eq!(page.hear(deleted(9, 12)).asks(), 1, "of what kind one was that is not shown, the server knows");
}

#[test]
fn focus_skips_a_neighbour_that_is_removed_too() {
    let mut page = of_ann("unread=true", &[3, 2, 1]);
    let (first, last) = (page.key(3), page.key(1));
    page.send(Message::Heard(updated(3, true, 12))).send(Message::Heard(updated(2, true, 13))).send(Message::ShowAll);
    let handed = |effect: &Effect| match effect {
        Effect::HandOn(from, to) if *from == format!("row-{first}") => Some(to.clone()),
        _ => None,
    };
    assert_eq!(page.take(handed), Some(format!("row-{last}")));
}

#[test]
fn focus_moves_to_the_heading_when_all_are_read_elsewhere_and_only_unread_ones_are_shown() {
    let mut page = of_ann("unread=true", &[2, 1]);
    let first = format!("row-{}", page.key(2));
    page.hear(change(Kind::AllRead, 11));
    assert_eq!(page.shown(), Vec::<u128>::new());
    assert_eq!(
        page.count(|effect| matches!(effect, Effect::HandOn(from, to) if *from == first && to == "inbox-name")),
        1
    );
}

#[test]
fn a_list_of_a_thousand_grows_no_longer_and_asks_once_it_is_quiet() {
    let numbers: Vec<u128> = (1..=1_000).rev().collect();
    let mut page = of_ann("", &numbers);
    page.hear(created(1_001, 11)).hear(created(1_002, 12));
    assert_eq!((page.view.rows.len(), page.shown()[0], page.shown()[999]), (1_000, 1_002, 3));
    assert_eq!(page.send(Message::Period).asks(), 0);
    page.now.ms += 5_000.0;
    let asked = ticket(page.send(Message::Period));
    page.send(Message::Answered(asked, Ok(snapshot((3..=1_002).rev().map(notification).collect(), Some(12)))));
    assert_eq!(page.send(Message::Period).asks(), 0);
}

#[test]
fn a_few_new_rows_appear_one_by_one_and_many_appear_together() {
    let mut page = of_ann("", &[]);
    (1..=3).for_each(|number| {
        page.send(Message::Heard(created(u128::from(number), 10 + number)));
    });
    let is_soon = |effect: &Effect| matches!(effect, Effect::After(0, Message::ShowSoon));
    assert_eq!(page.count(is_soon), 1, "the page waits once for all");
    assert_eq!(page.send(Message::ShowSoon).count(|effect| matches!(effect, Effect::NextFrame(Message::ShowNext))), 3);
    assert_eq!(page.send(Message::ShowNext).shown(), [1]);
    assert_eq!(page.send(Message::ShowNext).shown(), [2, 1]);
    (4..=100).for_each(|number| {
        page.send(Message::Heard(created(u128::from(number), 10 + number)));
    });
    assert_eq!(page.send(Message::ShowSoon).count(|effect| matches!(effect, Effect::NextFrame(Message::ShowNext))), 1);
    assert_eq!(page.send(Message::ShowNext).view.rows.len(), 100);
}

#[test]
fn memory_does_not_grow_with_the_number_of_changes() {
    let mut page = open("", vec![], None);
    let of = |number: u64| UserId::parse(&format!("user_{}", number % 50)).ok();
    for number in 1..=50_000_u64 {
        page.hear(live::Message { user_id: of(number), ..created(u128::from(number), number) });
        if number % 3 == 0 {
            page.hear(live::Message { user_id: of(number), ..updated(u128::from(number), true, number) });
        }
        if number % 100 == 0 {
            page.send(Message::RefreshAsSaid).send(Message::Tell);
            let ticket = page.take(|effect| if let Effect::Ask(ticket, _) = effect { Some(*ticket) } else { None });
            let found = snapshot(page.view.rows.iter().take(50).map(|row| row.data.clone()).collect(), None);
            page.send(Message::Answered(ticket.unwrap(), Ok(found)));
        }
        page.effects.clear();
    }
    let view = &page.view;
    assert_eq!((view.heard.waiting.len(), view.heard.recent.len(), view.heard.asked), (0, 0, 0));
    assert_eq!((view.heard.newer.len(), view.heard.echoes.len(), view.toasts.len()), (0, 0, 0));
    assert!(view.rows.len() <= 150, "{} rows", view.rows.len());
}

#[test]
fn a_mark_made_here_is_counted_once_where_the_list_lacks_others_of_its_category() {
    let mut page = of_ann("unread=true", &[2, 1]);
    page.send(Message::Refresh);
    let asked = ticket(&mut page);
    let mut found = snapshot(vec![notification(2), notification(1)], Some(10));
    found.overview.categories = vec![(notification(1).category.clone(), 12)];
    page.send(Message::Answered(asked, Ok(found)));
    let key = page.key(2);
    page.send(Message::Mark(key, true));
    let marking = page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None });
    let mut read = notification(2);
    read.is_read = true;
    page.send(Message::Marked(marking.unwrap(), Ok(read)));
    page.hear(updated(2, true, 11));
    assert_eq!(page.view.counted().categories[0].1, 11);
}

#[test]
fn a_stream_that_was_silent_for_too_long_is_live_again_with_the_first_change() {
    let mut page = of_ann("", &[1]);
    page.now.ms += 60_000.0;
    page.send(Message::Period);
    assert!(!page.view.is_live);
    let asked = ticket(&mut page);
    page.send(Message::Answered(asked, Ok(snapshot(vec![notification(1)], Some(10)))));
    assert_eq!(page.hear(created(2, 11)).asks(), 1, "something may have been missed");
    assert!(page.view.is_live);
}

/// A full list that grew over its end, where the user wants what is older.
fn cut() -> Open {
    let numbers: Vec<u128> = (1..=1_000).rev().collect();
    let mut page = of_ann("", &numbers);
    page.hear(created(2_000, 11));
    assert!(page.view.is_cut());
    page.send(Message::ShowOlder);
    page
}

/// Answers the next request of [`cut`], and returns where the page goes on.
fn goes_on(page: &mut Open) -> Option<String> {
    let asked = ticket(page);
    let mut found = snapshot((1..=1_000).rev().map(notification).collect(), Some(11));
    found.page.next = Some(crate::model::Cursor::in_inbox(9));
    page.send(Message::Answered(asked, Ok(found)));
    page.take(|effect| if let Effect::Go(address) = effect { address.before.clone() } else { None })
}

#[test]
fn show_older_after_a_cut_list_first_requests_the_cursor() {
    let mut page = cut();
    assert_eq!((goes_on(&mut page).as_deref(), page.view.is_cut()), (Some("i9"), false));
}

#[test]
fn older_notifications_are_not_shown_long_after_the_user_asked() {
    let mut page = cut();
    page.now.ms += 5_000.0;
    assert_eq!((goes_on(&mut page), page.view.is_cut()), (None, false));
}

#[test]
fn older_notifications_are_not_shown_once_that_failed_whatever_else_the_user_did() {
    let mut page = cut();
    let (asked, key) = (ticket(&mut page), page.key(999));
    page.send(Message::Mark(key, true));
    page.send(Message::Answered(asked, Err(crate::model::Problem::new(crate::model::Code::Unreachable, ""))));
    let marking = page.take(|effect| if let Effect::Mark(marking) = effect { Some(marking.clone()) } else { None });
    page.send(Message::Marked(marking.unwrap(), Ok(as_read(999, true))));
    assert_eq!(goes_on(&mut page), None);
}
