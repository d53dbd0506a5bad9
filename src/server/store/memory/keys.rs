//! Idempotency keys.

use std::collections::{HashMap, VecDeque};

use crate::{
    model::{Notification, NotificationId, Timestamp},
    server::store::{Creation, Once},
};

/// The most keys that are kept in memory, whatever their age.
const MOST: usize = 100_000;

/// A caller and its key.
type Name = (String, String);

fn name_of(once: &Once) -> Name {
    (once.caller().to_owned(), once.key.clone())
}

/// A request that was carried out.
#[derive(Debug)]
struct Used {
    once: Once,
    made: Vec<(NotificationId, Timestamp)>,
}

/// The keys of the requests that were carried out, by caller and key, and in the order of their use.
#[derive(Debug, Default)]
pub(super) struct Keys {
    used: HashMap<Name, Used>,
    order: VecDeque<(Timestamp, Name)>,
}

impl Keys {
    /// The answer for the request with this key; `None` when there was none.
    pub(super) fn answer(&self, once: &Once) -> Option<Creation> {
        let used = self.used.get(&name_of(once)).filter(|used| used.once.at > Once::forgotten_at(once.at))?;
        Some(if used.once.fingerprint == once.fingerprint {
            Creation::Before(used.made.clone())
        } else {
            Creation::KeyTaken
        })
    }

    pub(super) fn remember(&mut self, once: &Once, made: &[Notification]) {
        let made = made.iter().map(|notification| (notification.id, notification.timestamp)).collect();
        self.order.push_back((once.at, name_of(once)));
        self.used.insert(name_of(once), Used { once: once.clone(), made });
        if self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    pub(super) fn forget_until(&mut self, moment: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| *at <= moment) {
            self.forget_oldest();
        }
    }

    /// A key that was used again after it was forgotten is in the order twice.
    fn forget_oldest(&mut self) {
        let Some((at, name)) = self.order.pop_front() else { return };
        if self.used.get(&name).is_some_and(|used| used.once.at == at) {
            self.used.remove(&name);
        }
    }
}
