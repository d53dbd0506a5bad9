//! An address that a server has bound, on which it does not listen yet.
//!
//! It is bound before a store is opened, so that a server whose address is in use changes nothing; it listens when
//! everything is ready, so that a client that comes too early is refused at once and not left waiting. Of two servers
//! that bind the same port at once, the second is refused when it listens.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::net::{TcpSocket, UnixSocket};

use super::socket::{Socket, SocketFile, WAITING, lock, make_way};

/// An address that is bound until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Bound(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpSocket),
    /// Only the lock is taken: an existing file counts as a listening server, and a process that is killed while it
    /// starts would leave it there.
    Unix {
        lock: File,
        path: PathBuf,
        mode: u32,
    },
}

impl Bound {
    /// Binds a port. Another program that bound it too may still listen on it before this one does.
    ///
    /// # Errors
    /// The error of the system.
    pub(in crate::server) fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restarted server does not wait until the connections of the previous one are forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(Kind::Tcp(socket)))
    }

    /// Binds a Unix socket at this path, whose file will have these permissions. The file of a server that was killed
    /// is removed. The new file is created when the server listens, and removed when its socket is dropped.
    ///
    /// # Errors
    /// One sentence about the obstacle.
    pub(in crate::server) fn unix(path: &Path, mode: u32) -> Result<Self, String> {
        let lock = lock(path)?;
        make_way(path)?;
        Ok(Self(Kind::Unix { lock, path: path.to_owned(), mode }))
    }

    /// Lets clients connect from now on.
    ///
    /// # Errors
    /// The error of the system: for a port, that another program was first; for a Unix socket, why its file cannot be
    /// created.
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
                // No client is admitted before it listens, so the file gets its permissions first.
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
                Ok(Socket::of_file(file, socket.listen(WAITING)?))
            }
        }
    }
}
