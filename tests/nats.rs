//! A NATS server for a single test.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::new_folder;

/// A server that stops with the test that started it.
pub(crate) struct Nats {
    port: u16,
    /// A file with its settings, if there is one.
    settings: Option<PathBuf>,
    /// A shell that kills the server when its input ends, even if this process is killed.
    shell: Option<Child>,
}

impl Nats {
    /// Starts a server on a free port.
    pub(crate) fn start() -> Self {
        Self::start_in(None)
    }

    /// The same with these settings, in the form of its settings file.
    pub(crate) fn start_with(settings: &str) -> Self {
        let file = new_folder().join("nats.conf");
        std::fs::write(&file, settings).unwrap();
        Self::start_in(Some(file))
    }

    fn start_in(settings: Option<PathBuf>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut nats = Self { port, settings, shell: None };
        nats.start_again();
        nats
    }

    /// The address on which it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port.
    pub(crate) fn start_again(&mut self) {
        let script = "nats-server -a 127.0.0.1 -p \"$1\" ${2:+-c \"$2\"} >/dev/null 2>&1 </dev/null & server=$!; read -r end; kill -9 $server";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", &self.port.to_string()]).args(&self.settings);
        self.shell = Some(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).is_err() {
            assert!(Instant::now() < deadline, "no nats-server answers; `make setup` and scripts/setup test bring it");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn stop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            drop(shell.wait());
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}
