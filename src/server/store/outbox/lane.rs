//! Lanes: deliveries that wait and fail together.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// How well a lane does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How many attempts failed since the last one that worked.
    pub failures: u64,
    /// When the first of these was.
    pub failing_since: Option<Timestamp>,
    /// When an attempt worked for the last time.
    pub worked_at: Option<Timestamp>,
}

/// What is remembered of a lane, beside what waits in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneMemory {
    /// Its name.
    pub lane: String,
    /// Until when nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How well it does.
    pub health: Health,
}

/// A lane in which something waits, or of which something is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub lane: String,
    /// Number of unfinished deliveries.
    pub waiting: u64,
    /// Time at which the oldest due delivery was decided.
    pub oldest: Option<Timestamp>,
    /// Until when nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How well it does.
    pub health: Health,
}

/// Whether a lane is this one, or one of the channel of this name.
pub(in crate::server::store) fn is_of_lane(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}
