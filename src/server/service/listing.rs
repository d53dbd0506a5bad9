//! Lists of notifications.

use std::borrow::Cow;

use super::{NotificationService, ServiceError};
use crate::{
    model::{Cursor, FieldError, Filter, Limit, Page},
    server::{
        identity::{Principal, Scope},
        store::RenderedPage,
    },
};

impl NotificationService {
    /// One page of the notifications that meet the filter, newest first, starting after `before`. For a user, all
    /// inboxes are their own one.
    ///
    /// # Errors
    /// When the filter names an inbox that the caller may not read, or `before` is a position of another kind of list.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &Filter,
        before: Option<Cursor>,
        limit: Limit,
    ) -> Result<Page, ServiceError> {
        let filter = readable(principal, filter, before)?;
        Ok(self.0.store.list(&filter, before, limit).await?)
    }

    /// The page of [`Self::list`] as JSON.
    ///
    /// # Errors
    /// Those of [`Self::list`].
    pub async fn list_rendered(
        &self,
        principal: &Principal,
        filter: &Filter,
        before: Option<Cursor>,
        limit: Limit,
    ) -> Result<RenderedPage, ServiceError> {
        let filter = readable(principal, filter, before)?;
        Ok(self.0.store.list_rendered(&filter, before, limit).await?)
    }
}

/// The filter with the only inbox that the caller may read, if there is one.
fn readable<'f>(
    principal: &Principal,
    filter: &'f Filter,
    before: Option<Cursor>,
) -> Result<Cow<'f, Filter>, ServiceError> {
    let inbox = filter.user_id.as_ref().or(principal.own_inbox());
    principal.may_in(Scope::Read, inbox)?;
    let before = before.map(|before| before.of_kind(inbox.is_some())).transpose();
    before.map_err(|why| ServiceError::Invalid(vec![FieldError::new("before", why)]))?;
    if inbox == filter.user_id.as_ref() {
        return Ok(Cow::Borrowed(filter));
    }
    Ok(Cow::Owned(Filter { user_id: inbox.cloned(), ..filter.clone() }))
}
