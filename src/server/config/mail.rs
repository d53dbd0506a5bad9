//! The settings of mail and of categories.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use lettre::{Address, message::Mailbox};

use super::{SettingsInput, needed};
use crate::{
    model::{Category, EmailAddress},
    server::{
        channels::{MailOptions, RelayUrl, Templates},
        secret_file,
    },
};

/// The most characters of the name of a server.
const APP_NAME_CHARS: usize = 60;

/// The settings for mail; `None` where no relay is named.
pub(super) fn settle(input: &SettingsInput) -> Result<Option<MailOptions>> {
    let Some(url) = &input.smtp else {
        let lonely = [
            ("mail-from", input.mail_from.is_some()),
            ("mail-templates", input.mail_templates.is_some()),
            ("smtp-password-file", input.smtp_password_file.is_some()),
        ];
        if let Some((name, _)) = lonely.iter().find(|(_, is_said)| *is_said) {
            bail!("{name}: there is no relay that takes mail. Set smtp too, such as smtps://USER:PASSWORD@HOST:465.");
        }
        return Ok(None);
    };
    let relay = relay(url, input.smtp_password_file.as_deref())?;
    let from = input.mail_from.as_deref();
    let from =
        from.context("mail-from: is missing beside smtp. Set it to the sender's address, such as you@example.com.")?;
    let from = mailbox(from)?;
    let templates = match &input.mail_templates {
        Some(folder) => Templates::from_dir(folder),
        None => Templates::built_in(),
    };
    let templates = templates.map_err(|why| anyhow!("mail-templates: {why}"))?;
    let takes_within = MailOptions::TAKES_WITHIN;
    Ok(Some(MailOptions { relay, from, templates: Arc::new(templates), takes_within }))
}

/// The relay, with the password of the file, if there is one. An error does not repeat the URL, because it may contain
/// a password.
fn relay(url: &str, password_file: Option<&Path>) -> Result<RelayUrl> {
    let Ok(relay) = RelayUrl::parse(url) else {
        bail!(
            "smtp: this is not the URL of a relay. Write smtps://USER:PASSWORD@HOST:465 or smtp://HOST:587, with %40 for @, %2F for / \
             and %3F for ? in user and password."
        );
    };
    match password_file {
        Some(_) if !relay.has_user() => {
            bail!("smtp-password-file: smtp names no user whose password that would be. Write smtps://USER@HOST:465.")
        }
        Some(_) if relay.has_password() => {
            bail!("smtp-password-file: smtp has a password too. Set it in only one of them.")
        }
        Some(file) => Ok(relay.with_password(secret_file::read_text("smtp-password-file", file)?)),
        None if relay.has_user() && !relay.has_password() => {
            bail!(
                "smtp: there is a user without a password. Set smtp-password-file, or write USER:PASSWORD@ in the URL."
            )
        }
        None => Ok(relay),
    }
}

/// An address, or a name and an address between `<` and `>`.
fn mailbox(text: &str) -> Result<Mailbox> {
    let wrong = || anyhow!("mail-from: {text:?} is no mailbox such as you@example.com or Name <you@example.com>.");
    let (name, address) = match text.trim().strip_suffix('>').map(|text| text.split_once('<')) {
        Some(Some((name, address))) => (Some(name.trim()), address),
        Some(None) => return Err(wrong()),
        None => (None, text.trim()),
    };
    // In the form of other programs.
    let name = name.map(|name| name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name));
    let name = name.filter(|name| !name.is_empty());
    if name.is_some_and(|name| !is_one_line(name) || name.contains(['<', '>', '"', '\\'])) {
        return Err(wrong());
    }
    let address = EmailAddress::parse(address).map_err(|_| wrong())?;
    let address: Address = address.as_str().parse().map_err(|_| wrong())?;
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

/// Categories; an empty text means none, because the command line has no other way to express that.
pub(super) fn categories(name: &'static str, input: Option<Vec<String>>) -> Result<Vec<Category>> {
    let input = needed(name, input)?;
    let parse = |text: &str| Category::parse(text).map_err(|why| anyhow!("{name}: {text:?} is no category. {why}"));
    match input.as_slice() {
        [empty] if empty.trim().is_empty() => Ok(Vec::new()),
        input => input.iter().map(|text| parse(text.trim())).collect(),
    }
}

/// The name of the server.
pub(super) fn app_name(text: String) -> Result<String> {
    let is_short = (1..=APP_NAME_CHARS).contains(&text.chars().count()) && !text.trim().is_empty();
    if !is_short || !is_one_line(&text) {
        bail!("app-name: must be 1 to {APP_NAME_CHARS} characters in one line.");
    }
    Ok(text)
}

/// Whether it has neither control characters nor line separators.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}
