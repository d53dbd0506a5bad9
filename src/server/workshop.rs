//! Threads for work whose duration depends on the size of its input.
//!
//! The runtime's threads answer all requests. Work that would occupy one of them for long runs on separate threads, a
//! few at a time and with low priority; further work waits for its turn.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{Builder, available_parallelism},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The priority of the threads, as a `nice` value.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// Limits how much large work runs at once. Clones share the same limit.
#[derive(Clone, Debug)]
pub(in crate::server) struct Workshop {
    places: Arc<Semaphore>,
    jobs: mpsc::Sender<Job>,
}

/// A place in the workshop: its holder may now allocate memory for the work.
#[derive(Debug)]
pub(in crate::server) struct Place {
    permit: OwnedSemaphorePermit,
    jobs: mpsc::Sender<Job>,
}

/// The work panicked, which the panic hook has logged, or no thread could be started for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Broken;

impl Workshop {
    /// A workshop with as many places as there are processors.
    pub(in crate::server) fn new() -> Self {
        Self::with_places(available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// A workshop with this many places, each with a thread.
    pub(in crate::server) fn with_places(places: usize) -> Self {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..places {
            let queue = Arc::clone(&queue);
            let started = Builder::new().name("workshop".to_owned()).spawn(move || work(&queue));
            if let Err(error) = started {
                tracing::error!(%error, "a thread for large work could not be started");
            }
        }
        Self { places: Arc::new(Semaphore::new(places)), jobs }
    }

    /// Waits for a place. Large input is best read once there is one.
    pub(in crate::server) async fn place(&self) -> Result<Place, Broken> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Broken)?;
        Ok(Place { permit, jobs: self.jobs.clone() })
    }

    /// Waits for a place, then does the work.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Broken> {
        self.place().await?.run(work).await
    }
}

impl Place {
    /// Does the work. Once begun, it is completed, even if its caller no longer waits.
    pub(in crate::server) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Broken> {
        let Self { permit, jobs } = self;
        let (reply, answer) = oneshot::channel();
        let job = move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            drop(permit);
            // The caller may no longer be waiting.
            drop(done.map(|done| reply.send(done)));
        };
        jobs.send(Box::new(job)).map_err(|_| Broken)?;
        answer.await.map_err(|_| Broken)
    }
}

/// Does queued work, until the workshop is dropped.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(GIVES_WAY) {
        tracing::debug!(%error, "could not lower the priority of a worker thread");
    }
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn concurrent_work_is_bounded_and_a_panic_frees_its_place() {
        let workshop = Workshop::with_places(2);
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..20).map(|number| {
            let (workshop, busy, most) = (workshop.clone(), Arc::clone(&busy), Arc::clone(&most));
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    busy.fetch_sub(1, Ordering::SeqCst);
                    assert!(number % 5 != 0, "as the test wants it");
                };
                workshop.run(work).await
            })
        });
        let jobs: Vec<_> = jobs.collect();
        let mut broken = 0;
        for job in jobs {
            broken += usize::from(job.await.unwrap() == Err(Broken));
        }
        assert_eq!((broken, most.load(Ordering::SeqCst)), (4, 2));
    }
}
