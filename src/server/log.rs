//! The log, on standard error.
//!
//! A log line never contains a user id, a text or a secret, and an address only with the option `log-addresses`.

use std::{
    env,
    ffi::OsStr,
    io::{IsTerminal, stderr},
};

use anyhow::Result;
use tracing_subscriber::fmt;

use super::config::{LogFormat, Settings, log_filter};

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter is not valid, or logging was already started.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = log_filter(&settings.log)?;
    let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let is_coloured = has_colours(stderr().is_terminal() && !is_dumb, env::var_os("NO_COLOR").as_deref());
    // A line that cannot be written, to a closed pipe or a full disk, is lost: reporting that on the same standard
    // error would panic.
    let log = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(is_coloured).log_internal_errors(false);
    let started = match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging was started before: {error}"))
}

/// Whether lines have colours: only on terminals, and not with `NO_COLOR` (<https://no-color.org>).
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
