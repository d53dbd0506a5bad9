//! The files that a URL of NATS names.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::server::secret_file;

/// The text of the file that the option `name` of the URL names.
///
/// # Errors
/// One sentence that begins with the option and does not quote the file.
pub(super) fn read(name: &str, file: &Path) -> Result<String> {
    let bytes = secret_file::read(name, file)?;
    String::from_utf8(bytes).map_err(|_| anyhow!("{name}: {} is no text.", secret_file::named(file)))
}
