//! Everything that decides about a delivery to a user, read at once.

use async_trait::async_trait;

use super::{Contacts, Store, StoreError, Wishes, contacts::KeptContact};
use crate::model::{Notification, NotificationId, Preferences, UserId};

/// The data about a user that decides about a delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The contacts of the user, oldest first.
    pub contacts: Vec<KeptContact>,
    /// The preferences of the user.
    pub preferences: Preferences,
    /// The number of the newest change of their inbox; 0 where there was none.
    pub modseq: u64,
    /// How many notifications are unread there.
    pub unread_count: u64,
    /// The notification to deliver; `None` where it is gone, or where none was asked for.
    pub notification: Option<Notification>,
}

/// Reads the profile of a user. Sending to many users at once waits for this more than for anything else in the store,
/// so a store may have a faster way than to read the parts one after the other.
#[async_trait]
pub trait Profiles: Store + Contacts + Wishes {
    /// The profile of a user for a delivery about this notification. An unknown user has an empty one.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn profile(&self, user_id: &UserId, about: Option<NotificationId>) -> Result<Profile, StoreError> {
        let contacts = self.contacts(user_id).await?;
        let (preferences, _) = self.preferences(user_id).await?;
        let ends = self.ends(std::slice::from_ref(user_id)).await?;
        let (modseq, unread_count) = ends.first().copied().unwrap_or_default();
        let notification = match about {
            Some(id) => self.get(id).await?,
            None => None,
        };
        Ok(Profile { contacts, preferences, modseq, unread_count, notification })
    }
}
