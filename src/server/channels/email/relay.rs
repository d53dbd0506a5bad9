//! The mail relay: its URL, and the conversation with it (RFC 5321). The meaning of a refusal depends on the step.

use std::{error::Error as _, fmt, future::Future, io, iter, sync::Mutex, time::Duration};

use lettre::{
    Address,
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use reqwest::Url;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{model::Invalid, server::address::is_loopback};

/// How long it may take to connect, encrypt and authenticate.
const CONNECTS_WITHIN: Duration = Duration::from_secs(15);
/// How long the relay may take to answer a command.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long connecting may take at most, and the commands before a message.
pub(super) const BEFORE_MESSAGE: Duration = Duration::from_secs(60);
/// How long an idle connection is kept.
const KEPT_FOR: Duration = Duration::from_secs(20);
/// How many idle connections are kept.
const MOST_KEPT: usize = 4;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// From the first byte.
    Always,
    /// With STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all.
    Off,
}

/// URL of the relay, with its user. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayUrl {
    host: String,
    port: u16,
    encryption: Encryption,
    user: Option<(String, String)>,
}

impl RelayUrl {
    /// Reads `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://…`, which is encrypted with STARTTLS unless the relay is on
    /// this machine or the URL ends with `?tls=off`. Special characters in a name or password are percent-encoded.
    ///
    /// # Errors
    /// When it is not such a URL.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("This must be smtps://USER:PASSWORD@HOST:465, or smtp://HOST:587.");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (encryption, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Encryption::Always, 465),
            ("smtp", Some("tls=off")) => (Encryption::Off, 587),
            ("smtp", None) if is_loopback(&host) => (Encryption::Off, 587),
            ("smtp", None) => (Encryption::StartTls, 587),
            _ => return Err(wrong()),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() || url.port() == Some(0) {
            return Err(wrong());
        }
        let decoded = |text: &str| {
            let text = percent_encoding::percent_decode_str(text).decode_utf8();
            text.map(std::borrow::Cow::into_owned).map_err(|_| wrong())
        };
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) => return Err(wrong()),
            (user, password) => Some((decoded(user)?, decoded(password.unwrap_or_default())?)),
        };
        Ok(Self { host, port: url.port().unwrap_or(port), encryption, user })
    }

    /// Whether it contains a user.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Whether it contains a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.user.as_ref().is_some_and(|(_, password)| !password.is_empty())
    }

    /// Whether a password goes over the network in plain text.
    #[must_use]
    pub fn exposes_password(&self) -> bool {
        self.has_password() && self.encryption == Encryption::Off && !is_loopback(&self.host)
    }

    /// Whether TLS begins with the first byte.
    pub(super) fn is_encrypted_at_once(&self) -> bool {
        self.encryption == Encryption::Always
    }

    /// The same URL, with this password.
    #[must_use]
    pub fn with_password(mut self, password: String) -> Self {
        self.user = self.user.map(|(user, _)| (user, password));
        self
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encryption == Encryption::Always { "smtps" } else { "smtp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The step at which the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Step {
    /// No command was sent yet.
    Connecting,
    /// TLS was not agreed upon.
    Encrypting,
    /// Authentication failed.
    Authenticating,
    /// The command with the sender.
    Mail,
    /// The command with the recipient.
    Recipient,
    /// The command that announces the message.
    Data,
    /// All or part of the message itself was sent.
    Message,
}

/// The reply of the relay, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Reply {
    /// It has the message.
    Accepted(String),
    /// It refused.
    Refused {
        /// The step.
        step: Step,
        /// The code.
        code: u16,
        /// The text.
        text: String,
    },
    /// It did not answer, or its answer could not be read.
    Nothing {
        /// The step.
        step: Step,
        /// The reason.
        why: String,
    },
}

/// The relay, and idle connections to it.
pub(super) struct Relay {
    url: RelayUrl,
    takes_within: Duration,
    hello: ClientId,
    kept: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Relay {
    /// The relay at this URL, and how long it may take to accept a message: after that it may have it or not.
    pub(super) fn new(url: RelayUrl, takes_within: Duration) -> Self {
        Self { url, takes_within, hello: ClientId::default(), kept: Mutex::default() }
    }

    /// Connects, and introduces this server.
    ///
    /// # Errors
    /// The relay's refusal, or why it did not answer.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Reply> {
        self.connect_within(CONNECTS_WITHIN).await
    }

