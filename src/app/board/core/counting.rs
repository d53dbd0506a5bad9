//! How the numbers beside the list follow what a person does, before the server has answered.

use crate::model::{Notification, Overview};

/// Counts a notification in.
pub(crate) fn add(overview: &mut Overview, notification: &Notification) {
    overview.total += 1;
    overview.unread_count += u64::from(!notification.is_read);
    match overview.categories.iter_mut().find(|(category, _)| *category == notification.category) {
        Some((_, count)) => *count += 1,
        None => overview.categories.push((notification.category.clone(), 1)),
    }
    if !overview.recent.contains(&notification.user_id) {
        overview.recent.insert(0, notification.user_id.clone());
    }
}

/// Where one inbox is shown, the server names no other: those that are offered beside the list stay.
pub(crate) fn keep_recent(overview: &mut Overview, shown: &Overview) {
    let mut recent = shown.recent.clone();
    for user_id in overview.recent.drain(..) {
        if !recent.contains(&user_id) {
            recent.push(user_id);
        }
    }
    overview.recent = recent;
}

/// Counts a notification out.
pub(crate) fn remove(overview: &mut Overview, notification: &Notification) {
    overview.total = overview.total.saturating_sub(1);
    overview.unread_count = overview.unread_count.saturating_sub(u64::from(!notification.is_read));
    for (category, count) in &mut overview.categories {
        if *category == notification.category {
            *count = count.saturating_sub(1);
        }
    }
}

/// Counts a notification that became read or unread.
pub(crate) fn set_read(overview: &mut Overview, is_read: bool) {
    let count = &mut overview.unread_count;
    *count = if is_read { count.saturating_sub(1) } else { *count + 1 };
}
