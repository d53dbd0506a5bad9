//! Takes connections, serves them, and stops in time.
//!
//! `axum::serve` has no limit on how long a client may take for its headers, no limit on how many
//! connect, and waits without end for those who stay; so this is our own loop around hyper.

mod connection;
mod relay;
mod shared;

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use connection::Connection;

/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// More places than any system has files; a semaphore has room for them.
const MOST_PLACES: u32 = 1 << 28;

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// How many connections are served at once; the next one waits until one of them ends.
    pub max_connections: usize,
    /// How long a client may take to send the headers of a request, and how long a connection
    /// without a request is kept.
    pub header_timeout: Duration,
    /// How long requests may take to end after the server was told to stop.
    pub shutdown_timeout: Duration,
}

/// A connection's place among those that are served at once. It is in the extensions of every
/// request; whoever goes on with the connection when the request is over keeps it.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Says, in the extensions of a response, that its body has no end in sight. Such a body is then
/// written without what hyper keeps for a connection, which is most of what an idle one costs.
#[derive(Clone, Copy, Debug)]
pub struct LongStream {
    /// How long a client may take to read before it is let go.
    pub stall_timeout: Duration,
}

/// Serves until `stop` is done, then takes no more connections, lets running requests and streams
/// end, and returns within the deadline; `true` says that all of them ended.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ListenerOptions,
    stop: impl Future<Output = ()>,
) -> bool {
    let (stop_all, stopping) = watch::channel(());
    let all = u32::try_from(options.max_connections).unwrap_or(u32::MAX).min(MOST_PLACES);
    let places = Arc::new(Semaphore::new(all as usize));
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let (router, stopping) = (router.clone(), stopping.clone());
                let connection = Connection { router, place, stopping, header_timeout: options.header_timeout };
                tokio::spawn(connection.serve(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, stop_all));
    // Whatever still runs has its place.
    timeout(options.shutdown_timeout, places.acquire_many(all)).await.is_ok()
}

/// Waits for a free place, then for a client.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, Place)> {
    let permit = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Place { _permit: Arc::new(permit) }))
}
