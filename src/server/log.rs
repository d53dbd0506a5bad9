//! The log, on standard error.
//!
//! A log line never contains a user id, a text or a secret, and an address only with the option `log-addresses`.

use std::{
    env,
    ffi::OsStr,
    io::{IsTerminal, stderr},
};

use anyhow::{Context, Result, bail};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt};

use super::config::{LogFormat, Settings};

/// The log levels of libraries, unless the filter names them: at lower levels their lines contain addresses, paths and
/// the data that is written to a database. Errors of the bus are logged by `live/bus/nats.rs` instead, and less often.
const OTHERS: &str = "async_nats=off,h2=warn,hyper=warn,hyper_util=warn,refinery_core=warn,reqwest=warn,rustls=warn,\
    tokio_postgres=warn,tokio_tungstenite=warn,tower_http=warn,tungstenite=warn";

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter is not valid, or logging was already started.
pub fn start(settings: &Settings) -> Result<()> {
    let filter = filter(&settings.log)?;
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

/// The log filter.
///
/// # Errors
/// When it is not valid.
pub(super) fn filter(said: &str) -> Result<EnvFilter> {
    // The library takes a word that is no level as the name of a module, and then logs nothing else.
    let is_known = |word: &str| {
        let part = word.split("::").next().unwrap_or(word);
        let is_part = part == "campanile" || OTHERS.split(',').any(|other| other.split('=').next() == Some(part));
        word.is_empty() || is_part || word.contains(['=', '[']) || word.parse::<LevelFilter>().is_ok()
    };
    if let Some(word) = said.split(',').map(str::trim).find(|word| !is_known(word)) {
        bail!(
            "log: {word:?} is not a log level. Use error, warn, info, debug, trace or off, or such as campanile=debug."
        );
    }
    EnvFilter::try_new(format!("{OTHERS},{said}"))
        .with_context(|| format!("log: {said:?} is not a filter such as info or campanile=debug"))
}

/// Whether lines have colours: only on terminals, and not with `NO_COLOR` (<https://no-color.org>).
fn has_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for good in
            ["info", "WARN", "off", "campanile=debug", "debug,hyper=trace", "info, rustls", "campanile::server", ""]
        {
            assert!(filter(good).is_ok(), "{good}");
        }
        for wrong in ["debg", "info,verbose", "a=b=c"] {
            assert!(filter(wrong).unwrap_err().to_string().starts_with("log: "), "{wrong}");
        }
    }

    #[test]
    fn only_a_terminal_has_colours_and_only_where_they_are_wanted() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(true, Some(OsStr::new("1"))));
        assert!(!has_colours(false, None) && !has_colours(false, Some(OsStr::new(""))));
    }
}
