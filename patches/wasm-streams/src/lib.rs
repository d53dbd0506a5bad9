//! What leptos asks of wasm-streams, without the streams.
//!
//! The client of `server_fn` can send and receive bodies as streams. No page of Campanile does, but wasm-bindgen keeps
//! whatever a crate exports to JavaScript, used or not: that was 4 KB of what a page loads.

use futures_util::stream::{Empty, Stream};
use wasm_bindgen::JsValue;

/// For the one who sends the first stream: take this crate out of the `[patch]` of Cargo.toml.
const NO_STREAMS: &str = "this page has no streams";

/// A stream that JavaScript reads, or is read from.
#[derive(Debug)]
pub struct ReadableStream(web_sys::ReadableStream);

impl ReadableStream {
    /// Takes JavaScript's stream.
    #[must_use]
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(raw)
    }

    /// JavaScript's stream.
    #[must_use]
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0
    }

    /// None is made.
    ///
    /// # Panics
    /// Always.
    #[must_use]
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        unimplemented!("{NO_STREAMS}")
    }

    /// None is read.
    ///
    /// # Panics
    /// Always.
    #[must_use]
    pub fn into_stream(self) -> Empty<Result<JsValue, JsValue>> {
        unimplemented!("{NO_STREAMS}")
    }
}
