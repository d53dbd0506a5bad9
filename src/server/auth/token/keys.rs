//! The keys that verify tokens.

use std::{path::Path, sync::Arc};

use aws_lc_rs::{
    rsa::PublicKey,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

use super::{Algorithm, WrongOption};
use crate::server::{secret::Secret, secret_file};

/// Algorithms for which a key set may have keys. A secret never comes from a URL.
pub(super) const OF_A_KEY_SET: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// HS256 is as strong as its secret is long, up to this many bytes (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// The accepted lengths of the modulus of an RSA key, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key, and its only algorithm.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// # Errors
    /// When the secret is too short.
    pub(super) fn from_secret(secret: &Secret) -> Result<Self, WrongOption> {
        let secret = secret.expose().as_bytes();
        let length = secret.len();
        if length < MIN_SECRET_BYTES {
            let why =
                format!("it has {length} bytes, which can be guessed. Use at least {MIN_SECRET_BYTES} random bytes.");
            return Err(WrongOption::Secret(why));
        }
        Ok(Self { algorithm: Algorithm::Hs256, decoding: DecodingKey::from_secret(secret) })
    }

    /// # Errors
    /// When the file cannot be read, or contains anything but one public key of a known kind.
    pub(super) fn from_pem_file(file: &Path) -> Result<Self, WrongOption> {
        let bytes = secret_file::read_named(file).map_err(WrongOption::Pem)?;
        // A file that is not text contains no PEM.
        let key = Self::from_pem(&String::from_utf8(bytes).unwrap_or_default());
        key.map_err(|why| WrongOption::Pem(format!("{} {why}", secret_file::named(file))))
    }

    /// The only public key in PEM, or the mistake, as a phrase to follow the name of the file.
    fn from_pem(pem: &str) -> Result<Self, &'static str> {
        let labels: Vec<_> = pem.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")).collect();
        match labels[..] {
            [] => return Err("is no key in PEM, which begins with -----BEGIN PUBLIC KEY-----."),
            [label] if label.contains("PRIVATE KEY") => {
                return Err(
                    "holds a private key, which only the issuer should have. Give the public one, which openssl \
                            pkey -pubout makes of it.",
                );
            }
            [label] if label.contains("CERTIFICATE") => {
                return Err(
                    "holds a certificate. Give its public key, which openssl x509 -pubkey -noout takes from it.",
                );
            }
            [_] => {}
            _ => return Err("holds several things. Leave one public key in it."),
        }
        let read = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
        read.iter()
            .find_map(|read| read(pem.as_bytes()).ok().and_then(Self::public))
            .ok_or("is no public key of RSA with 2048 to 8192 bits, of EC on P-256, or of Ed25519.")
    }

    /// A key of a set, or why it cannot be used.
    fn from_jwk(jwk: &Jwk) -> Result<Self, &'static str> {
        match &jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => {}
            Some(_) => return Err("it is not for signatures"),
        }
        if jwk.common.key_operations.as_ref().is_some_and(|allowed| !allowed.contains(&KeyOperations::Verify)) {
            return Err("it is not for verifying");
        }
        match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => {}
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {}
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {}
            AlgorithmParameters::OctetKey(_) => return Err("it is a secret, and every reader of the URL knows it"),
            _ => return Err("its kind is not known"),
        }
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_| "it cannot be read")?;
        let key = Self::public(decoding).ok_or("it is broken, too short or too long")?;
        match jwk.common.key_algorithm {
            None => Ok(key),
            Some(said) if said == KeyAlgorithm::from(key.algorithm.in_library()) => Ok(key),
            Some(_) => Err("it is for another algorithm"),
        }
    }

    /// A public key that can verify signatures, and its algorithm.
    fn public(decoding: DecodingKey) -> Option<Self> {
        let algorithm = match (decoding.family(), decoding.kind()) {
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) if is_rsa(n, e) => Algorithm::Rs256,
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = (&PublicKey::from_der(der).ok()?).into();
                is_rsa(&n, &e).then_some(Algorithm::Rs256)?
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
                Algorithm::Es256
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
                ParsedPublicKey::new(&ED25519, point).ok()?;
                Algorithm::EdDsa
            }
            _ => return None,
        };
        Some(Self { algorithm, decoding })
    }
}

fn is_rsa(n: &[u8], e: &[u8]) -> bool {
    let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
    RSA_BITS.contains(&(n.len() * 8 - zeros))
        && RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).is_ok()
}

/// The usable keys of an issuer.
pub(super) struct KeySet(Vec<(Jwk, Arc<Key>)>);

/// The key of a set for a token.
pub(super) enum KeyMatch {
    Key(Arc<Key>),
    Nothing,
    /// The token does not tell which of them.
    Several,
}

impl KeySet {
    /// Takes the usable keys; an unusable one is no reason to refuse the others.
    pub(super) fn new(jwks: Vec<Value>) -> Self {
        let usable = |jwk: Value| {
            let read = match jwk.get("d") {
                // Every reader of the URL could sign with it.
                Some(_) => Err("it is a private key"),
                None => serde_json::from_value::<Jwk>(jwk).map_err(|_| "it cannot be read"),
            };
            match read.and_then(|jwk| Key::from_jwk(&jwk).map(|key| (jwk, Arc::new(key)))) {
                Ok(known) => Some(known),
                Err(why) => {
                    tracing::debug!(why, "a key of the issuer is not used");
                    None
                }
            }
        };
        Self(jwks.into_iter().filter_map(usable).collect())
    }

    /// The key with this id for this algorithm, the first if there are several. Without an id, the only one for the
    /// algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> KeyMatch {
        let mut fitting = self
            .0
            .iter()
            .filter(|(jwk, key)| key.algorithm == algorithm && (kid.is_none() || jwk.common.key_id.as_deref() == kid));
        match (fitting.next(), fitting.next()) {
            (None, _) => KeyMatch::Nothing,
            (Some(_), Some(_)) if kid.is_none() => KeyMatch::Several,
            (Some((_, key)), _) => KeyMatch::Key(Arc::clone(key)),
        }
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|(jwk, _)| jwk).eq(other.0.iter().map(|(jwk, _)| jwk))
    }
}
