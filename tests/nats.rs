//! A NATS server of a test's own.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A server that ends with whoever started it.
pub(crate) struct Nats {
    port: u16,
    /// A shell that kills the server when its input ends: also when this process is killed.
    shell: Option<Child>,
}

impl Nats {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut nats = Self { port, shell: None };
        nats.start_again();
        nats
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it where it was.
    pub(crate) fn start_again(&mut self) {
        let script =
            "nats-server -a 127.0.0.1 -p \"$1\" >/dev/null 2>&1 </dev/null & server=$!; read -r end; kill -9 $server";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", &self.port.to_string()]);
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
