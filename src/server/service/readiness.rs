//! Whether the store can serve, checked no more often than it can bear.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::timeout;

use crate::server::{
    causes::with_causes,
    limiter::{Limiter, Rate},
    store::StoreError,
};

/// How long a caller waits for the answer of the store.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How long the store has before a new check begins. The old one may keep a connection for as long.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// How often the log reports that the store is not ready: any client may ask.
const LINES: &str = "12/m";
/// The reason when the store does not answer.
const SILENT: &str = "the store does not answer";

/// A check of the store, and its result; the reason of a failure is in words.
type Probe = Shared<BoxFuture<'static, Result<(), String>>>;

/// The last check, and the limit of its log lines.
#[derive(Clone)]
pub(super) struct Readiness {
    last: Arc<Mutex<Option<Probe>>>,
    lines: Option<Arc<Limiter<()>>>,
}

impl Default for Readiness {
    fn default() -> Self {
        let lines = Rate::parse(LINES).ok().flatten().map(|rate| Arc::new(Limiter::new(rate)));
        Self { last: Arc::default(), lines }
    }
}

impl Readiness {
    /// The result of this check, or of one under way: only one runs at a time, and it continues when every caller has
    /// left.
    pub(super) async fn of<F>(&self, question: impl FnOnce() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let said = timeout(ANSWERS_WITHIN, self.probe(question)).await;
        let said = said.unwrap_or_else(|_| Err(SILENT.to_owned()));
        if let Err(cause) = &said
            && self.lines.as_ref().is_none_or(|lines| lines.check(&()).is_ok())
        {
            tracing::warn!(cause, "not ready");
        }
        said.map_err(StoreError::unavailable)
    }

    fn probe<F>(&self, question: impl FnOnce() -> F) -> Probe
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have finished without a caller that has seen the result.
        let is_under_way = |probe: &&Probe| Probe::clone(probe).now_or_never().is_none();
        if let Some(probe) = last.as_ref().filter(is_under_way) {
            return probe.clone();
        }
        let asked = timeout(GIVEN_UP_AFTER, question());
        let task = tokio::spawn(async move {
            let said = asked.await.unwrap_or_else(|_| Err(StoreError::unavailable(SILENT)));
            said.map_err(|error| with_causes(&error))
        });
        let probe = task.map(|ended| ended.unwrap_or_else(|_| Err("asking the store ended early".to_owned())));
        let probe = probe.boxed().shared();
        *last = Some(probe.clone());
        probe
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, pending};
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_asked_once_and_all_callers_are_answered() {
        let (readiness, asked) = (Readiness::default(), AtomicUsize::new(0));
        let hangs = || {
            asked.fetch_add(1, Ordering::Relaxed);
            pending()
        };
        let began = Instant::now();
        for _ in 0..2 {
            for refused in join_all((0..20).map(|_| readiness.of(hangs))).await {
                assert!(refused.unwrap_err().to_string().contains(SILENT));
            }
        }
        assert_eq!((began.elapsed(), asked.load(Ordering::Relaxed)), (2 * ANSWERS_WITHIN, 1));
        // When that check is given up, a new one begins.
        sleep(GIVEN_UP_AFTER).await;
        readiness.of(|| async { Ok(()) }).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_callers_share_a_check_and_later_ones_start_another() {
        let (readiness, asked) = (Readiness::default(), AtomicUsize::new(0));
        let takes_a_second = || {
            asked.fetch_add(1, Ordering::Relaxed);
            async {
                sleep(Duration::from_secs(1)).await;
                Ok(())
            }
        };
        join_all((0..100).map(|_| readiness.of(takes_a_second))).await.into_iter().for_each(Result::unwrap);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // An earlier result says nothing about the present.
        let failed = readiness.of(|| async { Err(StoreError::unavailable("the disk is full")) }).await;
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        readiness.of(takes_a_second).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn no_client_fills_the_log_by_asking() {
        let lines = Readiness::default().lines.unwrap_or_else(|| panic!("no limit"));
        assert_eq!((0..1_000).filter(|_| lines.check(&()).is_ok()).count(), 12);
    }
}
