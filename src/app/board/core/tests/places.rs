use super::*;
use crate::model::{Code, Cursor, Problem};

fn list(numbers: impl Iterator<Item = u128>) -> Vec<Notification> {
    numbers.map(notification).collect()
}

/// The answer to what was asked for last, which goes on after this position.
fn answer(page: &mut Open, notifications: Vec<Notification>, next: Option<u64>) {
    let asked = ticket(page);
    let mut found = snapshot(notifications, Some(10));
    found.page.next = next.map(Cursor::in_inbox);
    page.send(Message::Answered(asked, Ok(found)));
}

fn shown_at(page: &mut Open) -> Option<(i64, f64)> {
    page.take(|effect| if let Effect::Show(at) = effect { Some(*at) } else { None })
}

/// The time of the notification with this number.
fn time(number: u128) -> i64 {
    notification(number).timestamp.as_micros()
}

fn limit(page: &mut Open) -> u16 {
    page.effects.iter().find_map(|it| if let Effect::Ask(_, limit) = it { Some(*limit) } else { None }).unwrap()
}

#[test]
fn going_back_restores_the_rows_and_the_scroll_position() {
    let mut page = of_ann("", &[]);
    page.send(Message::ShowOlder);
    answer(&mut page, list((1..=100).rev()), Some(1));
    let key = page.key(30);
    page.send(Message::Leave(Some((key, -7.0)))).send(Message::Turn(Address::parse("user_id=bob")));
    answer(&mut page, vec![notification_of(7, "bob")], None);
    page.send(Message::Leave(None)).send(Message::Return(Address::parse("user_id=ann")));
    assert_eq!((page.shown().len(), page.key(30), page.counts()), (100, key, (100, 100)));
    assert_eq!((shown_at(&mut page), limit(&mut page), page.view.next.is_some()), (Some((key, -7.0)), 100, true));
    answer(&mut page, list((1..=101).rev()), Some(1));
    assert_eq!((page.shown().len(), page.key(30), page.view.held), (101, key, 0));
}

#[test]
fn following_a_link_to_an_earlier_list_starts_at_its_top() {
    let mut page = of_ann("", &[2, 1]);
    page.send(Message::Leave(Some((0, 3.0)))).send(Message::Turn(Address::parse("user_id=bob")));
    answer(&mut page, vec![], None);
    page.send(Message::Leave(None)).send(Message::Turn(Address::parse("user_id=ann")));
    assert_eq!((page.shown(), shown_at(&mut page)), (vec![], None));
}

#[test]
fn going_back_does_not_restore_a_deleted_row() {
    let mut page = of_ann("", &[3, 2, 1]);
    page.send(Message::Leave(None)).send(Message::Turn(Address::parse("user_id=ann&unread=true")));
    answer(&mut page, list((1..=3).rev()), None);
    let key = page.key(2);
    page.send(Message::Delete(key)).send(Message::Leave(None)).send(Message::Return(Address::parse("user_id=ann")));
    assert_eq!(page.shown(), [3, 1]);
}

#[test]
fn the_number_of_remembered_lists_is_bounded() {
    let mut page = of_ann("", &[1]);
    for number in 0..20 {
        page.send(Message::Leave(None)).send(Message::Turn(Address::parse(&format!("user_id=user_{number}"))));
    }
    assert_eq!(page.view.places.len(), 8);
}

