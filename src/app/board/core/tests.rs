//! Tests of the core: step by step, and against a server that is simulated with a list.

mod announcing;
mod answers;
mod deleting;
mod hearing;
mod marking;
mod marking_all;
mod places;
mod selecting;
mod sending;
mod whole;

use uuid::Uuid;

use super::{Effect, Item, Message, Now, View, changes::RefreshTicket, marking::heir, reduce};
use crate::{
    app::{
        live::{self, Kind},
        page::{Address, Initial, Snapshot},
    },
    model::{Content, NewNotification, Notification, NotificationId, Overview, Page, Timestamp, UserId},
};

/// A page that is open, and the browser around it.
struct Open {
    view: View,
    now: Now,
    /// The effects that the test has not looked at.
    effects: Vec<Effect>,
}

/// The page of an address, which arrives with these notifications, newest first, as of the change `modseq`.
fn open(query: &str, notifications: Vec<Notification>, modseq: Option<u64>) -> Open {
    let snapshot = Ok(snapshot(notifications, modseq));
    let view = View::new(Initial { address: Address::parse(query), snapshot, ..Initial::default() });
    let now = Now { ms: 1_000_000.0, is_at_top: true, is_hidden: false };
    let mut page = Open { view, now, effects: Vec::new() };
    page.send(Message::Live(true));
    page
}

/// Ann's inbox, with the notifications of these numbers.
fn of_ann(query: &str, numbers: &[u128]) -> Open {
    let list = numbers.iter().map(|number| notification(*number)).collect();
    open(&format!("user_id=ann&{query}"), list, Some(10))
}

impl Open {
    /// Applies a message. Each row that leaves by it hands its focus on.
    fn send(&mut self, message: Message) -> &mut Self {
        let turns = matches!(message, Message::Turn(_) | Message::Return(_) | Message::Further(..));
        let before = self.elements();
        let effects = reduce(&mut self.view, message, self.now);
        if !turns {
            self.check_focus(&before, &effects);
        }
        self.effects.extend(effects);
        self
    }

    /// The elements of the rows.
    fn elements(&self) -> Vec<String> {
        self.view.rows.iter().map(Item::element_id).collect()
    }

    /// Of each row that left, the focus goes to the next one below that stayed, else to the nearest above, else to the
    /// heading or a row that came in its place.
    fn check_focus(&self, before: &[String], effects: &[Effect]) {
        let after = self.elements();
        let stays = |id: &&String| after.contains(id);
        for (place, gone) in before.iter().enumerate().filter(|(_, id)| !after.contains(id)) {
            let (above, below) = before.split_at(place);
            let nearest = below.iter().find(stays).or_else(|| above.iter().rev().find(stays));
            let nearest = nearest.cloned().unwrap_or_else(|| heir(None));
            let to = effects.iter().find_map(|effect| match effect {
                Effect::HandOn(from, to) if from == gone => Some(to),
                _ => None,
            });
            let came = to.is_some_and(|to| after.contains(to) && !before.contains(to));
            assert!(came || to == Some(&nearest), "{gone} hands its focus on to {to:?} and not {nearest}");
        }
    }

    /// Hears a change, and shows it.
    fn hear(&mut self, message: live::Message) -> &mut Self {
        self.send(Message::Heard(message)).send(Message::ShowSoon).send(Message::ShowAll)
    }

    /// The numbers of the notifications that are shown.
    fn shown(&self) -> Vec<u128> {
        self.view.rows.iter().map(|row| number(row.data.id)).collect()
    }

    /// How many notifications there are, and how many of them are unread.
    fn counts(&self) -> (u64, u64) {
        (self.view.overview.total, self.view.overview.unread_count)
    }

    /// Takes the first effect that `find` accepts.
    fn take<T>(&mut self, find: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        let (place, found) =
            self.effects.iter().enumerate().find_map(|(place, effect)| Some((place, find(effect)?)))?;
        self.effects.remove(place);
        Some(found)
    }

