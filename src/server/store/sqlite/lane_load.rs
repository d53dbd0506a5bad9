//! How much is in a lane.

use rusqlite::Connection;

/// One delivery less in a lane.
pub(super) fn take_from_lane(connection: &Connection, lane: &str, bytes: usize) -> rusqlite::Result<()> {
    const TAKE: &str = "UPDATE lanes SET waiting = max(waiting - 1, 0), bytes = max(bytes - ?2, 0) WHERE lane = ?1";
    connection.prepare_cached(TAKE)?.execute((lane, bytes)).map(drop)
}
