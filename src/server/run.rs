//! Assembles a server: store, bus, service, authentication, HTTP, and background tasks.

use std::{
    io::{Write, stdout},
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::Router;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

use super::{
    auth::Authenticator,
    clock::{Clock, SystemClock},
    config::{BusUrl, Listen, Settings, of_bus, of_tls},
    delivery::Delivery,
    http::{HttpOptions, HttpService},
    listener::{self, Bound},
    live::{Bus, Local, Nats},
    log, maintenance,
    service::NotificationService,
    stores::Stores,
    tasks::Tasks,
};

/// A running Campanile with its background tasks, for the `campanile` command and for programs that embed it.
/// [`Self::stop`] ends it; dropping it does not.
#[derive(Clone)]
pub struct Campanile {
    service: NotificationService,
    auth: Option<Arc<Authenticator>>,
    delivery: Delivery,
    http: HttpService,
}

impl Campanile {
    /// Opens the store and the bus of the settings, and starts the background tasks, which delete expired
    /// notifications, end the streams of revoked keys, and send changes to other servers. Ignores the settings of
    /// listening and connections.
    ///
    /// # Errors
    /// One sentence about the obstacle.
    ///
    /// # Panics
    /// Outside of tokio.
    pub async fn start(settings: &Settings) -> Result<Self> {
        let Stores { inboxes, credentials, delivery } = Stores::open(settings, SystemClock.now()).await?;
        let tasks = Tasks::default();
        let bus: Arc<dyn Bus> = match &settings.bus {
            BusUrl::Local => Arc::new(Local),
            BusUrl::Nats(url) => {
                let connecting = Nats::connect(url, &settings.bus_prefix, &tasks).await;
                Arc::new(connecting.map_err(|why| of_bus(&why))?)
            }
        };
        let delivery = Delivery::on_bus(delivery, &settings.delivery, Arc::new(SystemClock), &bus, &tasks)?;
        delivery.make_keys().await;
        let service = NotificationService::on_bus(inboxes, SystemClock, bus, tasks.clone());
        let auth = settings.auth.clone();
        let auth = auth.map(|auth| Authenticator::among(auth, credentials, SystemClock, tasks.clone())).transpose()?;
        if settings.bus != BusUrl::Local {
            // Other servers may have clients that listen, even if this one has none.
            service.keep_up();
        }
        let service =
            service.batch_max(settings.batch_max).max_age(settings.max_age).limit_recipients(settings.limit_recipient);
        let options = HttpOptions { auth: auth.clone(), delivery: Some(delivery.clone()), ..settings.http.clone() };
        let http = HttpService::new(service.clone(), &options);

        let expiring = service.clone();
        tasks.spawn("expiry", move || maintenance::run(expiring.clone()));
        if let Some(auth) = auth.clone() {
            tasks.spawn("credentials", move || Arc::clone(&auth).run());
        }
        Ok(Self { service, auth, delivery, http })
    }

    /// The service, which creates, reads and follows notifications.
    #[must_use]
    pub fn service(&self) -> &NotificationService {
        &self.service
    }

    /// Delivery: webhooks, mail and push.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The REST API, live delivery and the dashboard, to be served or merged into another router.
    pub fn router(&self) -> Router {
        self.http.router()
    }

    /// Ends streams and tasks. Every write that was answered is stored.
    pub async fn stop(self) {
        self.service.stop_following();
        self.delivery.stop().await;
        self.service.tasks().stop().await;
        if let Some(auth) = &self.auth {
            auth.note_uses().await;
        }
    }
}

/// Serves like the `campanile` command, until the process receives a signal to stop.
///
/// # Errors
/// One sentence about the obstacle.
pub async fn run(settings: &Settings) -> Result<()> {
    settings.startable()?;
    let bound = settings.bind()?;
    log::start(settings)?;
    outlive_full_files()?;
    let campanile = Campanile::start(settings).await?;
    let served = serve(settings, bound, &campanile).await;
    // Also after a failure to serve: the background tasks may have claimed deliveries.
    campanile.stop().await;
    if served? {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped at the deadline, with requests still running");
    }
    Ok(())
}

/// Serves until the process receives a signal to stop; `false` where requests were still running at the deadline.
async fn serve(settings: &Settings, bound: Bound, campanile: &Campanile) -> Result<bool> {
    let socket = bound.listen().map_err(|error| settings.cannot_listen(&error))?;
    let at = socket.address().map_or_else(|| settings.listen.clone(), Listen::Tcp);
    let service = campanile.service();
    let stop = stopped_by_signal(settings, service.clone())?;
    let serving =
        listener::serve_with(socket, campanile.http.clone(), settings.connections.clone(), stop, service.tasks());
    let serving = serving.map_err(|why| of_tls(&why))?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    tracing::info!(address = %at, store = %settings.store, bus = %settings.bus, version = env!("CARGO_PKG_VERSION"), "serving");
    tell_ready(settings, &at);
    Ok(serving.await)
}

/// Prints on standard output that the server is ready, and its address. A failure to print is ignored.
fn tell_ready(settings: &Settings, at: &Listen) {
    let scheme = if settings.connections.tls.is_some() { "https" } else { "http" };
    let mut lines = match at {
        Listen::Tcp(address) => format!("Campanile is ready: {scheme}://{address}/\n"),
        Listen::Unix(_) => format!("Campanile is ready: {at}\n"),
    };
    if let Some(url) = &settings.http.public_url {
        lines.push_str(&format!("Others reach it at: {url}/\n"));
    }
    drop(stdout().write_all(lines.as_bytes()).and_then(|()| stdout().flush()));
}

/// Completes when the process has received a signal to stop, load balancers had time to notice, and streams have ended.
fn stopped_by_signal(settings: &Settings, service: NotificationService) -> Result<impl Future<Output = ()> + use<>> {
    let (stopping, shutdown_delay) = (stop_signal()?, settings.shutdown_delay);
    Ok(async move {
        stopping.await;
        service.stop_soon();
        // A second signal stops it at once.
        match stop_signal() {
            Ok(again) => drop(timeout(shutdown_delay, again).await),
            Err(_) => sleep(shutdown_delay).await,
        }
        tracing::info!("stopping: running requests may finish, and streams are closed");
        service.stop_following();
    })
}

/// Makes a write beyond the file size limit (`ulimit -f`, or systemd's `LimitFSIZE`) fail like a write to a full disk.
/// Without a handler the signal would end the process.
fn outlive_full_files() -> Result<()> {
    /// `SIGXFSZ`, which tokio does not define: the same number on all systems but MIPS.
    const FILE_IS_FULL: i32 = 25;
    // The handler stays when the stream of signals is dropped.
    signal(SignalKind::from_raw(FILE_IS_FULL)).map(drop).context("signals cannot be handled")
}

/// Completes when the process receives Ctrl-C or a signal of its supervisor.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("received a signal to stop");
    })
}
