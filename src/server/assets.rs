//! The files of the dashboard: the output of `cargo leptos build` in `target/site`.
//!
//! A release build contains them; a debug build reads them from the disk, so that a change shows at once.

use std::borrow::Cow;

use rust_embed::RustEmbed;

use crate::app::PageAssets;

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// A file to send.
#[derive(Debug)]
pub struct Asset {
    /// Its bytes, in this encoding.
    pub bytes: Cow<'static, [u8]>,
    /// `br`, `gzip`, or none.
    pub encoding: Option<&'static str>,
    /// Changes when the bytes do.
    pub etag: String,
}

/// Whether a client with this `Accept-Encoding` accepts this coding.
pub(in crate::server) fn accepts(accept_encoding: &str, coding: &str) -> bool {
    accept_encoding.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next() == Some(coding) && parts.all(|parameter| parameter != "q=0")
    })
}

/// The smallest form of a file that a client with this `Accept-Encoding` accepts; `path` is relative to the site and
/// has no leading slash.
#[must_use]
pub fn get(path: &str, accept_encoding: &str) -> Option<Asset> {
    let forms = [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(coding, _)| accepts(accept_encoding, coding));
    let compressed = forms.filter_map(|(coding, suffix)| Some((Site::get(&format!("{path}{suffix}"))?, Some(coding))));
    let (file, encoding) = compressed.chain(Site::get(path).map(|file| (file, None))).next()?;
    let hash = file.metadata.sha256_hash();
    let etag = hash[..8].iter().fold(String::from("\""), |text, byte| format!("{text}{byte:02x}")) + "\"";
    Some(Asset { bytes: file.data, encoding, etag })
}

/// URLs of the page's style, script and WebAssembly. Empty when the site was not built.
#[must_use]
pub fn of_the_page() -> PageAssets {
    let newest = |extension: &str| {
        let names = Site::iter().filter(|name| name.starts_with("pkg/campanile") && name.ends_with(extension));
        let newest = names.max_by_key(|name| Site::get(name).and_then(|file| file.metadata.last_modified()));
        newest.map_or_else(String::new, |name| format!("/{name}"))
    };
    PageAssets { css: newest(".css"), js: newest(".js"), wasm: newest(".wasm") }
}
