//! Finds out from its tables whose database a file is.

use std::path::Path;

use refinery::Migration;
use rusqlite::Connection;

use super::words::{about, explain};
use crate::server::store::{StoreError, history::fault};

/// Refuses the database of another program, and one whose history of migrations no Campanile wrote. A database without
/// tables may become ours. `known` are the migrations of this release.
pub(super) fn assert_ours(path: &Path, connection: &Connection, known: &[Migration]) -> Result<(), StoreError> {
    const TABLES: &str = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY name <> 'refinery_schema_history', rowid LIMIT 1";
    const HISTORY: &str = "SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version";
    let failed = |error: rusqlite::Error| explain(path, &error);
    let tables = connection.prepare(TABLES).and_then(|mut query| query.query_map((), |row| row.get(0))?.collect());
    let tables: Vec<String> = tables.map_err(failed)?;
    match tables.first().map(String::as_str) {
        None => return Ok(()),
        Some("refinery_schema_history") => {}
        Some(other) => {
            let why = format!("is the database of another program: {other:?} is in it. Give another file.");
            return Err(about(path, why));
        }
    }
    let mut query = connection.prepare(HISTORY).map_err(failed)?;
    let noted = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    let noted: Vec<(i32, String, String, String)> = noted.and_then(Iterator::collect).map_err(failed)?;
    for (version, name, applied_on, checksum) in noted {
        if let Some(fault) = fault(version, &applied_on, &checksum) {
            return Err(about(path, format!("cannot be used: {fault}")));
        }
        let ours = known.iter().find(|known| known.version() == version);
        if ours.is_some_and(|ours| ours.name() != name || ours.checksum().to_string() != checksum) {
            return Err(about(path, "has other tables than this version made. Is it Campanile's?"));
        }
    }
    Ok(())
}
