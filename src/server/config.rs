//! Settings: a flag wins over the environment, that over the file, and that over the default.

mod auth;
mod bounds;
mod bus_url;
mod dead;
mod document;
mod environment;
mod fields;
mod file;
mod from_files;
mod in_force;
mod input;
mod listen;
mod log_filter;
mod mail;
mod named;
mod push;
mod startable;
mod store_url;
mod warnings;

use std::{
    net::Ipv6Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use chrono::TimeDelta;

pub use bus_url::BusUrl;
pub use document::document;
pub use in_force::{InForce, Origin, Setting};
pub use input::{LogFormat, SettingsInput, SqliteSync, Switch};
pub use listen::Listen;
pub(super) use log_filter::log_filter;
pub(super) use named::{of_bus, of_tls};
pub use store_url::StoreUrl;

pub use super::live::NatsUrl;

use super::{
    address::is_loopback,
    auth::AuthOptions,
    delivery::{DeliveryOptions, Rules},
    http::{FrameAncestors, HttpOptions, PublicUrl, StreamOptions},
    limiter::Rate,
    listener::{ListenerOptions, TlsOptions},
};
use crate::app::Language;
use bounds::{age, bytes, seconds, within, within_seconds};
use push::PushOptions;

/// The settings in force. They fit together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on.
    pub listen: Listen,
    /// The permissions of the Unix socket.
    pub socket_mode: u32,
    /// Whether a gateway admits only authorised users.
    pub insecure_no_auth: bool,
    /// The store of notifications.
    pub store: StoreUrl,
    /// How many notifications are kept for each user.
    pub window: usize,
    /// How long notifications are kept.
    pub max_age: Option<TimeDelta>,
    /// The options of delivery.
    pub delivery: DeliveryOptions,
    /// Whether a write is on the disk when it is answered.
    pub sqlite_sync: SqliteSync,
    /// How many writes may wait for SQLite.
    pub sqlite_queue: usize,
    /// How many connections to PostgreSQL are used at once.
    pub postgres_connections: usize,
    /// The bus between several servers.
    pub bus: BusUrl,
    /// Prefix of the subjects on the bus.
    pub bus_prefix: String,
    /// How many notifications one batch may have.
    pub batch_max: usize,
    /// The options of authentication; `None` where it is off.
    pub auth: Option<AuthOptions>,
    /// The rate of notifications to one user.
    pub limit_recipient: Option<Rate>,
    /// The options of HTTP.
    pub http: HttpOptions,
    /// How long `/readyz` announces the stop of the server in advance.
    pub shutdown_delay: Duration,
    /// The options of connections.
    pub connections: ListenerOptions,
    /// The log filter.
    pub log: String,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// As [`Self::unknown_variables`].
    unknown: Vec<String>,
    /// Settings without effect, one sentence each.
    ineffective: Vec<String>,
}

impl Settings {
    /// Combines the settings of the command line and the environment with the file.
    ///
    /// # Errors
    /// One sentence about the first setting that is invalid or does not fit the others.
    pub fn load(input: &SettingsInput, file: Option<&Path>) -> Result<Self> {
        Self::in_force(&InForce::load(input, file)?)
    }

