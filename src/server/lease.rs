//! How long a stream may continue.

use std::{future::pending, pin::Pin};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long a stream may go on: until its client's credential expires, or is revoked.
///
/// A clone ends at the same time. The encoders check it before every frame, so that nothing is sent after the end; the
/// transports check it too, so that a client that does not read is disconnected as well.
#[derive(Clone, Debug)]
pub(in crate::server) struct Lease {
    /// Its sender is dropped to end the lease.
    alive: watch::Receiver<()>,
    until: Option<Instant>,
}

impl Lease {
    /// A lease that ends when the sender is dropped, or at this time.
    pub(in crate::server) fn new(alive: watch::Receiver<()>, until: Option<Instant>) -> Self {
        Self { alive, until }
    }

    /// A lease that ends when the sender is dropped.
    pub(in crate::server) fn held() -> (watch::Sender<()>, Self) {
        let (held, alive) = watch::channel(());
        (held, Self::new(alive, None))
    }

    /// Completes when the lease has ended.
    pub(in crate::server) async fn over(&mut self) {
        let ended = async { while self.alive.changed().await.is_ok() {} };
        match self.until {
            None => ended.await,
            Some(until) => tokio::select! {
                () = ended => {}
                () = sleep_until(until) => {}
            },
        }
    }
}

/// Waits for the end of a lease, if there is one: without authentication, streams have none and go on, and this takes
/// no room.
pub(in crate::server) struct End(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl End {
    pub(in crate::server) fn of(lease: Option<Lease>) -> Self {
        Self(lease.map(|mut lease| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async move { lease.over().await })
        }))
    }

    /// Completes when the lease has ended. It must not be called again after that.
    pub(in crate::server) async fn come(&mut self) {
        match &mut self.0 {
            Some(end) => end.await,
            None => pending().await,
        }
    }
}
