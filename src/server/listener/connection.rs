//! One connection: its protocol, its requests, and its end.

use std::{
    convert::Infallible,
    future::pending,
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{body::Body, response::Response};
use hyper::{
    Method, Request, StatusCode, Version,
    body::Incoming,
    server::conn,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Answers, LongStream, Peer, Place,
    http2::{self, Requests},
    relay::relay,
    shared::SharedStream,
    socket::Plain,
    stream::{Start, Stream},
    tls,
};
use crate::model::{Code, Problem};

/// First bytes of every HTTP/2 connection, which no HTTP/1 request has.
const HTTP2: &[u8; 3] = b"PRI";
/// How many requests one HTTP/2 connection may have at once.
const HTTP2_STREAMS: u32 = 128;
/// How many bytes of an answer wait in the process for an HTTP/2 client, for each request. A client may have many
/// requests, and read no answer.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;

/// How many bytes of a request without TLS are read where only TLS is taken.
const MOST_IN_VAIN: u64 = 64 * 1024;

/// A connection to serve.
pub(super) struct Connection<A> {
    pub(super) answers: A,
    pub(super) place: Place,
    pub(super) peer: Peer,
    /// Changes when the server stops.
    pub(super) stopping: watch::Receiver<()>,
    pub(super) header_timeout: Duration,
    pub(super) max_header_bytes: usize,
}

impl<A: Answers> Connection<A> {
    /// Serves a client from its first byte on, which belongs to TLS when there is an acceptor.
    pub(super) async fn serve(mut self, stream: Plain, acceptor: Option<TlsAcceptor>) {
        let begun = tokio::select! {
            biased;
            begun = timeout(self.header_timeout, begin(stream, acceptor, self.header_timeout)) => begun,
            _ = self.stopping.changed() => return,
        };
        let ended = match begun {
            Ok(Ok((stream, true))) => self.serve_http2(stream).await,
            Ok(Ok((stream, false))) => self.serve_http1(stream).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection did not begin");
                return;
            }
            Err(_) => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn serve_http1(self, stream: Stream) -> hyper::Result<()> {
        let Self { answers, place, peer, mut stopping, header_timeout, max_header_bytes } = self;
        let (io, owner) = SharedStream::new(stream);
        let (hand_over, mut handed_over) = oneshot::channel();
        let hand_over = Arc::new(Mutex::new(Some(hand_over)));
        let (answers, of_requests, of_upgrade) = (TowerToHyperService::new(answers), place.clone(), owner.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(of_requests.clone());
            request.extensions_mut().insert(peer);
            let may_be_long = request.version() == Version::HTTP_11 && request.method() == Method::GET;
            let answer = answers.call(request);
            let (hand_over, of_upgrade) = (Arc::clone(&hand_over), of_upgrade.clone());
            async move {
                let response: Response<Body> = answer.await?;
                let is_long = response.extensions().get::<LongStream>().is_some();
                if is_long && response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    of_upgrade.expect_little();
                }
                let may_be_long = may_be_long && response.status() == StatusCode::OK;
                if may_be_long && let Some(long) = response.extensions().get::<LongStream>().cloned() {
                    let hand_over = hand_over.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(hand_over) = hand_over {
                        drop(hand_over.send(Box::new((response, long))));
                    }
                    // hyper must not answer: for hyper, this connection ends here.
                    pending::<()>().await;
                    return Ok(Response::default());
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            // hyper allows 100 headers; setting that number would cost an allocation for each request.
            .max_buf_size(max_header_bytes)
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
            // In a task of its own, which has no room for hyper's state.
            tokio::spawn(async move {
                let (response, long) = *long;
                if let Err(error) = relay(stream, response, long).await {
                    tracing::debug!(%error, "a stream ended early");
                }
                drop(place);
            });
        }
        Ok(())
    }

    /// hyper's defaults stay: a window of 1 MiB for a client's data, 20 resets of unprocessed requests
    /// (CVE-2023-44487), 20 s to answer a ping.
    async fn serve_http2(self, stream: Stream) -> hyper::Result<()> {
        let Self { answers, place, peer, mut stopping, header_timeout, max_header_bytes } = self;
        let answers = TowerToHyperService::new(answers);
        let requests = Requests::new(header_timeout);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(place.clone());
            request.extensions_mut().insert(peer);
            let answer = answers.call(request);
            async move { answer.await.map(http2::watch) }
        });
        let connection = conn::http2::Builder::new(requests.clone())
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .enable_connect_protocol()
            .keep_alive_interval(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            // A client that only sends its preface, answers pings, or has been answered is disconnected as with
            // HTTP/1.1.
            () = requests.idle(header_timeout) => {}
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                return connection.await;
            }
        }
        connection.as_mut().graceful_shutdown();
        // Requests that were on their way are answered; answers that a client does not read by then are lost.
        tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = requests.idle(header_timeout) => Ok(()),
        }
    }
}

/// Starts a connection, and returns whether it uses HTTP/2.
async fn begin(stream: Plain, acceptor: Option<TlsAcceptor>, patience: Duration) -> io::Result<(Stream, bool)> {
    let Some(acceptor) = acceptor else {
        let (stream, start) = start(stream).await?;
        let is_http2 = start.bytes() == HTTP2;
        return Ok((Stream::plain(stream, start, patience), is_http2));
    };
    if stream.begins_as_http().await? {
        // Boxed, as below.
        Box::pin(turn_away(stream)).await?;
        return Err(io::Error::other("the client speaks HTTP without TLS"));
    }
    // Boxed, so that the task of a plain connection reserves no room for it.
    let stream = Box::pin(acceptor.accept(stream)).await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2);
    Ok((Stream::tls(stream, patience), is_http2))
}

/// Tells a client that speaks HTTP without TLS what to do. Then reads what it has sent, up to a limit: when a connection is
/// closed before, the client may lose the answer.
async fn turn_away(mut stream: Plain) -> io::Result<()> {
    let why = Problem::new(Code::BadRequest, "This port takes only HTTPS. Begin the address with https://.");
    let body = serde_json::to_string(&why)?;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST_IN_VAIN), &mut tokio::io::sink()).await.map(drop)
}

/// Reads the first bytes of a client, as far as they match HTTP/2's.
async fn start(mut stream: Plain) -> io::Result<(Plain, Start)> {
    let mut start = Start::default();
    while start.bytes().len() < HTTP2.len() && HTTP2.starts_with(start.bytes()) {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            break;
        }
        start.push(byte[0]);
    }
    Ok((stream, start))
}
