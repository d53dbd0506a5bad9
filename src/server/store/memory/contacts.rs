//! Contacts in memory, lost at restart.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use uuid::Uuid;

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
pub(super) struct People(Mutex<ContactTables>);

#[derive(Default)]
struct ContactTables {
    /// The contacts of each user, oldest first; a user without any has no entry.
    contacts: HashMap<UserId, Vec<KeptContact>>,
    /// The owner of each contact.
    owners: HashMap<ContactId, UserId>,
    /// The contact with each identity.
    identities: HashMap<[u8; 32], ContactId>,
    /// Dead push contacts, in the order in which they died.
    dead: BTreeSet<(Timestamp, ContactId)>,
    /// FCM contacts, the longest silent first.
    silent: BTreeSet<(Timestamp, ContactId)>,
}

impl People {
    /// No operation can panic half-way, so the data is still consistent after a panic.
    fn kept(&self) -> MutexGuard<'_, ContactTables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a user has a contact.
    pub(super) fn has_contact(&self, user_id: &UserId) -> bool {
        self.kept().contacts.contains_key(user_id)
    }
}

impl ContactTables {
    fn of(&self, user_id: &UserId) -> &[KeptContact] {
        self.contacts.get(user_id).map_or(&[], Vec::as_slice)
    }

    fn find(&mut self, id: ContactId) -> Option<&mut KeptContact> {
        let owner = self.owners.get(&id)?;
        self.contacts.get_mut(owner)?.iter_mut().find(|contact| contact.id == id)
    }

    /// Changes a contact, and returns it in its new state.
    fn change(&mut self, id: ContactId, change: impl FnOnce(&mut KeptContact)) -> Option<KeptContact> {
        let contact = self.find(id)?;
        let before = contact.clone();
        change(contact);
        let contact = contact.clone();
        self.forget_places(&before);
        self.note_places(&contact);
        Some(contact)
    }

    /// Adds a contact to the lists of those that may have to go.
    fn note_places(&mut self, contact: &KeptContact) {
        let channel = contact.address.channel();
        if channel != Channel::Email && contact.state == ContactState::Dead {
            self.dead.insert((contact.since, contact.id));
        }
        if channel == Channel::Fcm {
            self.silent.insert((contact.last_seen_at, contact.id));
        }
    }

    fn forget_places(&mut self, contact: &KeptContact) {
        self.dead.remove(&(contact.since, contact.id));
        self.silent.remove(&(contact.last_seen_at, contact.id));
    }

    fn put(&mut self, new: &NewContact) -> Put {
        let known = self.identities.get(&new.identity()).copied();
        let same = known.filter(|id| self.owners.get(id) == Some(&new.user_id));
        let renew = |contact: &mut KeptContact| {
            if contact.state != ContactState::Active {
                (contact.state, contact.since) = (ContactState::Active, new.at);
            }
            (contact.address, contact.label) = (new.address.clone(), new.label.clone());
            contact.last_seen_at = contact.last_seen_at.max(new.at);
        };
        if let Some(renewed) = same.and_then(|id| self.change(id, renew)) {
            return Put::Renewed(renewed);
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
        self.note_places(&contact);
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
        self.forget_places(&contact);
        true
    }

    fn drop_gone(&mut self, dead_since: Timestamp, fcm_last_seen: Timestamp, most: usize) -> usize {
        // No contact of the same time sorts after this one.
        let last = ContactId::new(Uuid::max());
        let dead = self.dead.range(..=(dead_since, last)).map(|(_, id)| *id);
        let silent = self.silent.range(..=(fcm_last_seen, last)).map(|(_, id)| *id);
        let gone: BTreeSet<_> = dead.take(most).chain(silent.take(most)).collect();
        gone.into_iter().take(most).filter(|id| self.remove(*id)).count()
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
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut kept = self.people.kept();
        if !kept.find(id).is_some_and(|contact| contact.last_seen_at <= as_of) {
            return Ok(false);
        }
        Ok(kept.change(id, |contact| (contact.state, contact.since) = (state, now)).is_some())
    }

    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError> {
        let mut kept = self.people.kept();
        let ids: Vec<_> = kept.of(user_id).iter().map(|contact| contact.id).collect();
        Ok(ids.into_iter().filter(|id| kept.remove(*id)).count())
    }

    async fn drop_gone(
        &self,
        dead_since: Timestamp,
        fcm_last_seen: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError> {
        Ok(self.people.kept().drop_gone(dead_since, fcm_last_seen, most))
    }
}
