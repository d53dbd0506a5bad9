//! The way from a server to its database, which can be cut for this server alone.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Passes on what is said, until it is cut.
pub(super) struct Wire {
    address: SocketAddr,
    /// The URL of the database, in two halves around its address.
    url: [String; 2],
    to: String,
    relay: JoinHandle<()>,
}

impl Wire {
    /// The way to the database of this URL.
    pub(super) async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (to, after) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = tokio::spawn(relay(listener, to.to_owned()));
        Self { address, url: [before.to_owned(), after.to_owned()], to: to.to_owned(), relay }
    }

    /// The URL of the database by this way.
    pub(super) fn url(&self) -> String {
        format!("{}@{}/{}", self.url[0], self.address, self.url[1])
    }

    /// Breaks every connection, and takes no new one.
    pub(super) fn cut(&mut self) {
        self.relay.abort();
    }

    /// Takes connections again.
    pub(super) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.relay = tokio::spawn(relay(listener, self.to.clone()));
    }
}

async fn relay(listener: TcpListener, to: String) {
    // They end with it.
    let mut connections = JoinSet::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let to = to.clone();
        connections.spawn(async move {
            if let Ok(mut to) = TcpStream::connect(to).await {
                drop(copy_bidirectional(&mut from, &mut to).await);
            }
        });
    }
}
