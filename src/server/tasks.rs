//! Background tasks: restarted after a panic, and reported at `/readyz`.
//!
//! No request waits for these tasks, so clients would not notice a dead one: notifications would no longer expire, or a
//! revoked key would keep its streams. A task that returns has finished, and is not restarted.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep},
};

/// How long to wait before a task is restarted; doubled each time it soon panics again.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A panic of a task is reported for this long. A restarted task that runs longer counts as healthy.
const LATELY: Duration = Duration::from_secs(60);

/// The tasks of a server. Clones share the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    running: Arc<Mutex<JoinSet<()>>>,
    ended: Ended,
}

/// When each task last panicked.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

impl Tasks {
    /// Runs the future that `make` creates to its end. After a panic, waits a moment, then creates and runs a new one.
    /// It must be able to continue from where the panic left it.
    ///
    /// Aborting the handle ends the task in any case.
    ///
    /// # Panics
    /// Outside of tokio.
    pub fn spawn<F, T>(&self, name: &'static str, make: F) -> AbortHandle
    where
        F: FnMut() -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Removes the tasks that have ended.
        while running.try_join_next().is_some() {}
        running.spawn(self.ended.clone().keep(name, make))
    }

    /// Ends all tasks, and returns when they have ended.
    pub async fn stop(&self) {
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.shutdown().await;
    }

    /// The tasks that panicked recently, each named once: their work is late.
    #[must_use]
    pub fn ended_lately(&self) -> Vec<&'static str> {
        let mut ended = self.ended.locked();
        ended.retain(|_, at| at.elapsed() < LATELY);
        ended.keys().copied().collect()
    }
}

impl Ended {
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
            // The panic message is already on standard error.
            tracing::error!(task = name, "a task panicked; restarting it");
            self.locked().insert(name, Instant::now());
            pause = if started.elapsed() > LATELY { PAUSE } else { pause };
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
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
    async fn a_panicking_task_is_restarted_with_pauses_and_a_finished_one_is_not() {
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

    #[tokio::test]
    async fn stopping_ends_all_tasks() {
        struct Held(Arc<AtomicU32>);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (tasks, ended) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        for _ in 0..3 {
            let held = Arc::new(Held(Arc::clone(&ended)));
            tasks.spawn("waits", move || {
                let held = Arc::clone(&held);
                async move {
                    std::future::pending::<()>().await;
                    drop(held);
                }
            });
        }
        tokio::task::yield_now().await;
        tasks.stop().await;
        assert_eq!(ended.load(Ordering::Relaxed), 3);
    }
}
