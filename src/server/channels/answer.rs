//! The answer to an HTTP request, as far as it is read and stored.

use std::{error::Error, time::Duration};

use axum::http::{HeaderMap, StatusCode};
use tokio::time::timeout;

use super::{channel::Judged, no_answer::NoAnswer, outcome::Outcome, reach::Forbidden};

/// How many bytes of an answer are read.
pub(in crate::server) const READ: usize = 16 * 1024;
/// How many bytes of it are stored.
const KEPT: usize = 512;
/// How long the body is read, once the head has arrived.
pub(in crate::server) const READ_FOR: Duration = Duration::from_secs(2);

/// The answer.
pub(in crate::server) struct Answer {
    /// Its status.
    pub(in crate::server) status: StatusCode,
    /// Its headers.
    pub(in crate::server) headers: HeaderMap,
    /// The beginning of its body, at most [`READ`] bytes of any content.
    pub(in crate::server) body: Vec<u8>,
}

impl Answer {
    /// The answer to a request that may take this long.
    ///
    /// # Errors
    /// Why there is none, in a form that may be stored: without a URL, which may contain a secret.
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

/// Why there was no answer, in a few words: the root cause, without a URL, which may contain a secret.
pub(in crate::server) fn why_not(error: reqwest::Error, deadline: Duration) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return NoAnswer::Late(deadline.as_secs()).to_string();
    }
    let mut first: &dyn Error = &error;
    while let Some(cause) = first.source() {
        first = cause;
    }
    let cause = first.to_string();
    let why = if first.is::<Forbidden>() { NoAnswer::Forbidden } else { NoAnswer::Lost(&cause) };
    shortened(&why.to_string())
}

/// The beginning of the body of an answer. Its head already has the meaning, so nothing waits for the rest.
pub(in crate::server) async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < READ {
            let Ok(Some(chunk)) = answer.chunk().await else { break };
            bytes.extend_from_slice(&chunk[..chunk.len().min(READ - bytes.len())]);
        }
    };
    // The bytes read by then are enough.
    drop(timeout(READ_FOR, read).await);
    bytes
}

/// The beginning of a text, as it is stored, without characters that a terminal obeys.
pub(in crate::server) fn shortened(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let clean = clean.trim();
    clean[..clean.floor_char_boundary(KEPT)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_shortened_and_has_no_control_characters() {
        assert_eq!(shortened(" a\u{1b}[31m\r\nb\0 "), "a [31m  b");
        assert_eq!(shortened(&"é".repeat(KEPT)).len(), KEPT);
        assert_eq!(shortened(&format!("x{}", "é".repeat(KEPT))).len(), KEPT - 1);
    }
}
