//! Requests with an idempotency key.

use rusqlite::{Connection, OptionalExtension};

use crate::{
    model::{NotificationId, Timestamp},
    server::store::{Creation, Once, made},
};

/// The answer for the request with this key; `None` when there was none. A request stored by an earlier release answers
/// every caller.
pub(super) fn answer(connection: &Connection, once: &Once) -> rusqlite::Result<Option<Creation>> {
    const USED: &str = "SELECT true, fingerprint, made FROM once_by_caller WHERE caller = ?1 AND key = ?2 AND at > ?3
        UNION ALL SELECT false, fingerprint, made FROM once WHERE key = ?2 AND at > ?3";
    let values = (once.caller(), &once.key, Once::forgotten_at(once.at).as_micros());
    let answer =
        |row: &rusqlite::Row<'_>| Ok(once.answer(row.get(0)?, row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?));
    connection.prepare_cached(USED)?.query_row(values, answer).optional()
}

/// Stores that a request was carried out. A forgotten key may be used again.
pub(super) fn insert_once(
    connection: &Connection,
    once: &Once,
    made: &[(NotificationId, Timestamp)],
) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT OR REPLACE INTO once_by_caller (caller, key, fingerprint, at, made)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    const INSERT_OLD: &str = "INSERT OR REPLACE INTO once (key, fingerprint, at, made) VALUES (?1, ?2, ?3, ?4)";
    let (fingerprint, at, made) = (once.fingerprint, once.at.as_micros(), made::to_bytes(made.iter().copied()));
    match &once.caller {
        Some(caller) => connection.prepare_cached(INSERT)?.execute((caller, &once.key, fingerprint, at, made)),
        None => connection.prepare_cached(INSERT_OLD)?.execute((&once.key, fingerprint, at, made)),
    }
    .map(drop)
}
