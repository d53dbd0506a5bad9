//! The URL of NATS, with credentials and TLS: `nats://USER:PASSWORD@HOST:PORT?ca=FILE`.

use std::{fmt, path::PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::{encryption::Files, file::read};

const NO_BUS: &str = "this is not a bus URL. Use local, or nats://HOST:PORT. In a user, a password or a token, write @ as \
                      %40, / as %2F, : as %3A, ? as %3F, # as %23 and a comma as %2C.";
const NO_OPTION: &str = "after ? a bus takes creds=FILE, nkey=FILE, ca=FILE, cert=FILE and key=FILE, with & between \
                         them.";

/// One or more NATS servers, the credentials, and the files for encryption. `Debug` and `Display` show hosts and ports
/// only.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl {
    /// Without users, passwords and files: the library may log these URLs.
    servers: Vec<ServerAddr>,
    login: Option<Login>,
    authority: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The credentials.
#[derive(Clone, PartialEq, Eq)]
enum Login {
    Password {
        user: String,
        password: String,
    },
    Token(String),
    /// A file with the seed of a NATS key (nkey).
    Seed(PathBuf),
    /// A file with a NATS token (JWT) and the seed of its key.
    Credentials(PathBuf),
}

impl NatsUrl {
    /// Reads `nats://HOST:PORT`, or several separated by commas. `tls://` encrypts. `USER:PASSWORD@`, `TOKEN@` or
    /// `:TOKEN@` stand before the host, percent-encoded; `?creds=FILE`, `?nkey=FILE`, `?ca=FILE`, `?cert=FILE&key=FILE`
    /// after it. A setting at one server applies to all.
    ///
    /// # Errors
    /// When the URL is not valid. The message does not repeat it, because it may contain a password.
    pub fn parse(text: &str) -> Result<Self> {
        let mut all = Self { servers: Vec::new(), login: None, authority: None, certificate: None, key: None };
        for one in text.split(',') {
            all.add(one.trim())?;
        }
        match (&all.certificate, &all.key) {
            (Some(_), None) => bail!("key=FILE is missing beside cert=FILE. Set both, or neither."),
            (None, Some(_)) => bail!("cert=FILE is missing beside key=FILE. Set both, or neither."),
            _ => Ok(all),
        }
    }

    fn add(&mut self, text: &str) -> Result<()> {
        // Without a scheme the library would accept anything as a host.
        let server = text.contains("://").then(|| text.parse::<ServerAddr>().ok()).flatten().context(NO_BUS)?;
        let has_host = !server.host().is_empty();
        let mut url = server.into_inner();
        // A path or a fragment would be part of a password that was not percent-encoded.
        let is_whole = matches!(url.path(), "" | "/") && url.fragment().is_none();
        if !matches!(url.scheme(), "nats" | "tls") || !has_host || !is_whole {
            bail!(NO_BUS);
        }
        match (url.username(), url.password()) {
            ("", None) => {}
            // Programs with separate fields for a user and a password leave the user empty for a token.
            ("", Some(token)) | (token, None) => once(&mut self.login, Login::Token(decoded(token)?))?,
            (user, Some(password)) => {
                let login = Login::Password { user: decoded(user)?, password: decoded(password)? };
                once(&mut self.login, login)?;
            }
        }
        for option in url.query().into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = option.split_once('=').filter(|(_, value)| !value.is_empty()).context(NO_OPTION)?;
            let file = PathBuf::from(decoded(value)?);
            match name {
                "creds" => once(&mut self.login, Login::Credentials(file))?,
                "nkey" => once(&mut self.login, Login::Seed(file))?,
                "ca" => once(&mut self.authority, file)?,
                "cert" => once(&mut self.certificate, file)?,
                "key" => once(&mut self.key, file)?,
                _ => bail!(NO_OPTION),
            }
        }
        url.set_query(None);
        let bared = url.set_username("").and_then(|()| url.set_password(None));
        self.servers.push(bared.ok().and_then(|()| ServerAddr::from_url(url).ok()).context(NO_BUS)?);
        Ok(())
    }

    /// The servers, without any secrets.
    pub(super) fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    /// Adds the credentials and the encryption, with the current contents of the files.
    ///
    /// # Errors
    /// One sentence about a file that cannot be used, without its contents.
    pub(in crate::server) fn log_in(&self, options: ConnectOptions) -> Result<ConnectOptions> {
        let mut options = match &self.login {
            None => options,
            Some(Login::Password { user, password }) => options.user_and_password(user.clone(), password.clone()),
            Some(Login::Token(token)) => options.token(token.clone()),
            Some(Login::Seed(file)) => {
                let seed = read("nkey", file)?.lines().map(str::trim).find(|line| is_seed(line)).map(str::to_owned);
                options.nkey(seed.with_context(|| {
                    format!("nkey: {} holds no seed of a user's key, which begins with SU.", file.display())
                })?)
            }
            // The library requires the line break at the end.
            Some(Login::Credentials(file)) => options.credentials(&(read("creds", file)? + "\n")).map_err(|_| {
                anyhow!("creds: {} holds no credentials of NATS: a user's JWT and the seed of its key.", file.display())
            })?,
        };
        let identity = self.certificate.clone().zip(self.key.clone());
        if self.authority.is_some() || identity.is_some() {
            options = options.tls_client_config(Files::of(self.authority.clone(), identity).encryption()?);
        }
        // Certificates are only given for an encrypted connection.
        let says_whom = self.authority.is_some() || self.certificate.is_some();
        let is_encrypted = says_whom || self.servers.iter().all(|server| server.scheme() == "tls");
        // A server suggests others before the connection is encrypted. Logging in to those would reveal the password to
        // any host that an attacker on the way suggests.
        Ok(options.ignore_discovered_servers().require_tls(is_encrypted))
    }
}

