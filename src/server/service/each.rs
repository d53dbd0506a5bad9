//! Changing several notifications that the caller names.

use futures_util::future::join_all;

use super::{NotificationService, ServiceError};
use crate::{
    model::{Notification, NotificationId},
    server::identity::Principal,
};

/// How many are changed at the same time.
const CHANGED_AT_ONCE: usize = 100;

impl NotificationService {
    /// As [`Self::set_read`], for each of these notifications: returns those that there are, in their new state. If the
    /// store fails, some may be marked.
    ///
    /// # Errors
    /// When the caller may not know of any of them, or there is none.
    pub async fn set_read_each(
        &self,
        principal: &Principal,
        ids: &[NotificationId],
        is_read: bool,
    ) -> Result<Vec<Notification>, ServiceError> {
        each(ids, |id| self.set_read(principal, id, is_read)).await
    }

    /// As [`Self::delete`], for each of these notifications: returns the ids of those that there were. If the store fails,
    /// some may be deleted.
    ///
    /// # Errors
    /// When the caller may not know of any of them, or there is none.
    pub async fn delete_each(
        &self,
        principal: &Principal,
        ids: &[NotificationId],
    ) -> Result<Vec<NotificationId>, ServiceError> {
        each(ids, |id| async move { self.delete(principal, id).await.map(|()| id) }).await
    }
}

/// Calls `change` with each id, many at once: a store writes those in few transactions. Returns its results for the
/// notifications that there are.
async fn each<T, F: Future<Output = Result<T, ServiceError>>>(
    ids: &[NotificationId],
    change: impl Fn(NotificationId) -> F,
) -> Result<Vec<T>, ServiceError> {
    let (mut changed, mut none) = (Vec::with_capacity(ids.len()), None);
    for some in ids.chunks(CHANGED_AT_ONCE) {
        for result in join_all(some.iter().map(|id| change(*id))).await {
            match result {
                Ok(result) => changed.push(result),
                Err(ServiceError::NotFound(why)) => none = Some(ServiceError::NotFound(why)),
                Err(why) => return Err(why),
            }
        }
    }
    none.filter(|_| changed.is_empty()).map_or(Ok(changed), Err)
}
