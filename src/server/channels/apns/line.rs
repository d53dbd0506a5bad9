//! The one persistent connection to APNs, which all requests share.
//!
//! It uses hyper directly and not a client with a pool: until APNs has announced how many streams it accepts, which is
//! 1 at first, only one is opened; and requests that a GOAWAY left unprocessed can be told from those that may have
//! been processed.

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use reqwest::Url;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsConnector;

use crate::server::channels::no_answer::NoAnswer;

/// How long connecting may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
/// How long one of its addresses may take to answer.
const CONNECTS_TO_ONE_WITHIN: Duration = Duration::from_secs(3);
/// The time between two checks whether the connection still works, even while nothing is sent.
const PINGS_EVERY: Duration = Duration::from_secs(30);
/// How long the other side may take to answer a check.
const ANSWERS_PING_WITHIN: Duration = Duration::from_secs(10);
/// How many times an unprocessed request is sent.
const MOST_TRIES: u32 = 5;
/// The wait after APNs refused a stream; each further one is longer.
const REFUSED_FOR: Duration = Duration::from_millis(50);
/// The protocol, as it is negotiated when a connection is encrypted.
const HTTP2: &[u8] = b"h2";

type Sender = SendRequest<Full<Bytes>>;

/// One address of APNs, and the connection to it.
pub(super) struct Line {
    host: String,
    port: u16,
    /// `None` without encryption; a host that no certificate can name gets no connection.
    tls: Option<(TlsConnector, Option<ServerName<'static>>)>,
    kept: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    sender: Option<Sender>,
    /// How many there were, including this one.
    number: u64,
    /// When connecting last failed, and why.
    failed: Option<(Instant, String)>,
}

/// Whether a failed request may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    /// It was not processed, and this connection has ended.
    Left,
    /// It was not processed, and may be sent again over this connection.
    Refused,
    /// It may have been processed.
    InDoubt,
}

/// The TLS configuration: the certificates that this machine trusts, and HTTP/2 inside.
///
/// # Errors
/// When TLS cannot be set up.
pub(super) fn encryption() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut trusted = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // Certificates that rustls cannot use are skipped, as browsers do.
        drop(trusted.add(certificate));
    }
    let mut client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    client.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(client))
}

