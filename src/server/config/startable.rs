//! What `serve` refuses before it opens anything, and `check` for the same reason.

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
};

use anyhow::{Result, anyhow};
use async_nats::ConnectOptions;

use super::{BusUrl, Listen, Settings};
use crate::server::{auth::token::Tokens, listener, log};

impl Settings {
    /// Refuses settings that a server could not start with, as far as that can be told without opening the store. Returns
    /// a warning where the address is taken at this moment: by a server with these settings, or by another program.
    ///
    /// # Errors
    /// One sentence about the first that is wrong.
    pub fn startable(&self) -> Result<Option<String>> {
        self.may_listen()?;
        let taken = can_listen(&self.listen)?;
        log::filter(&self.log)?;
        if let Some(tls) = &self.connections.tls {
            tls.check()?;
        }
        if let Some(tokens) = self.auth.as_ref().and_then(|auth| auth.tokens.clone()) {
            Tokens::new(tokens)?;
        }
        if let BusUrl::Nats(url) = &self.bus {
            url.log_in(ConnectOptions::new())?;
        }
        Ok(taken)
    }
}

/// Refuses what no server could listen on; says so where a program listens there already.
fn can_listen(listen: &Listen) -> Result<Option<String>> {
    match listen {
        Listen::Tcp(address) => match TcpListener::bind(address) {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(Some(taken(address))),
            Err(error) => Err(anyhow!("listen: {}", cannot_listen(address, &error))),
        },
        Listen::Unix(path) => {
            listener::can_be_made(path).map_err(|why| anyhow!("listen: {why}"))?;
            Ok(UnixStream::connect(path).is_ok().then(|| taken(&path.display())))
        }
    }
}

fn taken(place: &dyn Display) -> String {
    format!("listen: a program listens on {place} already; no other can start there meanwhile.")
}

/// Why this machine cannot listen on an address, and what to do.
pub(in crate::server) fn cannot_listen(address: &SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!("{address} is taken; is another server running there?"),
        ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            "{address}: this user may not listen on a port below 1024. Name another port, or let the program: setcap \
             cap_net_bind_service=+ep campanile."
        ),
        ErrorKind::AddrNotAvailable => format!("{address}: this machine has no such address. Name one that it has."),
        _ => format!("this machine cannot listen on {address}: {error}."),
    }
}