#[test]
fn a_full_list_continues_on_a_page_of_its_own() {
    let mut page = of_ann("", &[]);
    page.send(Message::Refresh);
    answer(&mut page, list((1_201..=2_000).rev()), Some(1_201));
    page.send(Message::ShowOlder);
    answer(&mut page, list((1_001..=2_000).rev()), Some(1_001));
    assert!(!page.view.can_grow());
    let further = page.view.further().unwrap();
    assert_eq!(further, Address::parse("user_id=ann&before=i1201"));
    let key = page.key(1_001);
    page.send(Message::Leave(Some((key, 5.0)))).send(Message::Further(further, Some((key, 5.0))));
    assert_eq!((page.shown(), shown_at(&mut page)), ((1_001..=1_200).rev().collect(), Some((key, 5.0))));
    assert_eq!(limit(&mut page), 400);
    answer(&mut page, list((801..=1_200).rev()), Some(801));
    assert_eq!((page.shown(), page.key(1_001)), ((801..=1_200).rev().collect(), key));
    page.send(Message::Leave(None)).send(Message::Return(Address::parse("user_id=ann")));
    assert_eq!((page.shown().len(), page.key(1_001), shown_at(&mut page)), (1_000, key, Some((key, 5.0))));
    answer(&mut page, list((1_001..=2_000).rev()), Some(1_001));
    assert!(page.view.further().is_some(), "and on again");
}

#[test]
fn going_back_keeps_newer_rows_waiting_above_the_list() {
    let mut page = of_ann("", &[]);
    page.send(Message::ShowOlder);
    answer(&mut page, list((1..=100).rev()), Some(1));
    page.now.is_at_top = false;
    let key = page.key(2);
    page.send(Message::Leave(Some((key, 0.0)))).send(Message::Turn(Address::parse("user_id=bob")));
    answer(&mut page, vec![], None);
    page.send(Message::Leave(None)).send(Message::Return(Address::parse("user_id=ann")));
    answer(&mut page, list((3..=102).rev()), Some(3));
    assert_eq!((page.key(2), page.view.held), (key, 2));
    page.send(Message::MarkAll(None));
    let up_to = page.take(|effect| if let Effect::MarkAll(marking) = effect { Some(marking.up_to) } else { None });
    assert_eq!(up_to, Some(Some(10)), "not those that wait above the list");
}

#[test]
fn coming_back_from_another_page_loads_as_many_rows_and_scrolls_to_the_same_one() {
    let mut before = of_ann("", &[]);
    before.send(Message::ShowOlder);
    answer(&mut before, list((1..=100).rev()), Some(1));
    let kept = before.view.kept((before.key(30), -7.4)).unwrap();
    assert_eq!(kept, format!("100 10 -7 {} {} {}", time(100), time(30), id(30)));

    let mut page = open("user_id=ann", list((51..=100).rev()), Some(10));
    page.send(Message::Resume(kept));
    assert_eq!((limit(&mut page), shown_at(&mut page)), (100, None), "not before the row is there");
    answer(&mut page, list((1..=100).rev()), Some(1));
    assert_eq!((page.shown().len(), shown_at(&mut page)), (100, Some((page.key(30), -7.0))));
    page.send(Message::Refresh);
    answer(&mut page, list((1..=100).rev()), Some(1));
    assert_eq!(shown_at(&mut page), None, "once");
}

#[test]
fn coming_back_to_what_is_there_asks_for_nothing() {
    let mut page = of_ann("", &[3, 2, 1]);
    page.effects.clear();
    page.send(Message::Resume(format!("3 10 12 {} {} {}", time(3), time(2), id(2))));
    assert_eq!((page.asks(), shown_at(&mut page)), (0, Some((page.key(2), 12.0))));
}

#[test]
fn what_came_while_the_user_was_on_another_page_waits_above_the_place() {
    let mut before = of_ann("", &[5, 4, 3, 2, 1]);
    let long = before.key(4);
    before.send(Message::Toggle(long));
    let kept = before.view.kept((before.key(3), 0.0)).unwrap();

    let mut page = open("user_id=ann", list((1..=7).rev()), Some(12));
    page.effects.clear();
    page.send(Message::Resume(kept));
    assert_eq!((page.asks(), shown_at(&mut page)), (0, Some((page.key(3), 0.0))));
    assert_eq!((page.shown(), page.view.held, page.counts()), (vec![5, 4, 3, 2, 1], 2, (7, 7)));
    let counted: Vec<_> = page.view.counted().categories.into_iter().map(|(_, count)| count).collect();
    assert_eq!(counted, [7], "what waits is counted too");
    let are_open: Vec<_> = page.view.rows.iter().map(|row| row.is_open).collect();
    assert_eq!(are_open, [false, true, false, false, false], "long texts stay open");
    page.send(Message::MarkAll(None));
    let up_to = page.take(|effect| if let Effect::MarkAll(marking) = effect { Some(marking.up_to) } else { None });
    assert_eq!(up_to, Some(Some(10)), "what waits was not seen");
}