/// The form that `nk -gen user` prints.
fn is_seed(line: &str) -> bool {
    line.len() == 58 && line.starts_with("SU") && line.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn decoded(text: &str) -> Result<String> {
    Ok(percent_decode_str(text).decode_utf8().ok().context(NO_BUS)?.into_owned())
}

/// Settings of several servers must agree.
fn once<T: PartialEq>(place: &mut Option<T>, said: T) -> Result<()> {
    if place.as_ref().is_some_and(|before| *before != said) {
        bail!("there are two ways to log in, or two files for one thing. Give only one, for all servers.");
    }
    *place = Some(said);
    Ok(())
}

/// The parts of a server's URL that may be shown.
pub(super) fn place(server: &ServerAddr) -> String {
    let host = server.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("{}://{host}:{}", server.scheme(), server.port())
}

impl fmt::Display for NatsUrl {
    /// Only hosts and ports: everything else in a URL may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.servers.iter().map(place).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(url: &str) -> Option<Login> {
        NatsUrl::parse(url).unwrap().login
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let password =
            |user: &str, password: &str| Some(Login::Password { user: user.to_owned(), password: password.to_owned() });
        assert!(login("nats://a:1").is_none());
        assert!(login("nats://v:plain@a:1") == password("v", "plain"));
        assert!(login("nats://v%40x:p%40s%2Fs%3A%3F%23%2C%25@a:1") == password("v@x", "p@s/s:?#,%"));
        assert!(login("nats://a:1,tls://v:plain@b:1") == password("v", "plain"));
        assert!(login("nats://v:plain@a:1,nats://v:plain@b:1") == password("v", "plain"));
        assert!(login("nats://t%2Fok@a:1") == Some(Login::Token("t/ok".to_owned())));
        assert!(login("nats://:t%2Fok@a:1") == Some(Login::Token("t/ok".to_owned())));
        assert!(login("nats://a?creds=/run/a%20b.creds") == Some(Login::Credentials("/run/a b.creds".into())));
        assert!(login("tls://a/?ca=ca.pem&nkey=seed") == Some(Login::Seed("seed".into())));
    }

    #[test]
    fn conflicting_credentials_are_refused_without_repeating_them() {
        for wrong in [
            "nats://:hush@a,nats://v:hush@b",
            "nats://v:hush@a,nats://w:hush@b",
            "nats://hush@a?creds=b",
            "nats://a?creds=hush&nkey=hush",
            "nats://a?ca=hush&ca=other",
            "nats://a?ca=",
            "nats://a?hush=hush",
            "nats://a?cert=hush",
            "nats://a?key=hush",
            "nats://v:%ff@a",
            "ws://hush@a",
        ] {
            let refused = NatsUrl::parse(wrong).unwrap_err().to_string();
            assert!(!refused.contains("hush") && refused.lines().count() == 1, "{refused}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_shown() {
        let folder = std::env::temp_dir().join(format!("campanile-nats-url-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("file");
        let place = file.display().to_string();
        let refused = |query: &str| {
            let url = NatsUrl::parse(&format!("nats://a?{query}")).unwrap();
            format!("{:#}", url.log_in(ConnectOptions::new()).err().unwrap())
        };
        for name in ["creds", "nkey", "ca"] {
            let _ = std::fs::remove_file(&file);
            let missing = refused(&format!("{name}={place}"));
            assert!(missing.starts_with(&format!("{name}: the file cannot be read")), "{missing}");
            std::fs::write(&file, "hush").unwrap();
            let wrong = refused(&format!("{name}={place}"));
            assert!(wrong.starts_with(&format!("{name}: {place} holds no")) && !wrong.contains("hush"), "{wrong}");
        }
        let wrong = refused(&format!("cert={place}&key={place}"));
        assert!(wrong.starts_with(&format!("cert: {place} holds no")), "{wrong}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn nothing_secret_is_in_what_the_library_is_given_as_a_server() {
        let url = NatsUrl::parse("nats://me:hush@a:1?ca=hush, tls://[::1]").unwrap();
        assert!(!format!("{:?} {url:?} {url}", url.servers()).contains("hush"));
        assert_eq!(url.to_string(), "nats://a:1,tls://[::1]:4222");
    }
}
