//! The ends of inboxes: the number of the newest change of each, and its unread count.
//!
//! Only the thread that writes changes an inbox, so the results of its writes can be cached in memory: a count needs no
//! statement then, and neither does the check whether a page read before is still current. The cache is never older
//! than what any reader of the file has seen: an inbox is dropped from it before the commit that changes it, and until
//! that commit is over no result of a read is cached.
//!
//! So the file is changed by hand only while no server runs. A change by hand is noticed at the next write, and until
//! then answers are as before it; pages (`pages.rs`) are as before it until the next change of their inbox.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::UserId;

/// The end of an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// The number of its newest change.
    pub(super) modseq: u64,
    /// How many of its notifications are unread.
    pub(super) unread_count: u64,
}

/// The ends of inboxes that were requested recently.
#[derive(Default)]
pub(super) struct Ends(Mutex<KeptEnds>);

/// The moment when a read of the file began: how many times a commit had begun or ended then, or all was dropped.
#[derive(Clone, Copy)]
pub(super) struct Began(u64);

#[derive(Default)]
struct KeptEnds {
    recent: HashMap<UserId, End>,
    /// The ends requested before those. They are dropped when `recent` is full.
    older: HashMap<UserId, End>,
    /// How many times a commit has begun or ended, or all was dropped.
    turns: u64,
    /// Whether a commit is under way.
    is_committing: bool,
}

impl Ends {
    /// How many inboxes are recent; with the older ones, they take some 3 MB where user ids are short, and 20 MB where
    /// each is as long as it may be.
    const RECENT: usize = 16_384;

    /// The end of this inbox; when it is not cached, read the file, and [`Self::keep`] the result.
    pub(super) fn of(&self, user_id: &UserId) -> Result<End, Began> {
        let mut kept = self.lock();
        if let Some(end) = kept.recent.get(user_id) {
            return Ok(*end);
        }
        match kept.older.remove(user_id) {
            Some(end) => {
                kept.put(user_id.clone(), end);
                Ok(end)
            }
            None => Err(Began(kept.turns)),
        }
    }

    /// Caches a result of a read, unless a commit may have changed it since: one that began or ended meanwhile, or is
    /// under way.
    pub(super) fn keep(&self, user_id: UserId, end: End, began: Began) {
        let mut kept = self.lock();
        if began.0 == kept.turns && !kept.is_committing {
            kept.put(user_id, end);
        }
    }

    /// Commits a transaction that leaves these inboxes at these ends.
    pub(super) fn commit<T, E>(&self, ends: Vec<(UserId, End)>, commit: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if ends.is_empty() {
            return commit();
        }
        let asked_for: Vec<_> = {
            let mut kept = self.lock();
            kept.turns += 1;
            kept.is_committing = true;
            // Inboxes that are only written to are not cached.
            ends.into_iter().filter(|(user_id, _)| kept.let_go(user_id)).collect()
        };
        let committed = commit();
        let mut kept = self.lock();
        kept.turns += 1;
        kept.is_committing = false;
        if committed.is_ok() {
            asked_for.into_iter().for_each(|(user_id, end)| kept.put(user_id, end));
        }
        committed
    }

    /// Drops all: another connection may have changed them.
    pub(super) fn clear(&self) {
        let mut kept = self.lock();
        kept.turns += 1;
        kept.recent.clear();
        kept.older.clear();
    }

    fn lock(&self) -> MutexGuard<'_, KeptEnds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptEnds {
    fn put(&mut self, user_id: UserId, end: End) {
        if self.recent.len() >= Ends::RECENT {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(user_id, end);
    }

    /// Drops the end of an inbox, and returns whether it was cached.
    fn let_go(&mut self, user_id: &UserId) -> bool {
        let recent = self.recent.remove(user_id);
        self.older.remove(user_id).or(recent).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: End = End { modseq: 7, unread_count: 1 };
    const EIGHT: End = End { modseq: 8, unread_count: 2 };

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    fn kept(ends: &Ends, user_id: &str) -> Option<End> {
        ends.of(&user(user_id)).ok()
    }

    /// Reads the end of Ann's inbox while `during` happens.
    fn read(ends: &Ends, end: End, during: impl FnOnce()) {
        let Err(began) = ends.of(&user("ann")) else { panic!("it is kept") };
        during();
        ends.keep(user("ann"), end, began);
    }

    #[test]
    fn a_commit_replaces_the_cached_ends_with_those_that_it_wrote() {
        let ends = Ends::default();
        read(&ends, SEVEN, || {});
        assert_eq!(kept(&ends, "ann"), Some(SEVEN));
        let wrote = vec![(user("ann"), EIGHT), (user("bob"), EIGHT)];
        let seen = ends.commit(wrote, || Ok::<_, ()>(kept(&ends, "ann")));
        assert_eq!(seen, Ok(None), "while it is committed, readers may see either");
        assert_eq!(kept(&ends, "ann"), Some(EIGHT));
        assert_eq!(kept(&ends, "bob"), None, "no client asked for it");
    }

    #[test]
    fn a_commit_that_fails_leaves_nothing_of_what_it_wrote() {
        let ends = Ends::default();
        read(&ends, SEVEN, || {});
        assert_eq!(ends.commit(vec![(user("ann"), EIGHT)], || Err::<(), _>(())), Err(()));
        assert_eq!(kept(&ends, "ann"), None);
        read(&ends, SEVEN, || {});
        assert_eq!(kept(&ends, "ann"), Some(SEVEN));
    }

    #[test]
    fn a_read_that_overlaps_a_commit_is_not_cached() {
        let ends = Ends::default();
        let commit = || assert!(ends.commit(vec![(user("ann"), EIGHT)], || Ok::<_, ()>(())).is_ok());
        read(&ends, SEVEN, commit);
        assert_eq!(kept(&ends, "ann"), None, "the commit came between");
        let during = || {
            read(&ends, SEVEN, || {});
            Ok::<_, ()>(())
        };
        assert!(ends.commit(vec![(user("ann"), EIGHT)], during).is_ok());
        assert_eq!(kept(&ends, "ann"), None, "the commit was under way");
        let mut began = None;
        let begin = || {
            began = ends.of(&user("ann")).err();
            Ok::<_, ()>(())
        };
        assert!(ends.commit(vec![(user("ann"), EIGHT)], begin).is_ok());
        ends.keep(user("ann"), SEVEN, began.unwrap());
        assert_eq!(kept(&ends, "ann"), None, "it was begun before the end of the commit");
    }

    #[test]
    fn nothing_that_was_read_before_others_wrote_is_kept() {
        let ends = Ends::default();
        read(&ends, SEVEN, || {});
        ends.clear();
        assert_eq!(kept(&ends, "ann"), None);
        read(&ends, SEVEN, || ends.clear());
        assert_eq!(kept(&ends, "ann"), None, "it was read before");
        read(&ends, EIGHT, || {});
        assert_eq!(kept(&ends, "ann"), Some(EIGHT));
    }

    #[test]
    fn recently_read_inboxes_stay_cached_and_the_cache_is_bounded() {
        let ends = Ends::default();
        read(&ends, SEVEN, || {});
        for number in 0..3 * Ends::RECENT {
            let other = user(&number.to_string());
            let Err(began) = ends.of(&other) else { panic!("it is kept") };
            ends.keep(other, EIGHT, began);
            assert_eq!(kept(&ends, "ann"), Some(SEVEN));
            let kept = ends.lock();
            assert!(kept.recent.len() <= Ends::RECENT && kept.older.len() <= Ends::RECENT);
        }
        assert_eq!(kept(&ends, "0"), None);
    }
}
