//! Keys, sessions and tickets: each operation is one statement.

use std::collections::HashSet;

use async_trait::async_trait;
use tokio_postgres::{Row, Transaction, types::ToSql};

use super::{
    PostgresStore,
    connections::Connections,
    error::of_write,
    row::{damaged, timestamp},
};
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

/// Every key, by the time of its creation, and then by id.
pub(super) const ALL_KEYS: &str = concat!("SELECT ", key_columns!(), " FROM service_keys ORDER BY created_at, id");

/// The statement of [`insert_key`].
pub(super) const INSERT_KEY: &str = concat!(
    "INSERT INTO service_keys (",
    key_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING"
);

#[async_trait]
impl Credentials for PostgresStore {
    async fn add_key(&self, key: &ServiceKey) -> Result<(), StoreError> {
        let columns = KeyColumns::of(key);
        added(key, execute(&self.database.pool, INSERT_KEY, &columns.values()).await?)
    }

    async fn keys(&self) -> Result<Vec<ServiceKey>, StoreError> {
        self.database.pool.query(ALL_KEYS, &[]).await?.iter().map(read_key).collect()
    }

    async fn key(&self, id: KeyId) -> Result<Option<ServiceKey>, StoreError> {
        const KEY: &str = concat!("SELECT ", key_columns!(), " FROM service_keys WHERE id = $1");
        self.database.pool.query_opt(KEY, &[&id.to_string()]).await?.map(|row| read_key(&row)).transpose()
    }

    async fn keys_of(&self, ids: &[KeyId]) -> Result<Vec<ServiceKey>, StoreError> {
        const KEYS: &str = concat!("SELECT ", key_columns!(), " FROM service_keys WHERE id = ANY($1)");
        let ids: Vec<_> = ids.iter().map(KeyId::to_string).collect();
        self.database.pool.query(KEYS, &[&ids]).await?.iter().map(read_key).collect()
    }

    async fn revoke_key(&self, id: KeyId, at: Timestamp) -> Result<bool, StoreError> {
        const REVOKE: &str = "UPDATE service_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        Ok(execute(&self.database.pool, REVOKE, &[&id.to_string(), &at.as_micros()]).await? > 0)
    }

    async fn note_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let (ids, times): (Vec<_>, Vec<_>) = uses.iter().map(|(id, at)| (id.to_string(), at.as_micros())).unzip();
        self.database.call("SELECT functions.note_uses($1, $2)", &[&ids, &times]).await.map(drop)
    }

    async fn add_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO grants (hash, kind, holder, expires_at, until, session, inbox, reusable)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let (end, until) = (grant.expires_at.as_micros(), grant.until.map(Timestamp::as_micros));
        let (session, inbox) =
            (grant.session.as_ref().map(<[u8; 32]>::as_slice), grant.inbox.as_ref().map(UserId::as_str));
        let values: [&(dyn ToSql + Sync); 8] = [
            &grant.hash.as_slice(),
            &grant.kind.as_str(),
            &grant.holder.to_text(),
            &end,
            &until,
            &session,
            &inbox,
            &grant.is_reusable,
        ];
        execute(&self.database.pool, ADD, &values).await.map(drop)
    }

    async fn grant(&self, kind: GrantKind, hash: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        const GRANT: &str =
            concat!("SELECT ", grant_columns!(), " FROM grants WHERE hash = $1 AND kind = $2 AND expires_at > $3");
        find_grant(&self.database.pool, GRANT, kind, hash, now).await
    }

    async fn good_sessions(&self, hashes: &[SecretHash], now: Timestamp) -> Result<HashSet<SecretHash>, StoreError> {
        const GOOD: &str = "SELECT hash FROM grants WHERE hash = ANY($1) AND kind = $2 AND expires_at > $3";
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let values: [&(dyn ToSql + Sync); 3] = [&hashes, &GrantKind::Session.as_str(), &now.as_micros()];
        let rows = self.database.pool.query(GOOD, &values).await?;
        rows.iter().map(|row| row.try_get::<_, &[u8]>(0)?.try_into().map_err(damaged)).collect()
    }

    async fn take_grant(
        &self,
        kind: GrantKind,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        const TAKE: &str = concat!(
            "DELETE FROM grants WHERE hash = $1 AND kind = $2 AND expires_at > $3 RETURNING ",
            grant_columns!()
        );
        find_grant(&self.database.pool, TAKE, kind, hash, now).await
    }

    async fn forget_grants(&self, now: Timestamp) -> Result<u64, StoreError> {
        // Several servers do this at once: each skips the rows that another one is removing.
        const FORGET: &str = "DELETE FROM grants WHERE hash IN
            (SELECT g.hash FROM grants g WHERE g.expires_at <= $1 FOR UPDATE SKIP LOCKED)";
        execute(&self.database.pool, FORGET, &[&now.as_micros()]).await
    }
}

