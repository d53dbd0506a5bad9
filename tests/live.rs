//! Following an inbox: one table of scenarios over each transport, and tests of each transport.

pub(crate) mod checker;
mod protocol;
mod scenarios;
pub(crate) mod transport;

use std::{net::SocketAddr, time::Duration};

use campanile::server::{
    http::{HttpOptions, HttpService, StreamOptions},
    identity::Principal,
    listener::{ListenerOptions, serve},
    service::NotificationService,
    store::MemoryStore,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::harness::started;

/// The time limit for anything.
const LONG: Duration = Duration::from_secs(10);

/// A server in this process, over a memory store.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: NotificationService,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<bool>,
}

impl Server {
    /// A server with this window and the default stream options.
    pub(crate) async fn start(window: usize) -> Self {
        Self::with(NotificationService::new(MemoryStore::new(window, started())), StreamOptions::default()).await
    }

    pub(crate) async fn with(service: NotificationService, streams: StreamOptions) -> Self {
        let http = HttpService::new(service.clone(), &HttpOptions { streams, ..HttpOptions::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = ListenerOptions {
            max_connections: 10_000,
            header_timeout: LONG,
            shutdown_timeout: LONG,
            max_header_bytes: 32 * 1024,
            tls: None,
            ..ListenerOptions::default()
        };
        let followed = service.clone();
        let stopping = async move {
            drop(stopped.await);
            followed.stop_following();
        };
        let ended = tokio::spawn(serve(listener, http, options, stopping).unwrap());
        Self { address, service, stop: Some(stop), ended }
    }

    pub(crate) async fn notify(&self, user_id: &str, content: &str) -> campanile::model::Notification {
        self.service.notify(&Principal::operator(), user_id, content).await.unwrap()
    }

    /// Stops, and returns whether all tasks ended in time.
    pub(crate) async fn stop(&mut self) -> bool {
        self.stop.take();
        (&mut self.ended).await.unwrap()
    }
}
