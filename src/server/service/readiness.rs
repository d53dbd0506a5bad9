//! Whether the store can serve, asked no oftener than it can bear.

use std::{sync::Arc, time::Instant};

use tokio::sync::Mutex;

use crate::server::{
    causes::with_causes,
    store::{Store, StoreError},
};

/// When the store was asked, and what it said; why not, in words.
type Said = (Instant, Result<(), String>);

/// What the store last said.
#[derive(Clone, Default)]
pub(super) struct Readiness(Arc<Mutex<Option<Said>>>);

impl Readiness {
    /// Asks the store. One question is under way at a time, and answers all who asked before it began.
    pub(super) async fn of(&self, store: &dyn Store) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((at, said)) = &*last
            && *at >= asked
        {
            return said.clone().map_err(|why| StoreError::unavailable(format!("as of a moment ago, {why}")));
        }
        let began = Instant::now();
        let said = store.ready().await;
        *last = Some((began, said.as_ref().copied().map_err(|error| with_causes(error))));
        said
    }
}
