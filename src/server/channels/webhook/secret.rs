//! The secret that signs a webhook's requests.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::model::Invalid;

/// Prefix of a secret.
const PREFIX: &str = "whsec_";
/// The number of bytes of a new secret; Standard Webhooks wants 24 to 64.
const LENGTH: usize = 32;

/// The secret of a webhook, which both sides have. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::server) struct SigningSecret(Vec<u8>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

impl SigningSecret {
    /// A new random secret.
    ///
    /// # Errors
    /// When the system provides no random bytes.
    pub(in crate::server) fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut bytes = vec![0; LENGTH];
        rand::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads the output of [`Self::expose`].
    ///
    /// # Errors
    /// When it does not have 24 to 64 bytes. The sentence does not repeat it.
    pub(in crate::server) fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = text.strip_prefix(PREFIX).and_then(|base64| STANDARD.decode(base64).ok());
        let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len()));
        bytes.map(Self).ok_or_else(|| Invalid::new("This must be whsec_ and 24 to 64 bytes in base64."))
    }

    /// The secret as receivers are configured with it: `whsec_…`. It is shown once, and never logged.
    pub(in crate::server) fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The header `webhook-signature` of a message with this id, sent at this second since 1970: one signature for each
/// secret. While a secret is being replaced there are two, and a receiver with either secret accepts it.
pub(in crate::server) fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn it_signs_as_the_standard_does() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        assert_eq!(signatures(&[secret], ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn each_of_several_secrets_signs() {
        let (old, new) = (SigningSecret::parse(SECRET).unwrap(), SigningSecret::generate().unwrap());
        let both = signatures(&[new.clone(), old], ID, 1_614_265_330, BODY);
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!((first, second), (&*new.sign(ID, 1_614_265_330, BODY), SIGNATURE));
    }

    #[test]
    fn the_signature_covers_id_timestamp_and_body() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        for (id, timestamp, body) in
            [("msg_x", 1_614_265_330, BODY), (ID, 1_614_265_331, BODY), (ID, 1_614_265_330, &BODY[1..])]
        {
            assert_ne!(secret.sign(id, timestamp, body), SIGNATURE);
        }
    }

    #[test]
    fn a_secret_is_read_as_it_was_written_and_not_shown() {
        let secret = SigningSecret::generate().unwrap();
        assert_ne!(secret, SigningSecret::generate().unwrap());
        assert_eq!(SigningSecret::parse(&secret.expose()), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "SigningSecret(***)");
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%%", &short, &long] {
            assert!(SigningSecret::parse(wrong).is_err(), "{wrong}");
        }
    }
}
