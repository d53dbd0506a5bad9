//! The servers of a URL, and which of them were silent recently.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_postgres::{Config, config::Host};

/// How long a host that was silent is tried after the others.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(30);

/// The address of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// A name, which its certificate may be for, or the folder of a Unix socket.
    pub(super) host: Option<Host>,
    /// Its IP address; without it, the name is looked up.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match (&self.host, self.address) {
            (Some(Host::Unix(folder)), None) => write!(f, "{}:{port}", folder.display()),
            (Some(Host::Tcp(name)), Some(address)) if *name != address.to_string() => {
                write!(f, "{name}:{port} ({address})")
            }
            (Some(Host::Tcp(name)), None) => write!(f, "{name}:{port}"),
            (_, Some(IpAddr::V6(address))) => write!(f, "[{address}]:{port}"),
            (_, Some(address)) => write!(f, "{address}:{port}"),
            (None, None) => write!(f, ":{port}"),
        }
    }
}

/// The servers that a URL names: as many hosts as addresses, where it has both, and one port for each or for all.
///
/// # Errors
/// One sentence, when it names none, or the numbers of hosts, addresses and ports do not match.
pub(super) fn named(config: &Config) -> Result<Vec<Server>, String> {
    let hosts: Vec<Host> = config.get_hosts().iter().flat_map(each).collect();
    let (addresses, ports) = (config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err("it names no host. It is postgres://USER:PASSWORD@HOST/DATABASE.".to_owned());
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(format!("it names {} for {}.", many(addresses.len(), "hostaddr"), many(hosts.len(), "host")));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(format!("it names {} for {}.", many(ports.len(), "port"), many(count, "host")));
    }
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let server = |place: usize| {
        let host = hosts.get(place).cloned();
        let literal = match &host {
            Some(Host::Tcp(name)) => name.parse().ok(),
            _ => None,
        };
        Server { address: addresses.get(place).copied().or(literal), host, port: port(place) }
    };
    Ok((0..count).map(server).collect())
}

/// The hosts of a parameter `host`, separated by commas, which the driver takes for one host.
fn each(host: &Host) -> Vec<Host> {
    let text = match host {
        Host::Tcp(name) => name.as_str(),
        Host::Unix(folder) => folder.to_str().unwrap_or_default(),
    };
    if !text.contains(',') {
        return vec![host.clone()];
    }
    let one = |text: &str| if text.starts_with('/') { Host::Unix(text.into()) } else { Host::Tcp(text.to_owned()) };
    text.split(',').map(one).collect()
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The hosts that were silent recently, and when. All copies of a URL share it.
#[derive(Clone, Default)]
pub(super) struct Silent(Arc<Mutex<HashMap<String, Instant>>>);

impl Silent {
    pub(super) fn has(&self, place: &str) -> bool {
        let silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(place).is_some_and(|since| since.elapsed() < SILENT_FOR)
    }

    /// Records whether a host answered, and returns whether that has changed.
    pub(super) fn note(&self, place: &str, is_silent: bool) -> bool {
        let was_silent = self.has(place);
        let mut silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_silent {
            silent.insert(place.to_owned(), Instant::now());
        } else {
            silent.remove(place);
        }
        was_silent != is_silent
    }
}
