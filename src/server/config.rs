//! Settings: a flag wins over the environment, that over the file, and that over the default.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use config::{Config, File, FileFormat};
use serde::Deserialize;

use super::{
    http::HttpOptions,
    listener::ListenerOptions,
    service::DEFAULT_BATCH_MAX,
    store::{MemoryStore, Store},
};
use crate::model::Timestamp;

/// The file that is read when it is there and no other one is named.
const DEFAULT_FILE: &str = "campanile.toml";

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where notifications are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`, gone at restart.
    Memory,
}

/// What may be said on the command line, in the environment and in the file. What is not said is
/// `None`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Said {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8000]
    #[arg(long, env = "CAMPANILE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Where notifications are kept: memory: (gone at restart) [default: memory:]
    #[arg(long, env = "CAMPANILE_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,

    /// How many of the newest notifications are kept [default: 1000]
    #[arg(long, env = "CAMPANILE_WINDOW", value_name = "COUNT")]
    pub window: Option<usize>,

    /// How many notifications one batch may have [default: 1000]
    #[arg(long, env = "CAMPANILE_BATCH_MAX", value_name = "COUNT")]
    pub batch_max: Option<usize>,

    /// The largest request body, in bytes [default: 4194304]
    #[arg(long, env = "CAMPANILE_MAX_BODY_BYTES", value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,

    /// How many connections are served at once [default: 16384]
    #[arg(long, env = "CAMPANILE_MAX_CONNECTIONS", value_name = "COUNT")]
    pub max_connections: Option<usize>,

    /// How long a request may take, in seconds [default: 30]
    #[arg(long, env = "CAMPANILE_REQUEST_TIMEOUT", value_name = "SECONDS")]
    pub request_timeout: Option<u64>,

    /// How long a client may take to send its headers, and stay without a request, in seconds [default: 30]
    #[arg(long, env = "CAMPANILE_HEADER_TIMEOUT", value_name = "SECONDS")]
    pub header_timeout: Option<u64>,

    /// How long running requests may take to end when the server stops, in seconds [default: 5]
    #[arg(long, env = "CAMPANILE_SHUTDOWN_TIMEOUT", value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,

    /// A host name to answer for, beside localhost; may be given several times
    #[arg(long, env = "CAMPANILE_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Option<Vec<String>>,

    /// Listen on any address, and answer for any host name, without authentication: a gateway in front does it
    #[arg(long, env = "CAMPANILE_INSECURE_NO_AUTH", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub insecure_no_auth: Option<bool>,

    /// What is logged, such as warn, info or campanile=debug [default: info]
    #[arg(long, env = "CAMPANILE_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// How log lines look [default: text]
    #[arg(long, env = "CAMPANILE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The settings in force. They fit together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where notifications are kept.
    pub store: StoreUrl,
    /// How many notifications are kept.
    pub window: usize,
    /// How many notifications one batch may have.
    pub batch_max: usize,
    /// How requests are treated.
    pub http: HttpOptions,
    /// How connections are treated.
    pub connections: ListenerOptions,
    /// What is logged.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

impl Settings {
    /// Puts together what was said on the command line and in the environment with the file.
    ///
    /// # Errors
    /// One sentence about the first setting that is wrong or does not fit the others.
    pub fn load(said: &Said, file: Option<&Path>) -> Result<Self> {
        Self::settle(said, &read_file(file)?)
    }

    fn settle(said: &Said, in_file: &Said) -> Result<Self> {
        /// The first of them that is said.
        macro_rules! first {
            ($field:ident) => {
                said.$field.clone().or_else(|| in_file.$field.clone())
            };
        }
        let listen = first!(listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000)));
        let insecure_no_auth = first!(insecure_no_auth).unwrap_or(false);
        if !listen.ip().is_loopback() && !insecure_no_auth {
            bail!(
                "listen: {listen} can be reached from other machines, and there is no authentication. Listen on \
                 127.0.0.1, or say --insecure-no-auth if a gateway in front of Campanile lets only the right people in."
            );
        }
        let hosts = first!(allowed_hosts).unwrap_or_default();
        let seconds = |name: &str, value: Option<u64>, default: u64| match value.unwrap_or(default) {
            0 => bail!("{name}: must be at least 1 second."),
            seconds => Ok(Duration::from_secs(seconds)),
        };
        let count = |name: &str, value: Option<usize>, default: usize| match value.unwrap_or(default) {
            0 => bail!("{name}: must be at least 1."),
            count => Ok(count),
        };
        Ok(Self {
            listen,
            store: parse_store(first!(store).as_deref().unwrap_or("memory:"))?,
            window: count("window", first!(window), MemoryStore::DEFAULT_WINDOW)?,
            batch_max: count("batch-max", first!(batch_max), DEFAULT_BATCH_MAX)?,
            http: HttpOptions {
                max_body_bytes: count("max-body-bytes", first!(max_body_bytes), 4 * 1024 * 1024)?,
                request_timeout: seconds("request-timeout", first!(request_timeout), 30)?,
                allowed_hosts: (!insecure_no_auth || !hosts.is_empty()).then_some(hosts),
            },
            connections: ListenerOptions {
                max_connections: count("max-connections", first!(max_connections), 16_384)?,
                header_timeout: seconds("header-timeout", first!(header_timeout), 30)?,
                shutdown_timeout: seconds("shutdown-timeout", first!(shutdown_timeout), 5)?,
            },
            log: first!(log).unwrap_or_else(|| "info".to_owned()),
            log_format: first!(log_format).unwrap_or_default(),
        })
    }

    /// Opens the store that the settings name.
    #[must_use]
    pub fn open_store(&self, started: Timestamp) -> impl Store + use<> {
        match self.store {
            StoreUrl::Memory => MemoryStore::new(self.window, started),
        }
    }
}

fn parse_store(url: &str) -> Result<StoreUrl> {
    match url {
        "memory:" => Ok(StoreUrl::Memory),
        // The URL may hold a password, so it is not repeated.
        _ => bail!("store: this is not a store that this version knows. Say memory:"),
    }
}

/// What the file says. A file that was named must be there.
fn read_file(named: Option<&Path>) -> Result<Said> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let source = File::from(path).format(FileFormat::Toml).required(named.is_some());
    let read = Config::builder().add_source(source).build().and_then(Config::try_deserialize);
    read.with_context(|| format!("{} cannot be used", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_wins_over_the_file_and_the_file_over_the_default() {
        let in_file = Said { window: Some(5), batch_max: Some(6), ..Said::default() };
        let settings = Settings::settle(&Said { window: Some(7), ..Said::default() }, &in_file).unwrap();
        assert_eq!((settings.window, settings.batch_max), (7, 6));
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
    }

    #[test]
    fn other_machines_are_refused_unless_a_gateway_is_promised() {
        let open = Said { listen: Some("0.0.0.0:8000".parse().unwrap()), ..Said::default() };
        let refused = Settings::settle(&open, &Said::default()).unwrap_err().to_string();
        assert!(refused.contains("--insecure-no-auth"), "{refused}");
        let settings = Settings::settle(&Said { insecure_no_auth: Some(true), ..open }, &Said::default()).unwrap();
        assert_eq!(settings.http.allowed_hosts, None);
    }

    #[test]
    fn nothing_may_be_zero() {
        let said = Said { window: Some(0), ..Said::default() };
        assert_eq!(Settings::settle(&said, &Said::default()).unwrap_err().to_string(), "window: must be at least 1.");
        let said = Said { request_timeout: Some(0), ..Said::default() };
        assert!(Settings::settle(&said, &Said::default()).unwrap_err().to_string().starts_with("request-timeout:"));
    }

    #[test]
    fn a_store_url_is_not_repeated_in_the_error() {
        let said = Said { store: Some("postgres://me:secret@db/x".to_owned()), ..Said::default() };
        let error = Settings::settle(&said, &Said::default()).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_named_file_must_be_there_and_hold_only_settings() {
        let folder = std::env::temp_dir().join(format!("campanile-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("campanile.toml");
        assert!(read_file(Some(&file)).is_err());
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\nallowed-hosts = [\"a.example\"]\n").unwrap();
        let said = read_file(Some(&file)).unwrap();
        assert_eq!(said.listen.unwrap().port(), 9000);
        std::fs::write(&file, "lisen = \"127.0.0.1:9000\"\n").unwrap();
        let error = format!("{:#}", read_file(Some(&file)).unwrap_err());
        assert!(error.contains("lisen"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
