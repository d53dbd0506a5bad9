//! The address to listen on.

use std::{
    fmt,
    net::SocketAddr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Prefix of the path of a Unix socket.
const UNIX: &str = "unix:";
/// The longest path of a Unix socket, in bytes (`sun_path`, without its last zero).
const LONGEST_PATH: usize = 107;

/// The address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Whether clients on other machines can connect.
    #[must_use]
    pub fn is_for_others(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return text.parse().map(Self::Tcp).map_err(|_| {
                "must be an IP address and a port up to 65535, such as 127.0.0.1:8000, and no name such as localhost; or a \
                 Unix socket, such as unix:/run/campanile.sock"
            });
        };
        let path = Path::new(path);
        match path.as_os_str().as_bytes().len() {
            0 => Err("must have a path behind unix:, such as unix:/run/campanile.sock"),
            _ if path.as_os_str().as_bytes().starts_with(b"@") => Err(
                "must name a file behind unix:, such as unix:/run/campanile.sock: an abstract socket (unix:@NAME) would let \
                 in every program of this machine",
            ),
            1..=LONGEST_PATH if path.file_name().is_some() => Ok(Self::Unix(path.to_owned())),
            1..=LONGEST_PATH => Err("must name a file behind unix:, such as unix:/run/campanile.sock"),
            _ => Err("must have a path of at most 107 bytes behind unix:, as systems want it of Unix sockets"),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Permissions in the form of chmod.
pub(super) fn socket_mode(text: &str) -> Result<u32> {
    let is_short = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| is_short && *mode <= 0o777);
    mode.with_context(|| format!("socket-mode: {text:?} is not a mode for chmod, such as 660."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_address_or_the_path_of_a_socket() {
        for (text, is_for_others) in
            [("127.0.0.1:8000", false), ("[::1]:0", false), ("0.0.0.0:80", true), ("unix:/run/a.sock", false)]
        {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen.to_string().as_str(), listen.is_for_others()), (text, is_for_others));
        }
        assert_eq!("unix:a.sock".parse(), Ok(Listen::Unix("a.sock".into())));
        let long = format!("unix:/{}", "x".repeat(107));
        for wrong in
            ["", "8000", "localhost", "127.0.0.1", "unix:", "unix:/", "unix:..", "unix:@x", "/run/a.sock", &long]
        {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn permissions_are_those_of_chmod() {
        assert_eq!(socket_mode("660").unwrap(), 0o660);
        assert_eq!(socket_mode("0600").unwrap(), 0o600);
        for wrong in ["", "rw", "888", "1777", "+660", "-1", "00660"] {
            assert!(socket_mode(wrong).unwrap_err().to_string().starts_with("socket-mode: "), "{wrong}");
        }
    }
}
