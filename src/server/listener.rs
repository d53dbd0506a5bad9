//! Takes connections, serves them, and stops in time.
//!
//! `axum::serve` has no limit on how long a client may take for its headers, no limit on how many
//! connect, and waits without end for those who stay; so this is our own loop around hyper.

mod relay;
mod shared;

use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use hyper::{
    Method, Request, Version,
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    time::{sleep, timeout},
};

use relay::relay;
use shared::SharedStream;

/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// More places than any system has files; a semaphore has room for them.
const MOST_PLACES: u32 = 1 << 28;
/// What every HTTP/2 connection begins with, and no HTTP/1 request.
const HTTP2: &[u8; 3] = b"PRI";
/// How long to wait for the rest of it.
const PEEK_PAUSE: Duration = Duration::from_millis(10);
/// How many requests one HTTP/2 connection may have at once.
const HTTP2_STREAMS: u32 = 128;

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

/// A connection that is served.
struct Connection {
    router: Router,
    place: Place,
    /// Changes when the server stops.
    stopping: watch::Receiver<()>,
    header_timeout: Duration,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let ended = match timeout(self.header_timeout, speaks_http2(&stream)).await {
            Ok(Ok(true)) => self.serve_http2(stream).await,
            Ok(Ok(false)) => self.serve_http1(stream).await,
            Ok(Err(_)) | Err(_) => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn serve_http1(self, stream: TcpStream) -> hyper::Result<()> {
        let Self { router, place, mut stopping, header_timeout } = self;
        let (io, owner) = SharedStream::new(stream);
        let (hand_over, mut handed_over) = oneshot::channel();
        let hand_over = Arc::new(Mutex::new(Some(hand_over)));
        let (router, of_requests) = (TowerToHyperService::new(router), place.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(of_requests.clone());
            let may_be_long = request.version() == Version::HTTP_11 && request.method() == Method::GET;
            let answer = router.call(request);
            let hand_over = Arc::clone(&hand_over);
            async move {
                let response: Response<Body> = answer.await?;
                if may_be_long && let Some(&LongStream { stall_timeout }) = response.extensions().get() {
                    let hand_over = hand_over.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(hand_over) = hand_over {
                        drop(hand_over.send(Box::new((response, stall_timeout))));
                    }
                    // Hyper is not to answer: this connection ends here for it.
                    pending::<()>().await;
                    return Ok(Response::default());
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(io, service)
            .with_upgrades();
        let long = {
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => return ended,
                Ok(long) = &mut handed_over => long,
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    return connection.await;
                }
            }
        };
        if let Some(stream) = owner.take() {
            // In a task of its own, which has no room for what hyper needed.
            tokio::spawn(async move {
                let (response, stall_timeout) = *long;
                if let Err(error) = relay(stream, response, stall_timeout).await {
                    tracing::debug!(%error, "a stream ended early");
                }
                drop(place);
            });
        }
        Ok(())
    }

    async fn serve_http2(self, stream: TcpStream) -> hyper::Result<()> {
        let Self { router, place, mut stopping, header_timeout } = self;
        let (router, of_requests) = (TowerToHyperService::new(router), place.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(of_requests.clone());
            router.call(request)
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .enable_connect_protocol()
            .keep_alive_interval(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}

/// Looks at how the client begins, and leaves it there.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; HTTP2.len()];
    loop {
        let seen = stream.peek(&mut start).await?;
        if seen == HTTP2.len() || seen == 0 || start[..seen] != HTTP2[..seen] {
            return Ok(start == *HTTP2);
        }
        sleep(PEEK_PAUSE).await;
    }
}
