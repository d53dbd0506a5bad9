//! Secrets of service keys, sessions and tickets.
//!
//! Each has 256 random bits, so its stored SHA-256 reveals nothing.

use std::fmt;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};

use crate::server::{hex, identity::KeyId, store::SecretHash};

/// Prefix of every key, by which people and secret scanners recognise it.
const PREFIX: &str = "cmp_";

/// A service key as its user has it: `cmp_<16 digits of its id>_<64 digits of secret>`, both in lower-case hexadecimal.
#[derive(Clone)]
pub struct KeySecret {
    id: KeyId,
    secret: Opaque,
    /// Computed once, however often it is compared.
    hash: SecretHash,
}

impl KeySecret {
    /// A new random key.
    ///
    /// # Panics
    /// When the system provides no random numbers, without which nothing here is safe.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(KeyId::new(u64::from_be_bytes(random())), Opaque::generate())
    }

    /// Reads the output of [`Self::to_string_once`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self::new(KeyId::parse(id).ok()?, Opaque::parse(secret)?))
    }

    fn new(id: KeyId, secret: Opaque) -> Self {
        Self { id, hash: secret.hash(), secret }
    }

    /// The id of the key, which is not a secret.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The hash that is stored.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        self.hash
    }

    /// Whether this is its stored hash. The comparison takes constant time.
    #[must_use]
    pub fn matches(&self, hash: &SecretHash) -> bool {
        verify_slices_are_equal(&self.hash, hash).is_ok()
    }

    /// The whole text, only for the caller for whom the key was created.
    #[must_use]
    pub fn to_string_once(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret.to_string_once())
    }
}

impl fmt::Debug for KeySecret {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({})", self.id)
    }
}

/// The length of every key, in bytes.
const LENGTH: usize = PREFIX.len() + 16 + 1 + 64;

/// Why a text that begins like a key is not one, for the log; `None` for a text that begins differently, such as a
/// token.
pub(super) fn mistyped(text: &str) -> Option<&'static str> {
    text.starts_with(PREFIX).then_some(match text.len() {
        LENGTH => {
            "it begins like a service key, but is none: after cmp_ come 16 and 64 digits of 0-9 and a-f, with a _ between"
        }
        ..LENGTH => "it begins like a service key, but is shorter than the 85 characters of one",
        _ => "it begins like a service key, but is longer than the 85 characters of one",
    })
}

/// A secret without further meaning, such as the id of a session or a ticket: 64 digits in lower-case hexadecimal.
#[derive(Clone)]
pub struct Opaque([u8; 32]);

impl Opaque {
    /// A new random secret.
    ///
    /// # Panics
    /// When the system provides no random numbers, without which nothing here is safe.
    #[must_use]
    pub fn generate() -> Self {
        Self(random())
    }

    /// Reads the output of [`Self::to_string_once`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// The hash under which it is stored and found.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        hash
    }

    /// The text, only for the caller for whom it was created.
    #[must_use]
    pub fn to_string_once(&self) -> String {
        hex::encode(&self.0)
    }
}

impl fmt::Debug for Opaque {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque(***)")
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(SystemRandom::new().fill(&mut bytes).is_ok(), "the system has no random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cmp_00000000000000ff_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let made = KeySecret::generate();
        let text = made.to_string_once();
        let read = KeySecret::parse(&text).unwrap();
        assert_eq!((read.id(), read.hash(), text.len()), (made.id(), made.hash(), TEXT.len()));
        assert_eq!(KeySecret::parse(TEXT).unwrap().to_string_once(), TEXT);
        // The hash is of the 32 bytes and not of the text; compare `xxd -r -p | sha256sum`.
        let hash = hex::encode(&KeySecret::parse(TEXT).unwrap().hash());
        assert_eq!(hash, "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd");
    }

    #[test]
    fn malformed_keys_are_refused_with_a_reason() {
        let (short, upper, other) = (&TEXT[..TEXT.len() - 1], TEXT.to_uppercase(), TEXT.replace("cmp_", "cmq_"));
        let (longer, spaced, minus) = (format!("{TEXT}0"), format!("{TEXT} "), TEXT.replace('_', "-"));
        for wrong in ["", "cmp_", "cmp__", short, &upper, &other, &longer, &spaced, &minus, &TEXT[4..]] {
            assert!(KeySecret::parse(wrong).is_none(), "{wrong}");
        }
        let says = |text: &str, words: &str| assert!(mistyped(text).unwrap().contains(words), "{text}");
        assert_eq!(TEXT.len(), LENGTH);
        ["cmp_", "cmp_bad", short].into_iter().for_each(|text| says(text, "shorter than the 85 characters"));
        [&*longer, &spaced].into_iter().for_each(|text| says(text, "longer than the 85 characters"));
        says(&TEXT.replace("1f", "1F"), "0-9 and a-f");
        for other in ["", "CMP_bad", &other, "eyJhbGciOiJub25lIn0.e30."] {
            assert_eq!(mistyped(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_matches_its_own_hash_and_no_other() {
        let key = KeySecret::generate();
        let mut hash = key.hash();
        assert!(key.matches(&hash) && !KeySecret::generate().matches(&hash));
        hash[31] ^= 1;
        assert!(!key.matches(&hash));
    }

    #[test]
    fn no_two_are_the_same_and_debugging_shows_none() {
        let (first, second) = (Opaque::generate(), Opaque::generate());
        assert_ne!(first.to_string_once(), second.to_string_once());
        assert_eq!(Opaque::parse(&first.to_string_once()).unwrap().hash(), first.hash());
        assert!(Opaque::parse("00").is_none());
        let key = KeySecret::parse(TEXT).unwrap();
        let shown = format!("{key:?} {key:#?} {first:?} {first:#?}");
        assert!(!shown.contains("0001") && !shown.contains(&first.to_string_once()[..8]), "{shown}");
    }
}
