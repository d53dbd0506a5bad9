//! The load of a lane.

use rusqlite::Connection;

/// Takes deliveries and their bytes from the load of a lane.
pub(super) fn take_from_lane(connection: &Connection, lane: &str, deliveries: u64, bytes: u64) -> rusqlite::Result<()> {
    const TAKE: &str = "UPDATE lanes SET waiting = max(waiting - ?2, 0), bytes = max(bytes - ?3, 0) WHERE lane = ?1";
    connection.prepare_cached(TAKE)?.execute((lane, deliveries, bytes)).map(drop)
}
