//! A cache of sessions that were recently valid.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::server::store::SecretHash;

/// How long a session counts as recent.
const RECENT: Duration = Duration::from_secs(60);
/// The most sessions in the cache.
const MOST: usize = 16_384;

/// Remembers sessions, so that their requests are not counted as those of unknown callers. The store checks each time
/// whether one is still valid.
#[derive(Default)]
pub(super) struct Recent(Mutex<HashMap<SecretHash, Instant>>);

impl Recent {
    /// Whether this session was valid a moment ago.
    pub(super) fn has(&self, session: &SecretHash) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(session).copied();
        seen.is_some_and(|at| at.elapsed() < RECENT)
    }

    /// Adds a valid session.
    pub(super) fn add(&self, session: SecretHash) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, at| at.elapsed() < RECENT);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        seen.insert(session, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_is_recent_for_a_minute_and_the_memory_is_bounded() {
        let recent = Recent::default();
        recent.add([1; 32]);
        assert!(recent.has(&[1; 32]) && !recent.has(&[2; 32]));
        tokio::time::advance(RECENT).await;
        assert!(!recent.has(&[1; 32]));
        for number in 0..2 * MOST as u64 {
            let mut session = [0; 32];
            session[..8].copy_from_slice(&number.to_be_bytes());
            recent.add(session);
        }
        assert!(recent.0.lock().unwrap().len() <= MOST);
    }
}
