//! Any sequence of operations: the counts are right, and a follower of the changes from any earlier point gets the same
//! inbox as a list.

use std::collections::BTreeMap;

use campanile::{
    model::{Category, Cursor, Event, Filter, Limit, Marking, Notification, NotificationDraft, NotificationId, UserId},
    server::store::Store,
};
use proptest::prelude::*;

use super::{Announced, create, draft, inbox, memory, postgres, sqlite, user};

const USERS: [&str; 3] = ["ann", "bob", "cem"];
const KINDS: [&str; 2] = ["alert", "system"];
const WINDOW: usize = 12;

#[derive(Clone, Debug)]
enum Operation {
    Create(usize, usize),
    MarkAt(usize, u64),
    Set(usize, usize, bool),
    MarkAll(usize),
    MarkPart(usize, usize, Option<usize>),
    TakeBack(usize, Option<usize>, usize, usize),
    Delete(usize, usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let who = 0..USERS.len();
    prop_oneof![
        4 => (who.clone(), 0..KINDS.len()).prop_map(|(user, kind)| Operation::Create(user, kind)),
        2 => (who.clone(), 0..8_u64).prop_map(|(user, index)| Operation::MarkAt(user, index)),
        2 => (who.clone(), 0..8_usize, any::<bool>()).prop_map(|(user, at, read)| Operation::Set(user, at, read)),
        1 => who.clone().prop_map(Operation::MarkAll),
        1 => (who.clone(), 0..8_usize, prop::option::of(0..KINDS.len()))
            .prop_map(|(user, at, kind)| Operation::MarkPart(user, at, kind)),
        1 => (who.clone(), prop::option::of(0..KINDS.len()), 0..8_usize, 1..4_usize)
            .prop_map(|(user, kind, at, most)| Operation::TakeBack(user, kind, at, most)),
        1 => (who, 0..8_usize).prop_map(|(user, at)| Operation::Delete(user, at)),
    ]
}

async fn apply(store: &dyn Store, operation: &Operation) {
    match *operation {
        Operation::Create(who, kind) => {
            let draft = NotificationDraft { category: Some(KINDS[kind].to_owned()), ..draft(USERS[who], "x") };
            drop(create(store, draft).await);
        }
        Operation::MarkAt(who, index) => drop(store.mark_read_at(&user(USERS[who]), index).await.unwrap()),
        Operation::MarkAll(who) => drop(store.mark_all_read(&user(USERS[who]), &Marking::default()).await.unwrap()),
        Operation::MarkPart(who, at, kind) => mark_part(store, &user(USERS[who]), at, kind).await,
        Operation::TakeBack(who, kind, at, most) => take_back(store, &user(USERS[who]), kind, at, most).await,
        Operation::Set(who, at, is_read) => {
            if let Some(notification) = inbox(store, &user(USERS[who])).await.get(at) {
                store.set_read(notification.id, None, is_read).await.unwrap();
            }
        }
        Operation::Delete(who, at) => {
            if let Some(notification) = inbox(store, &user(USERS[who])).await.get(at) {
                store.delete(notification.id, None).await.unwrap();
            }
        }
    }
}

/// Marks the notifications that existed when the one at this place was created, of one category or of all, and checks
/// that no others are marked. Marking all unread ones takes one change number, marking a part takes one for each.
async fn mark_part(store: &dyn Store, user_id: &UserId, at: usize, kind: Option<usize>) {
    let before = inbox(store, user_id).await;
    let newer = store.list(&Filter::inbox(user_id.clone()), None, Limit::new(at as u64 + 1)).await.unwrap();
    let up_to = newer.next.map(Cursor::position);
    let category = kind.map(|kind| Category::parse(KINDS[kind]).unwrap());
    let first = up_to.map_or(0, |_| at);
    let unread = before.iter().filter(|notification| !notification.is_read).count() as u64;
    let (mut after, mut count) = (before, 0);
    for notification in after.iter_mut().skip(first).filter(|it| !it.is_read) {
        if category.as_ref().is_none_or(|category| *category == notification.category) {
            notification.is_read = true;
            count += 1;
        }
    }
    assert_eq!(store.mark_all_read(user_id, &Marking { up_to, category }).await.unwrap().count, count);
    assert_eq!(inbox(store, user_id).await, after);
    let taken = if count == unread { count.min(1) } else { count };
    assert_eq!(store.ends(std::slice::from_ref(user_id)).await.unwrap()[0].0, newer.modseq.unwrap() + taken);
}

/// Marks the notifications of one category, or of all, then the one at this place unread and read, and undoes the
/// marking in steps of `most`: all that it marked are unread again, except for that one.
async fn take_back(store: &dyn Store, user_id: &UserId, kind: Option<usize>, at: usize, most: usize) {
    let mut after = inbox(store, user_id).await;
    let category = kind.map(|kind| Category::parse(KINDS[kind]).unwrap());
    let marked = store.mark_all_read(user_id, &Marking { up_to: None, category: category.clone() }).await.unwrap();
    let is_meant = |it: &Notification| category.as_ref().is_none_or(|category| *category == it.category);
    if let Some(changed) = after.get_mut(at).filter(|it| is_meant(it)) {
        for is_read in [false, true] {
            store.set_read(changed.id, None, is_read).await.unwrap();
        }
        changed.is_read = true;
    }
    let (mut left, mut count) = (Some(marked.by), 0);
    while let Some(by) = left {
        let step = store.unmark(user_id, &by, most).await.unwrap();
        assert!(step.count <= most as u64);
        (left, count) = (step.rest, count + step.count);
    }
    assert_eq!(inbox(store, user_id).await, after);
    assert_eq!(count, after.iter().filter(|it| !it.is_read && is_meant(it)).count() as u64);
    assert_eq!(store.unmark(user_id, &marked.by, 1000).await.unwrap().count, 0);
}

/// The inbox of a client that follows the changes.
#[derive(Clone, Default)]
struct Follower {
    modseq: u64,
    unread_count: u64,
    notifications: BTreeMap<NotificationId, Notification>,
}

impl Follower {
    async fn list(store: &dyn Store, user_id: &UserId) -> Self {
        let page = store.list(&Filter::inbox(user_id.clone()), None, Limit::new(1000)).await.unwrap();
        let unread_count = page.notifications.iter().filter(|n| !n.is_read).count() as u64;
        let notifications = page.notifications.into_iter().map(|n| (n.id, n)).collect();
        Self { modseq: page.modseq.unwrap(), unread_count, notifications }
    }

