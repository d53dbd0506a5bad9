//! How long a stream may continue.

use std::{future::pending, pin::Pin};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long something may go on: until what its client showed expires, or is revoked.
///
/// A clone ends with it. The encoders look at it before every frame, so that nothing is said after the end;
/// the transports look at it beside them, so that a client that does not read is let go as well.
#[derive(Clone, Debug)]
pub(in crate::server) struct Lease {
    /// Its sender is dropped to end the lease.
    alive: watch::Receiver<()>,
    until: Option<Instant>,
}

impl Lease {
    /// One that ends when the sender is dropped, or at this moment.
    pub(in crate::server) fn new(alive: watch::Receiver<()>, until: Option<Instant>) -> Self {
        Self { alive, until }
    }

    /// One that ends when the other end is dropped.
    pub(in crate::server) fn held() -> (watch::Sender<()>, Self) {
        let (held, alive) = watch::channel(());
        (held, Self::new(alive, None))
    }

    /// Done when it is over.
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

/// Waits for the end of a lease, if there is one: without authentication, streams have none and go on, and
/// this takes no room for it.
pub(in crate::server) struct End(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl End {
    pub(in crate::server) fn of(lease: Option<Lease>) -> Self {
        Self(lease.map(|mut lease| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async move { lease.over().await })
        }))
    }

    /// Done when the lease is over. Once it is, this is not to be asked again.
    pub(in crate::server) async fn come(&mut self) {
        match &mut self.0 {
            Some(end) => end.await,
            None => pending().await,
        }
    }
}
