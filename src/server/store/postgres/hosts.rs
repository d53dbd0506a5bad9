//! The hosts of a URL, tried in turn. Each has a time limit of its own, so that one that accepts a connection and then
//! stays silent does not keep the others from being tried.

use std::{
    collections::VecDeque,
    error::Error as _,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use tokio::{net::lookup_host, task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Config, Error, NoTls,
    config::{Host, LoadBalanceHosts},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::is_lost,
    rights::in_sql,
    server::{SILENT_FOR, Server, Silent},
    url::PostgresUrl,
};
use crate::server::{store::StoreError, trust::in_words};

/// How long a host may take until it can be queried, where the URL does not say.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An attempt that was given up after this time counts as silence, even if it might have taken longer.
const SLOW: Duration = Duration::from_secs(1);

/// One attempt. A caller may stop waiting for it before the host's time is over.
struct Try<'a> {
    silent: &'a Silent,
    place: &'a str,
    /// Whether the URL has no other host.
    is_alone: bool,
    began: Instant,
    is_heard_of: bool,
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if !self.is_heard_of && self.began.elapsed() < SLOW {
            return;
        }
        if self.silent.note(self.place, !self.is_heard_of) && !self.is_heard_of {
            let (host, seconds) = (self.place, SILENT_FOR.as_secs());
            if self.is_alone {
                tracing::warn!(host, "the database does not answer");
            } else {
                tracing::warn!(host, "the database does not answer; other hosts are tried before it for {seconds} s");
            }
        }
    }
}

/// A connection to the first host of a URL that can be used, and the task that drives it.
///
/// # Errors
/// When no host can be used: of several, why not each of them.
pub(super) async fn connect(
    url: &PostgresUrl,
    tls: Option<&MakeRustlsConnect>,
) -> Result<(Client, JoinHandle<()>), StoreError> {
    let time = url.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
    let is_random = url.config.get_load_balance_hosts() == LoadBalanceHosts::Random;
    let in_order = |mut servers: Vec<Server>| {
        if is_random {
            servers.sort_by_cached_key(|_| RandomState::new().hash_one(0));
        }
        servers
    };
    let mut failures = Vec::new();
    let mut turns: VecDeque<_> = in_order(url.servers.clone()).into_iter().map(|server| (server, false)).collect();
    while let Some((server, was_put_off)) = turns.pop_front() {
        let place = server.to_string();
        if !was_put_off && url.silent.has(&place) {
            turns.push_back((server, true));
            continue;
        }
        let mut this_try = Try {
            silent: &url.silent,
            place: &place,
            is_alone: url.servers.len() == 1,
            began: Instant::now(),
            is_heard_of: false,
        };
        let done = timeout(time, async {
            if server.has_to_be_looked_up() {
                server.look_up().await.map(Done::Found)
            } else {
                let config = server.alone(&url.config);
                let spoken = speak(&config, tls).await;
                spoken.map(Done::Connected).map_err(|error| Reason::of_connecting(error, &config))
            }
        })
        .await;
        this_try.is_heard_of = done.is_ok();
        drop(this_try);
        match done {
            Ok(Ok(Done::Connected((client, driver)))) => return Ok((client, driver)),
            // Each of its addresses gets an attempt of its own, at once.
            Ok(Ok(Done::Found(found))) => {
                in_order(found).into_iter().rev().for_each(|server| turns.push_front((server, was_put_off)));
            }
            Ok(Err(reason)) => failures.push((place, reason)),
            Err(_) => failures.push((place, Reason::silence(time))),
        }
    }
    Err(none_of(failures))
}

/// The result of an attempt.
enum Done {
    Found(Vec<Server>),
    Connected((Client, JoinHandle<()>)),
}

/// Why a server cannot be used.
struct Reason {
    /// A short form, for a list of several servers.
    why: String,
    error: StoreError,
    /// Whether the server cannot be reached.
    is_unreachable: bool,
}

