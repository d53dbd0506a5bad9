//! Whatever order changes, answers and clicks come in: once all have arrived, the page shows the server's list.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::model::{Code, Problem};

/// A server that has one list, oldest first, and the browser between it and the page.
struct World {
    page: Open,
    list: Vec<Notification>,
    modseq: u64,
    /// Whether the page shows all inboxes.
    all: bool,
    filter: crate::model::Filter,
    /// Changes that the stream reported and the page has not heard.
    stream: VecDeque<live::Message>,
    /// Answers of the server that have not arrived.
    answers: VecDeque<Message>,
    /// How often the page asked for the current list.
    asks: usize,
}

/// One step of a run.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Another client creates one,
    Create,
    /// marks the one at this place, counted from the newest,
    Mark(usize, bool),
    /// or deletes it.
    Delete(usize),
    /// The user marks the row at this place,
    MarkHere(usize),
    /// deletes it,
    DeleteHere(usize),
    /// selects it,
    SelectHere(usize),
    /// marks or deletes what is selected,
    MarkSelected,
    DeleteSelected,
    /// or takes back what they did last.
    Undo,
    /// The time of the first message is over.
    Expire,
    /// The user reads at the top, or further down.
    Scroll(bool),
    /// The page requests a refresh by itself.
    Refresh,
    /// The next change arrives.
    Hear,
    /// The next answer arrives.
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Create),
        2 => (0_usize..8, any::<bool>()).prop_map(|(place, is_read)| Step::Mark(place, is_read)),
        1 => (0_usize..8).prop_map(Step::Delete),
        3 => (0_usize..8).prop_map(Step::MarkHere),
        2 => (0_usize..8).prop_map(Step::DeleteHere),
        3 => (0_usize..8).prop_map(Step::SelectHere),
        1 => Just(Step::MarkSelected),
        1 => Just(Step::DeleteSelected),
        2 => Just(Step::Undo),
        2 => Just(Step::Expire),
        1 => any::<bool>().prop_map(Step::Scroll),
        1 => Just(Step::Refresh),
        6 => Just(Step::Hear),
        6 => Just(Step::Answer),
    ]
}

impl World {
    fn new(query: &str, created: u64) -> Self {
        let filter = Address::parse(query).filter().unwrap();
        let list: Vec<_> = (1..=created).map(|number| notification(u128::from(number))).collect();
        let all = filter.user_id.is_none();
        let newest_first = list.iter().rev().cloned().collect();
        let page = open(query, newest_first, (!all).then_some(created));
        let (stream, answers) = (VecDeque::new(), VecDeque::new());
        Self { page, list, modseq: created, all, filter, stream, answers, asks: 0 }
    }

    fn unread(&self) -> u64 {
        self.list.iter().filter(|notification| !notification.is_read).count() as u64
    }

    fn tell(&mut self, kind: Kind, notification: Option<Notification>, id: Option<NotificationId>) {
        self.modseq += 1;
        let user_id = self.all.then(|| UserId::parse("ann").unwrap());
        let (modseq, unread_count) = (Some(self.modseq), Some(self.unread()));
        self.stream.push_back(live::Message { kind, modseq, unread_count, notification, id, user_id });
    }

    fn create(&mut self) {
        let notification = notification(1_000 + u128::from(self.modseq));
        self.list.push(notification.clone());
        self.tell(Kind::Created, Some(notification), None);
    }

    fn mark(&mut self, id: NotificationId, is_read: bool) -> Result<Notification, Problem> {
        let found = self.list.iter_mut().find(|it| it.id == id).ok_or_else(gone)?;
        let changes = std::mem::replace(&mut found.is_read, is_read) != is_read;
        let found = found.clone();
        if changes {
            self.tell(Kind::Updated, Some(found.clone()), None);
        }
        Ok(found)
    }

    fn delete(&mut self, id: NotificationId) -> Result<(), Problem> {
        let place = self.list.iter().position(|it| it.id == id).ok_or_else(gone)?;
        self.list.remove(place);
        self.tell(Kind::Deleted, None, Some(id));
        Ok(())
    }

    fn id_at(&self, place: usize) -> Option<NotificationId> {
        self.list.iter().rev().nth(place).map(|it| it.id)
    }

    fn key_at(&self, place: usize) -> Option<i64> {
        self.page.view.rows.get(place).map(|row| row.key)
    }

