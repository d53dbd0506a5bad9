//! A cache of pages that were read recently.
//!
//! Every change to an inbox takes its next change number, so a page that was read at the present number is the present
//! page. A client that asks again and again, as dashboards do, costs one look at the inbox's end, and its answer is
//! rendered once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::{
    model::{Cursor, Filter, Limit, Notification, Page, UserId},
    server::store::{RenderedPage, StoreError},
};

/// The parameters of a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) filter: Filter,
    pub(super) before: Option<Cursor>,
    pub(super) limit: Limit,
}

/// A page, rendered when that is first needed.
#[derive(Clone, Debug)]
pub(super) struct KeptPage {
    page: Page,
    rendered: OnceLock<RenderedPage>,
}

impl KeptPage {
    pub(super) fn new(page: Page) -> Self {
        Self { page, rendered: OnceLock::new() }
    }

    /// The change number at which it was read.
    pub(super) fn modseq(&self) -> Option<u64> {
        self.page.modseq
    }

    pub(super) fn into_page(self) -> Page {
        self.page
    }

    /// The page as JSON.
    pub(super) fn rendered(&self) -> Result<RenderedPage, StoreError> {
        if let Some(rendered) = self.rendered.get() {
            return Ok(rendered.clone());
        }
        let rendered = RenderedPage::of(&self.page)?;
        Ok(self.rendered.get_or_init(|| rendered).clone())
    }
}

/// The newest pages of single inboxes, as many as have room.
#[derive(Default)]
pub(super) struct Pages(Mutex<KeptPages>);

/// The moment when a read of a page began: how many times an inbox had been forgotten then.
#[derive(Clone, Copy)]
pub(super) struct Began(u64);

#[derive(Default)]
struct KeptPages {
    pages: HashMap<Asked, (Arc<KeptPage>, usize)>,
    /// In the order in which they were first cached.
    order: VecDeque<Asked>,
    /// Their approximate size, in bytes.
    weight: usize,
    /// How many times an inbox was forgotten.
    forgotten: u64,
}

impl Pages {
    /// The size of the cache, in bytes, approximately.
    const ROOM: usize = 4 * 1024 * 1024;
    /// A page that takes more than this would push out too many others.
    const LARGEST: usize = Self::ROOM / 8;
    /// More than the words of a search take, which are kept in several forms.
    const SEARCH: usize = 8 * 1024;

    /// The cached page, if it was read at this change number.
    pub(super) fn read_at(&self, asked: &Asked, modseq: u64) -> Option<Arc<KeptPage>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pages.get(asked).map(|(page, _)| page).filter(|page| page.modseq() == Some(modseq)).cloned()
    }

    /// The present moment, for a read that begins now.
    pub(super) fn begin(&self) -> Began {
        Began(self.0.lock().unwrap_or_else(PoisonError::into_inner).forgotten)
    }

    /// Caches a page, in place of an older one, unless an inbox was forgotten since the read began: it may be a page of
    /// that inbox as it was before.
    pub(super) fn keep(&self, asked: Asked, page: &Arc<KeptPage>, began: Began) {
        let searched = if asked.filter.search.is_some() { Self::SEARCH } else { 0 };
        let weight = page.page.notifications.iter().map(weight_of).sum::<usize>() + searched + 512;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newer = |known: &KeptPage| known.modseq() > page.modseq();
        let is_outdated = began.0 != kept.forgotten || kept.pages.get(&asked).is_some_and(|(known, _)| is_newer(known));
        if weight > Self::LARGEST || is_outdated {
            return;
        }
        kept.weight += weight;
        match kept.pages.insert(asked.clone(), (Arc::clone(page), weight)) {
            Some((_, before)) => kept.weight -= before,
            None => kept.order.push_back(asked),
        }
        while kept.weight > Self::ROOM {
            let Some(oldest) = kept.order.pop_front() else { break };
            let freed = kept.pages.remove(&oldest).map_or(0, |(_, weight)| weight);
            kept.weight -= freed;
        }
    }

    /// Drops the pages of an inbox whose user is forgotten, also those that are being read.
    pub(super) fn forget(&self, user_id: &UserId) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *guard;
        kept.forgotten += 1;
        let is_theirs = |asked: &Asked| asked.filter.user_id.as_ref() == Some(user_id);
        kept.order.retain(|asked| !is_theirs(asked));
        for (_, (_, weight)) in kept.pages.extract_if(|asked, _| is_theirs(asked)) {
            kept.weight -= weight;
        }
    }
}

