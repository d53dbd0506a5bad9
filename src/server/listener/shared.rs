//! A connection that can be taken from hyper.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;

use super::stream::Stream;

/// The stream that hyper reads and writes. Once it is taken, the connection has ended for hyper.
pub(super) struct SharedStream(Owner);

/// A handle from which the stream can be taken.
#[derive(Clone)]
pub(super) struct Owner(Arc<Mutex<Option<TokioIo<Stream>>>>);

impl SharedStream {
    pub(super) fn new(stream: Stream) -> (Self, Owner) {
        let owner = Owner(Arc::new(Mutex::new(Some(TokioIo::new(stream)))));
        (Self(owner.clone()), owner)
    }
}

impl Owner {
    /// Takes the stream.
    pub(super) fn take(&self) -> Option<Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(TokioIo::into_inner)
    }

    /// The client only receives data from now on ([`Stream::expect_little`]).
    pub(super) fn expect_little(&self) {
        if let Some(stream) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            stream.inner_mut().expect_little();
        }
    }

    fn poll<T>(&self, poll: impl FnOnce(Pin<&mut TokioIo<Stream>>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Read for SharedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.0.poll(|stream| stream.poll_read(context, buffer))
    }
}

impl Write for SharedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(|stream| stream.poll_shutdown(context))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll(|stream| stream.poll_write_vectored(context, bytes))
    }
}
