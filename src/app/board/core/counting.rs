//! How the numbers beside the list follow what a person does, before the server has answered, and what the stream tells.

use super::item::Item;
use crate::model::{Category, Notification, Overview, UnreadCount, UserId};

/// How many inboxes are kept at most: the recent ones, and the one that is open.
const MOST_RECENT: usize = 9;

/// Counts a notification in, but for its category: what is unread in the list is counted there by [`in_rows`].
pub(crate) fn add(overview: &mut Overview, notification: &Notification) {
    let unread_count = u64::from(!notification.is_read);
    overview.total += 1;
    overview.unread_count += unread_count;
    beside(overview, &notification.category, 0);
    match of_inbox(overview, &notification.user_id) {
        Some(count) => *count += unread_count,
        None => {
            overview.recent.insert(0, UnreadCount { user_id: notification.user_id.clone(), unread_count });
            overview.recent.truncate(MOST_RECENT);
        }
    }
}

/// Counts a notification out, but for its category.
pub(crate) fn remove(overview: &mut Overview, notification: &Notification) {
    overview.total = overview.total.saturating_sub(1);
    if !notification.is_read {
        overview.unread_count = overview.unread_count.saturating_sub(1);
        if let Some(count) = of_inbox(overview, &notification.user_id) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Counts a notification that became read or unread.
pub(crate) fn set_read(overview: &mut Overview, is_read: bool) {
    let count = &mut overview.unread_count;
    *count = if is_read { count.saturating_sub(1) } else { *count + 1 };
}

/// Counts a notification of this inbox that became read or unread, where the inboxes are counted.
pub(crate) fn set_read_in(overview: &mut Overview, user_id: &UserId, is_read: bool) {
    if let Some(count) = of_inbox(overview, user_id) {
        *count = if is_read { count.saturating_sub(1) } else { *count + 1 };
    }
}

/// How many are unread of this category, or of all.
pub(crate) fn unread(overview: &Overview, category: Option<&str>) -> u64 {
    let Some(category) = category else { return overview.unread_count };
    let found = overview.categories.iter().find(|(known, _)| known.as_str() == category);
    found.map_or(0, |(_, count)| *count)
}

/// Counts so many more, or fewer, as unread of this category.
pub(crate) fn beside(overview: &mut Overview, category: &Category, more: i64) {
    match overview.categories.iter_mut().find(|(known, _)| known == category) {
        Some((_, count)) => *count = count.saturating_add_signed(more),
        None => overview.categories.push((category.clone(), more.max(0).unsigned_abs())),
    }
}

/// Counts what is unread in these rows by category, or takes it out of what is counted.
pub(crate) fn in_rows(overview: &mut Overview, rows: &[Item], more: i64) {
    for row in rows.iter().filter(|row| !row.data.is_read) {
        beside(overview, &row.data.category, more);
    }
}

/// How many are unread in this inbox, as the stream tells it.
pub(crate) fn set_inbox(overview: &mut Overview, user_id: &UserId, unread_count: u64) {
    if let Some(count) = of_inbox(overview, user_id) {
        *count = unread_count;
    }
}

/// The inboxes that are offered beside the list stay in their order; those that were not there follow.
pub(crate) fn keep_recent(overview: &mut Overview, shown: &Overview) {
    let mut recent = shown.recent.clone();
    recent.retain(|known| overview.recent.iter().any(|fresh| fresh.user_id == known.user_id));
    for fresh in overview.recent.drain(..) {
        match recent.iter_mut().find(|known| known.user_id == fresh.user_id) {
            Some(known) => *known = fresh,
            None => recent.push(fresh),
        }
    }
    overview.recent = recent;
}

fn of_inbox<'a>(overview: &'a mut Overview, user_id: &UserId) -> Option<&'a mut u64> {
    overview.recent.iter_mut().find(|known| known.user_id == *user_id).map(|known| &mut known.unread_count)
}
