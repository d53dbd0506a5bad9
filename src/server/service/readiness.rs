//! Whether the store can serve, asked no oftener than it can bear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::server::{
    causes::with_causes,
    store::{Store, StoreError},
};

/// For how long an answer holds: the store is written to for each, and anybody may ask.
const HOLDS_FOR: Duration = Duration::from_secs(1);

/// What the store last said, and when it was asked; why not, in words.
#[derive(Clone, Default)]
pub(super) struct Readiness(Arc<Mutex<Option<(Instant, Result<(), String>)>>>);

impl Readiness {
    /// Asks the store, or says what it said a moment ago. Who asks while another caller does waits for that answer.
    pub(super) async fn of(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut last = self.0.lock().await;
        if let Some((at, said)) = &*last
            && at.elapsed() < HOLDS_FOR
        {
            return said.clone().map_err(|why| StoreError::unavailable(format!("as of a moment ago, {why}")));
        }
        let said = store.ready().await;
        *last = Some((Instant::now(), said.as_ref().copied().map_err(|error| with_causes(error))));
        said
    }
}
