//! The contacts of users.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::{
    SqliteStore,
    row::{kept_text, text, timestamp, uuid},
    writer::Weight,
};
use crate::{
    model::{ContactAddress, ContactId, ContactState, Label, Timestamp, UserId},
    server::store::{
        StoreError,
        contacts::{Contacts, KeptContact, MOST_CONTACTS, NewContact, Put},
    },
};

/// The columns that [`read_contact`] reads.
macro_rules! columns {
    () => {
        "id, user_id, address, label, state, since, created_at, last_seen_at"
    };
}

/// The contacts of all users, in the order in which they were added.
pub(super) const OF_ALL: &str = concat!("SELECT ", columns!(), " FROM contacts ORDER BY place");

#[async_trait]
impl Contacts for SqliteStore {
    async fn put_contact(&self, contact: &NewContact) -> Result<Put, StoreError> {
        let contact = contact.clone();
        self.writer.write(Weight::ONE, move |batch| put(batch.connection(), &contact)).await
    }

    async fn contacts(&self, user_id: &UserId) -> Result<Vec<KeptContact>, StoreError> {
        let user_id = user_id.clone();
        self.readers.read(true, move |connection| of(connection, &user_id)).await
    }

    async fn contact(&self, id: ContactId) -> Result<Option<KeptContact>, StoreError> {
        const ONE: &str = concat!("SELECT ", columns!(), " FROM contacts WHERE id = ?1");
        let read = move |connection: &Connection| {
            connection.prepare_cached(ONE)?.query_row([id.as_uuid().into_bytes()], read_contact).optional()
        };
        self.readers.read(true, read).await
    }

    async fn delete_contact(&self, user_id: &UserId, id: ContactId) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM contacts WHERE id = ?1 AND user_id = ?2";
        let user_id = user_id.clone();
        let delete = move |connection: &Connection| {
            Ok(connection.prepare_cached(DELETE)?.execute((id.as_uuid().into_bytes(), user_id.as_str()))? > 0)
        };
        self.writer.write(Weight::ONE, move |batch| delete(batch.connection())).await
    }

    async fn set_contact_state(
        &self,
        id: ContactId,
        state: ContactState,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SET: &str = "UPDATE contacts SET state = ?2, since = ?4 WHERE id = ?1 AND last_seen_at <= ?3";
        let set = move |connection: &Connection| {
            let values = (id.as_uuid().into_bytes(), state.as_str(), as_of.as_micros(), now.as_micros());
            Ok(connection.prepare_cached(SET)?.execute(values)? > 0)
        };
        self.writer.write(Weight::ONE, move |batch| set(batch.connection())).await
    }

    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError> {
        const DELETE: &str = "DELETE FROM contacts WHERE user_id = ?1";
        let user_id = user_id.clone();
        let delete = move |connection: &Connection| connection.prepare_cached(DELETE)?.execute([user_id.as_str()]);
        self.writer.write(Weight::rows(MOST_CONTACTS), move |batch| delete(batch.connection())).await
    }

    async fn drop_gone(
        &self,
        dead_since: Timestamp,
        fcm_last_seen: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError> {
        // Each by an index of its own. If nothing is to be removed, this needs no transaction.
        const IS_ANY: &str = "SELECT EXISTS (
                SELECT 1 FROM contacts INDEXED BY contacts_by_death
                    WHERE state = 'dead' AND channel <> 'email' AND since <= ?1
            ) OR EXISTS (
                SELECT 1 FROM contacts INDEXED BY contacts_by_silence WHERE channel = 'fcm' AND last_seen_at <= ?2
            )";
        const DROP: &str = "DELETE FROM contacts WHERE place IN (
                SELECT place FROM (
                    SELECT place FROM contacts INDEXED BY contacts_by_death
                        WHERE state = 'dead' AND channel <> 'email' AND since <= ?1 LIMIT ?3
                ) UNION SELECT place FROM (
                    SELECT place FROM contacts INDEXED BY contacts_by_silence
                        WHERE channel = 'fcm' AND last_seen_at <= ?2 LIMIT ?3
                ) LIMIT ?3
            )";
        let (dead_since, fcm_last_seen) = (dead_since.as_micros(), fcm_last_seen.as_micros());
        let is_any = move |connection: &Connection| {
            connection.prepare_cached(IS_ANY)?.query_row((dead_since, fcm_last_seen), |row| row.get(0))
        };
        if !self.readers.read(true, is_any).await? {
            return Ok(0);
        }
        let values = (dead_since, fcm_last_seen, most);
        let drop = move |connection: &Connection| connection.prepare_cached(DROP)?.execute(values);
        self.writer.write(Weight::rows(most), move |batch| drop(batch.connection())).await
    }
}

