//! What the server says of itself, on standard error.
//!
//! A log line never holds a user id, a text or a secret, and an address only where `log-addresses` is said.

use std::{
    env,
    ffi::OsStr,
    io::{IsTerminal, stderr},
};

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
    let is_coloured = has_colours(stderr().is_terminal(), env::var_os("NO_COLOR").as_deref());
    // A line that cannot be written, to a pipe that is closed or a full disk, is lost: to complain of that on the same
    // standard error would be a panic.
    let log = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(is_coloured).log_internal_errors(false);
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

/// Whether lines have colours, which are for people who want them (<https://no-color.org>).
fn has_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_has_colours_and_only_where_they_are_wanted() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(true, Some(OsStr::new("1"))));
        assert!(!has_colours(false, None) && !has_colours(false, Some(OsStr::new(""))));
    }
}
