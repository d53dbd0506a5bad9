//! The command line: its commands and flags, and the code that each command runs.

mod help;
mod matches;
mod output;

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, ErrorKind, Write, stdin, stdout},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow};
use campanile::{
    model::{ContactAddress, DeviceToken, EmailAddress, Environment, FcmKind, FcmToken},
    server::{
        clock::{Clock, SystemClock},
        commands::{self, Imported, NewKey},
        config::{self, Settings, SettingsInput},
        http,
        identity::KeyId,
        log, run,
    },
};
use clap::{ArgMatches, Parser, Subcommand, parser::ValueSource};

use self::output::{Pipe, print};
pub(crate) use self::{matches::matches, output::note};

/// Notifications for people: send them over REST, read them in a per-user inbox.
#[derive(Parser)]
#[command(name = "campanile", version, about, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Common,
}

const AFTER_HELP: &str = "Without a command, campanile serves. Try it:
  campanile serve
  curl -X POST http://localhost:8000/api/notifications/create \\
    -H 'Content-Type: application/json' \\
    -d '{\"user_id\": \"user_123\", \"content\": \"Your order has been shipped!\"}'
  and open http://localhost:8000/ in a browser.

A flag wins over its environment variable, that over the file, and that over the default. The
environment can name a file with a secret in place of the secret: CAMPANILE_STORE_FILE=PATH, and
likewise for BUS, JWT_SECRET, JWT_JWKS and SMTP.";

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the dashboard (the default)
    Serve(Box<Common>),
    /// Print the settings in force and where each comes from, and report mistakes in them and in the store
    Check(Box<Common>),
    /// Create the tables of the store, or bring them up to date; `serve` does that too
    Migrate(Box<Common>),
    /// Write everything in the store as lines of JSON; a server may be running
    Export {
        /// File to write, which must not exist; standard output if absent or -
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Read the output of `export` into an empty store, all of it or nothing
    Import {
        /// File to read; standard input if absent or -
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Copy a SQLite store to a new file; a server may be running
    Backup {
        /// File to create
        file: PathBuf,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Create, list and revoke the keys with which programs call the API; a server may be running
    #[command(subcommand)]
    Key(Key),
    /// Send one test message by a channel, to check its settings; no store is opened
    #[command(subcommand)]
    SendTest(SendTest),
    /// Print the OpenAPI description of the API
    Openapi,
    /// Print docs/settings.md
    #[command(hide = true)]
    Settings,
}

#[derive(Subcommand)]
enum Key {
    /// Create a key and print it on standard output; it cannot be printed again, because only a hash of it is kept
    #[command(after_help = AFTER_KEY_HELP)]
    Create {
        #[command(flatten)]
        new: NewKey,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Print all keys and whether they are valid, without their secrets
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Revoke a key for good
    Revoke {
        /// Id of the key, as `campanile key list` prints it
        #[arg(value_parser = KeyId::parse)]
        id: KeyId,
        #[command(flatten)]
        common: Box<Common>,
    },
}

#[derive(Subcommand)]
enum SendTest {
    /// Send a test mail through the relay of --smtp, and print the relay's answer
    #[command(after_help = AFTER_SEND_TEST_HELP)]
    Email {
        /// Recipient, such as you@example.com
        #[arg(value_parser = EmailAddress::parse)]
        address: EmailAddress,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Send a test push to a device by FCM
    #[command(after_help = AFTER_FCM_HELP)]
    Fcm {
        /// Token that Firebase issued to the app on the device
        #[arg(value_parser = FcmToken::parse)]
        token: FcmToken,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Send a test push to an Apple device by APNs
    #[command(after_help = AFTER_APNS_HELP)]
    Apns {
        /// Device token that APNs issued to the app, in hexadecimal
        #[arg(value_parser = DeviceToken::parse)]
        token: DeviceToken,
        /// Use the sandbox of APNs, for an app that Xcode installed
        #[arg(long)]
        sandbox: bool,
        #[command(flatten)]
        common: Box<Common>,
    },
}

const AFTER_FCM_HELP: &str = "For example:
  campanile send-test fcm TOKEN --fcm-service-account service-account.json

It prints `ok` when FCM accepted the push. Look at the device to see whether it arrived.";

const AFTER_APNS_HELP: &str = "For example:
  campanile send-test apns TOKEN --apns-key AuthKey_ABC123DEFG.p8 --apns-key-id ABC123DEFG \\
    --apns-team-id DEF123GHIJ --apns-topic com.example.app

It prints `ok` when APNs accepted the push. Look at the device to see whether it arrived.";

const AFTER_SEND_TEST_HELP: &str = "For example:
  campanile send-test email you@example.com --smtp smtps://me@relay.example:465 \\
    --smtp-password-file relay.password --mail-from 'Shop <shop@example.com>'

It prints `ok` when the relay accepted the mail. Look into the mailbox to see whether it arrived.";

const AFTER_KEY_HELP: &str = "For example:
  KEY=$(campanile key create \"order service\" --scopes send --expires 90d)
  curl -X POST http://localhost:8000/api/notifications/create \\
    -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
    -d '{\"user_id\": \"user_123\", \"content\": \"Your order has been shipped!\"}'

Name the store of your server with --store, as for `campanile serve`. It must exist: if no
server has started yet, create it with `campanile migrate`.";

/// The settings, which every command accepts.
#[derive(clap::Args)]
struct Common {
    /// File with settings, named like the flags: listen = "127.0.0.1:8000" [default: campanile.toml if it exists]
    #[arg(long, env = "CAMPANILE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    said: SettingsInput,
}

impl Common {
    /// The settings of a command without a log. Warns on standard error about variables that are no settings.
    fn settings(&self) -> Result<Settings> {
        let settings = self.quiet_settings()?;
        for unknown in settings.unknown_variables() {
            note(format_args!("warning: {unknown}"));
        }
        Ok(settings)
    }

    /// The settings of the server, which warns in its log.
    fn quiet_settings(&self) -> Result<Settings> {
        Settings::load(&self.said, self.config.as_deref())
    }

    /// The settings of a command that may have to wait for other processes, with a log that says so.
    fn settings_and_log(&self) -> Result<Settings> {
        let settings = self.settings()?;
        log::start(&settings)?;
        Ok(settings)
    }
}

/// Runs the command, and returns its exit code.
///
/// # Errors
/// One sentence about what went wrong.
#[tokio::main]
pub(crate) async fn obey(cli: Cli, matches: &ArgMatches) -> Result<ExitCode> {
    match cli.command {
        None => run::run(&cli.serve.quiet_settings()?).await?,
        Some(Command::Serve(common)) => run::run(&common.quiet_settings()?).await?,
        Some(Command::Check(common)) => check(&common, matches).await?,
        Some(Command::Migrate(common)) => print(commands::migrate(&common.settings_and_log()?).await?)?,
        Some(Command::Export { file, common }) => return export(&common.settings()?, file.as_deref()).await,
        Some(Command::Import { file, common }) => import(&common.settings_and_log()?, file.as_deref()).await?,
        Some(Command::Backup { file, common }) => {
            commands::back_up(&common.settings()?, &file)?;
            note(format_args!("The backup is in {}.", file.display()));
        }
        Some(Command::Key(command)) => key(command).await?,
        Some(Command::SendTest(command)) => print(send_test(command).await?)?,
        Some(Command::Openapi) => print(http::openapi().to_pretty_json()?)?,
        Some(Command::Settings) => print(config::document().trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn send_test(command: SendTest) -> Result<String> {
    let now = SystemClock.now();
    match command {
        SendTest::Email { address, common } => commands::send_test_mail(&common.settings()?, &address, now).await,
        SendTest::Fcm { token, common } => {
            let to = ContactAddress::Fcm { token, kind: FcmKind::Token };
            commands::send_test_push(&common.settings()?, to, now).await
        }
        SendTest::Apns { token, sandbox, common } => {
            let settings = common.settings()?;
            let topic = settings.delivery.apns.as_ref().and_then(|apns| apns.topic.clone());
            let topic = topic
                .context("apns-topic: is missing. Set it to the bundle id of the app, such as com.example.app.")?;
            let environment = if sandbox { Environment::Sandbox } else { Environment::Production };
            let to = ContactAddress::Apns { token, topic, environment };
            commands::send_test_push(&settings, to, now).await
        }
    }
}

async fn check(common: &Common, matches: &ArgMatches) -> Result<()> {
    let arguments = matches.subcommand().map_or(matches, |(_, arguments)| arguments);
    let is_from_environment =
        |name: &str| arguments.value_source(&name.replace('-', "_")) == Some(ValueSource::EnvVariable);
    let (report, usable) = commands::check(&common.said, common.config.as_deref(), is_from_environment).await;
    if !report.is_empty() {
        print(report.trim_end())?;
    }
    usable
}

/// The file that was named, unless it is a dash.
fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|file| *file != Path::new("-"))
}

async fn export(settings: &Settings, file: Option<&Path>) -> Result<ExitCode> {
    let Some(file) = named(file) else {
        let pipe = Pipe::default();
        return match commands::export(settings, BufWriter::new(pipe.clone())).await {
            // Quiet, but an export that has no end is no success.
            Err(_) if pipe.is_closed() => Ok(ExitCode::FAILURE),
            exported => exported.map(|_| ExitCode::SUCCESS),
        };
    };
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let open = open.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{} exists, and an export overwrites nothing. Name another file.", file.display())
        }
        _ => anyhow!("{} cannot be made: {error}.", file.display()),
    })?;
    let exported = commands::export(settings, BufWriter::new(open)).await;
    // A part of an export cannot be imported, and would be in the way of the next attempt.
    let notifications = exported.inspect_err(|_| drop(std::fs::remove_file(file)))?;
    note(format_args!("Exported everything to {}: {} and the rest.", file.display(), notifications_of(notifications)));
    Ok(ExitCode::SUCCESS)
}

/// So many notifications, in words.
fn notifications_of(count: u64) -> String {
    if count == 1 { "1 notification".to_owned() } else { format!("{count} notifications") }
}

async fn import(settings: &Settings, file: Option<&Path>) -> Result<()> {
    let Imported { notifications, warnings } = match named(file) {
        None => commands::import(settings, BufReader::new(stdin())).await?,
        Some(file) => {
            let open = File::open(file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => anyhow!("{} cannot be read: there is no such file.", file.display()),
                _ => anyhow!("{} cannot be read: {error}.", file.display()),
            })?;
            commands::import(settings, BufReader::new(open)).await?
        }
    };
    for warning in warnings {
        note(format_args!("campanile: warning: {warning}"));
    }
    note(format_args!(
        "Imported everything into {}: {} and the rest.",
        settings.store,
        notifications_of(notifications)
    ));
    Ok(())
}

async fn key(command: Key) -> Result<()> {
    let now = SystemClock.now();
    let store = match command {
        Key::Create { new, common } => {
            let settings = common.settings_and_log()?;
            let made = commands::create_key(&settings, new, now).await?;
            let id = made.secret.id();
            writeln!(stdout(), "{}", made.secret.to_string_once())
                .with_context(|| format!("the key {id} was made and could not be shown; revoke it"))?;
            note(made.explanation);
            settings.store
        }
        Key::List { json, common } => {
            let settings = common.settings_and_log()?;
            match commands::list_keys(&settings, json, now).await? {
                table if table.is_empty() => {
                    note("There are no keys yet. Make one: campanile key create NAME --scopes send,read");
                }
                table => print(table)?,
            }
            settings.store
        }
        Key::Revoke { id, common } => {
            let settings = common.settings_and_log()?;
            print(commands::revoke_key(&settings, id, now).await?)?;
            settings.store
        }
    };
    // Beside what is printed, so that a script still gets nothing but the key.
    note(format_args!("The store is {}.", store.absolute()));
    Ok(())
}
