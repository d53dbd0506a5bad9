//! Encrypts a message for a subscription (RFC 8291), as one record of `aes128gcm` (RFC 8188).

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand,
};

use crate::model::SubscriptionKeys;

/// The length of the salt, in bytes.
const SALT: usize = 16;
/// The size of a record, in bytes. A message is one record, so this is its most bytes after encryption.
const RECORD: u32 = 4_096;
/// Delimiter of the last record (RFC 8188, section 2).
const LAST: u8 = 2;
/// The longest text of one record, in bytes: the record also has the delimiter and the tag of AES-GCM, and must be
/// longer than both together (RFC 8291, section 4).
const LONGEST: usize = RECORD as usize - 1 - 16 - 1;

/// The browser's keys are invalid, or the text does not fit into one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotEncrypted;

impl From<Unspecified> for NotEncrypted {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// Encrypts a text for the browser with these keys, under a key and a salt of its own.
///
/// # Errors
/// When it is too long, or when the keys are invalid.
pub(super) fn encrypt(keys: &SubscriptionKeys, text: &[u8]) -> Result<Vec<u8>, NotEncrypted> {
    let mut salt = [0; SALT];
    rand::fill(&mut salt)?;
    encrypt_with(&PrivateKey::generate(&ECDH_P256)?, salt, keys, text)
}

/// The same under a given key and salt, each of which may be used for one text only.
fn encrypt_with(
    ours: &PrivateKey,
    salt: [u8; SALT],
    keys: &SubscriptionKeys,
    text: &[u8],
) -> Result<Vec<u8>, NotEncrypted> {
    if text.len() > LONGEST {
        return Err(NotEncrypted);
    }
    let (our_public, their_public) = (ours.compute_public_key()?, keys.p256dh());
    // RFC 8291, section 3.3: the agreed secret, bound to the secret of the subscription and to both keys.
    let agreed = UnparsedPublicKey::new(&ECDH_P256, &their_public);
    let agreed = agree(ours, agreed, Unspecified, |secret| {
        let info = [b"WebPush: info\0", &*their_public, our_public.as_ref()];
        let mut agreed = [0; 32];
        Salt::new(HKDF_SHA256, &keys.auth()).extract(secret).expand(&info, HKDF_SHA256)?.fill(&mut agreed)?;
        Ok(agreed)
    })?;
    // RFC 8188, section 2.2 and 2.3. The first record is number 0, and leaves the nonce as it is.
    let derived = Salt::new(HKDF_SHA256, &salt).extract(&agreed);
    let key = LessSafeKey::new(UnboundKey::from(derived.expand(&[b"Content-Encoding: aes128gcm\0"], &AES_128_GCM)?));
    let mut record = Vec::with_capacity(text.len() + 1 + AES_128_GCM.tag_len());
    record.extend_from_slice(text);
    record.push(LAST);
    key.seal_in_place_append_tag(nonce(&derived)?, Aad::empty(), &mut record)?;
    // RFC 8188, section 2.1: salt, record size, and our key, which the browser needs.
    let our_public = our_public.as_ref();
    let length = u8::try_from(our_public.len()).map_err(|_| NotEncrypted)?;
    Ok([&salt, &RECORD.to_be_bytes()[..], &[length], our_public, &record].concat())
}

fn nonce(derived: &Prk) -> Result<Nonce, Unspecified> {
    struct Length;

    impl KeyType for Length {
        fn len(&self) -> usize {
            NONCE_LEN
        }
    }

    let mut nonce = [0; NONCE_LEN];
    derived.expand(&[b"Content-Encoding: nonce\0"], Length)?.fill(&mut nonce)?;
    Ok(Nonce::assume_unique_for_key(nonce))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The subscription of RFC 8291, appendix A.
    fn keys() -> SubscriptionKeys {
        let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        SubscriptionKeys::new(
            SubscriptionKeys::parse_p256dh(p256dh).unwrap(),
            SubscriptionKeys::parse_auth("BTBZMqHH6r4Tts7J_aSIgg").unwrap(),
        )
    }

    #[test]
    fn it_is_the_example_of_the_rfc_byte_for_byte() {
        let ours = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let ours = PrivateKey::from_private_key(&ECDH_P256, &ours).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let encrypted = encrypt_with(&ours, salt, &keys(), b"When I grow up, I want to be a watermelon").unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS\
                        6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qu\
                        lcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(encrypted), expected);
    }

    #[test]
    fn each_message_has_a_key_and_a_salt_of_its_own() {
        let all: Vec<_> = (0..50).map(|_| encrypt(&keys(), b"x").unwrap()).collect();
        for part in [0..SALT, SALT + 5..SALT + 5 + 65] {
            let different: HashSet<_> = all.iter().map(|message| &message[part.clone()]).collect();
            assert_eq!(different.len(), all.len(), "{part:?}");
        }
    }

    #[test]
    fn a_message_is_one_record_or_none() {
        let longest = encrypt(&keys(), &vec![0; LONGEST]).unwrap();
        assert!(longest.len() - (SALT + 4 + 1 + 65) < RECORD as usize);
        assert_eq!(encrypt(&keys(), &vec![0; LONGEST + 1]), Err(NotEncrypted));
        assert!(encrypt(&keys(), b"").is_ok());
    }

    #[test]
    fn a_key_that_is_no_point_is_refused() {
        let wrong = SubscriptionKeys::new([4; 65], [0; 16]);
        assert_eq!(encrypt(&wrong, b"x"), Err(NotEncrypted));
    }
}
