//! Contacts of users: what callers may do with them, and how a user is forgotten.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use uuid::Uuid;

use super::running::Delivery;
use crate::{
    model::{Channel, Contact, ContactAddress, ContactDraft, ContactId, FieldError, Invalid, Topic, UserId},
    server::{
        causes::with_causes,
        identity::{Denied, Holder, Principal, Scope},
        service::ServiceError,
        store::{
            Forget, StoreError,
            contacts::{KeptContact, MOST_CONTACTS, NewContact, Put},
        },
    },
};

/// How many rows of a user are deleted in one step, so that others do not wait long for it.
const FORGET_STEP: usize = 500;
/// How long a caller waits until the deliveries about a user are deleted, of which there may be many.
const FORGETS_WITHIN: Duration = Duration::from_secs(10);

impl Delivery {
    /// The default app of Apple devices.
    pub(in crate::server) fn apns_topic(&self) -> Option<&Topic> {
        self.0.apns_topic.as_ref()
    }

    /// Adds a contact, or renews a known one, and returns it, and whether it is new.
    ///
    /// # Errors
    /// When the caller may not, its endpoint is not permitted, or the user has too many.
    pub async fn put_contact(
        &self,
        principal: &Principal,
        user_id: &UserId,
        draft: ContactDraft,
    ) -> Result<(Contact, bool), ServiceError> {
        may_change(principal, user_id, draft.address.channel())?;
        let address = self.reachable_address(draft.address).await?;
        let channel = address.channel();
        let (id, at) = (ContactId::new(Uuid::now_v7()), self.0.clock.now());
        let new = NewContact { id, user_id: user_id.clone(), address, label: draft.label, at };
        match self.0.stores.contacts.put_contact(&new).await? {
            Put::Added(contact) => Ok((contact.view(), true)),
            Put::Renewed(contact) => Ok((contact.view(), false)),
            Put::Full => {
                let field = if channel == Channel::Email { "address" } else { "channel" };
                let why = format!("{user_id} has {MOST_CONTACTS} contacts, and no more fit. Delete one first.");
                Err(vec![FieldError::new(field, Invalid::new(why))].into())
            }
        }
    }

    /// All contacts of a user, oldest first.
    ///
    /// # Errors
    /// When the caller may not see them.
    pub async fn contacts(&self, principal: &Principal, user_id: &UserId) -> Result<Vec<Contact>, ServiceError> {
        principal.may_in_either([Scope::Read, Scope::Contacts], Some(user_id))?;
        let contacts = self.0.stores.contacts.contacts(user_id).await?;
        Ok(contacts.into_iter().map(KeptContact::view).collect())
    }

    /// Removes a contact of a user. Its waiting deliveries are not sent.
    ///
    /// # Errors
    /// When the caller may not, or the user has no contact with this id.
    pub async fn delete_contact(
        &self,
        principal: &Principal,
        user_id: &UserId,
        id: ContactId,
    ) -> Result<(), ServiceError> {
        principal.may_in(Scope::Contacts, Some(user_id))?;
        let nothing = || ServiceError::NotFound(format!("{user_id} has no contact {id}; it may have been deleted."));
        let found = self.0.stores.contacts.contact(id).await?.filter(|contact| contact.user_id == *user_id);
        // No contact ever changes its channel.
        may_change(principal, user_id, found.ok_or_else(nothing)?.address.channel())?;
        if self.0.stores.contacts.delete_contact(user_id, id).await? { Ok(()) } else { Err(nothing()) }
    }

    /// Forgets a user: sessions, tickets, preferences and contacts, the notifications, whose deletion streams and
    /// webhooks receive like any other, and earlier deliveries about the inbox. If all users together have very many
    /// deliveries, the end of that work continues after this returns. When this fails, the steps done so far stay done;
    /// repeat it.
    ///
    /// # Errors
    /// When the caller may not.
    pub async fn forget_user(&self, principal: &Principal, user_id: &UserId) -> Result<(), ServiceError> {
        principal.may_in(Scope::Admin, Some(user_id))?;
        let (contacts, forget) = (&self.0.stores.contacts, &self.0.stores.forget);
        forget.forget_grants_of(user_id).await?;
        self.0.stores.wishes.forget_preferences(user_id).await?;
        contacts.delete_contacts(user_id).await?;
        // Webhooks receive the deletions by newer deliveries about the same inbox.
        let newest = forget.newest_delivery().await?;
        while forget.forget_notifications(user_id, FORGET_STEP).await? == FORGET_STEP {}
        let forgetting = tokio::spawn(forget_deliveries(Arc::clone(forget), user_id.clone(), newest));
        match timeout(FORGETS_WITHIN, forgetting).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(_)) => Err(StoreError::failed("forgetting ended early").into()),
            // The work continues.
            Err(_) => Ok(()),
        }
    }

    /// A permitted address, in its plain form.
    async fn reachable_address(&self, address: ContactAddress) -> Result<ContactAddress, ServiceError> {
        let ContactAddress::Webpush { endpoint, keys } = address else { return Ok(address) };
        let wrong = |why| vec![FieldError::new("subscription.endpoint", why)];
        let url = self.0.channel.reach().look_up(&endpoint).await.map_err(wrong)?;
        if url.fragment().is_some() {
            return Err(wrong(Invalid::new("This must be a URL without a fragment (#…), which is never sent.")).into());
        }
        Ok(ContactAddress::Webpush { endpoint: url.into(), keys })
    }
}

/// Forgets deliveries about an inbox, up to this place.
async fn forget_deliveries(forget: Arc<dyn Forget>, user_id: UserId, newest: u64) -> Result<(), StoreError> {
    let mut next = Some(0);
    while let Some(from) = next.filter(|from| *from <= newest) {
        next = forget.forget_deliveries_about(&user_id, from..=newest).await.inspect_err(|error| {
            tracing::warn!(cause = with_causes(error), "some deliveries of a forgotten user could not be deleted");
        })?;
    }
    Ok(())
}

/// Whether a caller may add or remove a contact of this channel. Nothing proves that an e-mail address belongs to the
/// user who gives it, so the application sets it.
fn may_change(principal: &Principal, user_id: &UserId, channel: Channel) -> Result<(), Denied> {
    principal.may_in(Scope::Contacts, Some(user_id))?;
    let is_user = matches!(principal.holder(), Holder::User(_));
    if is_user && channel == Channel::Email {
        return Err(Denied::Forbidden("The application sets e-mail addresses, with a service key; a user does not."));
    }
    Ok(())
}
