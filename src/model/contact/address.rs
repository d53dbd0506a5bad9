//! The address of a contact: each kind, parsed.
//!
//! A token or an endpoint allows its holder to push. So `Debug` shows none of it, and callers see only its end.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    digest::{Context, SHA256},
    signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey},
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use crate::model::{Channel, UserId, delivery::words, problem::Invalid, text::parsed_text};

/// How many characters of a token or an endpoint are shown.
const SHOWN: usize = 8;

/// Base64url in the form of browsers, and of libraries that pad it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Defines a text that is checked in its `parse`, and that `Debug` does not show.
macro_rules! secret_text {
    ($name:ident) => {
        parsed_text!($name);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "…{}", end_of(&self.0))
            }
        }
    };
}

/// An e-mail address, whose domain is in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailAddress(Arc<str>);

impl EmailAddress {
    /// The most bytes of an address (RFC 5321, section 4.5.3.1.3, with erratum 1690).
    pub const MAX_BYTES: usize = 254;

    /// Parses an address. The part before the `@` belongs to its mail server, and stays unchanged.
    ///
    /// # Errors
    /// When it is not an e-mail address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        use email_address::{EmailAddress as Checked, Options};
        let wrong = || Invalid::new("This must be an e-mail address such as ann@example.com, and nothing else.");
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::new(format!("An e-mail address has at most {} bytes.", Self::MAX_BYTES)));
        }
        let (local, domain) = text.split_once('@').filter(|(_, domain)| !domain.contains('@')).ok_or_else(wrong)?;
        // White space and quotes are valid in a quoted part before the @, where no mail provider allows them.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"') {
            return Err(wrong());
        }
        let options = Options::default().without_display_text().without_domain_literal();
        Checked::parse_with_options(text, options).map_err(|_| wrong())?;
        Ok(Self(format!("{local}@{}", domain.to_lowercase()).into()))
    }
}

parsed_text!(EmailAddress);

/// The label of a contact: 1 to 64 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// The most characters (Unicode scalar values) of a label.
    pub const MAX_CHARS: usize = 64;

    /// Parses a label.
    ///
    /// # Errors
    /// When it is blank, longer than [`Self::MAX_CHARS`], or contains a control character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_legal =
            !text.trim().is_empty() && text.chars().count() <= Self::MAX_CHARS && !text.chars().any(char::is_control);
        let wrong = || {
            let most = Self::MAX_CHARS;
            Invalid::new(format!("A label is 1 to {most} characters, not blank, without control characters."))
        };
        is_legal.then(|| Self(text.into())).ok_or_else(wrong)
    }
}

parsed_text!(Label);

/// The keys that encrypt pushes to a browser (RFC 8291), in base64url without padding.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

impl SubscriptionKeys {
    /// The bytes of an uncompressed point of P-256.
    const POINT: usize = 65;
    /// The bytes of the secret.
    const SECRET: usize = 16;

    /// The public key of the browser, from [`Self::parse_p256dh`], and its secret, from [`Self::parse_auth`].
    #[must_use]
    pub fn new(p256dh: [u8; 65], auth: [u8; 16]) -> Self {
        Self { p256dh: URL_SAFE_NO_PAD.encode(p256dh), auth: URL_SAFE_NO_PAD.encode(auth) }
    }

    /// Reads the public key of a browser.
    ///
    /// # Errors
    /// When it is not base64url, or not a point of P-256.
    pub fn parse_p256dh(text: &str) -> Result<[u8; 65], Invalid> {
        let wrong = || Invalid::new("This must be a public key of P-256, not compressed (65 bytes), in base64url.");
        let point: [u8; Self::POINT] = decoded(text).ok_or_else(wrong)?;
        // The library also accepts the hybrid form, which begins with 6 or 7 (X9.62) and which browsers do not know.
        let is_point = point[0] == 4 && ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).is_ok();
        is_point.then_some(point).ok_or_else(wrong)
    }

    /// Reads the secret of a subscription.
    ///
    /// # Errors
    /// When it is not base64url, or has another length.
    pub fn parse_auth(text: &str) -> Result<[u8; 16], Invalid> {
        let secret: Option<[u8; Self::SECRET]> = decoded(text);
        secret.ok_or_else(|| Invalid::new("This must be 16 bytes in base64url."))
    }

    /// The public key of the browser.
    #[must_use]
    pub fn p256dh(&self) -> Vec<u8> {
        BASE64URL.decode(&self.p256dh).unwrap_or_default()
    }

    /// The secret of the subscription.
    #[must_use]
    pub fn auth(&self) -> Vec<u8> {
        BASE64URL.decode(&self.auth).unwrap_or_default()
    }
}

impl fmt::Debug for SubscriptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriptionKeys")
    }
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    // A text longer than both together is not even decoded.
    Some(text).filter(|text| text.len() <= 128).and_then(|text| BASE64URL.decode(text).ok()?.try_into().ok())
}

words! {
    /// Kind of a token of FCM.
    FcmKind, "one of the kinds" {
        /// A registration of an app on a device.
        Token = "token",
        /// An installation of Firebase.
        Fid = "fid",
    }
}

/// The token of an app on a device at FCM: 1 to 2,048 printable ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FcmToken(Arc<str>);

impl FcmToken {
    /// The most bytes of a token: half of a message, so that there is room for the rest. Firebase's have less than 400.
    pub const MAX_BYTES: usize = 2_048;