    /// Takes the effects that `is_meant` accepts, and counts them.
    fn count(&mut self, is_meant: impl Fn(&Effect) -> bool) -> usize {
        let before = self.effects.len();
        self.effects.retain(|effect| !is_meant(effect));
        before - self.effects.len()
    }

    /// How often the page asks for the current list, now or soon.
    fn asks(&mut self) -> usize {
        self.count(|effect| matches!(effect, Effect::Ask(..) | Effect::After(_, Message::RefreshAsSaid)))
    }

    /// Lets the time of whatever message is shown be over.
    fn expire(&mut self) -> &mut Self {
        while let Some((key, turn)) = self.take(expiry) {
            self.send(Message::Expire(key, turn));
        }
        self
    }

    /// The key of the row with this number.
    fn key(&self, of: u128) -> i64 {
        self.view.rows.iter().find(|row| number(row.data.id) == of).unwrap().key
    }

    /// The texts of the toasts.
    fn toasts(&self) -> String {
        self.view.toasts.iter().map(|toast| toast.text.as_str()).collect::<Vec<_>>().join(" | ")
    }
}

fn expiry(effect: &Effect) -> Option<(i64, u32)> {
    if let Effect::After(_, Message::Expire(key, turn)) = effect { Some((*key, *turn)) } else { None }
}

fn ticket(page: &mut Open) -> RefreshTicket {
    page.take(|effect| if let Effect::Ask(ticket, _) = effect { Some(*ticket) } else { None }).unwrap()
}

/// Opens another inbox, which has these notifications.
fn turn_to_bob(page: &mut Open, notifications: Vec<Notification>) {
    page.send(Message::Turn(Address::parse("user_id=bob")));
    let asked = ticket(page);
    page.send(Message::Answered(asked, Ok(snapshot(notifications, Some(5)))));
}

fn number(id: NotificationId) -> u128 {
    Uuid::parse_str(&id.to_string()).unwrap().as_u128() >> 64
}

fn id(number: u128) -> NotificationId {
    NotificationId::new(Uuid::from_u128(number << 64))
}

fn new(number: u128, user_id: &str) -> NewNotification {
    let content = Content::parse(&format!("number {number}")).unwrap();
    NewNotification::new(UserId::parse(user_id).unwrap(), content)
}

fn notification_of(number: u128, user_id: &str) -> Notification {
    let moment = 1_700_000_000_000_000 + i64::try_from(number).unwrap();
    Notification::new(id(number), Timestamp::from_micros(moment).unwrap(), new(number, user_id))
}

fn notification(number: u128) -> Notification {
    notification_of(number, "ann")
}

fn as_read(number: u128, is_read: bool) -> Notification {
    let mut notification = notification(number);
    notification.is_read = is_read;
    notification
}

fn snapshot(notifications: Vec<Notification>, modseq: Option<u64>) -> Snapshot {
    let overview = overview(&notifications);
    let now = Timestamp::from_micros(1_700_000_001_000_000).unwrap();
    Snapshot { page: Page { notifications, next: None, modseq }, overview, now }
}

fn overview(notifications: &[Notification]) -> Overview {
    let mut overview = Overview::default();
    for notification in notifications {
        super::counting::add(&mut overview, notification);
        super::counting::beside(&mut overview, &notification.category, i64::from(!notification.is_read));
    }
    overview.recent.sort_by(|one, other| one.user_id.cmp(&other.user_id));
    overview
}

/// A change that carries no further data.
fn change(kind: Kind, modseq: u64) -> live::Message {
    live::Message { kind, modseq: Some(modseq), unread_count: None, notification: None, id: None, user_id: None }
}

fn created(number: u128, modseq: u64) -> live::Message {
    live::Message { notification: Some(notification(number)), ..change(Kind::Created, modseq) }
}

fn updated(number: u128, is_read: bool, modseq: u64) -> live::Message {
    live::Message { notification: Some(as_read(number, is_read)), ..change(Kind::Updated, modseq) }
}

fn deleted(number: u128, modseq: u64) -> live::Message {
    live::Message { id: Some(id(number)), ..change(Kind::Deleted, modseq) }
}
