//! A place that a server has bound to, where it does not listen yet.
//!
//! It is bound before a store is opened, so that a server whose place another one has changes nothing; and listened at when
//! all is ready, so that a client that comes too early is refused at once and not left waiting. Of two that bind to one port
//! at once, the second is refused when it listens.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::net::{TcpSocket, UnixSocket};

use super::socket::{Socket, SocketFile, WAITING, lock, make_way};

/// A place that is bound until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Bound(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpSocket),
    /// Only the lock is taken: a file that stands is taken for a server that listens, and a process that is killed while it
    /// starts would leave it there.
    Unix {
        lock: File,
        path: PathBuf,
        mode: u32,
    },
}

impl Bound {
    /// A port. Another program may still begin to listen on it before this one does, if it bound to it too.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::server) fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that is started again does not wait for the connections of the one before it to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(Kind::Tcp(socket)))
    }

    /// A Unix socket at this path, whose file will have these permissions. The file of a server that was killed is removed.
    /// The own one is made when the server listens, and removed when its socket is dropped.
    ///
    /// # Errors
    /// One sentence about what is in the way.
    pub(in crate::server) fn unix(path: &Path, mode: u32) -> Result<Self, String> {
        let lock = lock(path)?;
        make_way(path)?;
        Ok(Self(Kind::Unix { lock, path: path.to_owned(), mode }))
    }

    /// Lets clients connect from now on.
    ///
    /// # Errors
    /// What the system says: of a port, that another program was first; of a Unix socket, why its file cannot be made.
    ///
    /// # Panics
    /// Outside of tokio.
    pub(in crate::server) fn listen(self) -> io::Result<Socket> {
        match self.0 {
            Kind::Tcp(socket) => Ok(socket.listen(WAITING)?.into()),
            Kind::Unix { lock, path, mode } => {
                let socket = UnixSocket::new_stream()?;
                socket.bind(&path)?;
                let file = SocketFile::at(&path, lock)?;
                // Until it listens no client is let in, so the file has its permissions first.
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
                Ok(Socket::of_file(file, socket.listen(WAITING)?))
            }
        }
    }
}