    /// The notifications that the page asks for, as the server has them, newest first.
    fn found(&self) -> Vec<Notification> {
        self.list.iter().rev().filter(|it| self.filter.admits(it)).cloned().collect()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Create => self.create(),
            Step::Mark(place, is_read) => drop(self.id_at(place).map(|id| self.mark(id, is_read))),
            Step::Delete(place) => drop(self.id_at(place).map(|id| self.delete(id))),
            Step::MarkHere(place) => {
                if let Some(row) = self.page.view.rows.get(place) {
                    let message = Message::Mark(row.key, !row.data.is_read);
                    self.page.send(message);
                }
            }
            Step::DeleteHere(place) => {
                if let Some(key) = self.key_at(place) {
                    self.page.send(Message::Delete(key));
                }
            }
            Step::SelectHere(place) => {
                if let Some(key) = self.key_at(place) {
                    self.page.send(Message::Select(key));
                }
            }
            Step::MarkSelected => {
                self.page.send(Message::MarkSelected(None));
            }
            Step::DeleteSelected => {
                self.page.send(Message::DeleteSelected);
            }
            Step::Undo => {
                self.page.send(Message::UndoLast);
            }
            Step::Expire => {
                if let Some((key, turn)) = self.page.take(expiry) {
                    self.page.send(Message::Expire(key, turn));
                }
            }
            Step::Scroll(is_at_top) => {
                self.page.now.is_at_top = is_at_top;
                if self.page.view.held > 0 {
                    self.page.send(Message::Scrolled);
                }
            }
            Step::Refresh => {
                self.page.send(Message::Refresh);
            }
            Step::Hear => {
                if let Some(message) = self.stream.pop_front() {
                    self.page.hear(message);
                }
            }
            Step::Answer => {
                if let Some(answer) = self.answers.pop_front() {
                    self.page.send(answer);
                }
            }
        }
        self.call();
    }

    /// The server carries out the requests of the page; its answers arrive later.
    fn call(&mut self) {
        for effect in std::mem::take(&mut self.page.effects) {
            let answer = match effect {
                Effect::Ask(ticket, _) => {
                    self.asks += 1;
                    let mut found = snapshot(self.found(), (!self.all).then_some(self.modseq));
                    found.overview = overview(&self.list);
                    Message::Answered(ticket, Ok(found))
                }
                Effect::Mark(marking) => {
                    let answer = self.mark(marking.id, marking.is_read);
                    Message::Marked(marking, answer)
                }
                Effect::Delete(deletion) => {
                    let answer = self.delete(deletion.id());
                    Message::Deleted(deletion, answer)
                }
                Effect::After(_, Message::Expire(..) | Message::RefreshAsSaid) => {
                    self.page.effects.push(effect);
                    continue;
                }
                _ => continue,
            };
            self.answers.push_back(answer);
        }
    }

    /// Every change and answer arrives, nothing can be undone any more, and the user goes to the top.
    fn end(&mut self) {
        self.page.now.is_at_top = true;
        for _ in 0..1_000 {
            if self.page.view.held > 0 {
                self.page.send(Message::Scrolled);
            }
            self.step(Step::Hear);
            self.step(Step::Answer);
            self.step(Step::Expire);
            let due = |effect: &Effect| matches!(effect, Effect::After(_, Message::RefreshAsSaid)).then_some(());
            if self.answers.is_empty() && self.page.take(due).is_some() {
                self.page.send(Message::RefreshAsSaid);
            }
            self.call();
            if self.stream.is_empty() && self.answers.is_empty() && self.page.effects.is_empty() {
                return;
            }
        }
        panic!("the page never comes to rest: {:?}", self.page.effects);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let numbers = |list: &[Notification]| list.iter().map(|it| (number(it.id), it.is_read)).collect::<Vec<_>>();
        let shown: Vec<_> = self.page.view.rows.iter().map(|row| row.data.clone()).collect();
        prop_assert_eq!(numbers(&shown), numbers(&self.found()), "the list");
        prop_assert_eq!(self.page.counts(), (self.list.len() as u64, self.unread()), "the counts");
        // What there is nothing left of may still be named.
        let counts = |overview: &Overview| {
            let categories = overview.categories.iter().map(|(_, count)| *count);
            (categories.sum::<u64>(), overview.recent.iter().map(|inbox| inbox.unread_count).sum::<u64>())
        };
        prop_assert_eq!(counts(&self.page.view.counted()), (self.unread(), self.unread()), "by category and inbox");
        prop_assert_eq!(self.page.view.held, 0);
        Ok(())
    }
}

fn gone() -> Problem {
    Problem::new(Code::NotFound, "There is no such notification.")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_inbox_ends_as_the_server_has_it(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new("user_id=ann", 6);
        steps.into_iter().for_each(|step| world.step(step));
        world.end();
        world.check()?;
    }

    #[test]
    fn the_unread_rows_of_an_inbox_end_as_the_server_has_them(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new("user_id=ann&unread=true", 6);
        steps.into_iter().for_each(|step| world.step(step));
        world.end();
        world.check()?;
    }

    #[test]
    fn all_inboxes_end_as_the_server_has_them(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new("", 6);
        steps.into_iter().for_each(|step| world.step(step));
        world.end();
        world.check()?;
    }

    /// Where no other client deletes, and the page does not ask by itself, it never has to ask.
    #[test]
    fn while_live_no_click_asks_for_the_present(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new("user_id=ann", 6);
        let is_told = |step: &Step| !matches!(step, Step::Delete(_) | Step::Refresh | Step::Scroll(_));
        steps.into_iter().filter(is_told).for_each(|step| world.step(step));
        world.end();
        world.check()?;
        prop_assert_eq!(world.asks, 0);
    }
}

#[test]
fn an_older_mark_does_not_change_a_row_that_is_being_deleted() {
    let mut world = World::new("user_id=ann&unread=true", 2);
    let steps =
        [Step::MarkHere(0), Step::Undo, Step::Answer, Step::Answer, Step::DeleteHere(0), Step::Hear, Step::Undo];
    steps.into_iter().for_each(|step| world.step(step));
    world.end();
    world.check().unwrap();
}
