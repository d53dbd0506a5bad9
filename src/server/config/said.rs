//! What may be said on the command line, in the environment and in the file.

mod defaults;

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize, de::Visitor};

use super::{Listen, fields::fields, in_force::shown};

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether a write is on the disk when it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqliteSync {
    /// It is; a power loss takes nothing that was answered.
    #[default]
    Full,
    /// It is handed to the operating system; a power loss can take the last moments, a crash of Campanile nothing.
    Normal,
}

/// What may be said on the command line, in the environment and in the file. What is not said is
/// `None`.
#[derive(Args, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Said {
    /// Address and port to listen on, where port 0 takes a free one, or a Unix socket: unix:PATH
    /// [default: 127.0.0.1:8000]
    #[arg(long, env = "CAMPANILE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<Listen>,

    /// Whom the file of a Unix socket lets in, as chmod takes it: 660 is its user and its group, 666 every user of this
    /// machine [default: 660]
    #[arg(long, env = "CAMPANILE_SOCKET_MODE", value_name = "MODE")]
    #[serde(deserialize_with = "text_only")]
    pub socket_mode: Option<String>,

    /// Where notifications are kept: sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE, or memory: (gone at restart)
    /// [default: sqlite:data/campanile.db]
    #[arg(long, env = "CAMPANILE_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,

    /// How many of the newest notifications of each user are kept; in memory, of all users together [default: 1000]
    #[arg(long, env = "CAMPANILE_WINDOW", value_name = "COUNT")]
    pub window: Option<usize>,

    /// How long notifications are kept, such as 90d, 12h, 30m or 45s [default: as long as there is room]
    #[arg(long, env = "CAMPANILE_MAX_AGE", value_name = "AGE")]
    pub max_age: Option<String>,

    /// full: what was answered survives a power loss; normal: only a crash, and writes cost less [default: full]
    #[arg(long, env = "CAMPANILE_SQLITE_SYNC", value_name = "MODE")]
    pub sqlite_sync: Option<SqliteSync>,

    /// How many writes may wait for SQLite; one more is answered with 503 [default: 8192]
    #[arg(long, env = "CAMPANILE_SQLITE_QUEUE", value_name = "COUNT")]
    pub sqlite_queue: Option<usize>,

    /// How many connections to PostgreSQL are used at once [default: 16]
    #[arg(long, env = "CAMPANILE_POSTGRES_CONNECTIONS", value_name = "COUNT")]
    pub postgres_connections: Option<usize>,

    /// How several servers on one database tell each other what changed: local (there is only this one), or
    /// nats://USER:PASSWORD@HOST:PORT, tls:// where it is encrypted, and behind it ?creds=FILE, ?nkey=FILE, ?ca=FILE or
    /// ?cert=FILE&key=FILE [default: local]
    #[arg(long, env = "CAMPANILE_BUS", value_name = "URL", hide_env_values = true)]
    pub bus: Option<String>,

    /// What the subjects on the bus begin with: servers of one database have the same [default: campanile]
    #[arg(long, env = "CAMPANILE_BUS_PREFIX", value_name = "WORD")]
    pub bus_prefix: Option<String>,

    /// How many notifications one batch may have [default: 1000]
    #[arg(long, env = "CAMPANILE_BATCH_MAX", value_name = "COUNT")]
    pub batch_max: Option<usize>,

    /// The largest request body, in bytes [default: 4194304]
    #[arg(long, env = "CAMPANILE_MAX_BODY_BYTES", value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,

    /// How many bytes of bodies and answers are held at once; what would be more is answered with 503
    /// [default: 268435456]
    #[arg(long, env = "CAMPANILE_MAX_MEMORY", value_name = "BYTES")]
    pub max_memory: Option<usize>,

    /// Ignore unknown fields in notifications that are sent, as the first release did
    #[arg(long, env = "CAMPANILE_LENIENT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub lenient: Option<bool>,

    /// How many connections are served at once [default: 16384]
    #[arg(long, env = "CAMPANILE_MAX_CONNECTIONS", value_name = "COUNT")]
    pub max_connections: Option<usize>,

    /// How many connections one address may have, or one /64 of IPv6; this machine and trusted proxies may have any
    /// number [default: 1024]
    #[arg(long, env = "CAMPANILE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    pub max_connections_per_address: Option<usize>,

    /// How long the body of a request may take to arrive, and then how long it may take to be answered, in seconds
    /// [default: 30]
    #[arg(long, env = "CAMPANILE_REQUEST_TIMEOUT", value_name = "SECONDS")]
    pub request_timeout: Option<u64>,

    /// How long a client may take to send its headers, read nothing of an answer, and stay without a request, in seconds
    /// [default: 30]
    #[arg(long, env = "CAMPANILE_HEADER_TIMEOUT", value_name = "SECONDS")]
    pub header_timeout: Option<u64>,

    /// How long the headers of a request may be, in bytes [default: 32768]
    #[arg(long, env = "CAMPANILE_MAX_HEADER_BYTES", value_name = "BYTES")]
    pub max_header_bytes: Option<usize>,

    /// A certificate and those that vouch for it, in PEM: connections are encrypted; read again when it changes
    #[arg(long, env = "CAMPANILE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM, without a password
    #[arg(long, env = "CAMPANILE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// How long `/readyz` says that the server stops before it takes no more connections, in seconds: so that a balancer
    /// sends it no more requests [default: 0]
    #[arg(long, env = "CAMPANILE_SHUTDOWN_DELAY", value_name = "SECONDS")]
    pub shutdown_delay: Option<u64>,

    /// How long running requests may take to end when the server stops, in seconds [default: 5]
    #[arg(long, env = "CAMPANILE_SHUTDOWN_TIMEOUT", value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,

    /// How long a live stream may be silent before a heartbeat, in seconds [default: 25]
    #[arg(long, env = "CAMPANILE_HEARTBEAT", value_name = "SECONDS")]
    pub heartbeat: Option<u64>,

    /// How long a client may take to read from a live stream before it is let go, in seconds [default: 10]
    #[arg(long, env = "CAMPANILE_STALL_TIMEOUT", value_name = "SECONDS")]
    pub stall_timeout: Option<u64>,

    /// How others reach this server through a gateway, such as `https://example.com/notify`. Its host is answered for. A
    /// path in it is expected before every path, or taken away by the gateway, and is put into links and the cookie
    #[arg(long, env = "CAMPANILE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// A host name to answer for, beside localhost; may be given several times
    #[arg(long, env = "CAMPANILE_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Option<Vec<String>>,

    /// on: each caller authenticates with a key of `campanile key create` or a user's token; off: none does
    /// [default: on when a jwt setting is there, else off]
    #[arg(long, env = "CAMPANILE_AUTH", value_name = "MODE")]
    pub auth: Option<Switch>,

    /// A secret that the issuer of users' tokens has too, at least 32 bytes long, for HS256; best said in the
    /// environment or the file
    #[arg(long, env = "CAMPANILE_JWT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// A public key in PEM with which users' tokens are checked: RSA for RS256, P-256 for ES256, Ed25519 for EdDSA
    #[arg(long, env = "CAMPANILE_JWT_KEY", value_name = "FILE")]
    pub jwt_key: Option<PathBuf>,

    /// Where the issuer of users' tokens publishes its keys (JWKS), such as `https://id.example/.well-known/jwks.json`
    #[arg(long, env = "CAMPANILE_JWT_JWKS", value_name = "URL", hide_env_values = true)]
    pub jwt_jwks: Option<String>,

    /// Whom users' tokens must be meant for: one of these must be in `aud`; may be given several times
    #[arg(long, env = "CAMPANILE_JWT_AUDIENCE", value_name = "NAME", value_delimiter = ',')]
    pub jwt_audience: Option<Vec<String>>,

    /// Who must have issued users' tokens: `iss` must be this
    #[arg(long, env = "CAMPANILE_JWT_ISSUER", value_name = "NAME")]
    pub jwt_issuer: Option<String>,

    /// Which algorithms users' tokens may use, where that is less than the keys allow: HS256, RS256, ES256, EdDSA
    #[arg(long, env = "CAMPANILE_JWT_ALGORITHMS", value_name = "NAME", value_delimiter = ',')]
    pub jwt_algorithms: Option<Vec<String>>,

    /// How far the clock of their issuer may be from this one, in seconds [default: 30]
    #[arg(long, env = "CAMPANILE_JWT_LEEWAY", value_name = "SECONDS")]
    pub jwt_leeway: Option<u64>,

    /// How long a user stays signed in to the dashboard, such as 12h or 30d [default: 12h]
    #[arg(long, env = "CAMPANILE_SESSION_LIFETIME", value_name = "AGE")]
    pub session_lifetime: Option<String>,

    /// How often one key may ask: 2000/s, 600/m:100 (100 at once), or off [default: 2000/s:4000]
    #[arg(long, env = "CAMPANILE_LIMIT_KEY", value_name = "RATE")]
    pub limit_key: Option<String>,

    /// How often one user may ask [default: 50/s:200]
    #[arg(long, env = "CAMPANILE_LIMIT_USER", value_name = "RATE")]
    pub limit_user: Option<String>,

    /// How often one address may ask without a key or token that was good a moment ago [default: 50/s:500]
    #[arg(long, env = "CAMPANILE_LIMIT_ADDRESS", value_name = "RATE")]
    pub limit_address: Option<String>,

    /// How often one address may try to sign in [default: 20/m:20]
    #[arg(long, env = "CAMPANILE_LIMIT_LOGIN", value_name = "RATE")]
    pub limit_login: Option<String>,

    /// How often one user may be sent something by all senders [default: 100/s:1000 with authentication, else off]
    #[arg(long, env = "CAMPANILE_LIMIT_RECIPIENT", value_name = "RATE")]
    pub limit_recipient: Option<String>,

    /// How many live streams one key or user may have open at once [default: 256]
    #[arg(long, env = "CAMPANILE_MAX_STREAMS", value_name = "COUNT")]
    pub max_streams: Option<usize>,

    /// An address or network, such as 10.0.0.0/8, of proxies that are believed when they say who asked them, and for what
    /// (X-Forwarded-For, -Proto, -Host, -Port); may be given several times
    #[arg(long, env = "CAMPANILE_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<String>>,

    /// The origin of another site, such as `https://app.example`, whose pages may use the API; may be given several times
    #[arg(long, env = "CAMPANILE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Option<Vec<String>>,

    /// Whose pages may show ours in a frame: none, self, or origins such as `https://portal.example`; may be given several
    /// times [default: none]
    #[arg(long, env = "CAMPANILE_FRAME_ANCESTORS", value_name = "ORIGIN", value_delimiter = ',')]
    pub frame_ancestors: Option<Vec<String>>,

    /// An address or network, such as 10.0.0.0/8, that webhooks may lead to though it is no part of the internet, also
    /// over http://; may be given several times
    #[arg(long, env = "CAMPANILE_WEBHOOK_ALLOW", value_name = "NETWORK", value_delimiter = ',')]
    pub webhook_allow: Option<Vec<String>>,

    /// How many deliveries may wait in one lane, such as for one webhook; what would be more is skipped
    /// [default: 1000000, in memory 10000]
    #[arg(long, env = "CAMPANILE_DELIVERY_BACKLOG", value_name = "COUNT")]
    pub delivery_backlog: Option<u64>,

    /// How long deliveries are remembered that are over [default: 7d]
    #[arg(long, env = "CAMPANILE_DELIVERY_HISTORY", value_name = "AGE")]
    pub delivery_history: Option<String>,

    /// The relay that takes mail: smtps://USER:PASSWORD@HOST:465, or smtp://HOST:587, which is encrypted by STARTTLS
    /// unless the relay is on this machine or the URL ends with ?tls=off; a password is best said in a file
    #[arg(long, env = "CAMPANILE_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<String>,

    /// A file with the password of the user in --smtp, and nothing else; a line break at its end is not part of it
    #[arg(long, env = "CAMPANILE_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,

    /// Whom mail is from: you@example.com, or Name <you@example.com>; --smtp needs it
    #[arg(long, env = "CAMPANILE_MAIL_FROM", value_name = "MAILBOX")]
    pub mail_from: Option<String>,

    /// A folder whose subject.txt, text.txt and html.html, each where it is there, take the place of the templates of
    /// mail inside the program
    #[arg(long, env = "CAMPANILE_MAIL_TEMPLATES", value_name = "DIR")]
    pub mail_templates: Option<PathBuf>,

    /// Of which categories users get mail who did not choose, with commas between; an empty text for none
    /// [default: alert]
    #[arg(long, env = "CAMPANILE_EMAIL_CATEGORIES", value_name = "CATEGORY", value_delimiter = ',')]
    pub email_categories: Option<Vec<String>>,

    /// Of which categories every user is told at once by every channel, whatever they chose, with commas between
    #[arg(long, env = "CAMPANILE_MANDATORY_CATEGORIES", value_name = "CATEGORY", value_delimiter = ',')]
    pub mandatory_categories: Option<Vec<String>>,

    /// What this server is called in mail and on devices, 1 to 60 characters [default: Campanile]
    #[arg(long, env = "CAMPANILE_APP_NAME", value_name = "NAME")]
    pub app_name: Option<String>,

    /// Whom push services of browsers may write to about this server, such as mailto:you@example.com: with this, browsers
    /// are pushed to
    #[arg(long, env = "CAMPANILE_PUSH_CONTACT", value_name = "URL")]
    pub push_contact: Option<String>,

    /// A file with the key that pushes to browsers are signed with: PEM, or 32 bytes in base64url
    /// [default: one that is made at the first start and kept in the store]
    #[arg(long, env = "CAMPANILE_VAPID_KEY", value_name = "FILE")]
    pub vapid_key: Option<PathBuf>,

    /// The key file of a service account of Firebase, in JSON: with this, devices are pushed to by FCM
    #[arg(long, env = "CAMPANILE_FCM_SERVICE_ACCOUNT", value_name = "FILE")]
    pub fcm_service_account: Option<PathBuf>,

    /// Where FCM is [default: `https://fcm.googleapis.com`]
    #[arg(long, env = "CAMPANILE_FCM_URL", value_name = "URL")]
    pub fcm_url: Option<String>,

    /// The key file (.p8) that Apple gave for APNs: with this, Apple's devices are pushed to
    #[arg(long, env = "CAMPANILE_APNS_KEY", value_name = "FILE")]
    pub apns_key: Option<PathBuf>,

    /// The id of that key, such as ABC123DEFG
    #[arg(long, env = "CAMPANILE_APNS_KEY_ID", value_name = "ID")]
    pub apns_key_id: Option<String>,

    /// The id of the team whose key that is, such as DEF123GHIJ
    #[arg(long, env = "CAMPANILE_APNS_TEAM_ID", value_name = "ID")]
    pub apns_team_id: Option<String>,

    /// The bundle id of the app, such as com.example.app, for devices that are added without one
    #[arg(long, env = "CAMPANILE_APNS_TOPIC", value_name = "TOPIC")]
    pub apns_topic: Option<String>,

    /// Where APNs is [default: `https://api.push.apple.com`]
    #[arg(long, env = "CAMPANILE_APNS_URL", value_name = "URL")]
    pub apns_url: Option<String>,

    /// Where the APNs is for apps that are being developed [default: `https://api.sandbox.push.apple.com`]
    #[arg(long, env = "CAMPANILE_APNS_SANDBOX_URL", value_name = "URL")]
    pub apns_sandbox_url: Option<String>,

    /// on: when a user reads on one device, the others are told how many are unread, silently and at most once a minute
    /// [default: off]
    #[arg(long, env = "CAMPANILE_PUSH_BADGE_SYNC", value_name = "MODE")]
    pub push_badge_sync: Option<Switch>,

    /// How often one address or device may be told something; what would be more waits [default: 30/h:60]
    #[arg(long, env = "CAMPANILE_LIMIT_DELIVERY", value_name = "RATE")]
    pub limit_delivery: Option<String>,

    /// Listen on any address, and answer for any host name, without authentication: a gateway in front does it
    #[arg(long, env = "CAMPANILE_INSECURE_NO_AUTH", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub insecure_no_auth: Option<bool>,

    /// What is logged, such as warn, info or campanile=debug [default: info]
    #[arg(long, env = "CAMPANILE_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// How log lines look [default: text]
    #[arg(long, env = "CAMPANILE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Name the address of the client in the log lines about a failed sign-in and a refused key, token or ticket, as
    /// fail2ban needs it
    #[arg(long, env = "CAMPANILE_LOG_ADDRESSES", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub log_addresses: Option<bool>,
}

impl std::fmt::Debug for Said {
    /// What is said, without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = fields(self).map_err(|_| std::fmt::Error)?;
        let said = fields.iter().filter(|(_, value)| !value.is_null());
        f.debug_map().entries(said.map(|(name, value)| (name, shown(name, value)))).finish()
    }
}

/// A text and no number: what is octal in the file, as 0o660, has become 432 by the time that it is a text.
fn text_only<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text in quotes")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Text)
}
