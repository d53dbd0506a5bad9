//! The keys that tokens are checked with.

use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_lc_rs::{
    rsa::PublicKey,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

use super::Algorithm;
use crate::server::secret::Secret;

/// HS256 is as strong as its secret is long, up to this many bytes (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// How long the modulus of an RSA key may be.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key, and the one algorithm that it is for.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// # Errors
    /// When the secret is too short to be one.
    pub(super) fn from_secret(secret: &Secret) -> Result<Self> {
        let secret = secret.expose().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            let length = secret.len();
            bail!(
                "jwt-secret: it has {length} bytes, which can be guessed. Say at least {MIN_SECRET_BYTES} random ones."
            );
        }
        Ok(Self { algorithm: Algorithm::Hs256, decoding: DecodingKey::from_secret(secret) })
    }

    /// # Errors
    /// When the file cannot be read, or holds anything but one public key of a kind that is known.
    pub(super) fn from_pem_file(file: &Path) -> Result<Self> {
        let shown = file.display();
        let pem = std::fs::read_to_string(file).with_context(|| format!("jwt-key: {shown} cannot be read"))?;
        let labels: Vec<_> = pem.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")).collect();
        match labels[..] {
            [] => bail!("jwt-key: {shown} is no key in PEM, which begins with -----BEGIN PUBLIC KEY-----."),
            [label] if label.contains("PRIVATE KEY") => bail!(
                "jwt-key: {shown} holds a private key, which only the issuer should have. Give the public one, which \
                 openssl pkey -pubout makes of it."
            ),
            [label] if label.contains("CERTIFICATE") => bail!(
                "jwt-key: {shown} holds a certificate. Give its public key, which openssl x509 -pubkey -noout takes \
                 from it."
            ),
            [_] => {}
            _ => bail!("jwt-key: {shown} holds several things. Leave one public key in it."),
        }
        let read = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
        read.iter().find_map(|read| read(pem.as_bytes()).ok().and_then(Self::public)).with_context(|| {
            format!("jwt-key: {shown} is no public key of RSA with 2048 to 8192 bits, of EC on P-256, or of Ed25519.")
        })
    }

    /// A public key that can verify something, and what.
    fn public(decoding: DecodingKey) -> Option<Self> {
        let algorithm = match (decoding.family(), decoding.kind()) {
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
