//! Tasks that run beside the requests: started again when they end by a panic, and known to `/readyz`.
//!
//! No request waits for such a task, so no client would notice that it is gone: nothing expires any
//! more, or a revoked key keeps its streams. A task that returns has done its work and is over.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// How long to wait before a task is started again; twice as long each time that it ends soon.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A task that ended is noted for so long. One that then still runs is well again.
const LATELY: Duration = Duration::from_secs(60);

/// The tasks of a server, and when one of them last ended that should not have. A clone knows the same.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

impl Tasks {
    /// Runs what `make` makes until it is done. When it panics it is made and run again, after a pause.
    /// It must be able to go on from where a panic left it.
    ///
    /// The task is over, whatever it does, when the handle is aborted.
    ///
    /// # Panics
    /// Outside of tokio.
    pub fn spawn<F, T>(&self, name: &'static str, make: F) -> AbortHandle
    where
        F: FnMut() -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.clone().keep(name, make)).abort_handle()
    }

    async fn keep<F, T>(self, name: &'static str, mut make: F)
    where
        F: FnMut() -> T + Send + 'static,
        T: Future<Output = ()> + Send,
    {
        let mut pause = PAUSE;
        loop {
            let started = Instant::now();
            if AssertUnwindSafe(async { make().await }).catch_unwind().await.is_ok() {
                return;
            }
            // What it said stands on standard error already.
            tracing::error!(task = name, "a task ended by a panic; it is started again");
            self.ended().insert(name, Instant::now());
            pause = if started.elapsed() > LATELY { PAUSE } else { pause };
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// The tasks that ended a moment ago, each named once: what they do is late.
    #[must_use]
    pub fn ended_lately(&self) -> Vec<&'static str> {
        let mut ended = self.ended();
        ended.retain(|_, at| at.elapsed() < LATELY);
        ended.keys().copied().collect()
    }

    fn ended(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::watch;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_and_noted_for_a_minute() {
        let tasks = Tasks::default();
        let (count, mut runs) = watch::channel(0);
        tasks.spawn("expiry", move || {
            count.send_modify(|runs| *runs += 1);
            let run = *count.borrow();
            async move {
                match run {
                    1 => panic!("once in its first step"),
                    2 => {
                        sleep(Duration::from_secs(1)).await;
                        panic!("once later");
                    }
                    _ => std::future::pending::<()>().await,
                }
            }
        });
        assert!(tasks.ended_lately().is_empty());
        runs.wait_for(|runs| *runs == 3).await.unwrap();
        assert_eq!(tasks.ended_lately(), ["expiry"]);
        sleep(LATELY).await;
        assert!(tasks.ended_lately().is_empty());
        assert_eq!(*runs.borrow(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_goes_on_panicking_is_tried_every_few_seconds_and_one_that_is_done_is_over() {
        let tasks = Tasks::default();
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let handle = tasks.spawn("broken", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("always") }
        });
        let done = tasks.spawn("done", || async {});
        sleep(Duration::from_secs(600)).await;
        assert!((100..140).contains(&runs.load(Ordering::Relaxed)), "{runs:?}");
        assert_eq!(tasks.ended_lately(), ["broken"]);
        assert!(done.is_finished() && !handle.is_finished());
        handle.abort();
        sleep(LATELY).await;
        assert!(handle.is_finished() && tasks.ended_lately().is_empty());
    }
}
