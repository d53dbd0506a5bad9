//! Takes connections, serves them, and stops in time.
//!
//! `axum::serve` has no limit on how long a client may take for its headers, no limit on how many
//! connect, and waits without end for those who stay; so this is our own loop around hyper.

mod connection;
mod relay;
mod shared;
mod stream;
mod tls;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use connection::Connection;
use tls::Tls;
pub use tls::{TlsError, TlsOptions};

use crate::server::tasks::Tasks;

/// The least that [`ListenerOptions::max_header_bytes`] can be.
pub const LEAST_HEADER_BYTES: usize = 8 * 1024;

/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// More places than any system has files; a semaphore has room for them.
const MOST_PLACES: u32 = 1 << 28;

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// How many connections are served at once; the next one waits until one of them ends.
    pub max_connections: usize,
    /// How long a client may take to greet in TLS, to send the headers of a request, to take some of
    /// what is written to it, and how long a connection without a request is kept.
    pub header_timeout: Duration,
    /// How long requests may take to end after the server was told to stop.
    pub shutdown_timeout: Duration,
    /// How long the headers of a request may be, in bytes; 431 answers longer ones. Less than
    /// [`LEAST_HEADER_BYTES`] counts as that. HTTP/2 adds 32 bytes for each header (RFC 9113, 6.5.2).
    pub max_header_bytes: usize,
    /// The certificate, when connections are encrypted.
    pub tls: Option<TlsOptions>,
}

/// Who sent a request. It is in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection: the client, or a gateway in front.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub is_encrypted: bool,
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
/// end, and is done within the deadline; `true` says that all of them ended.
///
/// The certificate is read at once, so that nobody is told that the server is ready when it cannot be.
///
/// # Errors
/// One sentence about a certificate or a key that cannot be used.
pub fn serve(
    listener: TcpListener,
    router: Router,
    options: ListenerOptions,
    stop: impl Future<Output = ()>,
) -> Result<impl Future<Output = bool>, TlsError> {
    serve_with(listener, router, options, stop, &Tasks::default())
}

/// The same, with the task that follows the files of the certificate among those of the server.
///
/// # Errors
/// Those of [`serve`].
pub fn serve_with<S: Future<Output = ()>>(
    listener: TcpListener,
    router: Router,
    options: ListenerOptions,
    stop: S,
    tasks: &Tasks,
) -> Result<impl Future<Output = bool> + use<S>, TlsError> {
    let tls = options.tls.clone().map(|tls| Tls::start(tls, tasks)).transpose()?;
    Ok(accept_all(listener, router, options, tls, stop))
}

async fn accept_all(
    listener: TcpListener,
    router: Router,
    options: ListenerOptions,
    tls: Option<Tls>,
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
            Ok((stream, address, place)) => {
                // A socket of IPv6 shows a client of IPv4 in disguise.
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                let connection = Connection {
                    router: router.clone(),
                    place,
                    peer: Peer { address, is_encrypted: tls.is_some() },
                    stopping: stopping.clone(),
                    header_timeout: options.header_timeout,
                    max_header_bytes: options.max_header_bytes.max(LEAST_HEADER_BYTES),
                };
                tokio::spawn(connection.serve(stream, tls.as_ref().map(Tls::acceptor)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, tls, stop_all));
    // Whatever still runs has its place.
    timeout(options.shutdown_timeout, places.acquire_many(all)).await.is_ok()
}

/// Waits for a free place, then for a client.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, Place)> {
    let permit = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address, Place { _permit: Arc::new(permit) }))
}
