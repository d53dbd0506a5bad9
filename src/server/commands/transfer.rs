//! `campanile export` and `campanile import`: everything, as lines of JSON.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use crate::server::{
    config::Settings,
    store::{Record, StoreError},
};

/// How many records are under way between the store and the file.
const UNDER_WAY: usize = 1024;

/// Writes everything in the store, one record a line, and returns how many notifications that were.
///
/// It takes no more memory than what is under way, however much there is.
///
/// # Errors
/// One sentence about the store or the file.
pub async fn export(settings: &Settings, mut into: impl Write + Send + 'static) -> Result<u64> {
    let store = settings.transfer()?;
    let (sender, mut records) = mpsc::channel(UNDER_WAY);
    let written = tokio::task::spawn_blocking(move || {
        let mut notifications = 0;
        while let Some(record) = records.blocking_recv() {
            serde_json::to_writer(&mut into, &record)?;
            into.write_all(b"\n")?;
            notifications += u64::from(matches!(record, Record::Notification { .. }));
        }
        into.flush()?;
        Ok::<_, std::io::Error>(notifications)
    });
    let exported = store.export(sender).await;
    let written = written.await?.context("the export could not be written");
    exported?;
    written
}

/// Takes what [`export`] wrote into an empty store, all of it or nothing, and returns how many
/// notifications that were.
///
/// # Errors
/// One sentence about the store, or about the line that is wrong.
pub async fn import(settings: &Settings, from: impl BufRead + Send + 'static) -> Result<u64> {
    let store = settings.transfer()?;
    let (sender, records) = mpsc::channel(UNDER_WAY);
    tokio::task::spawn_blocking(move || {
        for (number, line) in from.lines().enumerate() {
            let wrong = |why: String| StoreError::failed(format!("line {} of the import {why}", number + 1));
            let record = line
                .map_err(|error| wrong(format!("cannot be read: {error}")))
                .and_then(|line| serde_json::from_str(&line).map_err(|error| wrong(format!("is no record: {error}"))));
            let is_over = record.is_err();
            if sender.blocking_send(record).is_err() || is_over {
                return;
            }
        }
    });
    Ok(store.import(records).await?)
}
