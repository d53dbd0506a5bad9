//! Pauses sending while too many results wait to be stored: unstored results are sent again when this server dies, and
//! would outlive their lease.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Most results that may wait, besides those of running attempts.
const MOST: usize = 1_024;

/// The number of waiting results, and the tasks that wait for fewer.
#[derive(Default)]
pub(super) struct Gate {
    waiting: AtomicUsize,
    fewer: Notify,
}

impl Gate {
    /// A result waits to be stored.
    pub(super) fn add(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Results were stored, or given up.
    pub(super) fn remove(&self, count: usize) {
        let before = self.waiting.fetch_sub(count, Ordering::Relaxed);
        if before >= MOST {
            self.fewer.notify_waiters();
        }
    }

    /// Returns when sending may continue.
    pub(super) async fn open(&self) {
        loop {
            let fewer = self.fewer.notified();
            if self.waiting.load(Ordering::Relaxed) < MOST {
                return;
            }
            fewer.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_gate_closes_at_its_limit_and_opens_again() {
        let gate = Gate::default();
        (1..MOST).for_each(|_| gate.add());
        gate.open().await;
        gate.add();
        assert!(timeout(Duration::from_secs(1), gate.open()).await.is_err());
        let opened = async {
            timeout(Duration::from_secs(1), gate.open()).await.unwrap();
        };
        tokio::join!(opened, async { gate.remove(1) });
    }
}
