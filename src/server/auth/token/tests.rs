//! Tokens of every kind, valid and forged.

mod attacks;
mod claims;
mod issuer;
mod key_sets;
mod local_issuer;
mod memory;
mod settings;
mod signer;

use std::time::Duration;

use serde_json::{Value, json};

use self::signer::Signer;
use super::{KeySource, Secret, TokenError, TokenOptions, Tokens, VerifiedToken};
use crate::model::{Timestamp, UserId};

/// The time of these tests, in seconds; long ago by the machine's clock.
const NOW: i64 = 1_700_000_000;
const LEEWAY: i64 = 30;
/// Long enough for a secret.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}

fn options(keys: KeySource) -> TokenOptions {
    TokenOptions {
        keys,
        audience: vec!["campanile".to_owned(), "bells".to_owned()],
        issuer: Some("https://id.example".to_owned()),
        algorithms: None,
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
    }
}

fn by_secret() -> Tokens {
    Tokens::new(options(KeySource::Secret(Secret::new(SECRET)))).unwrap()
}

/// Checks tokens with the public key of this signer, from a file.
fn by_pem(signer: &Signer) -> Tokens {
    Tokens::new(options(KeySource::Pem(signer.pem_file().to_path_buf()))).unwrap()
}

/// The claims of a valid token.
fn good() -> Value {
    json!({ "iss": "https://id.example", "aud": "campanile", "sub": "ann", "exp": NOW + 60, "iat": NOW })
}

/// The same claims with one changed; `null` removes it.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    let map = claims.as_object_mut().unwrap();
    match value {
        Value::Null => map.remove(name),
        value => map.insert(name.to_owned(), value),
    };
    claims
}

fn ann() -> VerifiedToken {
    VerifiedToken { user_id: UserId::parse("ann").unwrap(), expires_at: at(NOW + 60 + LEEWAY) }
}

async fn accepted(tokens: &Tokens, token: &str) {
    assert_eq!(tokens.verify(token, at(NOW)).await, Ok(ann()), "{token}");
}

async fn refused(tokens: &Tokens, token: &str, what: &str) {
    assert!(matches!(tokens.verify(token, at(NOW)).await, Err(TokenError::Invalid(_))), "{what}");
    assert_eq!(tokens.cached(token, at(NOW)), None, "{what} is not remembered");
}
