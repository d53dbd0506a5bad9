//! The token that authenticates this server to APNs: a JWT signed with the key of the team.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::json;

use crate::server::clock::Clock;

/// How long a token is used, in seconds. APNs accepts one for an hour.
const USED_FOR: i64 = 50 * 60;
/// How long a token that replaced a refused one is kept in any case, in seconds: APNs complains when tokens change all
/// the time.
const LEFT_ALONE_FOR: i64 = 60;

/// The key of a team, with the ids of both. A clone is the same.
#[derive(Clone)]
pub struct ProviderKey {
    key: Arc<EcdsaKeyPair>,
    key_id: String,
    team_id: String,
}

impl ProviderKey {
    /// Reads a key file from Apple: a P-256 key as PKCS#8 in PEM.
    #[must_use]
    pub fn parse(pem: &[u8], key_id: &str, team_id: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).ok()?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der()).ok()?;
        Some(Self { key: Arc::new(key), key_id: key_id.to_owned(), team_id: team_id.to_owned() })
    }

    /// The id of the team.
    #[must_use]
    pub fn team_id(&self) -> &str {
        &self.team_id
    }

    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The header `authorization` with a token of this time, in seconds; `None` when signing fails.
    fn sign(&self, issued_at: i64) -> Option<HeaderValue> {
        let Self { key, key_id, team_id } = self;
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let head = part(json!({"alg": "ES256", "kid": key_id}));
        let signed = format!("{head}.{}", part(json!({"iss": team_id, "iat": issued_at})));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        let mut header =
            HeaderValue::try_from(format!("bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, key_id, team_id } = self;
        f.debug_struct("ProviderKey").field("key_id", key_id).field("team_id", team_id).finish_non_exhaustive()
    }
}

/// The present token, which both environments share.
pub(super) struct ProviderTokens {
    key: ProviderKey,
    clock: Arc<dyn Clock>,
    used: Mutex<Option<Token>>,
}

/// A token, as the header `authorization` has it.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    /// Time at which it was made, in seconds.
    issued_at: i64,
    /// Whether it was made because another one was refused.
    is_replacement: bool,
}

impl ProviderTokens {
    pub(super) fn new(key: ProviderKey, clock: Arc<dyn Clock>) -> Self {
        Self { key, clock, used: Mutex::default() }
    }

    /// The header for a request. A token is made when there is none, when it is too old, and when the clock has gone
    /// back behind it.
    pub(super) fn current(&self) -> Option<HeaderValue> {
        let now = self.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = used.as_ref().filter(|token| (0..USED_FOR).contains(&(now - token.issued_at))) {
            return Some(token.header.clone());
        }
        self.make(&mut used, now, false)
    }

    /// The header for a request after APNs reported that this one has expired; `None` when another one would not help
    /// either, because the last one made for that reason is new.
    pub(super) fn instead_of(&self, refused: &HeaderValue) -> Option<HeaderValue> {
        let now = self.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.as_ref() {
            // Another one of many requests was refused first.
            Some(token) if token.header != *refused => Some(token.header.clone()),
            Some(token) if token.is_replacement && (0..LEFT_ALONE_FOR).contains(&(now - token.issued_at)) => None,
            _ => self.make(&mut used, now, true),
        }
    }

    fn make(&self, used: &mut Option<Token>, issued_at: i64, is_replacement: bool) -> Option<HeaderValue> {
        let header = self.key.sign(issued_at)?;
        *used = Some(Token { header: header.clone(), issued_at, is_replacement });
        Some(header)
    }

    fn now(&self) -> i64 {
        self.clock.now().to_utc().timestamp()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        collections::HashSet,
        sync::atomic::{AtomicI64, Ordering},
    };

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    use super::*;
    use crate::model::Timestamp;

    /// A clock that a test sets, in seconds.
    #[derive(Default)]
    struct Moved(AtomicI64);

