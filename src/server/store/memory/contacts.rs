//! Contacts in memory, gone at restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    model::{Channel, ContactId, ContactState, Timestamp, UserId},
    server::store::{
        StoreError,
        contacts::{Contacts, KeptContact, MOST_CONTACTS, NewContact, Put},
    },
};

/// The contacts of all users.
#[derive(Default)]
pub(super) struct People(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The oldest first; a user without any is not here.
    contacts: HashMap<UserId, Vec<KeptContact>>,
    /// Who has a contact.
    owners: HashMap<ContactId, UserId>,
    /// Which contact has this identity.
    identities: HashMap<[u8; 32], ContactId>,
}

impl People {
    /// No operation can panic half-way, so what is there is still whole after a panic.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a user has a contact.
    pub(super) fn has_contact(&self, user_id: &UserId) -> bool {
        self.kept().contacts.contains_key(user_id)
    }
}

impl Kept {
    fn of(&self, user_id: &UserId) -> &[KeptContact] {
        self.contacts.get(user_id).map_or(&[], Vec::as_slice)
    }

    fn find(&mut self, id: ContactId) -> Option<&mut KeptContact> {
        let owner = self.owners.get(&id)?;
        self.contacts.get_mut(owner)?.iter_mut().find(|contact| contact.id == id)
    }

    fn put(&mut self, new: &NewContact) -> Put {
        let known = self.identities.get(&new.identity()).copied();
        if let Some(contact) = known.and_then(|id| self.find(id)).filter(|contact| contact.user_id == new.user_id) {
            if contact.state != ContactState::Active {
                (contact.state, contact.since) = (ContactState::Active, new.at);
            }
            (contact.address, contact.label) = (new.address.clone(), new.label.clone());
            contact.last_seen_at = contact.last_seen_at.max(new.at);
            return Put::Renewed(contact.clone());
        }
        let present = self.of(&new.user_id);
        if present.len() >= MOST_CONTACTS {
            let pushes = present.iter().filter(|contact| contact.address.channel() != Channel::Email);
            let longest_silent = pushes.min_by_key(|contact| contact.last_seen_at).map(|contact| contact.id);
            let Some(silent) = longest_silent.filter(|_| new.is_push()) else { return Put::Full };
            self.remove(silent);
        }
        if let Some(of_another) = known {
            self.remove(of_another);
        }
        let contact = new.made();
        self.identities.insert(new.identity(), contact.id);
        self.owners.insert(contact.id, contact.user_id.clone());
        self.contacts.entry(contact.user_id.clone()).or_default().push(contact.clone());
        Put::Added(contact)
    }

    fn remove(&mut self, id: ContactId) -> bool {
        let Some(owner) = self.owners.remove(&id) else { return false };
        let Some(contacts) = self.contacts.get_mut(&owner) else { return false };
        let Some(place) = contacts.iter().position(|contact| contact.id == id) else { return false };
        let contact = contacts.remove(place);
        if contacts.is_empty() {
            self.contacts.remove(&owner);
        }
        self.identities.remove(&contact.address.identity(&owner));
        true
    }
}

#[async_trait]
impl Contacts for MemoryStore {
    async fn put_contact(&self, contact: &NewContact) -> Result<Put, StoreError> {
        Ok(self.people.kept().put(contact))
    }

    async fn contacts(&self, user_id: &UserId) -> Result<Vec<KeptContact>, StoreError> {
        Ok(self.people.kept().of(user_id).to_vec())
    }

    async fn contact(&self, id: ContactId) -> Result<Option<KeptContact>, StoreError> {
        Ok(self.people.kept().find(id).cloned())
    }

    async fn delete_contact(&self, user_id: &UserId, id: ContactId) -> Result<bool, StoreError> {
        let mut kept = self.people.kept();
        Ok(kept.owners.get(&id) == Some(user_id) && kept.remove(id))
    }

    async fn set_contact_state(
        &self,
        id: ContactId,
        state: ContactState,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut kept = self.people.kept();
        let Some(contact) = kept.find(id).filter(|contact| contact.last_seen_at <= since) else { return Ok(false) };
        (contact.state, contact.since) = (state, since);
        Ok(true)
    }

    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError> {
        let mut kept = self.people.kept();
        let ids: Vec<_> = kept.of(user_id).iter().map(|contact| contact.id).collect();
        Ok(ids.into_iter().filter(|id| kept.remove(*id)).count())
    }
}
