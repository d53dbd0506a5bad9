//! What the server says of itself, on standard error.
//!
//! A log line never holds a user id, a text, an address or a secret.

use std::{
    error::Error,
    io::{IsTerminal, stderr},
};

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt};

use super::config::{LogFormat, Settings};

/// What others may say, unless the filter names them: what they say beyond that holds addresses, paths
/// and what is written to a database.
const OTHERS: &str = "async_nats=warn,h2=warn,hyper=warn,hyper_util=warn,refinery_core=warn,reqwest=warn,rustls=warn,\
    tokio_postgres=warn,tokio_tungstenite=warn,tower_http=warn,tungstenite=warn";

/// A failure and all that it comes from, in one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // What is transparent says the same as its cause.
        if !all.ends_with(&text) {
            all.push_str(": ");
            all.push_str(&text);
        }
        cause = error.source();
    }
    all
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(format!("{OTHERS},{}", settings.log))
        .with_context(|| format!("log: {:?} is not a filter such as info or campanile=debug", settings.log))?;
    // Colours are for people.
    let log = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    let started = match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging was started before: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::StoreError;

    #[test]
    fn a_failure_is_told_with_every_cause() {
        let disk = std::io::Error::other(StoreError::failed("sector 7").because("rust"));
        let error = StoreError::unknown("the commit").because(disk);
        assert_eq!(
            with_causes(&error),
            "it is not known whether the store did it: the commit: the store failed: sector 7: rust"
        );
    }
}