    impl Clock for Moved {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros((1_800_000_000 + self.0.load(Ordering::Relaxed)) * 1_000_000).unwrap()
        }
    }

    pub(in crate::server::channels::apns) fn key() -> ProviderKey {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        ProviderKey::parse(key.serialize_pem().as_bytes(), "KEY1234567", "TEAM123456").unwrap()
    }

    fn tokens() -> (Arc<Moved>, ProviderTokens) {
        let clock = Arc::new(Moved::default());
        (Arc::clone(&clock), ProviderTokens::new(key(), clock))
    }

    fn claims(header: &HeaderValue) -> (serde_json::Value, serde_json::Value) {
        let text = header.to_str().unwrap().strip_prefix("bearer ").unwrap();
        let part = |at: usize| URL_SAFE_NO_PAD.decode(text.split('.').nth(at).unwrap()).unwrap();
        (serde_json::from_slice(&part(0)).unwrap(), serde_json::from_slice(&part(1)).unwrap())
    }

    #[test]
    fn a_token_names_key_team_and_moment_and_is_signed() {
        let (_, tokens) = tokens();
        let header = tokens.current().unwrap();
        assert!(header.is_sensitive());
        let (head, claimed) = claims(&header);
        assert_eq!(head, json!({"alg": "ES256", "kid": "KEY1234567"}));
        assert_eq!(claimed, json!({"iss": "TEAM123456", "iat": 1_800_000_000}));
        let text = header.to_str().unwrap().strip_prefix("bearer ").unwrap();
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, tokens.key.key.public_key().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        assert!(!format!("{:?}", tokens.key).contains("EcdsaKeyPair"));
    }

    #[test]
    fn a_token_is_used_for_50_minutes_and_made_anew_when_the_clock_goes_back() {
        let (clock, tokens) = tokens();
        let mut made = Vec::new();
        for (second, expected) in
            [(0, 1), (0, 1), (2_999, 1), (3_000, 2), (3_001, 2), (2_999, 3), (5_998, 3), (5_999, 4), (-99_999, 5)]
        {
            clock.0.store(second, Ordering::Relaxed);
            made.push(tokens.current().unwrap());
            assert_eq!(made.iter().collect::<HashSet<_>>().len(), expected, "{second}");
            let (_, claimed) = claims(made.last().unwrap());
            assert!(claimed["iat"].as_i64().unwrap() <= 1_800_000_000 + second, "{second}");
        }
    }

    #[test]
    fn a_token_that_is_refused_is_replaced_once() {
        let (clock, tokens) = tokens();
        let first = tokens.current().unwrap();
        let second = tokens.instead_of(&first).unwrap();
        assert_ne!(first, second);
        // Many requests used the first one.
        assert!((0..100).all(|_| tokens.instead_of(&first).as_ref() == Some(&second)));
        assert_eq!(tokens.current().unwrap(), second);
        // APNs refuses the second one too.
        assert_eq!(tokens.instead_of(&second), None);
        clock.0.store(LEFT_ALONE_FOR - 1, Ordering::Relaxed);
        assert_eq!(tokens.instead_of(&second), None);
        assert_eq!(tokens.current().unwrap(), second);
        clock.0.store(LEFT_ALONE_FOR, Ordering::Relaxed);
        assert_ne!(tokens.instead_of(&second).unwrap(), second);
    }

    #[test]
    fn many_that_wait_make_one_token() {
        let (_, tokens) = tokens();
        let made = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16).map(|_| scope.spawn(|| tokens.current().unwrap())).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect::<HashSet<_>>()
        });
        assert_eq!(made.len(), 1);
    }

    #[test]
    fn only_a_key_of_p_256_in_pem_is_taken() {
        let pem = |key: rcgen::KeyPair| key.serialize_pem();
        let good = pem(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap());
        assert!(ProviderKey::parse(format!("\r\n{good}\n\n").as_bytes(), "K", "T").is_some());
        let other = pem(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap());
        for wrong in ["", "key", &other, &good[..100], &good.replace("PRIVATE", "PUBLIC")] {
            assert!(ProviderKey::parse(wrong.as_bytes(), "K", "T").is_none(), "{wrong:?}");
        }
    }
}
