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

/// How many bytes a client may send in a minute over a stream on which it only receives. All messages that it may send
/// need less. Other data, such as empty fragments of a message that never ends, costs as much to read.
const MOST_IN_A_MINUTE: usize = 256 * 1024;
/// Up to so many bytes in several pieces, such as the head and the body of most answers, are copied and written as one: the
/// copy costs less than a system call with several pieces.
const COPIED: usize = 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// The first bytes from a client, which were read to detect its protocol.
#[derive(Default)]
pub(super) struct Start {
    bytes: [u8; 3],
    /// The range of bytes that hyper has not read yet.
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

    /// Copies as many bytes as fit; `false` when none are left.
    fn read(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let length = self.bytes().len().min(buffer.remaining());
        buffer.put_slice(&self.bytes()[..length]);
        self.at += length as u8;
        length > 0
    }
}

/// A connection to a client. It breaks when the client accepts no written data for too long.
pub(super) struct Stream {
    of: Transport,
    start: Start,
    patience: Duration,
    /// Runs while the client accepts no data.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Counts the bytes from the client, if they are limited.
    said: Option<Box<Received>>,
}

/// How many bytes a client sent, and since when.
struct Received {
    bytes: usize,
    since: Instant,
}

enum Transport {
    Plain(socket::Plain),
    /// Boxed, so that a plain connection reserves no room for it.
    Tls(Box<TlsStream<socket::Plain>>),
}

impl Stream {
    /// An unencrypted connection.
    pub(super) fn plain(stream: socket::Plain, start: Start, patience: Duration) -> Self {
        Self { of: Transport::Plain(stream), start, patience, stalled: None, said: None }
    }

    /// An encrypted connection.
    pub(super) fn tls(stream: TlsStream<socket::Plain>, patience: Duration) -> Self {
        Self { of: Transport::Tls(Box::new(stream)), start: Start::default(), patience, stalled: None, said: None }
    }

    /// From now on, breaks the connection when the client sends more than a receiving client may.
    pub(super) fn expect_little(&mut self) {
        self.said = Some(Box::new(Received { bytes: 0, since: Instant::now() }));
    }

    /// Counts received bytes.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        let Some(said) = &mut self.said else { return Ok(()) };
        if said.since.elapsed() > MINUTE {
            **said = Received { bytes: 0, since: Instant::now() };
        }
        said.bytes += bytes;
        if said.bytes > MOST_IN_A_MINUTE { Err(io::Error::other("the client says too much")) } else { Ok(()) }
    }

    /// Closes the connection and discards written data that was not sent yet.
    pub(super) fn reset(self) {
        let stream = match &self.of {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        stream.forget_rest();
    }

    /// Returns the result of a write, or an error when the connection has been blocked for too long.
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

    /// Plain and encrypted connections both support vectored writes.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut copy = [0; COPIED];
        if let Some(length) = join(bytes, &mut copy) {
            return self.poll_write(context, &copy[..length]);
        }
        let this = self.get_mut();
        let written = match &mut this.of {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        };
        this.heed(context, written)
    }
}

/// Copies the pieces one after the other, if there is room for all, and returns how many bytes they are.
fn join(pieces: &[IoSlice<'_>], into: &mut [u8]) -> Option<usize> {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    let mut rest = into.get_mut(..length)?;
    for piece in pieces {
        let (place, after) = rest.split_at_mut(piece.len());
        place.copy_from_slice(piece);
        rest = after;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_where_there_is_room_for_all() {
        let mut room = [0; 5];
        let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(join(&pieces, &mut room), Some(5));
        assert_eq!(&room, b"abcde");
        assert_eq!(join(&[], &mut room), Some(0));
        assert_eq!(join(&[pieces[2], pieces[2]], &mut room), None);
    }
}
