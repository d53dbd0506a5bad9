//! The connection from a server to its database, which can be cut for this server alone.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Forwards data until it is cut.
pub(crate) struct Wire {
    address: SocketAddr,
    /// The URL of the database, in two halves around its address.
    url: [String; 2],
    to: String,
    delay: Duration,
    relay: JoinHandle<()>,
}

impl Wire {
    /// A connection to the database of this URL.
    pub(super) async fn to(url: &str) -> Self {
        Self::of_length(url, Duration::ZERO).await
    }

    /// The same with a delay.
    pub(crate) async fn of_length(url: &str, delay: Duration) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (to, after) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = tokio::spawn(relay(listener, to.to_owned(), delay));
        Self { address, url: [before.to_owned(), after.to_owned()], to: to.to_owned(), delay, relay }
    }

    /// The URL of the database through this connection.
    pub(crate) fn url(&self) -> String {
        format!("{}@{}/{}", self.url[0], self.address, self.url[1])
    }

    /// Breaks every connection, and accepts no new one.
    pub(super) fn cut(&mut self) {
        self.relay.abort();
    }

    /// Accepts connections again.
    pub(super) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.relay = tokio::spawn(relay(listener, self.to.clone(), self.delay));
    }
}

async fn relay(listener: TcpListener, to: String, delay: Duration) {
    // The connections end with the wire.
    let mut connections = JoinSet::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let to = to.clone();
        connections.spawn(async move {
            if let Ok(mut to) = TcpStream::connect(to).await {
                let ((from, answer_to), (answer, to)) = (from.split(), to.split());
                tokio::select! {
                    () = pass_on(from, to, delay) => {}
                    () = pass_on(answer, answer_to, delay) => {}
                }
            }
        });
    }
}

async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        sleep(delay).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
