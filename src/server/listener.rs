//! Accepts connections, serves them, and stops in time.
//!
//! `axum::serve` limits neither the time for a client's headers nor the number of connections, and waits forever for
//! clients that stay; so this is our own loop around hyper.

mod addresses;
mod bound;
mod connection;
mod http2;
mod relay;
mod shared;
mod socket;
mod stream;
mod tls;

use std::{convert::Infallible, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{http::Request, response::Response};
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::Service;

use addresses::{Addresses, OfAddress};
pub(in crate::server) use bound::Bound;
use connection::Connection;
use socket::Plain;
pub use socket::Socket;
pub(in crate::server) use socket::can_be_made;
use tls::Tls;
pub use tls::{TlsError, TlsOptions};

use crate::server::{lease::Lease, tasks::Tasks};

/// The least value of [`ListenerOptions::max_header_bytes`].
pub const LEAST_HEADER_BYTES: usize = 8 * 1024;

/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a stream whose lease has ended may take to close properly before it is reset.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// More places than any system has file descriptors; a semaphore can hold as many.
const MOST_PLACES: u32 = 1 << 28;

/// The options of connections.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// How many connections are served at once; the next one waits until one of them ends.
    pub max_connections: usize,
    /// How many of them one client may have: one address, or one /64 of IPv6. A further one is closed at once. This
    /// does not apply to this machine and to [`Self::trusted_proxies`], behind which many clients share an address.
    pub max_connections_per_address: usize,
    /// Gateways, whose connections serve other clients.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a client may take for its TLS handshake, for the headers of a request, and to accept some of the data
    /// written to it; and how long a connection without a request is kept.
    pub header_timeout: Duration,
    /// How long requests may take to end after the server was told to stop.
    pub shutdown_timeout: Duration,
    /// The largest size of a request's headers, in bytes; larger ones are answered with 431. Values below
    /// [`LEAST_HEADER_BYTES`] count as that. HTTP/2 adds 32 bytes for each header (RFC 9113, 6.5.2).
    pub max_header_bytes: usize,
    /// The certificate, when connections are encrypted.
    pub tls: Option<TlsOptions>,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_connections_per_address: 1_024,
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
            max_header_bytes: 32 * 1024,
            tls: None,
        }
    }
}

/// The sender of a request, in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection: the client, or a gateway in front; `None` over a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether the connection is TLS.
    pub is_encrypted: bool,
}

/// A connection's place among those that are served at once. It is in the extensions of every request; work that
/// outlives the request keeps it.
#[derive(Clone, Debug)]
pub struct Place {
    _taken: Arc<(OwnedSemaphorePermit, Option<OfAddress>)>,
}

/// Marks a response, in its extensions, whose body has no end in sight. Such a body is then written without hyper's
/// state for a connection, which is most of the memory of an idle one.
#[derive(Clone, Debug)]
pub struct LongStream {
    /// How long a client may take to read before it is disconnected.
    stall_timeout: Duration,
    /// The lease that limits the stream.
    lease: Option<Lease>,
}

impl LongStream {
    /// A stream that lasts until its client accepts nothing for this long.
    #[must_use]
    pub fn new(stall_timeout: Duration) -> Self {
        Self { stall_timeout, lease: None }
    }

    /// The same stream, limited by this lease.
    pub(in crate::server) fn under(self, lease: Option<Lease>) -> Self {
        Self { lease, ..self }
    }
}

/// What answers the requests: an axum `Router`, or a service before one.
pub trait Answers:
    Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Serves until `stop` completes, then accepts no more connections, lets running requests and streams end, and returns
/// within the deadline; `true` means that all of them ended.
///
/// The certificate is read at once, so that no probe learns that the server is ready when it cannot be.
///
/// # Errors
/// One sentence about a certificate or a key that cannot be used.
pub fn serve(
    socket: impl Into<Socket>,
    answers: impl Answers,
    options: ListenerOptions,
    stop: impl Future<Output = ()>,
) -> Result<impl Future<Output = bool>, TlsError> {
    serve_with(socket.into(), answers, options, stop, &Tasks::default())
}

/// The same, with the task that follows the files of the certificate among those of the server.
///
/// # Errors
/// As for [`serve`].
pub fn serve_with<A: Answers, S: Future<Output = ()>>(
    socket: Socket,
    answers: A,
    options: ListenerOptions,
    stop: S,
    tasks: &Tasks,
) -> Result<impl Future<Output = bool> + use<A, S>, TlsError> {
    let tls = options.tls.clone().map(|tls| Tls::start(tls, tasks)).transpose()?;
    Ok(accept_all(socket, answers, options, tls, stop))
}

async fn accept_all(
    socket: Socket,
    answers: impl Answers,
    options: ListenerOptions,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) -> bool {
    let (stop_all, stopping) = watch::channel(());
    let all = u32::try_from(options.max_connections).unwrap_or(u32::MAX).min(MOST_PLACES);
    let places = Arc::new(Semaphore::new(all as usize));
    let addresses = Addresses::new(options.max_connections_per_address, options.trusted_proxies.clone());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &places, &addresses) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok(None) => {}
            Ok(Some((stream, address, place))) => {
                let connection = Connection {
                    answers: answers.clone(),
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
    drop((socket, tls, stop_all));
    // Every running connection has its place.
    timeout(options.shutdown_timeout, places.acquire_many(all)).await.is_ok()
}

/// Waits for a free place, then for a client; `None` when the client has as many connections as it may.
async fn accept(
    socket: &Socket,
    places: &Arc<Semaphore>,
    addresses: &Arc<Addresses>,
) -> io::Result<Option<(Plain, Option<SocketAddr>, Place)>> {
    let permit = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = socket.accept().await?;
    let of_address = address.map(|address| addresses.take(address.ip())).transpose();
    let Ok(of_address) = of_address else { return Ok(None) };
    stream.send_at_once()?;
    Ok(Some((stream, address, Place { _taken: Arc::new((permit, of_address.flatten())) })))
}
