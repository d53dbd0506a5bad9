//! Reads a line of an export as a record.
//!
//! A line may come from anywhere: every part of it is read by the rules of intake, except for values that an earlier
//! release accepted under wider ones, which stay readable. `data` is taken as the text that it is, so the kind of a
//! record has to be known before the line is read: nothing is buffered.

mod lines;

use std::{borrow::Cow, ops::RangeInclusive};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use self::lines::{DeletionLine, Fields, InboxLine, KeyLine, NotificationLine, OnceLine, PreferencesLine, SecretLine};
use super::{KeyRecord, Record, SecretRecord};
use crate::{
    model::{
        Category, Channel, Content, Data, Invalid, Label, Link, NewNotification, Notification, Routing, Title, UserId,
    },
    server::{
        hex,
        identity::Holder,
        store::{
            contacts::KeptContact,
            outbox::{Delivery, Entry, LaneMemory, MOST_ATTEMPTS, Webhook},
        },
    },
};

/// The largest number of a change. No inbox gets there, and a browser can still count on from it.
const MAX_NUMBER: u64 = 1 << 53;
/// The most bytes of data that an earlier release stored, when imports had no such limit.
const MAX_KEPT_BYTES: usize = 1 << 20;
/// The number of bytes of a key that the server created for itself.
const SECRET_BYTES: RangeInclusive<usize> = 16..=256;
/// The longest idempotency key, in bytes.
const MAX_NAME_BYTES: usize = 1024;

/// The format of the export that a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A release that wrote no format record: whatever its imports accepted is accepted too.
    Old,
    /// Version 2.
    New,
}

/// A record read from a line.
#[derive(Debug)]
pub struct Read {
    /// The record.
    pub record: Record,
    /// Whether intake would refuse it today, so that the operator who imports it should know.
    pub is_beyond_limits: bool,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    record: Cow<'a, str>,
}

/// The kind of record that a line names.
///
/// # Errors
/// When it is not a JSON object with the name of a kind.
pub(in crate::server) fn kind(line: &str) -> Result<Cow<'_, str>, Invalid> {
    parse::<Kind<'_>>(line).map(|kind| kind.record)
}

/// Reads a line that is exactly a `T`. The error names the place of a mistake, because serde's messages repeat the
/// users' texts.
///
/// # Errors
/// When it is anything else.
pub(in crate::server) fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Invalid> {
    serde_json::from_str(line).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "a record of an export",
            _ => "JSON",
        };
        Invalid::new(format!("is not {what}, at column {}", error.column()))
    })
}

impl Record {
    /// Reads a line that was written from a [`Record`].
    ///
    /// # Errors
    /// The mistake, as the end of a sentence that begins with the line, without any part of the users' texts.
    pub fn read(line: &str, format: Format) -> Result<Read, Invalid> {
        let mut is_beyond_limits = false;
        let record = match &*kind(line)? {
            "inbox" => inbox(parse(line)?)?,
            "notification" => {
                let line: NotificationLine<'_> = parse(line)?;
                let taken_before = format == Format::Old || line.kept;
                notification(line, taken_before, &mut is_beyond_limits)?
            }
            "deletion" => {
                let DeletionLine { user_id, modseq, id, .. } = parse(line)?;
                Self::Deletion { user_id: of("user_id", UserId::parse(&user_id))?, modseq: number(modseq)?, id }
            }
            "once" => once(parse(line)?)?,
            "key" => {
                let KeyLine { id, name, scopes, hash, created_at, expires_at, last_used_at, revoked_at, .. } =
                    parse(line)?;
                let key = KeyRecord { id, name, scopes, hash, created_at, expires_at, last_used_at, revoked_at };
                Self::Key(key)
            }
            "webhook" => Self::Webhook(webhook(parse(line)?)?),
            "outbox" => Self::Outbox(entry(parse(line)?)?),
            "delivery" => Self::Delivery(Box::new(delivery(parse(line)?)?)),
            "lane" => {
                let lane: LaneMemory = parse(line)?;
                word("lane", &lane.lane)?;
                Self::Lane(lane)
            }
            "contact" => Self::Contact(contact(parse(line)?)?),
            "preferences" => preferences(parse(line)?)?,
            "secret" => Self::Secret(secret(parse(line)?)?),
            _ => return Err(Invalid::new("has an unknown kind of record")),
        };
        Ok(Read { record, is_beyond_limits })
    }
}

