//! Changing several notifications that the caller names, in one step.

use std::collections::HashSet;

use super::{NotificationService, ServiceError, may_change};
use crate::{
    model::{Notification, NotificationId},
    server::identity::Principal,
};

impl NotificationService {
    /// As [`Self::set_read`], for each of these notifications, all or none: returns those that there are, in their new
    /// state and in any order.
    ///
    /// # Errors
    /// When there is none, or none that the caller may know of.
    pub async fn set_read_each(
        &self,
        principal: &Principal,
        ids: &[NotificationId],
        is_read: bool,
    ) -> Result<Vec<Notification>, ServiceError> {
        let Some(first) = ids.first() else { return Ok(Vec::new()) };
        let owner = may_change(principal, *first)?;
        let marked = self.0.store.set_read_each(&once_each(ids), owner, is_read).await?;
        if marked.is_empty() { Err(ServiceError::no_notification(*first)) } else { Ok(marked) }
    }

    /// As [`Self::delete`], for each of these notifications, all or none: returns the ids of those that there were, in
    /// any order.
    ///
    /// # Errors
    /// When there was none, or none that the caller may know of.
    pub async fn delete_each(
        &self,
        principal: &Principal,
        ids: &[NotificationId],
    ) -> Result<Vec<NotificationId>, ServiceError> {
        let Some(first) = ids.first() else { return Ok(Vec::new()) };
        let owner = may_change(principal, *first)?;
        let deleted = self.0.store.delete_each(&once_each(ids), owner).await?;
        if deleted.is_empty() { Err(ServiceError::no_notification(*first)) } else { Ok(deleted) }
    }
}

/// Each of the ids once: a form may repeat one. Stores change them in any order.
fn once_each(ids: &[NotificationId]) -> Vec<NotificationId> {
    let mut known = HashSet::with_capacity(ids.len());
    ids.iter().copied().filter(|id| known.insert(*id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_repeated_counts_once() {
        let [a, b] = [1, 2].map(|number| NotificationId::new(uuid::Uuid::from_u128(number)));
        let mut once = once_each(&[b, a, b]);
        once.sort();
        assert_eq!(once, [a, b]);
    }
}