#[test]
fn what_came_meanwhile_makes_the_list_longer_and_takes_no_row_from_its_end() {
    let before = open("user_id=ann", list((1..=60).rev().take(50)), Some(10));
    let kept = before.view.kept((before.key(12), 4.0)).unwrap();
    let mut page = open("user_id=ann", list((1..=63).rev().take(50)), Some(12));
    page.send(Message::Resume(kept));
    assert_eq!((limit(&mut page), shown_at(&mut page)), (53, None));
    answer(&mut page, list((1..=63).rev().take(53)), Some(10));
    assert_eq!((page.shown().len(), page.view.held, shown_at(&mut page)), (50, 3, Some((page.key(12), 4.0))));
}

#[test]
fn what_came_while_a_user_at_the_top_was_on_another_page_is_shown() {
    let before = open("user_id=ann", list((1..=60).rev().take(50)), Some(10));
    let kept = before.view.kept((before.key(60), 24.0)).unwrap();
    let resumed = |kept: String, numbers: std::ops::RangeInclusive<u128>| {
        let mut page = open("user_id=ann", list(numbers.rev().take(50)), Some(12));
        page.now.is_at_top = false;
        page.send(Message::Resume(kept));
        if page.effects.iter().any(|effect| matches!(effect, Effect::Ask(..))) {
            answer(&mut page, list((1..=63).rev().take(53)), None);
        }
        (page.view.held, shown_at(&mut page).is_some())
    };
    assert_eq!(resumed(kept, 1..=63), (0, false));
    // Who reads further down a long first one is not at the top.
    let kept = before.view.kept((before.key(60), -24.0)).unwrap();
    assert_eq!(resumed(kept, 1..=63), (3, true));
}

#[test]
fn the_newest_one_may_be_gone_by_then() {
    let before = of_ann("unread=true", &[4, 3, 2, 1]);
    let kept = before.view.kept((before.key(2), 0.0)).unwrap();
    let mut page = of_ann("unread=true", &[6, 5, 3, 2, 1]);
    page.effects.clear();
    page.send(Message::Resume(kept));
    assert_eq!((page.asks(), page.shown(), page.view.held), (0, vec![3, 2, 1], 2));
}

