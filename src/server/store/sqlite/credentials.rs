//! Keys, sessions and tickets: the statements, for any connection.

use std::{collections::HashSet, future::Future};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row};

use super::row::{moment, text, timestamp};
use crate::{
    model::{Timestamp, UserId},
    server::{
        identity::{Holder, KeyId, Scopes},
        store::{Credentials, Grant, GrantKind, SecretHash, ServiceKey, StoreError, credentials::id_is_taken},
    },
};

/// The columns that [`read_key`] reads.
macro_rules! key_columns {
    () => {
        "id, name, scopes, hash, created_at, expires_at, last_used_at, revoked_at"
    };
}

/// The columns that [`find_grant`] reads.
macro_rules! grant_columns {
    () => {
        "holder, expires_at, until, session, inbox, reusable"
    };
}

/// How a statement reaches a connection: a server has one that writes and others that read, a command has one for
/// everything.
pub(super) trait Connections: Send + Sync + 'static {
    /// Reads the last commit. A read that is not small runs where it delays no other task.
    fn read<T: Send + 'static>(
        &self,
        is_small: bool,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// Writes in a transaction, again if it has to be rolled back, and returns after the commit.
    fn write<T: Send + 'static>(
        &self,
        write: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;
}

#[async_trait]
impl<C: Connections> Credentials for C {
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError> {
        let (id, key) = (key.id, key.clone());
        let is_new = self.write(move |connection| insert_key(connection, &key)).await?;
        if is_new { Ok(()) } else { Err(id_is_taken(id)) }
    }

    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError> {
        self.read(false, |connection| connection.prepare_cached(ALL_KEYS)?.query_map((), read_key)?.collect()).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError> {
        let read = move |connection: &Connection| {
            connection.prepare_cached(KEY)?.query_row([id.to_string()], read_key).optional()
        };
        self.read(true, read).await
    }

    async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ServiceKey>, StoreError> {
        let ids = ids.to_vec();
        let read = move |connection: &Connection| {
            let mut key = connection.prepare_cached(KEY)?;
            let found = ids.iter().map(|id| key.query_row([id.to_string()], read_key).optional());
            found.filter_map(Result::transpose).collect()
        };
        self.read(false, read).await
    }

    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError> {
        const REVOKE: &str = "UPDATE service_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
        let write = move |connection: &Connection| {
            Ok(connection.prepare_cached(REVOKE)?.execute((id.to_string(), at.as_micros()))? > 0)
        };
        self.write(write).await
    }

    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        const NOTE: &str = "UPDATE service_keys SET last_used_at = ?2
            WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
        let uses = uses.to_vec();
        let write = move |connection: &Connection| {
            let mut note = connection.prepare_cached(NOTE)?;
            uses.iter().try_for_each(|(id, at)| note.execute((id.to_string(), at.as_micros())).map(drop))
        };
        self.write(write).await
    }

    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO grants (hash, kind, holder, expires_at, until, session, inbox, reusable)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let grant = grant.clone();
        let write = move |connection: &Connection| {
            let (end, until) = (grant.expires_at.as_micros(), grant.until.map(Timestamp::as_micros));
            let inbox = grant.inbox.as_ref().map(UserId::as_str);
            let kind = grant.kind.as_str();
            let values =
                (grant.hash, kind, grant.holder.to_text(), end, until, grant.session, inbox, grant.is_reusable);
            connection.prepare_cached(ADD)?.execute(values).map(drop)
        };
        self.write(write).await
    }

    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        const GRANT: &str =
            concat!("SELECT ", grant_columns!(), " FROM grants WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3");
        let hash = *hash;
        self.read(true, move |connection| find_grant(connection, GRANT, kind, hash, now)).await
    }

    async fn good_sessions(&self, hashes: &[SecretHash], now: Timestamp) -> Result<HashSet<SecretHash>, StoreError> {
        const IS_GOOD: &str = "SELECT 1 FROM grants WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3";
        let hashes = hashes.to_vec();
        let read = move |connection: &Connection| {
            let mut is_good = connection.prepare_cached(IS_GOOD)?;
            let mut good = HashSet::new();
            for hash in hashes {
                if is_good.exists((hash, GrantKind::Session.as_str(), now.as_micros()))? {
                    good.insert(hash);
                }
            }
            Ok(good)
        };
        self.read(false, read).await
    }

    async fn take_grant(
        &self,
        kind: GrantKind,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        const TAKE: &str = concat!(
            "DELETE FROM grants WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3 RETURNING ",
            grant_columns!()
        );
        let hash = *hash;
        self.write(move |connection| find_grant(connection, TAKE, kind, hash, now)).await
    }

    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError> {
        const FORGET: &str = "DELETE FROM grants WHERE expires_at <= ?1";
        let write = move |connection: &Connection| connection.prepare_cached(FORGET)?.execute([now.as_micros()]);
        self.write(write).await.map(|forgotten| forgotten as u64)
    }
}

/// One key.
const KEY: &str = concat!("SELECT ", key_columns!(), " FROM service_keys WHERE id = ?1");

/// Every key, by the time of its creation, and then by id.
pub(super) const ALL_KEYS: &str = concat!("SELECT ", key_columns!(), " FROM service_keys ORDER BY created_at, id");

/// Adds a key; `false` when one with its id exists, which stays as it is.
pub(super) fn insert_key(connection: &Connection, key: &ServiceKey) -> rusqlite::Result<bool> {
    const INSERT: &str = concat!(
        "INSERT INTO service_keys (",
        key_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING"
    );
    let [expires_at, last_used_at, revoked_at] =
        [key.expires_at, key.last_used_at, key.revoked_at].map(|moment| moment.map(Timestamp::as_micros));
    let inserted = connection.prepare_cached(INSERT)?.execute((
        key.id.to_string(),
        &key.name,
        key.scopes.to_string(),
        key.hash,
        key.created_at.as_micros(),
        expires_at,
        last_used_at,
        revoked_at,
    ))?;
    Ok(inserted > 0)
}

/// Reads a row of [`key_columns`].
pub(super) fn read_key(row: &Row<'_>) -> rusqlite::Result<ServiceKey> {
    Ok(ServiceKey {
        id: text(row, 0, KeyId::parse)?,
        name: row.get(1)?,
        scopes: text(row, 2, Scopes::parse)?,
        hash: row.get(3)?,
        created_at: timestamp(4, row.get(4)?)?,
        expires_at: moment(row, 5)?,
        last_used_at: moment(row, 6)?,
        revoked_at: moment(row, 7)?,
    })
}

/// The grant that a statement names, which has [`grant_columns`].
fn find_grant(
    connection: &Connection,
    statement: &str,
    kind: GrantKind,
    hash: SecretHash,
    now: Timestamp,
) -> rusqlite::Result<Option<Grant>> {
    let mut query = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        let inbox = row.get::<_, Option<String>>(4)?.is_some();
        Ok(Grant {
            hash,
            kind,
            holder: text(row, 0, Holder::from_text)?,
            expires_at: timestamp(1, row.get(1)?)?,
            until: moment(row, 2)?,
            session: row.get(3)?,
            inbox: inbox.then(|| text(row, 4, UserId::parse)).transpose()?,
            is_reusable: row.get(5)?,
        })
    };
    query.query_row((hash, kind.as_str(), now.as_micros()), read).optional()
}
