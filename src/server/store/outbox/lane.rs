//! Lanes: deliveries that wait and fail together.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// The recent success of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How many attempts failed since the last one that succeeded.
    pub failures: u64,
    /// Time of the first of these.
    pub failing_since: Option<Timestamp>,
    /// Time of the last attempt that succeeded.
    pub worked_at: Option<Timestamp>,
}

/// The recorded state of a lane, beside its deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneMemory {
    /// Its name.
    pub lane: String,
    /// End of the pause during which nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Reason of the pause.
    pub reason: Option<String>,
    /// Its recent success.
    pub health: Health,
}

/// A lane with deliveries or a recorded state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub lane: String,
    /// Number of unfinished deliveries.
    pub waiting: u64,
    /// Time at which the oldest due delivery was decided.
    pub oldest: Option<Timestamp>,
    /// End of the pause during which nothing of it is claimed.
    pub paused_until: Option<Timestamp>,
    /// Reason of the pause.
    pub reason: Option<String>,
    /// Its recent success.
    pub health: Health,
}

/// Whether a lane is `of`, or is one of the channel `of`.
pub(in crate::server::store) fn is_of_lane(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}
