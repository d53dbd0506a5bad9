//! `campanile key`: service keys, with which programs call the API.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use chrono::{Datelike, TimeDelta};
use clap::Args;
use serde::Serialize;

use crate::{
    model::Timestamp,
    server::{
        auth::key::KeySecret,
        config::{Settings, parse_age},
        identity::{KeyId, Scope, Scopes},
        store::ServiceKey,
        stores::{open_credentials, refusal},
    },
};

/// The arguments of a new key.
#[derive(Args, Clone, Debug)]
pub struct NewKey {
    /// Name of the key, such as the program that will use it: 1 to 64 characters
    #[arg(value_parser = ServiceKey::parse_name)]
    pub name: String,

    /// Scopes of the key, separated by commas: send (create notifications), read (list, count and follow), mark (mark and
    /// delete), contacts (addresses and devices of users), admin (everything, and the dashboard)
    #[arg(long, value_parser = Scopes::parse)]
    pub scopes: Scopes,

    /// Lifetime of the key, such as 90d, 12h, 30m or 45s [default: until it is revoked]
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub expires: Option<TimeDelta>,
}

/// A key that was created.
#[derive(Debug)]
pub struct MadeKey {
    /// Its secret, for the operator who created it.
    pub secret: KeySecret,
    /// A description of the key, without the secret.
    pub explanation: String,
}

/// Creates a key, at this time.
///
/// # Errors
/// One sentence about the store, or about an expiry that is too far away.
pub async fn create_key(settings: &Settings, new: NewKey, now: Timestamp) -> Result<MadeKey> {
    let end = |age| now.to_utc().checked_add_signed(age).filter(|end| end.year() <= 9999).map(Timestamp::new);
    let too_far = "expires: that is after the year 9999. Leave it out for a key that is good until it is revoked.";
    let expires_at = new.expires.map(|age| end(age).context(too_far)).transpose()?;
    let secret = KeySecret::generate();
    let key = ServiceKey {
        id: secret.id(),
        name: new.name,
        scopes: new.scopes,
        hash: secret.hash(),
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    open_credentials(settings).await?.add_key(&key).await.map_err(refusal)?;
    let until = expires_at.map_or("it is revoked".to_owned(), |end| format!("{} UTC", minute(end)));
    let ServiceKey { id, name, scopes, .. } = key;
    let explanation = format!(
        "This is the key {name:?} ({scopes}), valid until {until}. It is shown this once: only a hash of it is kept.\n\
         Keep it where secrets are kept, and send it with every request:\n  \
           Authorization: Bearer {hidden}\n\
         To revoke it: campanile key revoke {id}",
        hidden = format_args!("cmp_{id}_…"),
    );
    Ok(MadeKey { secret, explanation })
}

/// All keys, as a table, or as one array of JSON; empty text when there is nothing for a table.
///
/// # Errors
/// One sentence about the store.
pub async fn list_keys(settings: &Settings, json: bool, now: Timestamp) -> Result<String> {
    let keys = open_credentials(settings).await?.keys().await.map_err(refusal)?;
    let shown = || keys.iter().map(|key| ShownKey::new(key, now));
    if json {
        return Ok(serde_json::to_string_pretty(&shown().collect::<Vec<_>>())?);
    }
    Ok(if keys.is_empty() { String::new() } else { table(&shown().map(|key| key.cells()).collect::<Vec<_>>()) })
}

/// Revokes a key, at this time, and returns a sentence about it.
///
/// # Errors
/// One sentence about the store, or when there is no such key or it was revoked before.
pub async fn revoke_key(settings: &Settings, id: KeyId, now: Timestamp) -> Result<String> {
    let credentials = open_credentials(settings).await?;
    let is_revoked = credentials.revoke_key(id, now).await.map_err(refusal)?;
    let Some(ServiceKey { name, scopes, revoked_at, .. }) = credentials.key(id).await.map_err(refusal)? else {
        bail!("There is no key {id} in {}. See those there are: campanile key list.", settings.store);
    };
    if !is_revoked {
        let when = revoked_at.map_or_else(String::new, |at| format!(", at {} UTC", minute(at)));
        bail!("The key {name:?} ({id}) was revoked before{when}.");
    }
    Ok(format!("The key {name:?} ({id}), which was for {scopes}, is revoked."))
}

/// A key as it is listed: without anything that helps to use it.
#[derive(Serialize)]
struct ShownKey<'a> {
    id: String,
    name: &'a str,
    scopes: Vec<&'static str>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    state: &'static str,
}

impl<'a> ShownKey<'a> {
    fn new(key: &'a ServiceKey, now: Timestamp) -> Self {
        let state = match key.revoked_at {
            Some(_) => "revoked",
            None if key.is_good(now) => "valid",
            None => "expired",
        };
        Self {
            id: key.id.to_string(),
            name: &key.name,
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            state,
        }
    }

    fn cells(&self) -> [String; 7] {
        let or_never = |moment: Option<Timestamp>| moment.map_or("never".to_owned(), minute);
        [
            self.id.clone(),
            self.name.to_owned(),
            self.scopes.join(","),
            minute(self.created_at),
            or_never(self.expires_at),
            or_never(self.last_used_at),
            self.state.to_owned(),
        ]
    }
}

/// A time to the minute, in UTC.
fn minute(moment: Timestamp) -> String {
    moment.to_utc().format("%Y-%m-%d %H:%M").to_string()
}

/// Rows under their headings, each column as wide as its widest cell.
fn table(rows: &[[String; 7]]) -> String {
    let headings = ["ID", "NAME", "SCOPES", "CREATED (UTC)", "EXPIRES", "LAST USED", "STATE"].map(str::to_owned);
    let lines = || std::iter::once(&headings).chain(rows);
    let width = |column: usize| lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for cells in lines() {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_whatever_the_names_are() {
        let now = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        let key = |number, name: &str| ServiceKey {
            id: KeyId::new(number),
            name: name.to_owned(),
            scopes: Scopes::of(&[Scope::Send, Scope::Read]),
            hash: [0xab; 32],
            created_at: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        let over = ServiceKey { expires_at: Some(now), last_used_at: Some(now), ..key(2, "Zoë's \"naïve\" one") };
        let gone = ServiceKey { revoked_at: Some(now), ..over.clone() };
        let rows = [key(1, "a"), over, gone].each_ref().map(|key| ShownKey::new(key, now).cells());
        let expected = "\
ID                NAME               SCOPES     CREATED (UTC)     EXPIRES           LAST USED         STATE
0000000000000001  a                  send,read  2026-01-02 03:04  never             never             valid
0000000000000002  Zoë's \"naïve\" one  send,read  2026-01-02 03:04  2026-03-01 00:00  2026-03-01 00:00  expired
0000000000000002  Zoë's \"naïve\" one  send,read  2026-01-02 03:04  2026-03-01 00:00  2026-03-01 00:00  revoked";
        assert_eq!(table(&rows), expected);
    }
}
