//! The `campanile` command.

use std::{
    fs::{File, OpenOptions},
    future::Future,
    io::{BufReader, BufWriter, Write, stdin, stdout},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result};
use campanile::server::{
    auth::Authenticator,
    clock::{Clock, SystemClock},
    commands::{self, Imported, NewKey},
    config::{Said, Settings},
    http::{self, HttpOptions},
    identity::KeyId,
    listener, log, maintenance,
};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

/// Notifications for people: send them over REST, read them in a per-user inbox.
#[derive(Parser)]
#[command(name = "campanile", version, about, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Cli {
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

A flag wins over its environment variable, that over the file, and that over the default.";

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the dashboard (the default)
    Serve(Box<Common>),
    /// Print the settings in force, where each was said, and what is wrong with them or with the store
    Check(Box<Common>),
    /// Bring the tables of the store up to date; `serve` does that too
    Migrate(Box<Common>),
    /// Write everything in the store as lines of JSON, while a server may be using it
    Export {
        /// The file to write, which must not exist; standard output when absent or -
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Take what `export` wrote into an empty store, all of it or nothing
    Import {
        /// The file to read; standard input when absent or -
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Copy a SQLite store to a new file, while a server may be using it
    Backup {
        /// The file to make
        file: PathBuf,
        #[command(flatten)]
        common: Box<Common>,
    },
    /// Make, list and revoke the keys with which programs call the API, while a server may be running
    #[command(subcommand)]
    Key(Key),
    /// Print the OpenAPI description of the API
    Openapi,
}

#[derive(Subcommand)]
enum Key {
    /// Make a key, and print it on standard output: only now, because only a hash of it is kept
    #[command(after_help = AFTER_KEY_HELP)]
    Create {
        #[command(flatten)]
        new: NewKey,
        #[command(flatten, next_help_heading = "Settings, as `campanile serve` takes them")]
        common: Box<Common>,
    },
    /// Print all keys, and whether they are good; their secrets are nowhere to be had
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten, next_help_heading = "Settings, as `campanile serve` takes them")]
        common: Box<Common>,
    },
    /// Make an end of a key; there is no way back
    Revoke {
        /// Which one: its id as `campanile key list` shows it
        #[arg(value_parser = KeyId::parse)]
        id: KeyId,
        #[command(flatten, next_help_heading = "Settings, as `campanile serve` takes them")]
        common: Box<Common>,
    },
}

const AFTER_KEY_HELP: &str = "For example:
  KEY=$(campanile key create \"order service\" --scopes send --expires 90d)
  curl -X POST http://localhost:8000/api/notifications/create \\
    -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
    -d '{\"user_id\": \"user_123\", \"content\": \"Your order has been shipped!\"}'

Name the store of your server with --store, as for `campanile serve`; the other settings change nothing here.";

/// The settings, which every command takes.
#[derive(clap::Args)]
struct Common {
    /// File with settings, named as the flags are: listen = "127.0.0.1:8000" [default: campanile.toml if it is there]
    #[arg(long, env = "CAMPANILE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    said: Said,
}

impl Common {
    fn settings(&self) -> Result<Settings> {
        Settings::load(&self.said, self.config.as_deref())
    }
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let done = Cli::from_arg_matches(&matches).map_err(anyhow::Error::from).and_then(|cli| run(cli, &matches));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("campanile: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: Cli, matches: &ArgMatches) -> Result<()> {
    match cli.command {
        None => serve(&cli.serve).await,
        Some(Command::Serve(common)) => serve(&common).await,
        Some(Command::Check(common)) => check(&common, matches).await,
        Some(Command::Migrate(common)) => {
            println!("{}", commands::migrate(&common.settings()?).await?);
            Ok(())
        }
        Some(Command::Export { file, common }) => export(&common.settings()?, file.as_deref()).await,
        Some(Command::Import { file, common }) => import(&common.settings()?, file.as_deref()).await,
        Some(Command::Backup { file, common }) => {
            commands::back_up(&common.settings()?, &file)?;
            eprintln!("The backup is in {}.", file.display());
            Ok(())
        }
        Some(Command::Key(command)) => key(command).await,
        Some(Command::Openapi) => {
            println!("{}", http::openapi().to_pretty_json()?);
            Ok(())
        }
    }
}

async fn check(common: &Common, matches: &ArgMatches) -> Result<()> {
    let arguments = matches.subcommand().map_or(matches, |(_, arguments)| arguments);
    let is_from_environment =
        |name: &str| arguments.value_source(&name.replace('-', "_")) == Some(ValueSource::EnvVariable);
    let (report, usable) = commands::check(&common.said, common.config.as_deref(), is_from_environment).await;
    println!("{}", report.trim_end());
    usable
}

/// The file that was named, unless it is a dash.
fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|file| *file != Path::new("-"))
}