    /// Settings for a program that embeds Campanile: these, and defaults for all others. Reads neither a file nor the
    /// environment.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_input(input: &SettingsInput) -> Result<Self> {
        Self::in_force(&InForce::merge(input, &SettingsInput::default())?)
    }

    /// The settings, and which of the given ones have no effect.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub(super) fn in_force(in_force: &InForce) -> Result<Self> {
        let settings = Self::settle(in_force.settings()?)?;
        let ineffective = dead::dead(in_force, &settings);
        Ok(Self { unknown: in_force.unknown.clone(), ineffective, ..settings })
    }

    /// Refuses to serve without authentication where other machines can reach the server: on an address for them, or
    /// through a gateway.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub fn may_listen(&self) -> Result<()> {
        let Self { listen, auth, insecure_no_auth, .. } = self;
        if auth.is_some() || *insecure_no_auth {
            return Ok(());
        }
        if let Some(url) = self.http.public_url.as_ref().filter(|url| !is_loopback(url.host())) {
            bail!(
                "public-url: {url} is for others, and there is no authentication. Use --auth on and make a key with \
                 `campanile key create`, or say --insecure-no-auth if the gateway in front of Campanile lets only the \
                 right people in."
            );
        }
        if !listen.is_for_others() {
            return Ok(());
        }
        bail!(
            "listen: {listen} can be reached from other machines, and there is no authentication. Use --auth on and \
             make a key with `campanile key create`, listen on 127.0.0.1, or say --insecure-no-auth if a gateway in \
             front of Campanile lets only the right people in."
        )
    }

    /// The value of a setting with this name that follows from others when it was not given; `None` for any other.
    #[must_use]
    pub fn following_from_others(&self, name: &str) -> Option<String> {
        match name {
            "auth" => Some(if self.auth.is_some() { "on" } else { "off" }.to_owned()),
            "limit-recipient" => Some(self.limit_recipient.map_or("off", |_| auth::LIMIT_RECIPIENT).to_owned()),
            "delivery-backlog" => Some(self.delivery.backlog.to_string()),
            _ => None,
        }
    }

    /// Environment variables that look like settings but are none, one sentence each.
    #[must_use]
    pub fn unknown_variables(&self) -> &[String] {
        &self.unknown
    }

    /// Checks settings that are all given, except the optional ones.
    fn settle(input: SettingsInput) -> Result<Self> {
        let insecure_no_auth = needed("insecure-no-auth", input.insecure_no_auth)?;
        let auth = auth::settle(&input)?;
        let limit_recipient = auth::limit_recipient(&input, auth.is_some())?;
        if auth.is_some() && insecure_no_auth {
            bail!("insecure-no-auth: authentication is on. Choose one of the two.");
        }
        let mail = mail::settle(&input)?;
        let PushOptions { webpush, fcm, apns } = push::settle(&input)?;
        let mut hosts = needed("allowed-hosts", input.allowed_hosts)?;
        // Compose passes on an unset variable as an empty one.
        hosts.retain(|host| !host.is_empty());
        hosts.iter().try_for_each(|host| allowed_host(host))?;
        let public_url = input.public_url.as_deref().filter(|url| !url.is_empty()).map(public_url).transpose()?;
        let is_for_all = (insecure_no_auth || auth.is_some()) && hosts.is_empty();
        hosts.extend(public_url.as_ref().map(|url| url.host().to_owned()));
        let store = StoreUrl::parse(&needed("store", input.store)?)?;
        let bus = BusUrl::parse(&needed("bus", input.bus)?).map_err(|why| of_bus(&why))?;
        if bus != BusUrl::Local && !matches!(store, StoreUrl::Postgres(_)) {
            bail!(
                "bus: it is for several servers on one database, and {store} has room for one. Name the database with \
                 --store postgres://USER:PASSWORD@HOST/DATABASE, or say --bus local."
            );
        }
        let max_body_bytes = bytes("max-body-bytes", input.max_body_bytes, &bounds::BODY_BYTES)?;
        let max_memory = bytes("max-memory", input.max_memory, &bounds::MEMORY)?;
        if max_memory < max_body_bytes {
            bail!(
                "max-memory: there is no room for one body, which may have {max_body_bytes} bytes (max-body-bytes). Use at \
                 least as much."
            );
        }
        let trusted_proxies = auth::networks("trusted-proxies", input.trusted_proxies)?;
        let backlog = match store {
            StoreUrl::Memory => DeliveryOptions::DEFAULT_BACKLOG_IN_MEMORY,
            StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) => DeliveryOptions::DEFAULT_BACKLOG,
        };
        Ok(Self {
            listen: needed("listen", input.listen)?,
            socket_mode: listen::socket_mode(&needed("socket-mode", input.socket_mode)?)?,
            insecure_no_auth,
            store,
            bus,
            bus_prefix: bus_prefix(needed("bus-prefix", input.bus_prefix)?)?,
            window: within("window", input.window, &bounds::WINDOW)?,
            max_age: input.max_age.as_deref().map(|text| age("max-age", text)).transpose()?,
            sqlite_sync: needed("sqlite-sync", input.sqlite_sync)?,
            sqlite_queue: within("sqlite-queue", input.sqlite_queue, &bounds::AT_ONCE)?,
            postgres_connections: within(
                "postgres-connections",
                input.postgres_connections,
                &bounds::POSTGRES_CONNECTIONS,
            )?,
            batch_max: within("batch-max", input.batch_max, &bounds::BATCH)?,
            limit_recipient,
            delivery: DeliveryOptions {
                allow: auth::networks("webhook-allow", input.webhook_allow)?,
                backlog: within("delivery-backlog", input.delivery_backlog.or(Some(backlog)), &bounds::BACKLOG)?,
                history: age("delivery-history", &needed("delivery-history", input.delivery_history)?)?,
                mail,
                webpush,
                fcm,
                apns,
                badge_sync: needed("push-badge-sync", input.push_badge_sync)? == Switch::On,
                rules: Rules {
                    email_categories: mail::categories("email-categories", input.email_categories)?,
                    mandatory: mail::categories("mandatory-categories", input.mandatory_categories)?,
                },
                app_name: mail::app_name(needed("app-name", input.app_name)?)?,
                public_url: public_url.clone(),
                per_contact: auth::rate("limit-delivery", input.limit_delivery.as_deref())?,
            },
            http: HttpOptions {
                max_body_bytes,
                max_memory,
                request_timeout: seconds("request-timeout", input.request_timeout)?,
                allowed_hosts: (!is_for_all).then_some(hosts),
                auth: None,
                trusted_proxies: trusted_proxies.clone(),
                allowed_origins: auth::origins(input.allowed_origins)?,
                frame_ancestors: frame_ancestors(&needed("frame-ancestors", input.frame_ancestors)?)?,
                lenient: needed("lenient", input.lenient)?,
                delivery: None,
                public_url,
                language: language(&needed("language", input.language)?)?,
                streams: StreamOptions {
                    heartbeat: seconds("heartbeat", input.heartbeat)?,
                    stall_timeout: seconds("stall-timeout", input.stall_timeout)?,
                },
            },
            shutdown_delay: within_seconds("shutdown-delay", input.shutdown_delay, &bounds::DELAY)?,
            connections: ListenerOptions {
                max_connections: within("max-connections", input.max_connections, &bounds::AT_ONCE)?,
                max_connections_per_address: within(
                    "max-connections-per-address",
                    input.max_connections_per_address,
                    &bounds::AT_ONCE,
                )?,
                trusted_proxies,
                header_timeout: seconds("header-timeout", input.header_timeout)?,
                shutdown_timeout: seconds("shutdown-timeout", input.shutdown_timeout)?,
                max_header_bytes: bytes("max-header-bytes", input.max_header_bytes, &bounds::HEADER_BYTES)?,
                tls: tls(input.tls_cert, input.tls_key)?,
            },
            auth,
            log: needed("log", input.log)?,
            log_format: needed("log-format", input.log_format)?,
            unknown: Vec::new(),
            ineffective: Vec::new(),
        })
    }
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T> {
    value.with_context(|| format!("{name}: is missing."))
}