    /// Connects within this time.
    ///
    /// # Errors
    /// The relay's refusal, or why it did not answer.
    pub(super) async fn connect_within(&self, longest: Duration) -> Result<AsyncSmtpConnection, Reply> {
        let until = Instant::now() + longest;
        let RelayUrl { host, port, encryption, user } = &self.url;
        let tls = || TlsParameters::new(host.clone()).map_err(|error| ended(Step::Encrypting, &error));
        let at_once = (*encryption == Encryption::Always).then(tls).transpose()?;
        let connecting = AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), None, &self.hello, at_once, None);
        let mut connection = over_by(until, Step::Connecting, connecting).await?;
        if *encryption == Encryption::StartTls {
            over_by(until, Step::Encrypting, connection.starttls(tls()?, &self.hello)).await?;
        }
        if let Some((user, password)) = user {
            let credentials = Credentials::new(user.clone(), password.clone());
            let proving = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            over_by(until, Step::Authenticating, proving).await?;
        }
        Ok(connection)
    }

    /// Hands a message to the relay.
    pub(super) async fn send(&self, envelope: &Envelope, message: &[u8]) -> Reply {
        if let Some(mut connection) = self.take_kept() {
            match self.converse(&mut connection, envelope, message).await {
                // The relay closed the connection meanwhile, announced or not, and nothing was sent.
                Reply::Nothing { step: Step::Mail, .. } | Reply::Refused { step: Step::Mail, code: 421, .. } => {}
                reply => return self.over(connection, reply).await,
            }
        }
        match self.connect().await {
            Ok(mut connection) => {
                let reply = self.converse(&mut connection, envelope, message).await;
                self.over(connection, reply).await
            }
            Err(reply) => reply,
        }
    }

    async fn converse(&self, connection: &mut AsyncSmtpConnection, envelope: &Envelope, message: &[u8]) -> Reply {
        let mut options = Vec::new();
        let addresses = envelope.to().iter().chain(envelope.from());
        if !addresses.into_iter().all(|address| address.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let text = "the relay takes no addresses beyond ASCII".to_owned();
                return Reply::Refused { step: Step::Recipient, code: 550, text: format!("5.6.7 {text}") };
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(envelope.from().cloned(), options);
        if let Err(reply) = ask(connection, Step::Mail, from).await {
            return reply;
        }
        for to in envelope.to() {
            if let Err(reply) = ask(connection, Step::Recipient, Rcpt::new(Address::clone(to), Vec::new())).await {
                return reply;
            }
        }
        match ask(connection, Step::Data, Data).await {
            Ok(response) if response.has_code(354) => {}
            // It would read the message as commands.
            Ok(_) => {
                return Reply::Nothing { step: Step::Data, why: "the relay did not ask for the message".to_owned() };
            }
            Err(reply) => return reply,
        }
        match timeout(self.takes_within, connection.message(message)).await {
            Ok(Ok(response)) if response.has_code(250) => {
                Reply::Accepted(response.first_line().unwrap_or_default().to_owned())
            }
            Ok(Ok(_)) => Reply::Nothing { step: Step::Message, why: "the relay answered something else".to_owned() },
            Ok(Err(error)) => ended(Step::Message, &error),
            Err(_) => Reply::Nothing { step: Step::Message, why: "the relay did not say whether it has it".to_owned() },
        }
    }

    /// Keeps a connection for the next message, where it may be used again.
    async fn over(&self, mut connection: AsyncSmtpConnection, reply: Reply) -> Reply {
        let is_good = matches!(reply, Reply::Accepted(_)) && !connection.has_broken();
        let is_kept = is_good && {
            let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let has_room = kept.len() < MOST_KEPT;
            if has_room {
                kept.push((connection, Instant::now()));
                return reply;
            }
            has_room
        };
        if !is_kept && !matches!(reply, Reply::Nothing { .. }) {
            drop(timeout(Duration::from_secs(1), connection.quit()).await);
        }
        reply
    }

    /// Closes idle connections properly.
    pub(super) async fn close(&self) {
        while let Some(mut connection) = self.take_kept() {
            drop(timeout(Duration::from_secs(1), connection.quit()).await);
        }
    }

    /// A connection that was used recently. Older ones are dropped.
    fn take_kept(&self) -> Option<AsyncSmtpConnection> {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < KEPT_FOR);
        kept.pop().map(|(connection, _)| connection)
    }
}

/// Sends a command, and waits for the answer.
async fn ask(connection: &mut AsyncSmtpConnection, step: Step, command: impl fmt::Display) -> Result<Response, Reply> {
    over_by(Instant::now() + ANSWERS_WITHIN, step, connection.command(command)).await
}

/// Waits for the answer of the relay until this time.
async fn over_by<T>(until: Instant, step: Step, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Reply> {
    match timeout_at(until, answer).await {
        Ok(answer) => answer.map_err(|error| ended(step, &error)),
        Err(_) => Err(Reply::Nothing { step, why: "the relay does not answer".to_owned() }),
    }
}

/// The reply of the relay, from an error of the library.
fn ended(step: Step, error: &Error) -> Reply {
    let mut causes = iter::successors(error.source(), |cause: &&(dyn std::error::Error + 'static)| (*cause).source());
    let system = causes.find_map(|cause| cause.downcast_ref::<io::Error>());
    let text = match (system, error.source()) {
        (Some(system), _) => system.to_string(),
        (None, Some(cause)) => cause.to_string(),
        (None, None) => error.to_string(),
    };
    // Where TLS begins with the first byte, it fails while connecting.
    let inner = system.and_then(io::Error::get_ref);
    let is_tls = error.is_tls() || inner.is_some_and(|cause| cause.is::<rustls::Error>());
    let step = if step == Step::Connecting && is_tls { Step::Encrypting } else { step };
    match error.status() {
        Some(code) => Reply::Refused { step, code: code.into(), text },
        None => Reply::Nothing { step, why: text },
    }
}
