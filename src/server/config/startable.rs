//! What `serve` refuses before it opens anything, and `check` for the same reason.

use std::net::TcpListener;

use anyhow::{Result, anyhow};
use async_nats::ConnectOptions;

use super::{BusUrl, Listen, Settings};
use crate::server::{auth::token::Tokens, listener, log};

impl Settings {
    /// Refuses settings that a server could not start with, as far as that can be told without opening the store.
    ///
    /// # Errors
    /// One sentence about the first that is wrong.
    pub fn startable(&self) -> Result<()> {
        self.may_listen()?;
        can_listen(&self.listen)?;
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
        Ok(())
    }
}

/// Refuses what no server could listen on; another one may be running there.
fn can_listen(listen: &Listen) -> Result<()> {
    match listen {
        Listen::Tcp(address) => {
            let ip = address.ip();
            // At any port: a server may have the one that is named.
            let listened = TcpListener::bind((ip, 0)).map(drop);
            listened.map_err(|error| anyhow!("listen: this machine cannot listen on {ip}: {error}."))
        }
        Listen::Unix(path) => listener::can_be_made(path).map_err(|why| anyhow!("listen: {why}")),
    }
}
