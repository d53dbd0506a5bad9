//! A cache of pages that were read recently.
//!
//! Every change to an inbox takes its next change number, so a page that was read at the present number is the present
//! page. A client that asks again and again, as dashboards do, costs one look at the inbox's row.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use crate::model::{Cursor, Filter, Limit, Notification, Page};

/// The parameters of a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) filter: Filter,
    pub(super) before: Option<Cursor>,
    pub(super) limit: Limit,
}

/// The newest pages of single inboxes, as many as have room.
#[derive(Default)]
pub(super) struct Pages(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pages: HashMap<Asked, (Arc<Page>, usize)>,
    /// In the order in which they were first cached.
    order: VecDeque<Asked>,
    /// Their approximate size, in bytes.
    weight: usize,
}

impl Pages {
    /// The size of the cache, in bytes, approximately.
    const ROOM: usize = 4 * 1024 * 1024;
    /// A page that takes more than this would push out too many others.
    const LARGEST: usize = Self::ROOM / 8;

    /// The cached page, if it was read at this change number.
    pub(super) fn read_at(&self, asked: &Asked, modseq: u64) -> Option<Page> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = kept.pages.get(asked).map(|(page, _)| Arc::clone(page)).filter(|page| page.modseq == Some(modseq));
        drop(kept);
        page.map(|page| (*page).clone())
    }

    /// Caches a page, in place of an older one.
    pub(super) fn keep(&self, asked: Asked, page: &Page) {
        let weight = page.notifications.iter().map(weight_of).sum::<usize>() + 512;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if weight > Self::LARGEST {
            return;
        }
        kept.weight += weight;
        match kept.pages.insert(asked.clone(), (Arc::new(page.clone()), weight)) {
            Some((_, before)) => kept.weight -= before,
            None => kept.order.push_back(asked),
        }
        while kept.weight > Self::ROOM {
            let Some(oldest) = kept.order.pop_front() else { break };
            let freed = kept.pages.remove(&oldest).map_or(0, |(_, weight)| weight);
            kept.weight -= freed;
        }
    }
}

/// The approximate size of a notification, in bytes: its texts, again as JSON, and the fields around them.
fn weight_of(notification: &Notification) -> usize {
    /// The size assumed for data, which is not measured.
    const DATA: usize = 32 * 1024;
    let data = if notification.data.is_some() { DATA } else { 0 };
    2 * notification.content.as_str().len() + data + 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, NewNotification, NotificationId, Timestamp, UserId};

    fn asked(user_id: &str) -> Asked {
        let filter = Filter::inbox(UserId::parse(user_id).unwrap());
        Asked { filter, before: None, limit: Limit::default() }
    }

    fn page(modseq: u64, content: &str) -> Page {
        let new = NewNotification::new(UserId::parse("ann").unwrap(), Content::parse(content).unwrap());
        let id = NotificationId::new(uuid::Uuid::nil());
        let notification = Notification::new(id, Timestamp::EPOCH, new);
        Page { notifications: vec![notification], next: None, modseq: Some(modseq) }
    }

    #[test]
    fn only_the_present_page_is_found() {
        let pages = Pages::default();
        pages.keep(asked("ann"), &page(7, "a"));
        assert_eq!(pages.read_at(&asked("ann"), 7), Some(page(7, "a")));
        assert_eq!(pages.read_at(&asked("ann"), 8), None);
        assert_eq!(pages.read_at(&asked("bob"), 7), None);
        pages.keep(asked("ann"), &page(8, "b"));
        assert_eq!(pages.read_at(&asked("ann"), 8), Some(page(8, "b")));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let pages = Pages::default();
        let long = "x".repeat(16_000);
        for number in 0..1000 {
            pages.keep(asked(&number.to_string()), &page(1, &long));
            let kept = pages.0.lock().unwrap();
            assert!(kept.weight <= Pages::ROOM && kept.order.len() == kept.pages.len());
        }
        assert_eq!(pages.read_at(&asked("0"), 1), None);
        assert!(pages.read_at(&asked("999"), 1).is_some());
        for modseq in 2..1000 {
            pages.keep(asked("999"), &page(modseq, &long));
        }
        assert!(pages.read_at(&asked("998"), 1).is_some(), "the same page again pushes out nothing");
    }
}
