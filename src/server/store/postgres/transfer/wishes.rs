//! Exports and imports preferences, and the server's own keys.

use tokio_postgres::Transaction;

use super::ReadRecord;
use crate::{
    model::{Preferences, UserId},
    server::store::{
        Record, StoreError,
        postgres::{
            row::{damaged, number, sql_number},
            wishes::written,
        },
        record::SecretRecord,
    },
};

/// The records to export, in this order.
pub(super) const EXPORT: [(&str, ReadRecord); 2] = [
    ("SELECT user_id, version, record FROM preferences ORDER BY user_id", |row| {
        Ok(Record::Preferences {
            user_id: UserId::stored(row.try_get(0)?),
            version: number(row, 1)?,
            preferences: serde_json::from_str(row.try_get(2)?).map_err(damaged)?,
        })
    }),
    ("SELECT name, secret FROM secrets ORDER BY name", |row| {
        Ok(Record::Secret(SecretRecord { name: row.try_get(0)?, secret: row.try_get(1)? }))
    }),
];

pub(super) async fn take_preferences(
    transaction: &Transaction<'_>,
    user_id: &UserId,
    version: u64,
    preferences: &Preferences,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO preferences (user_id, version, record) VALUES ($1, $2, $3)";
    transaction.execute(INSERT, &[&user_id.as_str(), &sql_number(version), &written(preferences)?]).await?;
    Ok(())
}

pub(super) async fn take_secret(transaction: &Transaction<'_>, secret: &SecretRecord) -> Result<(), StoreError> {
    // A server creates its keys when it starts, but the imported ones are those in use before.
    const PUT: &str = "INSERT INTO secrets (name, secret) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET secret = excluded.secret";
    transaction.execute(PUT, &[&secret.name, &secret.secret]).await?;
    Ok(())
}