fn of<T>(field: &str, parsed: Result<T, Invalid>) -> Result<T, Invalid> {
    // The sentence of the whole line ends with a full stop of its own.
    parsed.map_err(|why| Invalid::new(format!("has an invalid {field}: {}", why.to_string().trim_end_matches('.'))))
}

fn number(number: u64) -> Result<u64, Invalid> {
    if number > MAX_NUMBER {
        return Err(Invalid::new("has a change number that is too large"));
    }
    Ok(number)
}

fn inbox(line: InboxLine<'_>) -> Result<Record, Invalid> {
    let InboxLine { user_id, modseq, forgotten, all_read_modseq, .. } = line;
    if forgotten > modseq || all_read_modseq > modseq {
        return Err(Invalid::new("has change numbers above its `modseq`"));
    }
    let user_id = of("user_id", UserId::parse(&user_id))?;
    Ok(Record::Inbox { user_id, modseq: number(modseq)?, forgotten, all_read_modseq })
}

fn notification(
    line: NotificationLine<'_>,
    taken_before: bool,
    is_beyond_limits: &mut bool,
) -> Result<Record, Invalid> {
    let NotificationLine { modseq, created, notification: fields, .. } = line;
    if created == 0 || created > modseq {
        return Err(Invalid::new("has a `created` that is not from 1 to its `modseq`"));
    }
    let Fields { id, user_id, content, timestamp, is_read, category, title, link, data, expires_at } = fields;
    let new = NewNotification {
        user_id: of("user_id", UserId::parse(&user_id))?,
        content: of("content", text(&content, Content::MAX_CHARS, Content::parse, Content::stored))?,
        category: of("category", Category::parse(&category))?,
        title: title
            .map(|title| of("title", text(&title, Title::MAX_CHARS, Title::parse, Title::stored)))
            .transpose()?,
        link: link.map(|link| of("link", Link::parse(&link))).transpose()?,
        data: data.map(|raw| of("data", object(raw.get(), taken_before, is_beyond_limits))).transpose()?,
        expires_at,
        routing: Routing::default(),
    };
    let notification = Notification::new(id, timestamp, new).with_read(is_read);
    Ok(Record::notification(number(modseq)?, created, notification))
}

/// A text that intake accepts, or accepted before it refused texts without a visible character.
fn text<T>(
    text: &str,
    max_chars: usize,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
    stored: impl FnOnce(&str) -> T,
) -> Result<T, Invalid> {
    parse(text).or_else(|why| {
        let is_blank = text.chars().all(|c| c.is_whitespace() || c.is_control());
        let was_taken = !is_blank && text.chars().count() <= max_chars && !text.contains('\0');
        was_taken.then(|| stored(text)).ok_or(why)
    })
}

/// Data that intake accepts, or accepted before it had to be flat: then any JSON of up to 128 levels, without unpaired
/// surrogates. An import accepted it in any size.
fn object(json: &str, taken_before: bool, is_beyond_limits: &mut bool) -> Result<Data, Invalid> {
    Data::parse(json).or_else(|why| {
        let data = Data::stored(json);
        let bytes = data.as_str().len();
        *is_beyond_limits |= bytes > Data::MAX_BYTES;
        let fits = bytes <= if taken_before { MAX_KEPT_BYTES } else { Data::MAX_BYTES };
        let was_taken = fits && serde_json::from_str::<Map<String, Value>>(json).is_ok();
        was_taken.then_some(data).ok_or(why)
    })
}

