//! The key that signs tokens.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    encoding::{AsBigEndian, EcPrivateKeyBin},
    error::Unspecified,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

/// The length of a private key, in bytes.
const LENGTH: usize = 32;

/// Base64url with or without padding.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The P-256 key that signs pushes to browsers. A clone is the same.
#[derive(Clone)]
pub struct VapidKey(Arc<Parts>);

struct Parts {
    private: [u8; LENGTH],
    public: String,
    pair: EcdsaKeyPair,
}

impl VapidKey {
    /// Reads a key in the form of OpenSSL (PEM, as PKCS#8 or SEC 1), or of other servers: its 32 bytes in base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
            let key = PrivateKey::from_private_key_der(&ECDH_P256, key.secret_der()).ok()?;
            return Self::of(&key);
        }
        Self::from_bytes(&BASE64URL.decode(text).ok()?)
    }

    /// A new key.
    pub(super) fn generate() -> Result<Self, Unspecified> {
        Self::of(&PrivateKey::generate(&ECDH_P256)?).ok_or(Unspecified)
    }

    /// The key with these bytes, if they are valid.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::of(&PrivateKey::from_private_key(&ECDH_P256, bytes).ok()?)
    }

    fn of(key: &PrivateKey) -> Option<Self> {
        let private: EcPrivateKeyBin = key.as_be_bytes().ok()?;
        let private = <[u8; LENGTH]>::try_from(private.as_ref()).ok()?;
        let public = key.compute_public_key().ok()?;
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &private, public.as_ref()).ok()?;
        Some(Self(Arc::new(Parts { private, public: URL_SAFE_NO_PAD.encode(public), pair })))
    }

    /// The key itself.
    pub(super) fn private(&self) -> &[u8] {
        &self.0.private
    }

    /// The public key: 65 bytes in base64url.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.0.public
    }

    /// The signature of a text (ES256): 64 bytes.
    pub(super) fn sign(&self, text: &[u8]) -> Result<impl AsRef<[u8]> + use<>, Unspecified> {
        self.0.pair.sign(&SystemRandom::new(), text)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One key, in both forms of OpenSSL 3, and in that of `web-push generate-vapid-keys`.
    const PKCS8: &str = "-----BEGIN PRIVATE KEY-----\n\
                         MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3tvRk/6wLOUFyTOj\n\
                         epMTjNGTmZ+wBbm7TabAvVWU3+ihRANCAAT9uZlsuj6RLXB3Zck9qmH0vU31LuUz\n\
                         MZOgwc+yblyVTtDWRBNJ63FiIcmJqQ2k39m7jCtnC1b8vpwQ/K4LJwgJ\n\
                         -----END PRIVATE KEY-----\n";
    const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----\n\
                         MHcCAQEEIN7b0ZP+sCzlBckzo3qTE4zRk5mfsAW5u02mwL1VlN/ooAoGCCqGSM49\n\
                         AwEHoUQDQgAE/bmZbLo+kS1wd2XJPaph9L1N9S7lMzGToMHPsm5clU7Q1kQTSetx\n\
                         YiHJiakNpN/Zu4wrZwtW/L6cEPyuCycICQ==\n\
                         -----END EC PRIVATE KEY-----\n";
    const RAW: &str = "3tvRk_6wLOUFyTOjepMTjNGTmZ-wBbm7TabAvVWU3-g";
    const PUBLIC: &str = "BP25mWy6PpEtcHdlyT2qYfS9TfUu5TMxk6DBz7JuXJVO0NZEE0nrcWIhyYmpDaTf2buMK2cLVvy-nBD8rgsnCAk";
    /// A key of another curve.
    const P384: &str = "-----BEGIN PRIVATE KEY-----\n\
                         MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDB/nz0YKWOrTeRAPvdF\n\
                         9T5WTxBSm5SkpOoMz2Ejq/Wj0JqEiqwFwEqiA/G+VpW99nehZANiAAT3SIBBbTxu\n\
                         +s9KSwD1SZEvHqPHzKc+mBhxELr4Fw72Qe3F0YHmWB8SnCF2b1BBPQ9jySgGCTot\n\
                         OmbGaXExxhwrWnPgeBLCniHpI0v8EeZtq7nq34ap/hy31tc8IhXn9xE=\n\
                         -----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_is_read_in_every_way_that_it_is_written() {
        let with_parameters =
            format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{SEC1}");
        for text in [PKCS8, SEC1, &with_parameters, RAW, &format!("{RAW}=\r\n"), &format!(" {RAW}\n")] {
            assert_eq!(VapidKey::parse(text).unwrap().public(), PUBLIC, "{text}");
        }
        let kept = VapidKey::from_bytes(VapidKey::parse(RAW).unwrap().private()).unwrap();
        assert_eq!(kept.public(), PUBLIC);
    }

    #[test]
    fn other_values_than_a_vapid_key_are_refused() {
        let zero = URL_SAFE_NO_PAD.encode([0; LENGTH]);
        let beyond = URL_SAFE_NO_PAD.encode([0xff; LENGTH]);
        let cut = &PKCS8[..PKCS8.len() / 2];
        for text in
            ["", "x", &RAW[1..], &format!("{RAW}A"), PUBLIC, &zero, &beyond, P384, cut, "-----BEGIN PRIVATE KEY-----"]
        {
            assert!(VapidKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn new_keys_differ_and_are_not_shown() {
        let [one, other] = [(); 2].map(|()| VapidKey::generate().unwrap());
        assert_ne!(one.public(), other.public());
        assert_eq!(format!("{one:?}"), "VapidKey { .. }");
    }
}