/// Runs a statement, and returns how many rows it affected.
pub(super) async fn execute(pool: &Connections, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, StoreError> {
    Ok(pool.write(sql, values).await?.1)
}

/// Adds a key in a transaction.
pub(super) async fn insert_key(transaction: &Transaction<'_>, key: &ServiceKey) -> Result<(), StoreError> {
    added(key, transaction.execute(INSERT_KEY, &KeyColumns::of(key).values()).await.map_err(of_write)?)
}

/// The meaning of the number of rows that [`INSERT_KEY`] affected.
fn added(key: &ServiceKey, rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(id_is_taken(key.id)) } else { Ok(()) }
}

/// A key, as [`INSERT_KEY`] takes it.
struct KeyColumns<'k> {
    id: String,
    name: &'k str,
    scopes: String,
    hash: &'k [u8],
    created_at: i64,
    /// Times of its expiry, its last use and its revocation.
    moments: [Option<i64>; 3],
}

impl<'k> KeyColumns<'k> {
    fn of(key: &'k ServiceKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: &key.name,
            scopes: key.scopes.to_string(),
            hash: key.hash.as_slice(),
            created_at: key.created_at.as_micros(),
            moments: [key.expires_at, key.last_used_at, key.revoked_at].map(|moment| moment.map(Timestamp::as_micros)),
        }
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 8] {
        let [expires_at, last_used_at, revoked_at] = &self.moments;
        [&self.id, &self.name, &self.scopes, &self.hash, &self.created_at, expires_at, last_used_at, revoked_at]
    }
}

/// Reads a row of [`key_columns`].
pub(super) fn read_key(row: &Row) -> Result<ServiceKey, StoreError> {
    Ok(ServiceKey {
        id: KeyId::parse(row.try_get(0)?).map_err(damaged)?,
        name: row.try_get(1)?,
        scopes: Scopes::parse(row.try_get(2)?).map_err(damaged)?,
        hash: row.try_get::<_, &[u8]>(3)?.try_into().map_err(damaged)?,
        created_at: timestamp(row.try_get(4)?)?,
        expires_at: moment(row, 5)?,
        last_used_at: moment(row, 6)?,
        revoked_at: moment(row, 7)?,
    })
}

fn moment(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    row.try_get::<_, Option<i64>>(column)?.map(timestamp).transpose()
}

/// The grant that a statement names, which has [`grant_columns`].
async fn find_grant(
    pool: &Connections,
    sql: &str,
    kind: GrantKind,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<Grant>, StoreError> {
    let values: [&(dyn ToSql + Sync); 3] = [&hash.as_slice(), &kind.as_str(), &now.as_micros()];
    let Some(row) = pool.query_opt(sql, &values).await? else { return Ok(None) };
    let session: Option<&[u8]> = row.try_get(3)?;
    let inbox: Option<&str> = row.try_get(4)?;
    Ok(Some(Grant {
        hash: *hash,
        kind,
        holder: Holder::from_text(row.try_get(0)?).map_err(damaged)?,
        expires_at: timestamp(row.try_get(1)?)?,
        until: moment(&row, 2)?,
        session: session.map(TryInto::try_into).transpose().map_err(damaged)?,
        inbox: inbox.map(UserId::parse).transpose().map_err(damaged)?,
        is_reusable: row.try_get(5)?,
    }))
}
