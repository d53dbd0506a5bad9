//! A mail relay as a separate process: `relay.py`, which answers as a test defines.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::time::sleep;

use crate::delivery::LONG;

/// A running relay, stopped when this is dropped.
pub(crate) struct Relay {
    child: Child,
    input: Mutex<ChildStdin>,
    port: u64,
    said: Arc<Mutex<Vec<Value>>>,
}

/// A received message, whatever the reply to it was.
pub(crate) struct Mail(Value);

impl Relay {
    /// A relay that accepts everything, except as an address tells it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/relay.py");
        let mut command = Command::new("python3");
        command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.next().unwrap_or_else(|| panic!("there is no aiosmtpd; scripts/setup test brings it"));
        let port = serde_json::from_str::<Value>(&ready).unwrap()["port"].as_u64().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.for_each(|line| all.lock().unwrap().push(serde_json::from_str(&line).unwrap()));
        });
        let input = Mutex::new(child.stdin.take().unwrap());
        Self { child, input, port, said }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address())
    }

    /// Changes its behaviour at some steps from now on; all others are as usual.
    pub(crate) async fn does(&self, script: &Value) {
        let told = self.count("told");
        writeln!(self.input.lock().unwrap(), "{script}").unwrap();
        self.until_said("told", told + 1).await;
    }

    /// How often the relay reported this.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|said| said["is"] == what).count()
    }

    /// Waits until the relay has reported this so many times.
    pub(crate) async fn until_said(&self, what: &str, count: usize) {
        let until = Instant::now() + LONG;
        while self.count(what) < count {
            assert!(Instant::now() < until, "{} of {count}: {what}", self.count(what));
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// The received messages.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|said| said["is"] == "message").map(|said| Mail(said.clone())).collect()
    }

    /// The messages received for an address.
    pub(crate) fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to() == address).collect()
    }

    /// Waits for this many messages, and returns all.
    pub(crate) async fn until(&self, count: usize) -> Vec<Mail> {
        self.until_said("message", count).await;
        self.mails()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Mail {
    /// The only recipient in the envelope.
    pub(crate) fn to(&self) -> &str {
        let to = self.0["recipients"].as_array().unwrap();
        assert_eq!(to.len(), 1, "{to:?}");
        to[0].as_str().unwrap()
    }

    /// The sender in the envelope.
    pub(crate) fn sender(&self) -> &str {
        self.0["sender"].as_str().unwrap()
    }

    /// A header that occurs once, decoded.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0]
    }

    /// All headers of a name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap().iter();
        let named = all.filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.map(|header| header[1].as_str().unwrap()).collect()
    }

    /// The names of all headers.
    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.0["headers"].as_array().unwrap().iter();
        let mut names: Vec<_> = all.map(|header| header[0].as_str().unwrap().to_lowercase()).collect();
        names.sort();
        names
    }

    /// Its media type, and those of its parts.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let parts = self.0["parts"].as_array().unwrap().iter().map(|part| &part["type"]);
        std::iter::once(&self.0["type"]).chain(parts).map(|kind| kind.as_str().unwrap()).collect()
    }

    /// The text, decoded.
    pub(crate) fn text(&self) -> String {
        self.0["parts"][0]["text"].as_str().unwrap().replace("\r\n", "\n")
    }

    /// The HTML, decoded.
    pub(crate) fn html(&self) -> String {
        self.0["parts"][1]["text"].as_str().unwrap().replace("\r\n", "\n")
    }

    /// The message as received.
    pub(crate) fn raw(&self) -> String {
        let bytes = STANDARD.decode(self.0["bytes"].as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The defects that Python's parser finds.
    pub(crate) fn defects(&self) -> &Value {
        &self.0["defects"]
    }

    /// The targets of the links in its HTML.
    pub(crate) fn hrefs(&self) -> Vec<String> {
        let links = regex::Regex::new(r#"(?i)\bhref\s*=\s*"?([^">\s]*)"#).unwrap();
        links.captures_iter(&self.html()).map(|found| found[1].replace("&amp;", "&")).collect()
    }
}
