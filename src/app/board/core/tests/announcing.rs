use super::*;
use crate::app::board::core::Typed;

fn rings(page: &mut Open) -> usize {
    page.count(|effect| matches!(effect, Effect::Ring))
}

#[test]
fn a_screen_reader_announces_once_all_that_arrives_within_four_seconds() {
    let mut page = of_ann("", &[]);
    page.hear(created(1, 11)).hear(created(2, 12));
    assert_eq!(page.count(|effect| matches!(effect, Effect::After(4_000, Message::Tell))), 1);
    page.send(Message::Tell);
    let said = |effect: &Effect| if let Effect::Say(text) = effect { Some(text.clone()) } else { None };
    assert_eq!(page.take(said).as_deref(), Some("2 new notifications"));
    page.hear(created(3, 13)).send(Message::Tell);
    assert_eq!(page.take(said).as_deref(), Some("1 new notification"));
}

#[test]
fn the_tower_rings_for_what_arrives_after_a_silence_and_once_for_all_of_a_flood() {
    let mut page = of_ann("", &[1]);
    page.hear(updated(1, true, 11));
    assert_eq!(rings(&mut page), 0, "nothing arrived");
    page.hear(created(2, 12)).hear(created(3, 13));
    assert_eq!(rings(&mut page), 1);
    for number in 4..20 {
        page.now.ms += 1_000.0;
        page.hear(created(number, 10 + u64::try_from(number).unwrap()));
    }
    assert_eq!(rings(&mut page), 0, "one a second is no silence");
    page.now.ms += 4_000.0;
    page.now.is_at_top = false;
    assert_eq!(rings(page.hear(created(20, 30))), 1, "and for what waits above the list");
}

#[test]
fn the_tower_is_quiet_where_nothing_arrived_from_elsewhere_or_the_page_is_hidden() {
    let mut page = of_ann("", &[1]);
    let typed = Typed { user_id: "ann".to_owned(), content: "number 2".to_owned(), ..Typed::default() };
    let submission = page.view.submit(typed, new(2, "ann"), "a".to_owned(), page.now);
    page.hear(created(2, 11)).send(Message::Sent(submission, notification(2)));
    assert_eq!((page.shown(), rings(&mut page)), (vec![2, 1], 0), "the user sent it here");
    page.now.is_hidden = true;
    assert_eq!(rings(page.hear(created(3, 12))), 0);
    turn_to_bob(&mut page, vec![notification_of(9, "bob")]);
    assert_eq!(rings(&mut page), 0, "another inbox has other notifications");
}

#[test]
fn the_tower_stays_quiet_when_the_user_opens_another_inbox_in_a_flood() {
    let mut page = of_ann("", &[1]);
    assert_eq!(rings(page.hear(created(2, 11))), 1);
    turn_to_bob(&mut page, vec![notification_of(9, "bob")]);
    page.now.ms += 1_000.0;
    let of_bob = |number, modseq| live::Message {
        notification: Some(notification_of(number, "bob")),
        ..created(number, modseq)
    };
    assert_eq!(rings(page.hear(of_bob(10, 6))), 0, "one came a second ago");
    page.now.ms += 4_000.0;
    assert_eq!(rings(page.hear(of_bob(11, 7))), 1);
}
