//! Browsers as a separate process: `browser.py`, which reads pushes with other libraries than the server's.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::service::Hit;

/// Running browsers, stopped when this is dropped.
pub(super) struct Browsers {
    child: Child,
    wires: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Browsers {
    pub(super) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/push/webpush/browser.py");
        let mut command = Command::new("python3");
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut output = BufReader::new(output);
        let mut ready = String::new();
        output.read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "there is no http_ece; scripts/setup test brings it");
        Self { child, wires: Mutex::new((input, output)) }
    }

    fn ask(&self, question: &Value) -> Value {
        let mut wires = self.wires.lock().unwrap();
        writeln!(wires.0, "{question}").unwrap();
        let mut answer = String::new();
        wires.1.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"], Value::Null, "{question}");
        answer
    }

    /// The keys of a new subscription.
    pub(super) fn subscribe(&self, name: &str) -> Value {
        self.ask(&json!({ "subscribe": name }))
    }

    /// The contents of a push, as read by the browser and by its push service.
    pub(super) fn read(&self, name: &str, hit: &Hit) -> Value {
        let (body, authorization) = (STANDARD.encode(&hit.body), hit.header("authorization"));
        self.ask(&json!({"read": name, "body": body, "authorization": authorization}))
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
