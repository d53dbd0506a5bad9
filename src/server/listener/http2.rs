//! Counts the requests of one HTTP/2 connection, and ends those whose credential has ended.
//!
//! hyper polls an answer for its next bytes when the client has room for them. An answer to a client without room is
//! never polled, so it cannot end itself. The task of the request watches it instead: the request is dropped, which
//! resets its stream, when the client accepts nothing for too long or its lease ends.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::Response};
use hyper::{
    body::{Body as HttpBody, Bytes, Frame, SizeHint},
    rt::Executor,
};
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};

use super::{LAST_WORDS, LongStream};
use crate::server::lease::Lease;

/// Runs hyper's tasks for one connection.
#[derive(Clone)]
pub(super) struct Requests {
    /// How many are running: requests that are being answered, and WebSockets.
    running: Arc<watch::Sender<usize>>,
    /// How long a client may accept nothing of an ordinary answer.
    patience: Duration,
}

impl Requests {
    pub(super) fn new(patience: Duration) -> Self {
        Self { running: Arc::new(watch::Sender::new(0)), patience }
    }

    /// Completes when none has been running for this long.
    pub(super) async fn idle(&self, patience: Duration) {
        let mut running = self.running.subscribe();
        loop {
            // The sender exists, so this cannot fail.
            drop(running.wait_for(|count| *count == 0).await);
            if timeout(patience, running.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Requests {
    fn execute(&self, request: F) {
        let running = Running::begin(&self.running);
        // A task that a request spawns while it is polled is the sending half of its WebSocket, which gets its lease.
        let of_upgrade = WATCH.with_borrow_mut(|watch| watch.as_mut().map(Watch::of_upgrade));
        let watch = of_upgrade.unwrap_or_else(|| Watch::new(self.patience));
        let watched = Watched { request: Box::pin(request), watch, ending: None, stall: None };
        tokio::spawn(async move {
            watched.await;
            drop(running);
        });
    }
}

/// Counts a task while it exists.
struct Running(Arc<watch::Sender<usize>>);

impl Running {
    fn begin(running: &Arc<watch::Sender<usize>>) -> Self {
        running.send_modify(|count| *count += 1);
        Self(Arc::clone(running))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

thread_local! {
    /// The watch of the request that is being polled.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// The state of an answer while it is written.
#[derive(Clone)]
struct Watch {
    patience: Duration,
    lease: Option<Lease>,
    progress: Arc<Progress>,
}

/// How many pieces of an answer were handed out, and whether hyper polled for another one since. While it does not, the
/// client has no room for more.
#[derive(Default)]
struct Progress {
    handed_out: AtomicU64,
    came_back_after: AtomicU64,
}

impl Watch {
    fn new(patience: Duration) -> Self {
        Self { patience, lease: None, progress: Arc::default() }
    }

    /// The watch of the sending half of a request that became a WebSocket.
    fn of_upgrade(&mut self) -> Self {
        Self { lease: self.lease.take(), ..Self::new(self.patience) }
    }
}

/// Gives the request that is being polled the properties of its answer, and watches the answer's body.
pub(super) fn watch(response: Response<Body>) -> Response<WatchedBody> {
    let long = response.extensions().get::<LongStream>();
    let (stall_timeout, lease) = long.map_or((None, None), |long| (Some(long.stall_timeout), long.lease.clone()));
    let progress = WATCH.with_borrow_mut(|watch| {
        let watch = watch.as_mut()?;
        watch.patience = stall_timeout.unwrap_or(watch.patience);
        watch.lease = lease;
        Some(Arc::clone(&watch.progress))
    });
    response.map(|body| WatchedBody { body, progress: progress.unwrap_or_default() })
}

/// The body of an answer, which records its progress.
pub(super) struct WatchedBody {
    body: Body,
    progress: Arc<Progress>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let handed_out = self.progress.handed_out.load(Ordering::Relaxed);
        self.progress.came_back_after.store(handed_out, Ordering::Relaxed);
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(_)) = frame {
            self.progress.handed_out.store(handed_out + 1, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that is dropped when its client accepts nothing, or its lease ends.
struct Watched<F> {
    request: Pin<Box<F>>,
    watch: Watch,
    /// Completes when the lease has ended and there was enough time to tell the client.
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How many pieces had been handed out when the client was last seen to accept nothing, and the end of its
    /// patience.
    stall: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // Polling stays on one thread until it returns, so a request finds its own watch there.
        let before = WATCH.replace(Some(this.watch.clone()));
        let polled = this.request.as_mut().poll(context);
        let Some(watch) = WATCH.replace(before) else { return polled };
        this.watch = watch;
        if polled.is_ready() || this.has_ended(context) || this.has_stalled(context) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<F> Watched<F> {
    fn has_ended(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(mut lease) = self.watch.lease.take() {
            self.ending = Some(Box::pin(async move {
                lease.over().await;
                sleep(LAST_WORDS).await;
            }));
        }
        self.ending.as_mut().is_some_and(|ending| ending.as_mut().poll(context).is_ready())
    }

    fn has_stalled(&mut self, context: &mut Context<'_>) -> bool {
        let handed_out = self.watch.progress.handed_out.load(Ordering::Relaxed);
        if self.watch.progress.came_back_after.load(Ordering::Relaxed) == handed_out {
            self.stall = None;
            return false;
        }
        let until = Instant::now() + self.watch.patience;
        match &mut self.stall {
            Some((known, _)) if *known == handed_out => {}
            Some((known, stall)) => {
                *known = handed_out;
                stall.as_mut().reset(until);
            }
            None => self.stall = Some((handed_out, Box::pin(sleep_until(until)))),
        }
        self.stall.as_mut().is_some_and(|(_, stall)| stall.as_mut().poll(context).is_ready())
    }
}