    /// Parses a token.
    ///
    /// # Errors
    /// When it is empty, longer than [`Self::MAX_BYTES`], or has other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_legal = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let wrong = || {
            Invalid::new(
                "This must be the token that Firebase issued to the app: 1 to 2048 printable ASCII characters.",
            )
        };
        is_legal.then(|| Self(text.into())).ok_or_else(wrong)
    }
}

secret_text!(FcmToken);

/// The token of an app on a device at APNs: 64 to 200 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceToken(Arc<str>);

impl DeviceToken {
    /// Parses a token in either case.
    ///
    /// # Errors
    /// When it has other characters, too few, too many, or an odd number of them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_legal = (64..=200).contains(&text.len())
            && text.len().is_multiple_of(2)
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let wrong =
            || Invalid::new("This must be the device token in hexadecimal: 64 to 200 digits, two for each byte.");
        is_legal.then(|| Self(text.to_ascii_lowercase().into())).ok_or_else(wrong)
    }
}

secret_text!(DeviceToken);

/// The app of a device token: its bundle id, such as `com.example.app`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The most bytes of a bundle id.
    pub const MAX_BYTES: usize = 255;

    /// Parses a bundle id.
    ///
    /// # Errors
    /// When it is not a bundle id.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_legal = text.len() <= Self::MAX_BYTES && text.contains('.') && text.split('.').all(is_part);
        let wrong = || Invalid::new("This must be the bundle id of the app, such as com.example.app.");
        is_legal.then(|| Self(text.into())).ok_or_else(wrong)
    }
}

parsed_text!(Topic);

words! {
    /// Apple's push service that issued a device token.
    Environment, "one of the environments" {
        /// The one for apps from the store, and for testers.
        Production = "production",
        /// The one for apps that are being developed.
        Sandbox = "sandbox",
    }
}

/// The address of a contact.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum ContactAddress {
    /// An e-mail address.
    Email {
        /// The address.
        address: EmailAddress,
    },
    /// A browser.
    Webpush {
        /// The URL that pushes are posted to. The code that uses it checks whether this server may connect to it.
        endpoint: String,
        /// Its encryption keys.
        keys: SubscriptionKeys,
    },
    /// A device, through FCM.
    Fcm {
        /// Its token at FCM.
        token: FcmToken,
        /// The kind of the token.
        kind: FcmKind,
    },
    /// A device, through APNs.
    Apns {
        /// Its token at APNs.
        token: DeviceToken,
        /// The app.
        topic: Topic,
        /// The service that issued the token.
        environment: Environment,
    },
}

impl ContactAddress {
    /// The channel that reaches it.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email { .. } => Channel::Email,
            Self::Webpush { .. } => Channel::Webpush,
            Self::Fcm { .. } => Channel::Fcm,
            Self::Apns { .. } => Channel::Apns,
        }
    }

    /// An app on a device, by its token from Firebase Cloud Messaging.
    ///
    /// # Errors
    /// As for [`FcmToken::parse`].
    pub fn fcm(token: &str) -> Result<Self, Invalid> {
        Ok(Self::Fcm { token: FcmToken::parse(token)?, kind: FcmKind::Token })
    }

    /// An app from the store on an Apple device, by its token from APNs, and its bundle id.
    ///
    /// # Errors
    /// As for [`DeviceToken::parse`] and [`Topic::parse`].
    pub fn apns(token: &str, topic: &str) -> Result<Self, Invalid> {
        let (token, topic) = (DeviceToken::parse(token)?, Topic::parse(topic)?);
        Ok(Self::Apns { token, topic, environment: Environment::Production })
    }

    /// The part of an address that identifies the contact; keys, a topic and so on may change.
    fn identifier(&self) -> &str {
        match self {
            Self::Email { address } => address.as_str(),
            Self::Webpush { endpoint, .. } => endpoint,
            Self::Fcm { token, .. } => token.as_str(),
            Self::Apns { token, .. } => token.as_str(),
        }
    }

    /// A hash that two contacts share exactly when they are the same: a browser or device is the same for all users,
    /// and an e-mail address, which users may share, only for one user. It fits into an index, whatever the length of a
    /// token.
    #[must_use]
    pub fn identity(&self, user_id: &UserId) -> [u8; 32] {
        let of_user = if self.channel() == Channel::Email { user_id.as_str() } else { "" };
        let mut context = Context::new(&SHA256);
        // None of the parts contains this byte.
        for part in [self.channel().as_str(), "\0", of_user, "\0", self.identifier()] {
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }

    /// The part that callers may see.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Email { address } => address.as_str(),
            _ => end_of(self.identifier()),
        }
    }
}

impl fmt::Debug for ContactAddress {
    /// The part that callers may see, and nothing of an e-mail address: the output may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { .. } => f.write_str("email"),
            _ => write!(f, "{} …{}", self.channel(), self.shown()),
        }
    }
}

/// The last characters of a text.
fn end_of(text: &str) -> &str {
    let begin = text.char_indices().rev().nth(SHOWN - 1).map_or(0, |(begin, _)| begin);
    &text[begin..]
}

/// A contact to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactDraft {
    /// Its address. The endpoint of a browser is unchanged from the caller's input.
    pub address: ContactAddress,
    /// Label that its owner gave it.
    pub label: Option<Label>,
}

#[cfg(test)]
mod tests;
