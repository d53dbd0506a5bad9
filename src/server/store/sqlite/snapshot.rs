//! Several statements that read one commit.

use std::ops::Deref;

use rusqlite::Connection;

/// A connection that sees one commit until this is dropped. It takes SQLite's locks once for all of its statements, and
/// its own two statements stay prepared: preparing them again costs as much as a small read.
pub(super) struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    /// A snapshot of the last commit, taken with the first statement.
    pub(super) fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute(())?;
        Ok(Self(connection))
    }
}

impl Deref for Snapshot<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut commit| commit.execute(()));
        if ended.is_err() && !self.0.is_autocommit() {
            drop(self.0.execute_batch("ROLLBACK"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_statements_see_one_commit_and_the_connection_is_free_after_it() {
        let file = std::env::temp_dir().join(format!("campanile-snapshot-{}.db", std::process::id()));
        let (writer, reader) = (Connection::open(&file).unwrap(), Connection::open(&file).unwrap());
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0)).unwrap()
        };
        let snapshot = Snapshot::of(&reader).unwrap();
        assert_eq!(count(&snapshot), 1);
        writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert_eq!(count(&snapshot), 1);
        drop(snapshot);
        assert!(reader.is_autocommit());
        assert_eq!(count(&Snapshot::of(&reader).unwrap()), 2);
        // A statement that failed ends the snapshot all the same.
        let snapshot = Snapshot::of(&reader).unwrap();
        assert!(snapshot.prepare_cached("SELECT nothing FROM t").is_err());
        drop(snapshot);
        assert!(reader.is_autocommit());
        drop((writer, reader));
        for suffix in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{suffix}", file.display())));
        }
    }
}