impl Reason {
    fn of(error: Error) -> Self {
        let why = match (error.as_db_error(), error.source()) {
            (Some(refused), _) => format!("{} ({})", refused.message(), refused.code().code()),
            (None, Some(cause)) => in_words(&cause.to_string()).unwrap_or_else(|| cause.to_string()),
            (None, None) => error.to_string(),
        };
        Self { why, is_unreachable: is_lost(&error), error: error.into() }
    }

    /// The reason of a connection that was not made.
    fn of_connecting(error: Error, config: &Config) -> Self {
        let (Some(refused), Some(role)) = (error.as_db_error(), config.get_user()) else { return Self::of(error) };
        let database = in_sql(config.get_dbname().unwrap_or(role));
        let remedy = match refused.code() {
            &SqlState::INVALID_CATALOG_NAME => format!("Create it: CREATE DATABASE {database}"),
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                "Correct the user and the password in --store, or the rules in pg_hba.conf".to_owned()
            }
            // Setting a parameter of the URL may need a right too.
            _ if refused.message().starts_with("permission denied for database") => {
                format!("Let it: GRANT CONNECT ON DATABASE {database} TO {}", in_sql(role))
            }
            _ => return Self::of(error),
        };
        let Self { why, error, .. } = Self::of(error);
        let why = format!("{why}. {remedy}");
        let error = match error {
            StoreError::Unavailable { .. } => StoreError::unavailable(why.clone()),
            _ => StoreError::failed(why.clone()),
        };
        Self { why, error, is_unreachable: false }
    }

    fn silence(time: Duration) -> Self {
        let why = format!("no answer within {} s", time.as_secs_f32());
        Self { error: StoreError::unavailable(why.clone()), why, is_unreachable: true }
    }
}

/// The error when no server can be used.
fn none_of(mut failures: Vec<(String, Reason)>) -> StoreError {
    const ADVICE: &str = "See that PostgreSQL listens there, and that --store names its host and port.";
    if failures.len() == 1
        && let Some((place, Reason { why, error, is_unreachable })) = failures.pop()
    {
        return if is_unreachable {
            StoreError::unavailable(format!("{place} cannot be reached: {why}. {ADVICE}"))
        } else {
            error
        };
    }
    let advice = if failures.iter().all(|(_, reason)| reason.is_unreachable) { ADVICE } else { "" };
    let may_pass = failures.iter().any(|(_, reason)| matches!(reason.error, StoreError::Unavailable { .. }));
    let each: Vec<_> = failures.into_iter().map(|(place, reason)| format!("{place}: {}", reason.why)).collect();
    let why = format!("no host of the database can be used: {}. {advice}", each.join("; "));
    let why = why.trim_end_matches(". ").to_owned();
    if may_pass { StoreError::unavailable(why) } else { StoreError::failed(why) }
}

impl Server {
    fn has_to_be_looked_up(&self) -> bool {
        self.address.is_none() && matches!(self.host, Some(Host::Tcp(_)))
    }

    /// This server, once for each address of its name.
    async fn look_up(&self) -> Result<Vec<Self>, Reason> {
        let name = match &self.host {
            Some(Host::Tcp(name)) => name.as_str(),
            _ => "",
        };
        let unknown = |why: String| Reason { error: StoreError::unavailable(why.clone()), why, is_unreachable: true };
        let mut found: Vec<Self> = Vec::new();
        for address in lookup_host((name, self.port)).await.map_err(|error| unknown(error.to_string()))? {
            let server = Self { address: Some(address.ip()), ..self.clone() };
            if !found.contains(&server) {
                found.push(server);
            }
        }
        if found.is_empty() { Err(unknown("its name has no address".to_owned())) } else { Ok(found) }
    }

