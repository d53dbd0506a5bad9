//! Where work is done that takes as long as its input is large.
//!
//! The runtime's threads answer everybody. Work that would keep one of them busy is done on threads of
//! its own, as many at a time as there are processors; the rest waits for its turn.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Room for work that is large. A clone is the same room.
#[derive(Clone, Debug)]
pub(in crate::server) struct Workshop(Arc<Semaphore>);

/// The work panicked, which the panic hook has logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Broken;

impl Workshop {
    /// With as many places as there are processors.
    pub(in crate::server) fn new() -> Self {
        Self::with_places(available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// With so many places: more than there are processors, where work waits for a disk.
    pub(in crate::server) fn with_places(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    /// Does it when there is a place. Work that was begun is done to its end, whether its caller waits or
    /// not.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Broken> {
        // It is never closed.
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(|_| Broken)?;
        let work = move || {
            let done = work();
            drop(place);
            done
        };
        spawn_blocking(work).await.map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn only_so_much_is_done_at_once_and_a_panic_takes_no_place_along() {
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