impl Line {
    /// The line to a URL. It does not connect yet. Without TLS, it uses HTTP/2 from the beginning.
    pub(super) fn to(url: &Url, encryption: &Arc<ClientConfig>) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let tls = (url.scheme() != "http")
            .then(|| (TlsConnector::from(Arc::clone(encryption)), ServerName::try_from(host.clone()).ok()));
        Self { host, port: url.port_or_known_default().unwrap_or_default(), tls, kept: Mutex::default() }
    }

    /// Sends a request. One that was certainly not processed, because APNs left the connection before, is sent again
    /// over the next one.
    ///
    /// # Errors
    /// Why there is no answer, in a few words.
    pub(super) async fn send(&self, request: impl Fn() -> Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        let mut tries = 0;
        loop {
            let (number, mut sender) = self.sender().await?;
            tries += 1;
            let mut error = match sender.try_send_request(request()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failed = if error.take_message().is_some() { Failed::Left } else { what_became(error.error()) };
            if failed != Failed::Refused {
                self.leave(number).await;
            }
            if failed == Failed::InDoubt || tries == MOST_TRIES {
                return Err(NoAnswer::Lost(&first_cause(error.error()).to_string()).to_string());
            }
            if failed == Failed::Refused {
                sleep(REFUSED_FOR * tries).await;
            }
        }
    }

    /// The connection, and its number. Many requests at once make a single one.
    async fn sender(&self) -> Result<(u64, Sender), String> {
        let asked_at = Instant::now();
        let mut kept = self.kept.lock().await;
        if let Some(sender) = kept.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok((kept.number, sender.clone()));
        }
        // An attempt that failed while this request waited is not repeated by each request that waits.
        if let Some((_, why)) = kept.failed.as_ref().filter(|(at, _)| *at >= asked_at) {
            return Err(why.clone());
        }
        let made = timeout(CONNECTS_WITHIN, self.connect()).await;
        let made = made.unwrap_or_else(|_| Err(format!("no connection within {} seconds", CONNECTS_WITHIN.as_secs())));
        match made {
            Ok(sender) => {
                kept.number += 1;
                kept.sender = Some(sender.clone());
                Ok((kept.number, sender))
            }
            Err(why) => {
                kept.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    /// Sends nothing more over a connection. Pending answers still arrive there.
    async fn leave(&self, number: u64) {
        let mut kept = self.kept.lock().await;
        if kept.number == number {
            kept.sender = None;
        }
    }

    async fn connect(&self) -> Result<Sender, String> {
        let broken = |error: &(dyn Error + 'static)| format!("there is no connection: {}", first_cause(error));
        if matches!(self.tls, Some((_, None))) {
            return Err("there is no connection: no certificate can be for its host".to_owned());
        }
        let stream = connected(&self.host, self.port).await.map_err(|error| broken(&error))?;
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        let Some((tls, Some(name))) = &self.tls else {
            return shake_hands(stream).await.map_err(|error| broken(&error));
        };
        let stream = tls.connect(name.clone(), stream).await.map_err(|error| broken(&error))?;
        if stream.get_ref().1.alpn_protocol() != Some(HTTP2) {
            return Err("there is no connection: it does not speak HTTP/2".to_owned());
        }
        shake_hands(stream).await.map_err(|error| broken(&error))
    }
}

/// Connects to the first address of a host that answers. IPv6 and IPv4 take turns, and each address has a time limit of
/// its own: a host that is unreachable by one of them is reached by the other (RFC 8305).
async fn connected(host: &str, port: u16) -> io::Result<TcpStream> {
    let (v6, v4): (Vec<_>, Vec<_>) = lookup_host((host, port)).await?.partition(SocketAddr::is_ipv6);
    let mut addresses: Vec<_> = v6.into_iter().enumerate().chain(v4.into_iter().enumerate()).collect();
    addresses.sort_by_key(|(place, _)| *place);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (_, address) in addresses {
        match timeout(CONNECTS_TO_ONE_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn shake_hands(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> hyper::Result<Sender> {
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_max_send_streams(1)
        .keep_alive_interval(PINGS_EVERY)
        .keep_alive_timeout(ANSWERS_PING_WITHIN)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await?;
    // It ends when the other side ends it, or when nothing is sent over it any more.
    tokio::spawn(async move {
        match connection.await {
            Ok(()) => tracing::debug!("a connection to APNs ended"),
            Err(error) => tracing::debug!(cause = %first_cause(&error), "a connection to APNs ended"),
        }
    });
    Ok(sender)
}

/// Whether a failed request may have arrived.
fn what_became(error: &hyper::Error) -> Failed {
    // hyper reports this for a request that waited for a stream when the connection ended.
    if error.is_canceled() || error.is_user() {
        return Failed::Left;
    }
    match error.source().and_then(|cause| cause.downcast_ref::<h2::Error>()) {
        // h2 reports this only for streams after the last one that APNs has processed; the others continue.
        Some(cause) if cause.is_go_away() && cause.is_remote() => Failed::Left,
        Some(cause) if cause.is_reset() && cause.is_remote() && cause.reason() == Some(h2::Reason::REFUSED_STREAM) => {
            Failed::Refused
        }
        _ => Failed::InDoubt,
    }
}

/// The root cause.
fn first_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut first = error;
    while let Some(cause) = first.source() {
        first = cause;
    }
    first
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::Method;
    use futures_util::future::join_all;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::mpsc,
    };

    use super::*;

    /// A listener, and the line to it.
    async fn line() -> (TcpListener, Arc<Line>, impl Fn() -> Request<Full<Bytes>> + Clone) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let line = Arc::new(Line::to(&url, &encryption().unwrap()));
        let request = move || {
            let request = Request::builder().method(Method::POST).uri(format!("{url}3/device/x"));
            request.body(Full::new(Bytes::from_static(b"{}"))).unwrap()
        };
        (listener, line, request)
    }

    /// Reports each frame with headers on an HTTP/2 connection.
    async fn hear(mut read: impl AsyncRead + Unpin, heard: mpsc::UnboundedSender<()>) -> std::io::Result<()> {
        const HEADERS: u8 = 1;
        read.read_exact(&mut [0; 24]).await?;
        loop {
            let mut head = [0; 9];
            read.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            read.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).await?;
            if head[3] == HEADERS {
                let _ = heard.send(());
            }
        }
    }

    #[tokio::test]
    async fn one_stream_is_opened_until_apns_says_how_many_it_takes() {
        let (listener, line, request) = line().await;
        let sending = (0..8).map(|_| {
            let (line, request) = (Arc::clone(&line), request.clone());
            tokio::spawn(async move { line.send(request).await.map(drop) })
        });
        let sending: Vec<_> = sending.collect();
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let (heard, mut headers) = mpsc::unbounded_channel();
        let hearing = tokio::spawn(hear(read, heard));
        headers.recv().await.unwrap();
        assert!(timeout(Duration::from_millis(300), headers.recv()).await.is_err());
        // Settings without a limit.
        write.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        for _ in 1..8 {
            timeout(Duration::from_secs(5), headers.recv()).await.unwrap().unwrap();
        }
        // All of them used one connection.
        assert!(timeout(Duration::from_millis(50), listener.accept()).await.is_err());
        hearing.abort();
        sending.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_host_that_no_certificate_can_name_is_not_contacted_in_plain_text() {
        let url = Url::parse("https://-a-.localhost:9/").unwrap();
        let request = || Request::new(Full::new(Bytes::new()));
        let why = Line::to(&url, &encryption().unwrap()).send(request).await.unwrap_err();
        assert!(why.contains("certificate"), "{why}");
    }

    #[tokio::test]
    async fn requests_to_a_server_that_hangs_up_share_a_few_connection_attempts() {
        let (listener, line, request) = line().await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                drop(stream);
            }
        });
        let answers = join_all((0..64).map(|_| line.send(request.clone()))).await;
        for answer in answers {
            let why = answer.unwrap_err();
            assert!(why.starts_with("there "), "{why}");
        }
        let calls = calls.load(Ordering::Relaxed);
        assert!((1..=10).contains(&calls), "{calls}");
        listening.abort();
    }

    #[tokio::test]
    async fn requests_to_an_unreachable_server_share_one_connection_attempt() {
        let (listener, line, request) = line().await;
        drop(listener);
        let answers = join_all((0..64).map(|_| line.send(request.clone()))).await;
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_err_and(|why| why.starts_with("there is no connection")))
        );
        assert_eq!(line.kept.lock().await.number, 0);
        // The next request connects again.
        let before = line.kept.lock().await.failed.clone().unwrap().0;
        drop(line.send(request).await);
        assert!(line.kept.lock().await.failed.clone().unwrap().0 > before);
    }
}
