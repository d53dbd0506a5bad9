//! The stream of a connection, plain or encrypted.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_rustls::server::TlsStream;

use super::socket;

/// How much a client may say in a minute, in bytes, where it is only told things. That is more than all messages that it
/// may send, and what it says beside them, such as empty parts of a message that never ends, costs as much to read.
const MOST_IN_A_MINUTE: usize = 256 * 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// The first bytes of a client, which were read to see what it speaks.
#[derive(Default)]
pub(super) struct Start {
    bytes: [u8; 3],
    /// From where to where they are still to be read by hyper.
    at: u8,
    end: u8,
}

impl Start {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.at)..usize::from(self.end)]
    }

    /// Adds a byte; there is room for three.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.end)) {
            *place = byte;
            self.end += 1;
        }
    }

    /// Hands out as much as there is room for; `false` when there is nothing any more.
    fn read(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let length = self.bytes().len().min(buffer.remaining());
        buffer.put_slice(&self.bytes()[..length]);
        self.at += length as u8;
        length > 0
    }
}

/// A connection to a client. It breaks when the client takes nothing of what is written for too long.
pub(super) struct Stream {
    of: Transport,
    start: Start,
    patience: Duration,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// How much the client says, where that is counted.
    said: Option<Box<Received>>,
}

/// How much a client said, and since when.
struct Received {
    bytes: usize,
    since: Instant,
}

enum Transport {
    Plain(socket::Plain),
    /// In a box, so that a plain one keeps no room for it.
    Tls(Box<TlsStream<socket::Plain>>),
}

impl Stream {
    /// A connection that any machine on the way can read.
    pub(super) fn plain(stream: socket::Plain, start: Start, patience: Duration) -> Self {
        Self { of: Transport::Plain(stream), start, patience, stalled: None, said: None }
    }

    /// An encrypted connection.
    pub(super) fn tls(stream: TlsStream<socket::Plain>, patience: Duration) -> Self {
        Self { of: Transport::Tls(Box::new(stream)), start: Start::default(), patience, stalled: None, said: None }
    }

    /// Breaks the connection from now on when the client says more than one may that is only told things.
    pub(super) fn expect_little(&mut self) {
        self.said = Some(Box::new(Received { bytes: 0, since: Instant::now() }));
    }

    /// Counts what was read.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        let Some(said) = &mut self.said else { return Ok(()) };
        if said.since.elapsed() > MINUTE {
            **said = Received { bytes: 0, since: Instant::now() };
        }
        said.bytes += bytes;
        if said.bytes > MOST_IN_A_MINUTE { Err(io::Error::other("the client says too much")) } else { Ok(()) }
    }

    /// Ends the connection so that nothing more is sent of what was written.
    pub(super) fn reset(self) {
        let stream = match &self.of {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        stream.forget_rest();
    }

    /// Passes on how a write went, and breaks one that waits for too long.
    fn heed<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start.read(buffer) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        ready!(read)?;
        Poll::Ready(this.count(buffer.filled().len() - before))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        this.heed(context, written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        this.heed(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        this.heed(context, ended)
    }

    /// Both kinds write several pieces at once.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        };
        this.heed(context, written)
    }
}