    fn take(&mut self, event: Event) {
        assert!(event.modseq() > self.modseq, "{event:?} came again");
        self.modseq = event.modseq();
        self.unread_count = event.unread_count();
        match event {
            Event::Created { notification, .. } | Event::Updated { notification, .. } => {
                self.notifications.insert(notification.id, notification);
            }
            Event::AllRead { .. } => self.notifications.values_mut().for_each(|n| n.is_read = true),
            Event::Deleted { id, .. } => drop(self.notifications.remove(&id)),
        }
    }

    /// Applies the changes, `limit` events at a time; after a reset, lists again.
    async fn follow(&mut self, store: &dyn Store, user_id: &UserId, limit: u64) {
        loop {
            let changes = store.changes(user_id, self.modseq, Limit::new(limit)).await.unwrap();
            if changes.reset {
                *self = Self::list(store, user_id).await;
                return;
            }
            changes.events.into_iter().for_each(|event| self.take(event));
            assert!(changes.modseq >= self.modseq);
            self.modseq = changes.modseq;
            self.unread_count = changes.unread_count;
            if !changes.more {
                return;
            }
        }
    }
}

async fn followers_have_the_same_inbox_as_a_list(store: &dyn Store, operations: &[Operation], limit: u64) {
    let announced = Announced::by(store);
    let mut waiting: Vec<(UserId, Follower)> = Vec::new();
    for operation in operations {
        for name in USERS {
            waiting.push((user(name), Follower::list(store, &user(name)).await));
        }
        apply(store, operation).await;
        for name in USERS {
            let listed = Follower::list(store, &user(name)).await;
            assert_eq!(store.unread_count(&user(name)).await.unwrap(), listed.unread_count, "{operation:?}");
        }
    }
    let everything = store.overview(None).await.unwrap();
    let mut unread = 0;
    for name in USERS {
        unread += store.unread_count(&user(name)).await.unwrap();
    }
    assert_eq!(everything.unread_count, unread);
    // A listener to live changes has the same inbox, after each of them.
    for name in USERS {
        let Some((_, mut told)) = waiting.iter().find(|(user_id, _)| *user_id == user(name)).cloned() else { continue };
        let listed = Follower::list(store, &user(name)).await;
        for event in announced.of(&user(name), told.modseq, listed.modseq).await {
            told.take(event);
            let unread = told.notifications.values().filter(|n| !n.is_read).count() as u64;
            assert_eq!(told.unread_count, unread, "the count that an event carries holds after it");
        }
        assert_eq!((told.modseq, told.notifications), (listed.modseq, listed.notifications));
    }
    waiting.push((user(USERS[0]), Follower::default()));
    for (user_id, mut follower) in waiting {
        follower.follow(store, &user_id, limit).await;
        let listed = Follower::list(store, &user_id).await;
        assert_eq!(follower.notifications, listed.notifications);
        assert_eq!((follower.modseq, follower.unread_count), (listed.modseq, listed.unread_count));
    }
}

/// Runs the test on one back end.
macro_rules! random {
    ($($store:ident: $open:ident, $cases:literal cases)*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig::with_cases($cases))]

            #[test]
            fn $store(operations in prop::collection::vec(operation(), 1..40), limit in 1..6_u64) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    followers_have_the_same_inbox_as_a_list(&*$open(WINDOW).await, &operations, limit).await;
                });
            }
        }
    )*};
}

random! {
    memory_store: memory, 200 cases
    sqlite_store: sqlite, 100 cases
    postgres_store: postgres, 20 cases
}
