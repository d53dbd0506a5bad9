//! A push service of Apple as a separate process: `receiver.mjs`, which answers as a test defines.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::delivery::LONG;

/// A running push service, stopped when this is dropped.
pub(super) struct Receiver {
    child: Child,
    input: Mutex<ChildStdin>,
    port: u64,
    said: Arc<Mutex<Vec<Value>>>,
    /// The key of its clients.
    pub(super) key: KeyPair,
}

impl Receiver {
    pub(super) fn start() -> Self {
        Self::start_with(json!({}))
    }

    pub(super) fn start_with(mut behaviour: Value) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        behaviour["publicKey"] = key.public_key_pem().into();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/push/apns/receiver.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(behaviour.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        let port = ready["port"].as_u64().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.for_each(|line| all.lock().unwrap().push(serde_json::from_str(&line).unwrap()));
        });
        let input = Mutex::new(child.stdin.take().unwrap());
        Self { child, input, port, said, key }
    }

    pub(super) fn port(&self) -> u64 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets the responses to the next requests for a device; all later ones are as usual.
    pub(super) async fn answers(&self, token: &str, answers: &[Value]) {
        let told = self.count("told");
        writeln!(self.input.lock().unwrap(), "{}", json!({ token: answers })).unwrap();
        self.until_said("told", told + 1).await;
    }

    pub(super) fn all(&self, what: &str) -> Vec<Value> {
        self.said.lock().unwrap().iter().filter(|said| said["is"] == what).cloned().collect()
    }

    /// How often the service reported this.
    pub(super) fn count(&self, what: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|said| said["is"] == what).count()
    }

    /// Waits until the service has reported this so many times.
    pub(super) async fn until_said(&self, what: &str, count: usize) {
        let until = Instant::now() + LONG;
        while self.count(what) < count {
            assert!(Instant::now() < until, "{} of {count}: {what}", self.count(what));
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until this many requests were answered, and returns all. Each was signed by the key.
    pub(super) async fn until(&self, count: usize) -> Vec<Value> {
        self.until_said("request", count).await;
        let requests = self.all("request");
        assert!(requests.iter().all(|request| request["claims"].is_object()), "{requests:?}");
        requests
    }

    /// The number of different provider tokens.
    pub(super) fn tokens(&self) -> usize {
        let requests = self.all("request");
        requests.iter().map(|request| request["headers"]["authorization"].to_string()).collect::<HashSet<_>>().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