/// No less than the size of a notification, in bytes: its texts, its JSON, that again in the JSON of the page, and the
/// fields around them. The JSON is no shorter than the texts.
fn weight_of(notification: &Notification) -> usize {
    3 * notification.weight() + 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, NewNotification, NotificationId, Timestamp};

    fn asked(user_id: &str) -> Asked {
        let filter = Filter::inbox(UserId::parse(user_id).unwrap());
        Asked { filter, before: None, limit: Limit::default() }
    }

    fn page(modseq: u64, content: &str) -> Arc<KeptPage> {
        let new = NewNotification::new(UserId::parse("ann").unwrap(), Content::parse(content).unwrap());
        let id = NotificationId::new(uuid::Uuid::nil());
        let notification = Notification::new(id, Timestamp::EPOCH, new);
        Arc::new(KeptPage::new(Page { notifications: vec![notification], next: None, modseq: Some(modseq) }))
    }

    /// Caches a page whose read began and ended now.
    fn keep(pages: &Pages, asked: Asked, page: &Arc<KeptPage>) {
        pages.keep(asked, page, pages.begin());
    }

    /// The text of the cached page, if it was read at this change number.
    fn text(pages: &Pages, user_id: &str, modseq: u64) -> Option<String> {
        let page = pages.read_at(&asked(user_id), modseq)?;
        Some(page.page.notifications[0].content.as_str().to_owned())
    }

    #[test]
    fn only_the_present_page_is_found() {
        let pages = Pages::default();
        keep(&pages, asked("ann"), &page(7, "a"));
        assert_eq!(text(&pages, "ann", 7).as_deref(), Some("a"));
        assert_eq!(text(&pages, "ann", 8), None);
        assert_eq!(text(&pages, "bob", 7), None);
        keep(&pages, asked("ann"), &page(6, "older"));
        assert_eq!(text(&pages, "ann", 7).as_deref(), Some("a"), "a reader that was slow takes away nothing");
        keep(&pages, asked("ann"), &page(8, "b"));
        assert_eq!(text(&pages, "ann", 8).as_deref(), Some("b"));
    }

    #[test]
    fn a_page_is_rendered_once_as_its_notifications_are() {
        let page = page(7, "a");
        let rendered = page.rendered().unwrap();
        assert_eq!(rendered.json, serde_json::to_vec(&page.page.notifications).unwrap());
        assert_eq!((rendered.next, rendered.modseq), (None, Some(7)));
        assert_eq!(page.rendered().unwrap().json.as_ptr(), rendered.json.as_ptr());
    }

    #[test]
    fn nothing_is_kept_of_a_forgotten_user() {
        let pages = Pages::default();
        keep(&pages, asked("ann"), &page(7, "a"));
        keep(&pages, Asked { limit: Limit::new(1), ..asked("ann") }, &page(7, "a"));
        let of_ann = pages.0.lock().unwrap().weight;
        keep(&pages, asked("bob"), &page(7, "b"));
        let of_both = pages.0.lock().unwrap().weight;
        pages.forget(&UserId::parse("ann").unwrap());
        assert_eq!((text(&pages, "ann", 7), text(&pages, "bob", 7).as_deref()), (None, Some("b")));
        let kept = pages.0.lock().unwrap();
        assert_eq!((kept.weight, kept.pages.len(), kept.order.len()), (of_both - of_ann, 1, 1));
    }

    #[test]
    fn a_page_that_was_read_while_a_user_was_forgotten_is_not_kept() {
        let pages = Pages::default();
        let before = pages.begin();
        pages.forget(&UserId::parse("ann").unwrap());
        pages.keep(asked("ann"), &page(7, "a"), before);
        assert_eq!(text(&pages, "ann", 7), None);
        keep(&pages, asked("ann"), &page(8, "b"));
        assert_eq!(text(&pages, "ann", 8).as_deref(), Some("b"));
    }

    #[test]
    fn the_cache_of_pages_is_bounded() {
        let pages = Pages::default();
        let long = "x".repeat(16_000);
        for number in 0..1000 {
            keep(&pages, asked(&number.to_string()), &page(1, &long));
            let kept = pages.0.lock().unwrap();
            assert!(kept.weight <= Pages::ROOM && kept.order.len() == kept.pages.len());
        }
        assert_eq!(text(&pages, "0", 1), None);
        assert!(text(&pages, "999", 1).is_some());
        for modseq in 2..1000 {
            keep(&pages, asked("999"), &page(modseq, &long));
        }
        assert!(text(&pages, "998", 1).is_some(), "the same page again pushes out nothing");
    }
}
