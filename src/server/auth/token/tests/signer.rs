//! Keys made for the tests, and tokens signed with them.

use std::{
    borrow::Borrow,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aws_lc_rs::{rsa::PublicKey, signature::RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize, SignatureAlgorithm};
use serde_json::{Value, json};

use super::{super::Algorithm, SECRET};

/// A signer of tokens.
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    encoding: EncodingKey,
    /// The public key in PEM; empty for a secret.
    pub(super) pem: String,
    /// The public key in the form of a key set, without an id.
    jwk: Value,
    pem_file: PathBuf,
}

/// Signers whose keys the tested servers know, and some that no server knows.
pub(super) static HMAC: LazyLock<Signer> = LazyLock::new(|| Signer::secret(SECRET.as_bytes()));
pub(super) static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("rsa"));
pub(super) static EC: LazyLock<Signer> = LazyLock::new(|| Signer::ec("ec"));
pub(super) static ED: LazyLock<Signer> = LazyLock::new(|| Signer::ed("ed"));
pub(super) static OTHER_RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("other-rsa"));
pub(super) static OTHER_EC: LazyLock<Signer> = LazyLock::new(|| Signer::ec("other-ec"));
pub(super) static OTHER_ED: LazyLock<Signer> = LazyLock::new(|| Signer::ed("other-ed"));

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Writes a file that lives as long as the tests do.
pub(super) fn file(name: &str, content: &str) -> PathBuf {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = std::env::temp_dir().join(format!("campanile-tokens-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        directory
    });
    let file = DIRECTORY.join(format!("{name}.pem"));
    std::fs::write(&file, content).unwrap();
    file
}

/// A pair of keys for this algorithm.
pub(super) fn pair(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

impl Signer {
    /// HS256 with these bytes.
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Hs256,
            encoding: EncodingKey::from_secret(secret),
            pem: String::new(),
            jwk: json!({ "kty": "oct", "k": base64(secret) }),
            pem_file: PathBuf::new(),
        }
    }

    fn rsa(name: &str) -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let RsaPublicKeyComponents::<Vec<u8>> { n, e } = (&PublicKey::from_der(pair.public_key_raw()).unwrap()).into();
        let encoding = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        let jwk = json!({ "kty": "RSA", "n": base64(n), "e": base64(e) });
        Self::new(name, Algorithm::Rs256, &pair, encoding, jwk)
    }

    fn ec(name: &str) -> Self {
        let pair = pair(&PKCS_ECDSA_P256_SHA256);
        let encoding = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let (x, y) = pair.public_key_raw()[1..].split_at(32);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y) });
        Self::new(name, Algorithm::Es256, &pair, encoding, jwk)
    }

    fn ed(name: &str) -> Self {
        let pair = pair(&PKCS_ED25519);
        let encoding = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key_raw()) });
        Self::new(name, Algorithm::EdDsa, &pair, encoding, jwk)
    }

    fn new(name: &str, algorithm: Algorithm, pair: &KeyPair, encoding: EncodingKey, jwk: Value) -> Self {
        let pem = pair.public_key_pem();
        Self { algorithm, encoding, pem_file: file(name, &pem), pem, jwk }
    }

    pub(super) fn pem_file(&self) -> &Path {
        &self.pem_file
    }

    /// The key for a key set, with this id and these further fields.
    pub(super) fn jwk(&self, kid: &str, more: impl Borrow<Value>) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = json!(kid);
        jwk.as_object_mut().unwrap().extend(more.borrow().as_object().cloned().unwrap_or_default());
        jwk
    }

    /// The key for a key set, without an id.
    pub(super) fn nameless_jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// A token with these claims, whose header names this key.
    pub(super) fn sign(&self, kid: &str, claims: &Value) -> String {
        self.sign_all(&json!({ "typ": "JWT", "alg": self.algorithm.name(), "kid": kid }), claims)
    }

    /// A token with exactly this header, signed by this signer regardless of the header.
    pub(super) fn sign_all(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token of exactly these texts.
    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64(header), base64(claims));
        let algorithm = self.algorithm.in_library();
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm).unwrap();
        format!("{message}.{signature}")
    }
}
