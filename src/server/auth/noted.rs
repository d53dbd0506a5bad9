//! What callers can bring about as often as they like: it is counted, and logged by number every few
//! seconds, so that no caller fills the log.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::AUDIT;

/// What happened since it was logged.
#[derive(Default)]
pub(in crate::server) struct Noted {
    refused: AtomicU64,
    failed_sign_ins: AtomicU64,
    outages: AtomicU64,
    /// Why it could not be found out who is calling, the last time.
    cause: Mutex<String>,
}

impl Noted {
    /// A caller showed a key, a token or a ticket that is not good.
    pub(in crate::server) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A person could not sign in.
    pub(in crate::server) fn failed_sign_in(&self) {
        self.failed_sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    /// It could not be found out who is calling, because the store or the issuer is away.
    pub(in crate::server) fn outage(&self, cause: &str) {
        self.outages.fetch_add(1, Ordering::Relaxed);
        cause.clone_into(&mut self.cause.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Logs what happened.
    pub(super) fn log(&self) {
        let take = |count: &AtomicU64| Some(count.swap(0, Ordering::Relaxed)).filter(|count| *count > 0);
        if let Some(count) = take(&self.refused) {
            tracing::info!(target: AUDIT, count, "keys, tokens or tickets were shown that are not good");
        }
        if let Some(count) = take(&self.failed_sign_ins) {
            tracing::info!(target: AUDIT, count, "people could not sign in");
        }
        if let Some(count) = take(&self.outages) {
            let cause = std::mem::take(&mut *self.cause.lock().unwrap_or_else(PoisonError::into_inner));
            tracing::warn!(count, cause, "it could not be found out who is calling");
        }
    }
}
