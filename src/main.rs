//! The `campanile` command.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use campanile::server::{
    clock::{Clock, SystemClock},
    config::{Said, Settings},
    http, listener, log, maintenance,
    service::NotificationService,
};
use clap::{Parser, Subcommand};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Notifications for people: send them over REST, read them in a per-user inbox.
#[derive(Parser)]
#[command(name = "campanile", version, about, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
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
    Serve(Box<Serve>),
    /// Print the OpenAPI description of the API
    Openapi,
}

#[derive(clap::Args)]
struct Serve {
    /// File with settings, named as the flags are: listen = "127.0.0.1:8000" [default: campanile.toml if it is there]
    #[arg(long, env = "CAMPANILE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    said: Said,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve(cli.serve),
        Some(Command::Serve(serve_args)) => serve(*serve_args),
        Some(Command::Openapi) => print_openapi(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("campanile: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_openapi() -> Result<()> {
    println!("{}", http::openapi().to_pretty_json()?);
    Ok(())
}

#[tokio::main]
async fn serve(Serve { config, said }: Serve) -> Result<()> {
    let settings = Settings::load(&said, config.as_deref())?;
    log::start(&settings)?;
    let store = settings.open_store(SystemClock.now());
    let service = NotificationService::new(store).batch_max(settings.batch_max);
    let router = http::router(service.clone(), &settings.http);
    let socket = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("listen: {} cannot be had; is another server running there?", settings.listen))?;
    let address = socket.local_addr()?;
    let stop = stop_signal()?;
    let upkeep = tokio::spawn(maintenance::run(service));
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
    println!("Campanile is ready: http://{address}/");
    let all_ended = listener::serve(socket, router, settings.connections, stop).await;
    upkeep.abort();
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
        tracing::info!("stopping: running requests may end");
    })
}
