//! Which log lines are written.

use anyhow::{Context, Result, bail};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The log levels of libraries, unless the filter names them: at lower levels their lines contain addresses, paths and
/// the data that is written to a database. Errors of the bus are logged by `live/bus/nats.rs` instead, and less often.
const OTHERS: &str = "async_nats=off,h2=warn,hyper=warn,hyper_util=warn,refinery_core=warn,reqwest=warn,rustls=warn,\
    tokio_postgres=warn,tokio_tungstenite=warn,tower_http=warn,tungstenite=warn";

/// Parses a log filter.
///
/// # Errors
/// When it is not valid.
pub(in crate::server) fn log_filter(text: &str) -> Result<EnvFilter> {
    // The library takes a word that is no level as the name of a module, and then logs nothing else.
    let is_known = |word: &str| {
        let part = word.split("::").next().unwrap_or(word);
        let is_part = part == "campanile" || OTHERS.split(',').any(|other| other.split('=').next() == Some(part));
        word.is_empty() || is_part || word.contains(['=', '[']) || word.parse::<LevelFilter>().is_ok()
    };
    if let Some(word) = text.split(',').map(str::trim).find(|word| !is_known(word)) {
        bail!(
            "log: {word:?} is not a log level. Use error, warn, info, debug, trace or off, or a filter such as \
             campanile=debug."
        );
    }
    EnvFilter::try_new(format!("{OTHERS},{text}"))
        .with_context(|| format!("log: {text:?} is not a filter such as info or campanile=debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for good in
            ["info", "WARN", "off", "campanile=debug", "debug,hyper=trace", "info, rustls", "campanile::server", ""]
        {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for wrong in ["debg", "info,verbose", "a=b=c"] {
            assert!(log_filter(wrong).unwrap_err().to_string().starts_with("log: "), "{wrong}");
        }
    }
}