/// The language of the pages; `None` where the browser decides.
fn language(text: &str) -> Result<Option<&'static Language>> {
    match Language::of(text) {
        None if text != "auto" => bail!("language: there is no {text:?}. Use auto, {}.", Language::codes()),
        language => Ok(language),
    }
}

/// A valid prefix of subjects: words of letters, digits, `-` and `_`, separated by dots.
fn bus_prefix(text: String) -> Result<String> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !text.split('.').all(is_word) {
        bail!("bus-prefix: {text:?} is no word of letters, digits, - and _, such as campanile.");
    }
    Ok(text)
}

/// Refuses a text that the header `Host` never contains; its port is ignored in the comparison.
fn allowed_host(text: &str) -> Result<()> {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let v6 = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let is_host = v6.map_or_else(|| !text.is_empty() && is_name(text), |v6| v6.parse::<Ipv6Addr>().is_ok());
    if is_host {
        return Ok(());
    }
    bail!(
        "allowed-hosts: {text:?} is no host. Give its name alone, such as notify.example, without https://, port and *; \
         of one with other letters, the name that begins with xn--."
    )
}

fn public_url(text: &str) -> Result<PublicUrl> {
    PublicUrl::parse(text).map_err(|why| anyhow!("public-url: {why}"))
}

fn frame_ancestors(list: &[String]) -> Result<FrameAncestors> {
    FrameAncestors::parse(list).map_err(|why| anyhow!("frame-ancestors: {why}"))
}

/// Requires a certificate and its key together.
fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsOptions>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsOptions { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("tls-key: is missing beside tls-cert. Set both, or neither."),
        (None, Some(_)) => bail!("tls-cert: is missing beside tls-key. Set both, or neither."),
    }
}

/// Reads a duration: a number with its unit.
pub(super) fn parse_age(text: &str) -> Result<TimeDelta> {
    let unit = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let read = || {
        let (digits, seconds) = unit.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)))?;
        let number = digits.parse::<u32>().ok().filter(|number| *number > 0)?;
        TimeDelta::try_seconds(i64::from(number) * seconds)
    };
    read().with_context(|| format!("{text:?} is not an age such as 90d, 12h, 30m or 45s."))
}

#[cfg(test)]
mod tests;
