//! The settings, as flags, environment variables and keys of the file.

mod defaults;
mod headings;

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize, de::Visitor};

use super::Listen;

/// Whether something is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    // Without a description, `--help` lists both in one line.
    #[expect(missing_docs, reason = "the name says it")]
    On,
    #[expect(missing_docs, reason = "the name says it")]
    Off,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// When SQLite flushes a write to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqliteSync {
    /// SQLite flushes each write before the server answers it: a power loss loses no answered write.
    #[default]
    Full,
    /// The operating system flushes writes when it wants: a power loss can lose the last moments, a crash of Campanile nothing.
    Normal,
}

/// The settings as a flag, an environment variable or a key of the file gives them: `None` where none of these does. The
/// help of a setting ends with its default; `headings.rs` groups them.
#[derive(Args, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct SettingsInput {
    /// Address and port to listen on, or unix:PATH for a Unix socket; port 0 picks a free port [default: 127.0.0.1:8000]
    #[arg(long, env = "CAMPANILE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<Listen>,

    /// Permissions of the Unix socket, as for chmod: 660 admits its user and group, 666 every user of this machine
    /// [default: 660]
    #[arg(long, env = "CAMPANILE_SOCKET_MODE", value_name = "MODE")]
    #[serde(deserialize_with = "text_only")]
    pub socket_mode: Option<String>,

    /// Where to keep notifications: sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE, or memory: (lost at restart)
    /// [default: sqlite:data/campanile.db]
    #[arg(long, env = "CAMPANILE_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,

    /// How many of the newest notifications of each user to keep; with memory:, of all users together [default: 1000]
    #[arg(long, env = "CAMPANILE_WINDOW", value_name = "COUNT")]
    pub window: Option<usize>,

    /// Delete notifications that are older than this, such as 90d, 12h, 30m or 45s [default: no limit]
    #[arg(long, env = "CAMPANILE_MAX_AGE", value_name = "AGE")]
    pub max_age: Option<String>,

    /// full: every answered write survives a power loss; normal: only a crash, but writes are faster [default: full]
    #[arg(long, env = "CAMPANILE_SQLITE_SYNC", value_name = "MODE")]
    pub sqlite_sync: Option<SqliteSync>,

    /// How many writes may wait for SQLite; further ones get 503 [default: 8192]
    #[arg(long, env = "CAMPANILE_SQLITE_QUEUE", value_name = "COUNT")]
    pub sqlite_queue: Option<usize>,

    /// How many connections to PostgreSQL to use at once [default: 16]
    #[arg(long, env = "CAMPANILE_POSTGRES_CONNECTIONS", value_name = "COUNT")]
    pub postgres_connections: Option<usize>,

    /// How servers on one database tell each other about changes: local for a single server, or
    /// nats://USER:PASSWORD@HOST:PORT (tls:// to encrypt), which may end with ?creds=FILE, ?nkey=FILE, ?ca=FILE or
    /// ?cert=FILE&key=FILE [default: local]
    #[arg(long, env = "CAMPANILE_BUS", value_name = "URL", hide_env_values = true)]
    pub bus: Option<String>,

    /// First word of the subjects on the bus; all servers of one database use the same [default: campanile]
    #[arg(long, env = "CAMPANILE_BUS_PREFIX", value_name = "WORD")]
    pub bus_prefix: Option<String>,

    /// How many notifications one batch may contain [default: 1000]
    #[arg(long, env = "CAMPANILE_BATCH_MAX", value_name = "COUNT")]
    pub batch_max: Option<usize>,

    /// Largest request body, in bytes [default: 4194304]
    #[arg(long, env = "CAMPANILE_MAX_BODY_BYTES", value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,

    /// How many bytes of request bodies and answers to hold at once; further requests get 503 [default: 268435456]
    #[arg(long, env = "CAMPANILE_MAX_MEMORY", value_name = "BYTES")]
    pub max_memory: Option<usize>,

    /// Ignore unknown fields in create and batch instead of refusing them
    #[arg(long, env = "CAMPANILE_LENIENT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub lenient: Option<bool>,

    /// How many connections to serve at once [default: 16384]
    #[arg(long, env = "CAMPANILE_MAX_CONNECTIONS", value_name = "COUNT")]
    pub max_connections: Option<usize>,

    /// How many connections to accept from one address, or one /64 of IPv6; this machine and trusted proxies are exempt
    /// [default: 1024]
    #[arg(long, env = "CAMPANILE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    pub max_connections_per_address: Option<usize>,

    /// Seconds that the body of a request may take to arrive, and then that the answer may take [default: 30]
    #[arg(long, env = "CAMPANILE_REQUEST_TIMEOUT", value_name = "SECONDS")]
    pub request_timeout: Option<u64>,

    /// Seconds that a client may take to send its headers, to read a part of an answer, or to stay without a request
    /// [default: 30]
    #[arg(long, env = "CAMPANILE_HEADER_TIMEOUT", value_name = "SECONDS")]
    pub header_timeout: Option<u64>,

    /// Largest headers of a request, in bytes [default: 32768]
    #[arg(long, env = "CAMPANILE_MAX_HEADER_BYTES", value_name = "BYTES")]
    pub max_header_bytes: Option<usize>,

    /// Certificate chain in PEM, which turns TLS on; read again when the file changes
    #[arg(long, env = "CAMPANILE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate in PEM, without a password
    #[arg(long, env = "CAMPANILE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Seconds during which `/readyz` fails before the server accepts no more connections, so that a load balancer stops
    /// sending requests [default: 0]
    #[arg(long, env = "CAMPANILE_SHUTDOWN_DELAY", value_name = "SECONDS")]
    pub shutdown_delay: Option<u64>,

    /// Seconds that running requests may take to finish when the server stops [default: 5]
    #[arg(long, env = "CAMPANILE_SHUTDOWN_TIMEOUT", value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,

    /// Seconds of silence on a live stream before the server sends a heartbeat [default: 25]
    #[arg(long, env = "CAMPANILE_HEARTBEAT", value_name = "SECONDS")]
    pub heartbeat: Option<u64>,

    /// Seconds that a client may take to read from a live stream before the server disconnects it [default: 10]
    #[arg(long, env = "CAMPANILE_STALL_TIMEOUT", value_name = "SECONDS")]
    pub stall_timeout: Option<u64>,

    /// Address of this server as clients reach it through a gateway, such as `https://example.com/notify`. The server
    /// answers for its host, puts its path into links and cookies, and accepts requests with the path or after the
    /// gateway removed it
    #[arg(long, env = "CAMPANILE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Host name to answer for, besides localhost; may be given several times
    #[arg(long, env = "CAMPANILE_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Option<Vec<String>>,

    /// Address or network, such as 10.0.0.0/8, of proxies whose headers X-Forwarded-For, -Proto, -Host and -Port are
    /// believed; may be given several times
    #[arg(long, env = "CAMPANILE_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<String>>,

    /// Origin of another site, such as `https://app.example`, whose pages may call the API; may be given several times
    #[arg(long, env = "CAMPANILE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Option<Vec<String>>,

    /// Sites that may show the dashboard in a frame: none, self, or an origin such as `https://portal.example`; may be
    /// given several times [default: none]
    #[arg(long, env = "CAMPANILE_FRAME_ANCESTORS", value_name = "ORIGIN", value_delimiter = ',')]
    pub frame_ancestors: Option<Vec<String>>,

    /// Language of the pages for users who chose none: auto for that of their browser, en or de [default: auto]
    #[arg(long, env = "CAMPANILE_LANGUAGE", value_name = "LANGUAGE")]
    pub language: Option<String>,

    /// on: every caller authenticates with a key of `campanile key create` or a user's token; off: no caller does
    /// [default: on if a jwt setting is given, else off]
    #[arg(long, env = "CAMPANILE_AUTH", value_name = "MODE")]
    pub auth: Option<Switch>,

    /// Listen on any address, and answer for any host name, without authentication, because a gateway in front
    /// authenticates
    #[arg(long, env = "CAMPANILE_INSECURE_NO_AUTH", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub insecure_no_auth: Option<bool>,

    /// Secret shared with the issuer of users' tokens, at least 32 bytes long, for HS256; best given in the environment
    /// or the file
    #[arg(long, env = "CAMPANILE_JWT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Public key in PEM that verifies users' tokens: RSA for RS256, P-256 for ES256, Ed25519 for EdDSA
    #[arg(long, env = "CAMPANILE_JWT_KEY", value_name = "FILE")]
    pub jwt_key: Option<PathBuf>,

    /// Where the issuer of users' tokens publishes its keys (JWKS), such as `https://id.example/.well-known/jwks.json`
    #[arg(long, env = "CAMPANILE_JWT_JWKS", value_name = "URL", hide_env_values = true)]
    pub jwt_jwks: Option<String>,

    /// Audience that `aud` of users' tokens must contain; may be given several times, and one of them is enough
    #[arg(long, env = "CAMPANILE_JWT_AUDIENCE", value_name = "NAME", value_delimiter = ',')]
    pub jwt_audience: Option<Vec<String>>,

    /// Issuer that `iss` of users' tokens must name
    #[arg(long, env = "CAMPANILE_JWT_ISSUER", value_name = "NAME")]
    pub jwt_issuer: Option<String>,

    /// Algorithms that users' tokens may use, if fewer than the keys allow: HS256, RS256, ES256, EdDSA
    #[arg(long, env = "CAMPANILE_JWT_ALGORITHMS", value_name = "NAME", value_delimiter = ',')]
    pub jwt_algorithms: Option<Vec<String>>,

    /// Seconds that the issuer's clock may differ from the clock of this server [default: 30]
    #[arg(long, env = "CAMPANILE_JWT_LEEWAY", value_name = "SECONDS")]
    pub jwt_leeway: Option<u64>,

    /// How long a person stays signed in to the dashboard, such as 12h or 30d [default: 12h]
    #[arg(long, env = "CAMPANILE_SESSION_LIFETIME", value_name = "AGE")]
    pub session_lifetime: Option<String>,

    /// Request rate of one key: 2000/s, 600/m:100 (100 at once), or off [default: 2000/s:4000]
    #[arg(long, env = "CAMPANILE_LIMIT_KEY", value_name = "RATE")]
    pub limit_key: Option<String>,

    /// Request rate of one user [default: 50/s:200]
    #[arg(long, env = "CAMPANILE_LIMIT_USER", value_name = "RATE")]
    pub limit_user: Option<String>,

    /// Request rate of one address without a key or token that was recently valid [default: 50/s:500]
    #[arg(long, env = "CAMPANILE_LIMIT_ADDRESS", value_name = "RATE")]
    pub limit_address: Option<String>,

    /// Rate of sign-in attempts from one address [default: 20/m:20]
    #[arg(long, env = "CAMPANILE_LIMIT_LOGIN", value_name = "RATE")]
    pub limit_login: Option<String>,

    /// Rate of notifications to one user, from all senders together [default: 100/s:1000 with authentication, else off]
    #[arg(long, env = "CAMPANILE_LIMIT_RECIPIENT", value_name = "RATE")]
    pub limit_recipient: Option<String>,

    /// How many live streams one key or user may have open at once [default: 256]
    #[arg(long, env = "CAMPANILE_MAX_STREAMS", value_name = "COUNT")]
    pub max_streams: Option<usize>,

    /// Address or network outside the public internet, such as 10.0.0.0/8, that webhooks may call, also over http://; may
    /// be given several times
    #[arg(long, env = "CAMPANILE_WEBHOOK_ALLOW", value_name = "NETWORK", value_delimiter = ',')]
    pub webhook_allow: Option<Vec<String>>,

    /// How many deliveries may wait in one lane, such as for one webhook; further ones are skipped
    /// [default: 1000000, in memory 10000]
    #[arg(long, env = "CAMPANILE_DELIVERY_BACKLOG", value_name = "COUNT")]
    pub delivery_backlog: Option<u64>,

    /// How long to remember deliveries that are over [default: 7d]
    #[arg(long, env = "CAMPANILE_DELIVERY_HISTORY", value_name = "AGE")]
    pub delivery_history: Option<String>,

    /// Rate of deliveries to one address or device; further ones wait [default: 30/h:60]
    #[arg(long, env = "CAMPANILE_LIMIT_DELIVERY", value_name = "RATE")]
    pub limit_delivery: Option<String>,

    /// Mail relay: smtps://USER:PASSWORD@HOST:465, or smtp://HOST:587, which uses STARTTLS unless the relay is on this
    /// machine or the URL ends with ?tls=off; a password is best kept in a file
    #[arg(long, env = "CAMPANILE_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<String>,

    /// File that contains only the password of the user in --smtp; a line break at its end is ignored
    #[arg(long, env = "CAMPANILE_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,

    /// Sender of mail: you@example.com, or Name <you@example.com>; --smtp needs it
    #[arg(long, env = "CAMPANILE_MAIL_FROM", value_name = "MAILBOX")]
    pub mail_from: Option<String>,

    /// Folder with a subject.txt, text.txt or html.html, each of which replaces the built-in template of mail
    #[arg(long, env = "CAMPANILE_MAIL_TEMPLATES", value_name = "DIR")]
    pub mail_templates: Option<PathBuf>,

    /// Categories that are mailed to users who have not chosen, separated by commas; empty for none [default: alert]
    #[arg(long, env = "CAMPANILE_EMAIL_CATEGORIES", value_name = "CATEGORY", value_delimiter = ',')]
    pub email_categories: Option<Vec<String>>,

    /// Categories that every channel delivers at once, whatever a user chose, separated by commas
    #[arg(long, env = "CAMPANILE_MANDATORY_CATEGORIES", value_name = "CATEGORY", value_delimiter = ',')]
    pub mandatory_categories: Option<Vec<String>>,

    /// Name of this server in mail and on devices, 1 to 60 characters [default: Campanile]
    #[arg(long, env = "CAMPANILE_APP_NAME", value_name = "NAME")]
    pub app_name: Option<String>,

    /// Contact for the push services of browsers, such as mailto:you@example.com; turns push to browsers on
    #[arg(long, env = "CAMPANILE_PUSH_CONTACT", value_name = "URL")]
    pub push_contact: Option<String>,

    /// File with the key that signs pushes to browsers: PEM, or 32 bytes in base64url
    /// [default: a key made at the first start and kept in the store]
    #[arg(long, env = "CAMPANILE_VAPID_KEY", value_name = "FILE")]
    pub vapid_key: Option<PathBuf>,

    /// Key file of a Firebase service account, in JSON; turns push by FCM on
    #[arg(long, env = "CAMPANILE_FCM_SERVICE_ACCOUNT", value_name = "FILE")]
    pub fcm_service_account: Option<PathBuf>,

    /// Address of FCM [default: `https://fcm.googleapis.com`]
    #[arg(long, env = "CAMPANILE_FCM_URL", value_name = "URL")]
    pub fcm_url: Option<String>,

    /// Key file (.p8) that Apple issued for APNs; turns push by APNs on
    #[arg(long, env = "CAMPANILE_APNS_KEY", value_name = "FILE")]
    pub apns_key: Option<PathBuf>,

    /// Id of the APNs key, such as ABC123DEFG
    #[arg(long, env = "CAMPANILE_APNS_KEY_ID", value_name = "ID")]
    pub apns_key_id: Option<String>,

    /// Id of the team that owns the APNs key, such as DEF123GHIJ
    #[arg(long, env = "CAMPANILE_APNS_TEAM_ID", value_name = "ID")]
    pub apns_team_id: Option<String>,

    /// Bundle id of the app, such as com.example.app, for devices that are added without one
    #[arg(long, env = "CAMPANILE_APNS_TOPIC", value_name = "TOPIC")]
    pub apns_topic: Option<String>,

    /// Address of APNs [default: `https://api.push.apple.com`]
    #[arg(long, env = "CAMPANILE_APNS_URL", value_name = "URL")]
    pub apns_url: Option<String>,

    /// Address of the APNs sandbox, for apps in development [default: `https://api.sandbox.push.apple.com`]
    #[arg(long, env = "CAMPANILE_APNS_SANDBOX_URL", value_name = "URL")]
    pub apns_sandbox_url: Option<String>,

    /// on: when a user reads on one device, send the unread count to the others, silently and at most once a minute
    /// [default: off]
    #[arg(long, env = "CAMPANILE_PUSH_BADGE_SYNC", value_name = "MODE")]
    pub push_badge_sync: Option<Switch>,

    /// Log filter, such as warn, info or campanile=debug [default: info]
    #[arg(long, env = "CAMPANILE_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// Format of log lines: text, or json for one object a line [default: text]
    #[arg(long, env = "CAMPANILE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Log the client's address with each failed sign-in and each refused key, token or ticket, as fail2ban needs it
    #[arg(long, env = "CAMPANILE_LOG_ADDRESSES", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub log_addresses: Option<bool>,
}

/// Text, and no number: TOML reads the octal 0o660 as 432.
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
