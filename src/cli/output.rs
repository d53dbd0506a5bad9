//! Prints the output of commands. If the reader closes the pipe, it has read enough: that is no error, and no panic.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write, stderr, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};

/// Prints a text and a line break on standard output.
///
/// # Errors
/// When it cannot be written, unless its reader closed the pipe.
pub(super) fn print(text: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Prints a text on standard error. A failure to print is ignored.
pub(crate) fn note(text: impl Display) {
    drop(writeln!(stderr(), "{text}"));
}

/// Standard output, which remembers that its reader closed the pipe.
#[derive(Clone, Default)]
pub(super) struct Pipe(Arc<AtomicBool>);

impl Pipe {
    /// Whether its reader closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn noting<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                self.0.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.noting(stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.noting(stdout().flush())
    }
}
