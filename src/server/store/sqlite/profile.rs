//! Reads the profile of a user from one commit.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{SqliteStore, contacts, ends::End, read, snapshot::Snapshot, wishes};
use crate::{
    model::{NotificationId, UserId},
    server::store::{
        StoreError,
        profile::{Profile, Profiles},
    },
};

#[async_trait]
impl Profiles for SqliteStore {
    async fn profile(&self, user_id: &UserId, about: Option<NotificationId>) -> Result<Profile, StoreError> {
        let user_id = user_id.clone();
        let read = move |connection: &Connection| {
            // Each separate statement takes and releases SQLite's locks, which costs more than to run it.
            let snapshot = Snapshot::of(connection)?;
            let End { modseq, unread_count } = read::end(&snapshot, &user_id)?.unwrap_or_default();
            Ok(Profile {
                contacts: contacts::of(&snapshot, &user_id)?,
                preferences: wishes::of(&snapshot, &user_id)?.0,
                modseq,
                unread_count,
                notification: about.map(|id| read::get(&snapshot, id)).transpose()?.flatten(),
            })
        };
        self.readers.read(true, read).await
    }
}
