//! What the server says of itself, on standard error.
//!
//! A log line never holds a user id, a text, an address or a secret.

use std::io::{IsTerminal, stderr};

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt};

use super::config::{LogFormat, Settings};

/// What others may say, unless the filter names them: what they say beyond that holds addresses, paths
/// and what is written to a database. What happens to the bus is said by `live/bus/nats.rs`, and not twice a second.
const OTHERS: &str = "async_nats=off,h2=warn,hyper=warn,hyper_util=warn,refinery_core=warn,reqwest=warn,rustls=warn,\
    tokio_postgres=warn,tokio_tungstenite=warn,tower_http=warn,tungstenite=warn";

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = filter(&settings.log)?;
    // Colours are for people.
    // A line that cannot be written is lost: to say so would end the task, since that cannot be written either.
    let log =
        fmt().log_internal_errors(false).with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    let started = match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging was started before: {error}"))
}

/// What is logged, beside what others may say.
///
/// # Errors
/// When it cannot be read.
pub(super) fn filter(said: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(format!("{OTHERS},{said}"))
        .with_context(|| format!("log: {said:?} is not a filter such as info or campanile=debug"))
}
