//! The listening socket: a port, or a Unix socket.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use rustix::fs::Access;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// How many connections the system holds before they are accepted.
pub(super) const WAITING: u32 = 1024;

/// The listening socket.
#[derive(Debug)]
pub struct Socket(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix {
        /// Removed before its inode number may belong to another server's file.
        _file: SocketFile,
        listener: UnixListener,
    },
}

/// A connection without encryption.
#[derive(Debug)]
pub(super) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<TcpListener> for Socket {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

impl Socket {
    pub(super) fn of_file(file: SocketFile, listener: UnixListener) -> Self {
        Self(Kind::Unix { _file: file, listener })
    }

    /// Its address; none for a Unix socket.
    pub(in crate::server) fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix { .. } => None,
        }
    }

    /// Waits for a client, which has no address over a Unix socket.
    pub(super) async fn accept(&self) -> io::Result<(Plain, Option<SocketAddr>)> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // An IPv6 socket shows an IPv4 client in the form of IPv6.
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                Ok((Plain::Tcp(stream), Some(address)))
            }
            Kind::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Plain::Unix(stream), None))
            }
        }
    }
}

/// Keeps other servers from using the same path while the lock is held: of two that start at once, each would take the
/// file of the other for one that was left behind.
pub(super) fn lock(path: &Path) -> Result<File, String> {
    let mut beside = path.to_owned();
    beside.as_mut_os_string().push(".lock");
    let shown = beside.display();
    let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(&beside);
    let file = file.map_err(|error| format!("{} cannot be made: {error}.", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(format!("{} cannot be had; another server is running there.", path.display()))
        }
        Err(TryLockError::Error(error)) => Err(format!("{shown} cannot be locked: {error}.")),
    }
}

/// Checks that a socket could be created at this path, as far as that can be told beside a server that runs there.
/// Nothing is changed.
///
/// # Errors
/// One sentence about the obstacle.
pub(in crate::server) fn can_be_made(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(format!(
            "{} cannot be made: {} is no folder. Make it, with write access for this user.",
            path.display(),
            folder.display()
        ));
    }
    if rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Err(format!("{} cannot be made: this user may not write to {}.", path.display(), folder.display()));
    }
    has_socket(path).map(drop)
}

/// Whether there is a socket at the path. Any other file there is an error.
fn has_socket(path: &Path) -> Result<bool, String> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(format!("{shown} is there and is no socket. Remove it, or name another path.")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{shown} cannot be looked at: {error}.")),
    }
}

/// Removes the socket file of a server that has ended, and no other file.
pub(super) fn make_way(path: &Path) -> Result<(), String> {
    if !has_socket(path)? {
        return Ok(());
    }
    let shown = path.display();
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("{shown} was left behind and cannot be removed: {error}."))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{shown} is there and cannot be asked: {error}.")),
        Ok(_) => Err(format!("{shown} cannot be had; another server is running there.")),
    }
}

/// The file of a Unix socket, removed when this is dropped, unless another server has put its own there.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Released last, when the file is gone.
    _lock: File,
}

impl SocketFile {
    pub(super) fn at(path: &Path, lock: File) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        // An absolute path still names the same file when the program changes its working directory.
        Ok(Self { path: std::path::absolute(path)?, device: found.dev(), inode: found.ino(), _lock: lock })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = |found: fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(is_own)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the file of the Unix socket could not be removed");
        }
    }
}

impl Plain {
    /// Sends small writes at once (`TCP_NODELAY`).
    pub(super) fn send_at_once(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Whether the client begins with a method of HTTP, and not as TLS does (a record of type 22). Reads nothing.
    pub(super) async fn begins_as_http(&self) -> io::Result<bool> {
        let Self::Tcp(stream) = self else { return Ok(false) };
        let mut first = [0];
        stream.peek(&mut first).await?;
        Ok(first[0].is_ascii_uppercase())
    }

    /// When the connection is closed, discards written data that was not sent yet.
    pub(super) fn forget_rest(&self) {
        // If that fails, the connection is closed all the same. Over a Unix socket, written data has already arrived.
        if let Self::Tcp(stream) = self {
            drop(stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    /// TCP and Unix sockets both support vectored writes.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        }
    }
}
