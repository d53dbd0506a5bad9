//! The settings of APNs.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use reqwest::Url;

use crate::{
    model::Topic,
    server::{
        channels::{ApnsOptions, DEFAULT_APNS_SANDBOX_URL, DEFAULT_APNS_URL, ProviderKey},
        config::SettingsInput,
        secret_file,
    },
};

/// The most characters of an id from Apple; it uses 10.
const ID_CHARS: usize = 64;

/// The settings for APNs; `None` where it is not set up.
///
/// # Errors
/// One sentence about the first setting that is invalid or does not fit the others.
pub(super) fn settle(input: &SettingsInput) -> Result<Option<ApnsOptions>> {
    let is_other = |input: &Option<String>, default| input.as_deref().is_some_and(|input| input != default);
    let Some(file) = &input.apns_key else {
        let lonely = [
            ("apns-key-id", input.apns_key_id.is_some()),
            ("apns-team-id", input.apns_team_id.is_some()),
            ("apns-topic", input.apns_topic.is_some()),
            ("apns-url", is_other(&input.apns_url, DEFAULT_APNS_URL)),
            ("apns-sandbox-url", is_other(&input.apns_sandbox_url, DEFAULT_APNS_SANDBOX_URL)),
        ];
        if let Some((name, _)) = lonely.iter().find(|(_, is_said)| *is_said) {
            bail!("{name}: there is no key to push with. Set apns-key too: the .p8 file that Apple gave.");
        }
        return Ok(None);
    };
    let key_id = id("apns-key-id", input.apns_key_id.as_deref(), "the name of the key")?;
    let team_id = id("apns-team-id", input.apns_team_id.as_deref(), "whose key it is")?;
    let key = key(file, key_id, team_id)?;
    let topic =
        input.apns_topic.as_deref().map(|topic| Topic::parse(topic).map_err(|why| anyhow!("apns-topic: {why}")));
    Ok(Some(ApnsOptions {
        url: url("apns-url", input.apns_url.as_deref().unwrap_or(DEFAULT_APNS_URL))?,
        sandbox_url: url("apns-sandbox-url", input.apns_sandbox_url.as_deref().unwrap_or(DEFAULT_APNS_SANDBOX_URL))?,
        key,
        topic: topic.transpose()?,
    }))
}

/// An id from Apple. It is used in tokens and in names of lanes.
fn id<'s>(name: &str, input: Option<&'s str>, what: &str) -> Result<&'s str> {
    let input =
        input.with_context(|| format!("{name}: is missing beside apns-key. Set it to {what}, such as ABCDE12345."))?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=ID_CHARS).contains(&input.len()) || !input.bytes().all(is_legal) {
        bail!(
            "{name}: this is {what} as Apple shows it, such as ABCDE12345: at most {ID_CHARS} letters, digits, hyphens, \
             dots and underscores."
        );
    }
    Ok(input)
}

/// The key in a file. An error repeats nothing of it.
fn key(file: &Path, key_id: &str, team_id: &str) -> Result<ProviderKey> {
    let key = ProviderKey::parse(&secret_file::read("apns-key", file)?, key_id, team_id);
    key.with_context(|| {
        let named = secret_file::named(file);
        format!("apns-key: {named} holds no key of APNs. It is the .p8 file that Apple gave, in PEM.")
    })
}

/// The URL for requests. An error does not repeat it, because it may contain a password.
fn url(name: &str, text: &str) -> Result<Url> {
    let wrong = || anyhow!("{name}: this is no URL of a push service. Write it like {DEFAULT_APNS_URL}.");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_legal = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    if is_bare && is_legal && url.fragment().is_none() { Ok(url) } else { Err(wrong()) }
}
