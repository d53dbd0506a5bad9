//! Unsubscribe links in mails, which work without signing in (RFC 8058).
//!
//! A link is a token: the mails to end, and a signature (HMAC-SHA256) by a key of the server in the store. It can only
//! end these mails, and never expires, as its mail does not.

use std::sync::Arc;

use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::OnceCell;

use crate::{
    model::{Category, UserId},
    server::{
        public_url::PublicUrl,
        store::{Secrets, StoreError},
    },
};

/// The name of the key in the store.
const KEY: &str = "unsubscribe";
/// The length of the key, and of a signature, in bytes.
const LENGTH: usize = 32;
/// The most characters of a token: a user id and a category are short.
const LONGEST: usize = 1_024;

/// The mails that a token turns off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The user who gets them.
    pub user_id: UserId,
    /// Those of this category; all of them where there is none.
    pub category: Option<Category>,
}

/// Why a token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEnding {
    /// It cannot be read.
    Unreadable,
    /// It was not signed with the key of this server, which may have been lost since.
    Unsigned,
}

/// Creates and reads links.
pub(super) struct Unsubscribe {
    secrets: Arc<dyn Secrets>,
    key: OnceCell<hmac::Key>,
    pages: Option<PublicUrl>,
}

impl Unsubscribe {
    /// Uses the key in this store, and links below this URL.
    pub(super) fn new(secrets: Arc<dyn Secrets>, pages: Option<PublicUrl>) -> Self {
        Self { secrets, key: OnceCell::new(), pages }
    }

    /// The link that ends these mails; `None` where the public URL is not known.
    ///
    /// # Errors
    /// When the key is not available.
    pub(super) async fn link(&self, ending: &Ending) -> Result<Option<String>, StoreError> {
        let Some(pages) = &self.pages else { return Ok(None) };
        let token = write(self.key().await?, ending);
        Ok(Some(format!("{}/unsubscribe/{token}", pages.to_string().trim_end_matches('/'))))
    }

    /// The mails that a token turns off.
    ///
    /// # Errors
    /// When the key is not available.
    pub(super) async fn read(&self, token: &str) -> Result<Result<Ending, NoEnding>, StoreError> {
        if token.len() > LONGEST {
            return Ok(Err(NoEnding::Unreadable));
        }
        Ok(read(self.key().await?, token))
    }

    /// The key, created at its first use.
    async fn key(&self) -> Result<&hmac::Key, StoreError> {
        let make = async || {
            let mut fresh = [0; LENGTH];
            rand::fill(&mut fresh).map_err(|_| StoreError::unavailable("the system gives no random bytes"))?;
            let key = self.secrets.secret(KEY, &fresh).await?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
        };
        self.key.get_or_try_init(make).await
    }
}

/// The signed bytes: for no other purpose, and unambiguous about user id and category.
fn signed(ending: &Ending) -> Vec<u8> {
    let Ending { user_id, category } = ending;
    let user_id = user_id.as_str().as_bytes();
    let category = category.as_ref().map(Category::as_str).unwrap_or_default();
    let length = u16::try_from(user_id.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&length, user_id, category.as_bytes()].concat()
}

fn write(key: &hmac::Key, ending: &Ending) -> String {
    let mut bytes = signed(ending);
    bytes.extend(hmac::sign(key, &bytes).as_ref());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(key: &hmac::Key, token: &str) -> Result<Ending, NoEnding> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NoEnding::Unreadable)?;
    let (ending, signature) = bytes.split_last_chunk::<LENGTH>().ok_or(NoEnding::Unreadable)?;
    hmac::verify(key, ending, signature).map_err(|_| NoEnding::Unsigned)?;
    let (length, rest) = ending.split_first_chunk::<2>().ok_or(NoEnding::Unreadable)?;
    let (user_id, category) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(NoEnding::Unreadable)?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| NoEnding::Unreadable);
    let user_id = UserId::parse(text(user_id)?).map_err(|_| NoEnding::Unreadable)?;
    let category = Some(text(category)?).filter(|category| !category.is_empty());
    let category = category.map(Category::parse).transpose().map_err(|_| NoEnding::Unreadable)?;
    Ok(Ending { user_id, category })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; LENGTH])
    }

    fn ending(user_id: &str, category: Option<&str>) -> Ending {
        Ending {
            user_id: UserId::parse(user_id).unwrap(),
            category: category.map(|category| Category::parse(category).unwrap()),
        }
    }

    #[test]
    fn a_token_carries_its_user_and_category() {
        for ending in [ending("ann", Some("alert")), ending("ann", None), ending("ä/ö?&\u{202e}", Some("a-b_1"))] {
            let token = write(&key(1), &ending);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            assert_eq!(read(&key(1), &token), Ok(ending.clone()));
            assert_eq!(read(&key(2), &token), Err(NoEnding::Unsigned));
        }
    }

    #[test]
    fn no_token_can_be_made_without_the_key() {
        let token = write(&key(1), &ending("ann", Some("alert")));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(read(&key(1), &URL_SAFE_NO_PAD.encode(forged)), Err(NoEnding::Unsigned));
        }
        // The boundary between user id and category is signed too.
        assert_ne!(signed(&ending("annalert", None)), signed(&ending("ann", Some("alert"))));
        for wrong in ["", "x", "!", &token[..20], "AAAA", &format!("{token}="), &format!("{token}A")] {
            assert!(read(&key(1), wrong).is_err(), "{wrong}");
        }
    }
}
