//! What `serve` refuses before it opens anything, and `check` for the same reason.

use anyhow::Result;
use async_nats::ConnectOptions;

use super::{BusUrl, Settings};
use crate::server::{auth::token::Tokens, log};

impl Settings {
    /// Refuses settings that a server could not start with, as far as that can be told without opening the store.
    ///
    /// # Errors
    /// One sentence about the first that is wrong.
    pub fn startable(&self) -> Result<()> {
        self.may_listen()?;
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
