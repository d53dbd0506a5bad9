//! The answer to an HTTP request, as much of it as is read and kept.

use std::{error::Error, time::Duration};

use axum::http::{HeaderMap, StatusCode};
use tokio::time::timeout;

use super::{channel::Judged, outcome::Outcome, reach::Forbidden};

/// How much of an answer is read, in bytes.
pub(in crate::server) const READ: usize = 16 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 512;
/// How long the body is read, once the head has arrived.
pub(in crate::server) const READ_FOR: Duration = Duration::from_secs(2);

/// The answer.
pub(in crate::server) struct Answer {
    /// Its status.
    pub(in crate::server) status: StatusCode,
    /// Its headers.
    pub(in crate::server) headers: HeaderMap,
    /// The beginning of its body, which is as long as [`READ`] at most and may hold anything.
    pub(in crate::server) body: Vec<u8>,
}

impl Answer {
    /// The answer to a request that may take so long.
    ///
    /// # Errors
    /// Why there is none, fit to be kept: no URL is in it, which may hold a secret.
    pub(in crate::server) async fn to(request: reqwest::RequestBuilder, deadline: Duration) -> Result<Self, String> {
        let answer = request.send().await.map_err(|error| why_not(error, deadline))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Self { status, headers, body: beginning(answer).await })
    }

    /// The record of an attempt with this answer and `outcome`.
    pub(in crate::server) fn judged(&self, outcome: Outcome) -> Judged {
        let text = shortened(&String::from_utf8_lossy(&self.body));
        Judged { outcome, code: Some(self.status.as_u16()), detail: Some(text).filter(|text| !text.is_empty()) }
    }
}

/// Why there was no answer, in a few words: what it comes from in the end. There is no URL in it, which may hold a secret.
pub(in crate::server) fn why_not(error: reqwest::Error, deadline: Duration) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return format!("it did not answer within {} seconds", deadline.as_secs());
    }
    let mut first: &dyn Error = &error;
    while let Some(cause) = first.source() {
        first = cause;
    }
    let why =
        if first.is::<Forbidden>() { format!("its URL {first}") } else { format!("there was no answer: {first}") };
    shortened(&why)
}

/// The beginning of the body of an answer. Its head says already what it means, so nothing waits for the rest.
pub(in crate::server) async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < READ {
            let Ok(Some(chunk)) = answer.chunk().await else { break };
            bytes.extend_from_slice(&chunk[..chunk.len().min(READ - bytes.len())]);
        }
    };
    // What is there by then is enough.
    drop(timeout(READ_FOR, read).await);
    bytes
}

/// As much of a text as is kept, without what a terminal obeys.
pub(in crate::server) fn shortened(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let clean = clean.trim();
    clean[..clean.floor_char_boundary(KEPT)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_is_short_and_harmless() {
        assert_eq!(shortened(" a\u{1b}[31m\r\nb\0 "), "a [31m  b");
        assert_eq!(shortened(&"é".repeat(KEPT)).len(), KEPT);
        assert_eq!(shortened(&format!("x{}", "é".repeat(KEPT))).len(), KEPT - 1);
    }
}
