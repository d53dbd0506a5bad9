//! The checks of `serve` and `check` before they open anything.

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    net::SocketAddr,
    os::unix::net::UnixStream,
};

use anyhow::{Error, Result, anyhow};
use async_nats::ConnectOptions;

use super::{
    BusUrl, Listen, Settings, log_filter,
    named::{of_bus, of_tls, of_tokens},
};
use crate::server::{
    auth::token::Tokens,
    listener::{self, Bound},
};

impl Settings {
    /// Refuses settings with which a server could not start, as far as that can be told without opening the store and
    /// without binding its address.
    ///
    /// # Errors
    /// One sentence about the first invalid setting.
    pub fn startable(&self) -> Result<()> {
        self.may_listen()?;
        log_filter(&self.log)?;
        if let Some(tls) = &self.connections.tls {
            tls.check().map_err(|why| of_tls(&why))?;
        }
        if let Some(tokens) = self.auth.as_ref().and_then(|auth| auth.tokens.clone()) {
            Tokens::new(tokens).map_err(|why| of_tokens(&why))?;
        }
        if let BusUrl::Nats(url) = &self.bus {
            url.log_in(ConnectOptions::new()).map_err(|why| of_bus(&why))?;
        }
        Ok(())
    }

    /// Binds the address of the server.
    ///
    /// # Errors
    /// One sentence about the reason why it cannot.
    pub(in crate::server) fn bind(&self) -> Result<Bound> {
        match &self.listen {
            Listen::Tcp(address) => Bound::tcp(*address).map_err(|error| self.cannot_listen(&error)),
            Listen::Unix(path) => listener::can_be_made(path)
                .and_then(|()| Bound::unix(path, self.socket_mode))
                .map_err(|why| anyhow!("listen: {why}")),
        }
    }

    /// Refuses an address where no server could listen, without keeping it. Returns a warning where it is in use at
    /// this moment: by a server with these settings, or by another program.
    ///
    /// # Errors
    /// One sentence about the obstacle.
    pub(in crate::server) fn can_listen(&self) -> Result<Option<String>> {
        match &self.listen {
            Listen::Tcp(address) => match Bound::tcp(*address) {
                Ok(_) => Ok(None),
                Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(Some(taken(address))),
                Err(error) => Err(self.cannot_listen(&error)),
            },
            Listen::Unix(path) => {
                listener::can_be_made(path).map_err(|why| anyhow!("listen: {why}"))?;
                Ok(UnixStream::connect(path).is_ok().then(|| taken(&path.display())))
            }
        }
    }

    /// Why this machine cannot listen there, and what to do.
    pub(in crate::server) fn cannot_listen(&self, error: &io::Error) -> Error {
        let why = match &self.listen {
            Listen::Tcp(address) => cannot_bind(address, error),
            Listen::Unix(path) => format!("{} cannot be made: {error}.", path.display()),
        };
        anyhow!("listen: {why}")
    }
}

fn taken(place: &dyn Display) -> String {
    format!(
        "listen: a program listens on {place} already. Stop it before you start the server there, or choose another place."
    )
}

fn cannot_bind(address: &SocketAddr, error: &io::Error) -> String {
    let (host, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "cannot bind to the port {port} of {host}: another program listens there. Stop it, or name another port, \
             such as --listen 127.0.0.1:8080."
        ),
        ErrorKind::PermissionDenied if port < 1024 => format!(
            "{address}: this user may not listen on a port below 1024. Name another port, or let the program: setcap \
             cap_net_bind_service=+ep campanile."
        ),
        ErrorKind::AddrNotAvailable => format!("{address}: this machine has no such address. Name one that it has."),
        _ => format!("cannot bind to the port {port} of {host}: {error}."),
    }
}