async fn export(settings: &Settings, file: Option<&Path>) -> Result<()> {
    let Some(file) = named(file) else {
        return commands::export(settings, BufWriter::new(stdout())).await.map(drop);
    };
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let open = open.with_context(|| format!("{} cannot be made", file.display()))?;
    let notifications = commands::export(settings, BufWriter::new(open)).await?;
    eprintln!("{notifications} notifications are in {}.", file.display());
    Ok(())
}

async fn import(settings: &Settings, file: Option<&Path>) -> Result<()> {
    let Imported { notifications, warnings } = match named(file) {
        None => commands::import(settings, BufReader::new(stdin())).await?,
        Some(file) => {
            let open = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
            commands::import(settings, BufReader::new(open)).await?
        }
    };
    for warning in warnings {
        eprintln!("campanile: warning: {warning}");
    }
    eprintln!("{notifications} notifications are in {}.", settings.store);
    Ok(())
}

async fn key(command: Key) -> Result<()> {
    let now = SystemClock.now();
    match command {
        Key::Create { new, common } => {
            let made = commands::create_key(&common.settings()?, new, now).await?;
            let id = made.secret.id();
            writeln!(stdout(), "{}", made.secret.to_string_once())
                .with_context(|| format!("the key {id} was made and could not be shown; revoke it"))?;
            eprintln!("{}", made.explanation);
        }
        Key::List { json, common } => match commands::list_keys(&common.settings()?, json, now).await? {
            table if table.is_empty() => {
                eprintln!("There are no keys yet. Make one: campanile key create NAME --scopes send,read");
            }
            table => println!("{table}"),
        },
        Key::Revoke { id, common } => println!("{}", commands::revoke_key(&common.settings()?, id, now).await?),
    }
    Ok(())
}

async fn serve(common: &Common) -> Result<()> {
    let settings = common.settings()?;
    settings.may_listen()?;
    log::start(&settings)?;
    let (service, credentials) = settings.open().await?;
    let auth = match &settings.auth {
        Some(options) => Some(Authenticator::new(options.clone(), credentials, SystemClock)?),
        None => None,
    };
    let router = http::router(service.clone(), &HttpOptions { auth: auth.clone(), ..settings.http.clone() });
    let socket = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("listen: {} cannot be had; is another server running there?", settings.listen))?;
    let address = socket.local_addr()?;
    let stopping = stop_signal()?;
    let (stopped, shutdown_delay) = (service.clone(), settings.shutdown_delay);
    let stop = async move {
        stopping.await;
        stopped.stop_soon();
        // Told twice, it stops at once.
        match stop_signal() {
            Ok(again) => drop(timeout(shutdown_delay, again).await),
            Err(_) => sleep(shutdown_delay).await,
        }
        tracing::info!("stopping: running requests may end, and streams are told");
        stopped.stop_following();
    };
    let scheme = if settings.connections.tls.is_some() { "https" } else { "http" };
    let tasks = service.tasks().clone();
    let serving = listener::serve_with(socket, router, settings.connections, stop, &tasks)?;
    let upkeep = tasks.spawn("expiry", move || maintenance::run(service.clone()));
    let auth_upkeep = auth.clone().map(|auth| tasks.spawn("credentials", move || Arc::clone(&auth).run()));
    tracing::info!(%address, store = %settings.store, bus = %settings.bus, version = env!("CARGO_PKG_VERSION"), "serving");
    println!("Campanile is ready: {scheme}://{address}/");
    let all_ended = serving.await;
    upkeep.abort();
    if let (Some(auth), Some(auth_upkeep)) = (auth, auth_upkeep) {
        auth_upkeep.abort();
        auth.note_uses().await;
    }
    if all_ended {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped at the deadline, with requests still running");
    }
    Ok(())
}

/// Done when the process is told to stop, by Ctrl-C or by its supervisor.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("told to stop");
    })
}
