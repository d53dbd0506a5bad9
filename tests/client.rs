//! A client for one connection: it sends requests and reads responses until the connection breaks.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::TcpStream,
};

use serde_json::Value;

/// A connection to a server.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and returns status, headers with names in lower case, and body.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(u16, HashMap<String, String>, Vec<u8>)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.exchange_text(method, path, headers, "application/json", &body)
    }

    /// Sends a form, and returns status and headers.
    pub(crate) fn post_form(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> (u16, HashMap<String, String>) {
        let kind = "application/x-www-form-urlencoded";
        let (status, headers, _) = self.exchange_text("POST", path, headers, kind, form).unwrap();
        (status, headers)
    }

    /// The local address of the connection.
    pub(crate) fn local_address(&self) -> String {
        self.0.get_ref().local_addr().unwrap().to_string()
    }

    fn exchange_text(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        kind: &str,
        body: &str,
    ) -> Result<(u16, HashMap<String, String>, Vec<u8>)> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
        if !body.is_empty() {
            request.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.0.get_mut().write_all(request.as_bytes())?;

        let status = self.line()?;
        let status =
            status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| Error::other("no status"))?;
        let mut answered = HashMap::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            answered.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = answered.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, answered, body))
    }

    /// Sends a request, and returns the status and the JSON of the body.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let (status, _, body) = self.exchange(method, path, headers, body)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<(u16, Value)> {
        self.ask("POST", path, headers, Some(body))
    }

    /// Gets a path that must exist.
    pub(crate) fn get(&mut self, path: &str) -> (HashMap<String, String>, Value) {
        let (status, headers, body) = self.exchange("GET", path, &[], None).unwrap();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        (headers, serde_json::from_slice(&body).unwrap())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(Error::other("the connection ended"));
        }
        Ok(line.trim_end().to_owned())
    }
}
