//! The settings of Web Push.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use reqwest::Url;

use crate::{
    model::EmailAddress,
    server::{
        channels::{VapidKey, WebPushOptions},
        config::SettingsInput,
        secret_file,
    },
};

/// The longest contact, in bytes: each request contains it.
const LONGEST_CONTACT: usize = 255;

/// The settings for Web Push; `None` where it is not set up.
///
/// # Errors
/// One sentence about the first setting that is invalid or does not fit the others.
pub(super) fn settle(input: &SettingsInput) -> Result<Option<WebPushOptions>> {
    let Some(contact) = &input.push_contact else {
        if input.vapid_key.is_some() {
            bail!(
                "vapid-key: has no effect without push-contact. Set that too, such as mailto:you@example.com, to push to \
                 browsers."
            );
        }
        return Ok(None);
    };
    let contact = contact.trim();
    if !is_contact(contact) {
        bail!(
            "push-contact: push services could not write to this address. Use mailto:you@example.com or \
             https://example.com/contact, in at most {LONGEST_CONTACT} bytes."
        );
    }
    let key = input.vapid_key.as_deref().map(key).transpose()?;
    Ok(Some(WebPushOptions { contact: contact.to_owned(), key }))
}

/// Whether push services accept it as `sub` (RFC 8292, section 2.1).
fn is_contact(text: &str) -> bool {
    if text.len() > LONGEST_CONTACT || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    match text.strip_prefix("mailto:") {
        Some(address) => !address.contains('?') && EmailAddress::parse(address).is_ok(),
        None => Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
        }),
    }
}

/// The key in a file.
fn key(file: &Path) -> Result<VapidKey> {
    let text = secret_file::read("vapid-key", file)?;
    let key = String::from_utf8(text).ok().and_then(|text| VapidKey::parse(&text));
    key.ok_or_else(|| {
        let named = secret_file::named(file);
        anyhow!(
            "vapid-key: {named} holds no private key of the curve P-256. It is PEM, or 32 bytes in base64url as web-push \
             generate-vapid-keys prints them; without this setting the server makes a key."
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

    fn input(contact: &str) -> SettingsInput {
        SettingsInput { push_contact: Some(contact.to_owned()), ..SettingsInput::default() }
    }

    #[test]
    fn browsers_are_pushed_to_where_a_contact_is_named() {
        assert!(settle(&SettingsInput::default()).unwrap().is_none());
        for contact in ["mailto:you@example.com", " https://example.com/contact ", "https://[2001:db8::1]:8443/"] {
            let options = settle(&input(contact)).unwrap().unwrap();
            assert_eq!(options.contact, contact.trim());
            assert!(options.key.is_none());
        }
    }

    #[test]
    fn an_invalid_push_contact_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(LONGEST_CONTACT));
        for wrong in [
            "",
            " ",
            "you@example.com",
            "mailto:",
            "mailto:you",
            "mailto:a@example.com,b@example.com",
            "mailto:<you@example.com>",
            "mailto: you@example.com",
            "mailto:you@example.com?subject=x",
            "mailto:you@exam\nple.com",
            "http://example.com",
            "https://",
            "https://me:hush@example.com/",
            "https://example.com/a b",
            "https://example.com/\u{7}",
            "ftp://example.com",
            &long,
        ] {
            let refused = settle(&input(wrong)).unwrap_err().to_string();
            let is_one_line = refused.lines().count() == 1 && !refused.contains("hush");
            assert!(refused.starts_with("push-contact: ") && is_one_line, "{refused}");
        }
    }

    #[test]
    fn a_key_is_read_from_a_file_and_never_logged() {
        let folder = std::env::temp_dir().join(format!("campanile-vapid-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("key");
        let with_key = SettingsInput { vapid_key: Some(file.clone()), ..input("mailto:you@example.com") };
        fs::write(&file, format!("{KEY}\n")).unwrap();
        let options = settle(&with_key).unwrap().unwrap();
        assert_eq!(options.key.as_ref().unwrap().public(), PUBLIC);
        assert!(!format!("{options:?}").contains(KEY));
        for wrong in [&b""[..], b"\xff", PUBLIC.as_bytes(), &KEY.as_bytes()[2..]] {
            fs::write(&file, wrong).unwrap();
            let refused = settle(&with_key).unwrap_err().to_string();
            let holds_no_key = !refused.contains(&KEY[2..]) && !refused.contains(PUBLIC);
            assert!(refused.starts_with("vapid-key: ") && holds_no_key && refused.lines().count() == 1, "{refused}");
        }
        fs::remove_dir_all(folder).unwrap();
        assert!(settle(&with_key).unwrap_err().to_string().contains("cannot be read"));
        let lonely = SettingsInput { push_contact: None, ..with_key };
        assert!(settle(&lonely).unwrap_err().to_string().starts_with("vapid-key: "));
    }
}