#[test]
fn where_the_row_in_sight_is_gone_the_next_older_one_is_there() {
    let before = of_ann("", &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let kept = before.view.kept((before.key(6), 4.0)).unwrap();
    let mut page = of_ann("", &[11, 10, 9, 3, 2, 1]);
    page.effects.clear();
    page.send(Message::Resume(kept));
    assert_eq!((shown_at(&mut page), page.shown(), page.view.held), (Some((page.key(3), 4.0)), vec![9, 3, 2, 1], 2));
}

#[test]
fn what_waits_when_the_list_is_there_waits_with_the_rest() {
    let before = open("user_id=ann", list((1..=100).rev()), Some(10));
    let kept = before.view.kept((before.key(30), 0.0)).unwrap();
    let mut page = open("user_id=ann", list((52..=101).rev()), Some(11));
    page.send(Message::Resume(kept));
    page.now.is_at_top = false;
    answer(&mut page, list((1..=102).rev()), None);
    assert_eq!((page.view.held, page.shown()[0], page.view.seen()), (2, 100, Some(10)));
}

#[test]
fn more_than_a_page_may_have_come() {
    let before = open("user_id=ann", list((1..=60).rev().take(50)), Some(10));
    let kept = before.view.kept((before.key(20), 0.0)).unwrap();
    let mut page = open("user_id=ann", list((1..=210).rev().take(50)), Some(12));
    page.send(Message::Resume(kept.clone()));
    // What was asked for last is what the server answers with.
    let mut asked = 0;
    while page.effects.iter().any(|effect| matches!(effect, Effect::Ask(..))) {
        let limit = usize::from(limit(&mut page));
        answer(&mut page, list((1..=210).rev().take(limit)), None);
        asked += 1;
    }
    assert_eq!((page.view.held, shown_at(&mut page)), (150, Some((page.key(20), 0.0))));
    assert!(page.shown().len() >= 50 && asked <= 3, "{} {asked}", page.shown().len());
    // And once more, when nothing else came.
    let again = page.view.kept((page.key(20), 0.0)).unwrap();
    let count = |kept: &str| kept.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(count(&again) >= count(&kept), "{again}");
}

#[test]
fn a_user_who_goes_elsewhere_is_not_brought_back() {
    let before = open("user_id=ann", list((1..=100).rev()), Some(10));
    let kept = before.view.kept((before.key(30), 0.0)).unwrap();
    let mut page = open("user_id=ann", list((51..=100).rev()), Some(10));
    page.send(Message::Resume(kept.clone()));
    let _ = ticket(&mut page);
    page.send(Message::Leave(None)).send(Message::Turn(Address::parse("user_id=ann&category=message")));
    answer(&mut page, list((1..=100).rev()), None);
    assert_eq!(shown_at(&mut page), None);
    // Nor one whose list did not come.
    let mut page = open("user_id=ann", list((51..=100).rev()), Some(10));
    page.send(Message::Resume(kept));
    let asked = ticket(&mut page);
    page.send(Message::Answered(asked, Err(Problem::new(Code::Unavailable, "x")))).send(Message::Refresh);
    answer(&mut page, list((1..=100).rev()), None);
    assert_eq!(shown_at(&mut page), None);
}

#[test]
fn nothing_else_in_the_history_is_a_place() {
    let mut page = of_ann("", &[3, 2, 1]);
    page.effects.clear();
    let rest = format!("{} {} {}", time(3), time(2), id(2));
    let mut all = ["", "3", "3 10", "3 10 12", "3 10 12 x", "3 10 12 x y z"].map(str::to_owned).to_vec();
    all.extend([
        format!("3 10 12 {}", time(3)),
        format!("3 10 12 {} {}", time(3), time(2)),
        format!("3 10 12 {} x {}", time(3), id(2)),
        // All that was there then is gone.
        format!("3 10 12 {} 0 {}", time(3), id(7)),
        format!("60 10 12 x {} {}", time(2), id(2)),
    ]);
    all.extend(["x 10 12", "3 x 12", "3 10 1.5", "3 10 x"].map(|numbers| format!("{numbers} {rest}")));
    for kept in all {
        page.send(Message::Resume(kept.clone()));
        assert!(page.effects.is_empty(), "{kept}: {:?}", page.effects);
    }
    page.send(Message::Resume(format!("99999999 10 0 {rest}")));
    assert_eq!(limit(&mut page), 1_000);
}

#[test]
fn an_inbox_is_not_marked_before_its_list_is_there() {
    let mut page = of_ann("", &[3, 2, 1]);
    page.send(Message::Leave(None)).send(Message::Turn(Address::parse("user_id=bob")));
    answer(&mut page, vec![], None);
    page.send(Message::Leave(None)).send(Message::Return(Address::parse("user_id=ann"))).send(Message::MarkAll(None));
    assert!(!page.effects.iter().any(|effect| matches!(effect, Effect::MarkAll(_))));
    answer(&mut page, list((1..=13).rev()), None);
    page.send(Message::MarkAll(None));
    assert!(page.effects.iter().any(|effect| matches!(effect, Effect::MarkAll(_))));
}
