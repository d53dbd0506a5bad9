//! A place that a server has taken, where it does not listen yet.
//!
//! It is taken before a store is opened, so that a server that cannot have its place changes nothing; and listened at when
//! all is ready, so that a client that comes too early is refused at once and not left waiting.

use std::{fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use tokio::net::{TcpSocket, UnixSocket};

use super::socket::{Socket, SocketFile, WAITING, lock, make_way};

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Bound(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpSocket),
    Unix(SocketFile, UnixSocket),
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

    /// A Unix socket at this path, whose file has these permissions. The file of a server that was killed is replaced, and
    /// the own one removed when this, or the socket that comes of it, is dropped.
    ///
    /// # Errors
    /// One sentence about what is in the way.
    pub(in crate::server) fn unix(path: &Path, mode: u32) -> Result<Self, String> {
        let lock = lock(path)?;
        make_way(path)?;
        // Until it listens no client is let in, so the file has its permissions first.
        let made = UnixSocket::new_stream().and_then(|socket| {
            socket.bind(path)?;
            let file = SocketFile::at(path, lock)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            Ok(Self(Kind::Unix(file, socket)))
        });
        made.map_err(|error| format!("{} cannot be made: {error}.", path.display()))
    }

    /// Lets clients connect from now on.
    ///
    /// # Errors
    /// What the system says: of a port, that another program was first.
    ///
    /// # Panics
    /// Outside of tokio.
    pub(in crate::server) fn listen(self) -> io::Result<Socket> {
        match self.0 {
            Kind::Tcp(socket) => Ok(socket.listen(WAITING)?.into()),
            Kind::Unix(file, socket) => Ok(Socket::of_file(file, socket.listen(WAITING)?)),
        }
    }
}