    /// The settings of a URL for this server alone. The driver cannot remove a host from its settings, so they are made
    /// anew. They have no time limit for a part of the way.
    fn alone(&self, all: &Config) -> Config {
        let mut one = Config::new();
        one.application_name("campanile")
            .ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .target_session_attrs(all.get_target_session_attrs())
            .load_balance_hosts(all.get_load_balance_hosts())
            .keepalives(all.get_keepalives())
            .keepalives_idle(all.get_keepalives_idle())
            .port(self.port);
        all.get_user().map(|user| one.user(user));
        all.get_password().map(|password| one.password(password));
        all.get_dbname().map(|name| one.dbname(name));
        all.get_options().map(|options| one.options(options));
        all.get_tcp_user_timeout().map(|time| one.tcp_user_timeout(*time));
        all.get_keepalives_interval().map(|time| one.keepalives_interval(time));
        all.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
        match &self.host {
            Some(Host::Tcp(name)) => one.host(name),
            Some(Host::Unix(folder)) => one.host_path(folder),
            None => &mut one,
        };
        self.address.map(|address| one.hostaddr(address));
        one
    }
}

async fn speak(config: &Config, tls: Option<&MakeRustlsConnect>) -> Result<(Client, JoinHandle<()>), Error> {
    match tls {
        Some(tls) => {
            let (client, connection) = config.connect(tls.clone()).await?;
            Ok((client, drive(connection)))
        }
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            Ok((client, drive(connection)))
        }
    }
}

/// Reads and writes until the client is dropped, or the connection breaks.
fn drive(connection: impl Future<Output = Result<(), Error>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            let Reason { why, .. } = Reason::of(error);
            tracing::warn!(why, "a connection to the database broke");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::postgres::server::named;

    fn servers(url: &str) -> Result<Vec<String>, String> {
        PostgresUrl::parse(url).map(|url| url.servers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_server_of_a_url_has_its_host_address_and_port() {
        for (url, named) in [
            ("postgres://a,b:6/x", &["a:5432", "b:6"][..]),
            ("postgres://a,b/x?hostaddr=10.0.0.1,::1", &["a:5432 (10.0.0.1)", "b:5432 (::1)"]),
            ("postgres:///x?hostaddr=10.0.0.1,::1&port=6", &["10.0.0.1:6", "[::1]:6"]),
            ("postgres://[::1]:7,10.0.0.1/x", &["[::1]:7", "10.0.0.1:5432"]),
            ("postgres:///x?host=/run/pg,a&port=1,2", &["/run/pg:1", "a:2"]),
            ("postgres:///x?host=a,b&port=1,2&user=me", &["a:1", "b:2"]),
            ("postgres:///x?host=a,b&port=6", &["a:6", "b:6"]),
        ] {
            assert_eq!(servers(url).unwrap(), named, "{url}");
        }
        for (url, why) in [
            ("postgres:///x", "it names no host."),
            ("postgres://a,b/x?hostaddr=10.0.0.1", "it names 1 hostaddr for 2 hosts."),
            ("postgres://a/x?port=1", "it names 2 ports for 1 host."),
        ] {
            assert!(servers(url).unwrap_err().starts_with(why), "{url}");
        }
    }

    #[test]
    fn the_settings_of_one_server_are_those_of_the_url() {
        let url = "postgres://me:p@a:1/x?hostaddr=10.0.0.1&application_name=campanile&options=-c%20x&sslmode=require&\
                   sslnegotiation=direct&channel_binding=require&target_session_attrs=read-write&keepalives=0&\
                   keepalives_idle=1&keepalives_interval=2&keepalives_retries=3&tcp_user_timeout=4&\
                   load_balance_hosts=random";
        let all: Config = url.parse().unwrap();
        assert!(named(&all).unwrap()[0].alone(&all) == all);
    }

    #[test]
    fn a_host_is_silent_when_it_did_not_answer_for_a_while() {
        let silent = Silent::default();
        let long_ago = Instant::now().checked_sub(SLOW).unwrap();
        let end = |began, is_heard_of| drop(Try { silent: &silent, place: "a", is_alone: false, began, is_heard_of });
        end(Instant::now(), false);
        assert!(!silent.has("a"), "its caller went away at once");
        end(long_ago, false);
        assert!(silent.has("a"));
        end(long_ago, true);
        assert!(!silent.has("a"));
    }
}
