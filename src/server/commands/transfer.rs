//! `campanile export` and `campanile import`: everything, as lines of JSON.

mod frame;

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc;

use self::frame::{Counts, Frame, Lines, Whole};
use crate::server::{
    config::{Settings, StoreUrl},
    store::{Record, StoreError, record::Format},
    stores::{self, refusal},
};

/// How many records wait between the store and the file.
const UNDER_WAY: usize = 256;
/// The longest line that is read. A notification takes a tenth of this at most; the longest possible record is the
/// result of a request with an idempotency key.
const MAX_LINE_BYTES: usize = 8 << 20;

/// Writes everything in the store, one record a line between a format record and an end record, and returns the number
/// of notifications.
///
/// It only holds the waiting records in memory, however many there are.
///
/// # Errors
/// One sentence about the store or the file. The output then has no end record.
pub async fn export(settings: &Settings, mut into: impl Write + Send + 'static) -> Result<u64> {
    let store = stores::transfer(settings)?;
    let (sender, mut records) = mpsc::channel(UNDER_WAY);
    let written = tokio::task::spawn_blocking(move || {
        let mut counts = Counts::default();
        write_line(&mut into, &Frame::first())?;
        while let Some(record) = records.blocking_recv() {
            write_line(&mut into, &record)?;
            counts.add(&record);
        }
        Ok::<_, io::Error>((counts, into))
    });
    let exported = store.export(sender).await;
    let written = written.await?.context("the export could not be written");
    // If the store failed, that is why the file is incomplete.
    exported.map_err(refusal)?;
    let (counts, mut into) = written?;
    let ended = tokio::task::spawn_blocking(move || {
        write_line(&mut into, &Frame::End(counts))?;
        into.flush()
    });
    ended.await?.context("the export could not be written")?;
    Ok(counts.notifications)
}

/// The first bytes of a SQLite database: <https://sqlite.org/fileformat.html>.
const SQLITE_FILE: &[u8] = b"SQLite format 3\0";

fn write_line(into: &mut impl Write, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *into, line)?;
    into.write_all(b"\n")
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The number of notifications.
    pub notifications: u64,
    /// Warnings, each one sentence.
    pub warnings: Vec<String>,
}

/// Imports the output of [`export`] into an empty store, all of it or nothing.
///
/// An export without its end record, or with a number of records that differs from it, was cut off and is refused. An
/// export of a release that wrote no such record is accepted with a warning.
///
/// # Errors
/// One sentence about the store, or about the invalid line, without any of its content.
pub async fn import(settings: &Settings, from: impl BufRead + Send + 'static) -> Result<Imported> {
    let store = stores::transfer(settings)?;
    let (sender, records) = mpsc::channel(UNDER_WAY);
    let reading = tokio::task::spawn_blocking(move || {
        let read = read(from, &sender);
        if let Err(why) = &read {
            // The store may be gone because it refused for a reason of its own.
            drop(sender.blocking_send(Err(StoreError::failed(why.as_str()))));
        }
        read
    });
    let notifications = store.import(records).await.map_err(|error| not_imported(error, &settings.store))?;
    let mut warnings = Vec::new();
    // The store has finished, so everything was read.
    if let Ok(Whole { format, beyond_limits }) = reading.await? {
        if format == Format::Old {
            warnings.push(format!(
                "this export is of a release that did not count what it wrote, so it cannot be checked whether a part \
                 is missing. There were {notifications} notifications in it."
            ));
        }
        if beyond_limits > 0 {
            warnings
                .push(format!("{beyond_limits} of the notifications are larger than is taken today; they are kept."));
        }
    }
    Ok(Imported { notifications, warnings })
}

/// The error of an import that failed, which changed nothing unless its outcome is not known.
fn not_imported(error: StoreError, into: &StoreUrl) -> anyhow::Error {
    if matches!(error, StoreError::Unknown { .. }) {
        return refusal(error);
    }
    let why = format!("{:#}", refusal(error));
    let end = if why.ends_with(['.', '?']) { "" } else { "." };
    anyhow!("{why}{end} Nothing was imported into {into}.")
}

/// Reads all lines and sends their records, while there is a receiver.
fn read(mut from: impl BufRead, into: &mpsc::Sender<Result<Record, StoreError>>) -> Result<Whole, String> {
    let mut lines = Lines::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        number += 1;
        line.clear();
        let wrong = |why: &str| format!("line {number} of the import {why}.");
        let most = MAX_LINE_BYTES as u64 + 1;
        let length = from.by_ref().take(most).read_until(b'\n', &mut line);
        let length = length.map_err(|error| wrong(&format!("cannot be read: {}", error.kind())))?;
        if length == 0 {
            return lines.finish().map_err(|why| format!("the import cannot be taken: {why}"));
        }
        if line.starts_with(SQLITE_FILE) {
            return Err(wrong(
                "begins as a SQLite file does, such as `campanile backup` makes. To use it, see Restore in docs/backup.md",
            ));
        }
        if length > MAX_LINE_BYTES {
            return Err(wrong(&format!("is longer than {MAX_LINE_BYTES} bytes")));
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong("is not UTF-8"))?;
        // Some editors put a byte order mark before the first line.
        let text = text.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(text).trim();
        if text.is_empty() {
            continue;
        }
        if let Some(record) = lines.next(text).map_err(|why| wrong(&why.to_string()))?
            && into.blocking_send(Ok(record)).is_err()
        {
            return Err(wrong("was not taken by the store"));
        }
    }
}