/// The contacts of a user, in the order in which they were added.
pub(super) fn of(connection: &Connection, user_id: &UserId) -> rusqlite::Result<Vec<KeptContact>> {
    const OF: &str = concat!("SELECT ", columns!(), " FROM contacts WHERE user_id = ?1 ORDER BY place");
    connection.prepare_cached(OF)?.query_map([user_id.as_str()], read_contact)?.collect()
}

fn put(connection: &Connection, new: &NewContact) -> rusqlite::Result<Put> {
    const RENEW: &str = concat!(
        "UPDATE contacts SET address = ?3, label = ?4, state = 'active',
             since = CASE WHEN state = 'active' THEN since ELSE ?5 END, last_seen_at = max(last_seen_at, ?5)
         WHERE identity = ?1 AND user_id = ?2 RETURNING ",
        columns!()
    );
    const COUNT: &str = "SELECT count(*), count(*) FILTER (WHERE channel <> 'email') FROM contacts WHERE user_id = ?1";
    const LEAVE: &str = "DELETE FROM contacts WHERE identity = ?1";
    const MAKE_ROOM: &str = "DELETE FROM contacts WHERE place = (
            SELECT place FROM contacts WHERE user_id = ?1 AND channel <> 'email' ORDER BY last_seen_at, place LIMIT 1
        )";
    let (identity, user_id) = (new.identity(), new.user_id.as_str());
    let values = (identity, user_id, json(&new.address)?, new.label.as_ref().map(Label::as_str), new.at.as_micros());
    if let Some(known) = connection.prepare_cached(RENEW)?.query_row(values, read_contact).optional()? {
        return Ok(Put::Renewed(known));
    }
    let count = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (present, pushes): (usize, usize) = connection.prepare_cached(COUNT)?.query_row([user_id], count)?;
    if present >= MOST_CONTACTS {
        if pushes == 0 || !new.is_push() {
            return Ok(Put::Full);
        }
        connection.prepare_cached(MAKE_ROOM)?.execute([user_id])?;
    }
    connection.prepare_cached(LEAVE)?.execute([identity])?;
    let made = new.made();
    insert_contact(connection, &made)?;
    Ok(Put::Added(made))
}

pub(super) fn insert_contact(connection: &Connection, contact: &KeptContact) -> rusqlite::Result<()> {
    const INSERT: &str = concat!(
        "INSERT INTO contacts (",
        columns!(),
        ", channel, identity) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    );
    let address = json(&contact.address)?;
    let values = (
        contact.id.as_uuid().into_bytes(),
        contact.user_id.as_str(),
        address,
        contact.label.as_ref().map(Label::as_str),
        contact.state.as_str(),
        contact.since.as_micros(),
        contact.created_at.as_micros(),
        contact.last_seen_at.as_micros(),
        contact.address.channel().as_str(),
        contact.address.identity(&contact.user_id),
    );
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

fn json(address: &ContactAddress) -> rusqlite::Result<String> {
    serde_json::to_string(address).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn read_contact(row: &Row<'_>) -> rusqlite::Result<KeptContact> {
    let has_label = row.get_ref(3)?.as_bytes_or_null()?.is_some();
    Ok(KeptContact {
        id: ContactId::new(uuid(row, 0)?),
        user_id: kept_text(row, 1, UserId::stored)?,
        address: serde_json::from_str(row.get_ref(2)?.as_str()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, Box::new(error)))?,
        label: has_label.then(|| kept_text(row, 3, Label::stored)).transpose()?,
        state: text(row, 4, ContactState::parse)?,
        since: timestamp(5, row.get(5)?)?,
        created_at: timestamp(6, row.get(6)?)?,
        last_seen_at: timestamp(7, row.get(7)?)?,
    })
}
