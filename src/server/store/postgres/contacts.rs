//! The contacts of users.

use async_trait::async_trait;
use tokio_postgres::{Row, types::ToSql};

use super::{
    PostgresStore,
    credentials::execute,
    row::{damaged, sql_number},
};
use crate::{
    model::{ContactId, ContactState, Label, Timestamp, UserId},
    server::store::{
        Contacts, StoreError,
        contacts::{KeptContact, MOST_CONTACTS, NewContact, Put},
    },
};

/// The columns that [`read`] reads, of the table under the name `c`.
macro_rules! columns {
    () => {
        "c.id, c.user_id, c.address, c.label, c.state, c.since, c.created_at, c.last_seen_at"
    };
}

/// The number of these columns: further columns of a query begin there.
const COLUMNS: usize = 8;

/// The contacts of all users, in the order in which they were added.
pub(super) const OF_ALL: &str = concat!("SELECT ", columns!(), " FROM contacts c ORDER BY c.place");

#[async_trait]
impl Contacts for PostgresStore {
    async fn put_contact(&self, contact: &NewContact) -> Result<Put, StoreError> {
        const PUT: &str = concat!(
            "SELECT ",
            columns!(),
            ", f.is_new FROM functions.put_contact($1, $2, $3, $4, $5, $6, $7, $8) f, LATERAL (SELECT (f.target).*) c"
        );
        let unwritable = |error: serde_json::Error| StoreError::failed("a contact cannot be written").because(error);
        let address = serde_json::to_string(&contact.address).map_err(unwritable)?;
        let (id, user_id, channel) =
            (contact.id.as_uuid(), contact.user_id.as_str(), contact.address.channel().as_str());
        let (identity, label) = (contact.identity(), contact.label.as_ref().map(Label::as_str));
        let (at, most) = (contact.at.as_micros(), sql_number(MOST_CONTACTS as u64));
        let values: [&(dyn ToSql + Sync); 8] =
            [&id, &user_id, &channel, &identity.as_slice(), &address, &label, &at, &most];
        let rows = self.database.call(PUT, &values).await?;
        let Some(row) = rows.first() else { return Ok(Put::Full) };
        let contact = read(row)?;
        Ok(if row.try_get(COLUMNS)? { Put::Added(contact) } else { Put::Renewed(contact) })
    }

    async fn contacts(&self, user_id: &UserId) -> Result<Vec<KeptContact>, StoreError> {
        const ALL: &str = concat!("SELECT ", columns!(), " FROM contacts c WHERE c.user_id = $1 ORDER BY c.place");
        self.database.pool.query(ALL, &[&user_id.as_str()]).await?.iter().map(read).collect()
    }

    async fn contact(&self, id: ContactId) -> Result<Option<KeptContact>, StoreError> {
        const ONE: &str = concat!("SELECT ", columns!(), " FROM contacts c WHERE c.id = $1");
        self.database.pool.query_opt(ONE, &[&id.as_uuid()]).await?.map(|row| read(&row)).transpose()
    }

    async fn delete_contact(&self, user_id: &UserId, id: ContactId) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM contacts WHERE id = $1 AND user_id = $2";
        Ok(execute(&self.database.pool, DELETE, &[&id.as_uuid(), &user_id.as_str()]).await? > 0)
    }

    async fn set_contact_state(
        &self,
        id: ContactId,
        state: ContactState,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SET: &str = "UPDATE contacts SET state = $2, since = $4 WHERE id = $1 AND last_seen_at <= $3";
        let values: [&(dyn ToSql + Sync); 4] = [&id.as_uuid(), &state.as_str(), &as_of.as_micros(), &now.as_micros()];
        Ok(execute(&self.database.pool, SET, &values).await? > 0)
    }

    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError> {
        const DELETE: &str = "DELETE FROM contacts WHERE user_id = $1";
        let deleted = execute(&self.database.pool, DELETE, &[&user_id.as_str()]).await?;
        Ok(usize::try_from(deleted).unwrap_or(usize::MAX))
    }

    async fn drop_gone(
        &self,
        dead_since: Timestamp,
        fcm_last_seen: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError> {
        // Each by an index of its own. Contacts locked by another transaction are skipped: they are being renewed or
        // removed.
        const DROP: &str = "WITH dead AS MATERIALIZED (
                SELECT c.id FROM contacts c WHERE c.state = 'dead' AND c.channel <> 'email' AND c.since <= $1
                    ORDER BY c.since LIMIT $3 FOR UPDATE SKIP LOCKED
            ), silent AS MATERIALIZED (
                SELECT c.id FROM contacts c WHERE c.channel = 'fcm' AND c.last_seen_at <= $2
                    ORDER BY c.last_seen_at LIMIT $3 FOR UPDATE SKIP LOCKED
            ), gone AS (
                SELECT d.id FROM dead d UNION SELECT s.id FROM silent s LIMIT $3
            )
            DELETE FROM contacts c USING gone g WHERE c.id = g.id";
        let most = sql_number(most as u64);
        let values: [&(dyn ToSql + Sync); 3] = [&dead_since.as_micros(), &fcm_last_seen.as_micros(), &most];
        let dropped = execute(&self.database.pool, DROP, &values).await?;
        Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
    }
}

pub(super) fn read(row: &Row) -> Result<KeptContact, StoreError> {
    Ok(KeptContact {
        id: ContactId::new(row.try_get(0)?),
        user_id: UserId::stored(row.try_get(1)?),
        // The parser's message may repeat a part of the address, and so a secret.
        address: serde_json::from_str(row.try_get(2)?).map_err(|_| damaged("this is no address"))?,
        label: row.try_get::<_, Option<&str>>(3)?.map(Label::stored),
        state: ContactState::parse(row.try_get(4)?).map_err(damaged)?,
        since: Timestamp::stored(row.try_get(5)?),
        created_at: Timestamp::stored(row.try_get(6)?),
        last_seen_at: Timestamp::stored(row.try_get(7)?),
    })
}