fn once(line: OnceLine) -> Result<Record, Invalid> {
    let OnceLine { caller, key, fingerprint, at, made, .. } = line;
    let is_name = |text: &str| (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if !is_name(&key) {
        return Err(Invalid::new("has an invalid idempotency key"));
    }
    if let Some(caller) = &caller {
        of("caller", Holder::from_text(caller))?;
    }
    Ok(Record::Once { caller, key, fingerprint, at, made })
}

/// A text of the server's own, such as a reason or the name of a lane.
fn word(field: &str, text: &str) -> Result<(), Invalid> {
    let is_word = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    is_word.then_some(()).ok_or_else(|| Invalid::new(format!("has an invalid {field}")))
}

fn webhook(webhook: Webhook) -> Result<Webhook, Invalid> {
    let Webhook { url, wanted, secret, old_secret, disabled, version, .. } = &webhook;
    let is_url = url.len() <= 2 * MAX_NAME_BYTES && (url.starts_with("https://") || url.starts_with("http://"));
    if !is_url || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Invalid::new("has an invalid url"));
    }
    if wanted.events.is_empty() {
        return Err(Invalid::new("names no events"));
    }
    let categories = wanted.categories.iter().flatten();
    categories
        .map(|category| Category::parse(category.as_str()))
        .try_for_each(|of_list| of("category", of_list).map(drop))?;
    if let Some(user_id) = &wanted.user_id {
        of("user_id", UserId::parse(user_id.as_str()))?;
    }
    word("secret", secret)?;
    old_secret.iter().try_for_each(|(secret, _)| word("secret", secret))?;
    disabled.iter().try_for_each(|why| word("reason", why))?;
    number(*version)?;
    Ok(webhook)
}

fn entry(entry: Entry) -> Result<Entry, Invalid> {
    of("user_id", UserId::parse(entry.user_id.as_str()))?;
    if let Some(category) = &entry.category {
        of("category", Category::parse(category.as_str()))?;
    }
    // An entry that no webhook wants has no data.
    if !(entry.to_contacts && entry.data.is_empty()) {
        parse::<&RawValue>(&entry.data).map_err(|_| Invalid::new("has data that is not JSON"))?;
    }
    if let Some(channels) = &entry.routing.channels {
        let names: Vec<_> = channels.iter().map(|channel| channel.as_str().to_owned()).collect();
        of("routing", Routing::parse_channels(&names))?;
    }
    Ok(entry)
}

fn delivery(delivery: Delivery) -> Result<Delivery, Invalid> {
    of("user_id", UserId::parse(delivery.user_id.as_str()))?;
    word("lane", &delivery.lane)?;
    delivery.reason.iter().try_for_each(|why| word("reason", why))?;
    if delivery.state.is_over() != delivery.ended_at.is_some() {
        return Err(Invalid::new("has a state that does not match its end time"));
    }
    if delivery.attempts.len() > MOST_ATTEMPTS || delivery.tries > 1_000_000 {
        return Err(Invalid::new("has too many attempts"));
    }
    if delivery.via.is_some() && (delivery.channel == Channel::Webhook || delivery.notification_id.is_none()) {
        return Err(Invalid::new("has `via`, which a delivery of this kind cannot have"));
    }
    Ok(delivery)
}

fn contact(contact: KeptContact) -> Result<KeptContact, Invalid> {
    of("user_id", UserId::parse(contact.user_id.as_str()))?;
    if let Some(label) = &contact.label {
        of("label", Label::parse(label.as_str()))?;
    }
    let address = contact.address.shown();
    if address.is_empty() || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Invalid::new("has an invalid address"));
    }
    Ok(contact)
}

fn preferences(line: PreferencesLine<'_>) -> Result<Record, Invalid> {
    let PreferencesLine { user_id, version, preferences, .. } = line;
    if version == 0 {
        return Err(Invalid::new("has preferences with the version 0"));
    }
    Ok(Record::Preferences { user_id: of("user_id", UserId::parse(&user_id))?, version: number(version)?, preferences })
}

fn secret(line: SecretLine) -> Result<SecretRecord, Invalid> {
    word("name", &line.name)?;
    let secret = hex::decode_all(&line.secret).filter(|secret| SECRET_BYTES.contains(&secret.len()));
    let secret =
        secret.ok_or_else(|| Invalid::new("has a secret that is not 16 to 256 bytes in hexadecimal digits"))?;
    Ok(SecretRecord { name: line.name, secret })
}

#[cfg(test)]
mod tests;
