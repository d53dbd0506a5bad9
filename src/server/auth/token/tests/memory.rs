//! The cache of tokens, and the log lines about them.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    LEEWAY, NOW, TokenError, ann, at, by_pem, by_secret, good,
    signer::{EC, HMAC, OTHER_EC, Signer},
    with,
};

#[tokio::test]
async fn a_valid_token_is_cached_until_it_expires() {
    let tokens = by_pem(&EC);
    let token = EC.sign("k", &good());
    assert_eq!(tokens.cached(&token, at(NOW)), None);
    assert_eq!(tokens.verify(&token, at(NOW)).await, Ok(ann()));
    for second in [NOW, NOW + 60, NOW + 60 + LEEWAY - 1] {
        assert_eq!(tokens.cached(&token, at(second)), Some(ann()));
        assert_eq!(tokens.verify(&token, at(second)).await, Ok(ann()));
    }
    assert_eq!(tokens.cached(&token, at(NOW + 60 + LEEWAY)), None);
    assert!(matches!(tokens.verify(&token, at(NOW + 60 + LEEWAY)).await, Err(TokenError::Invalid(_))));
    assert_eq!(tokens.cached(&format!("{token} "), at(NOW)), None);
    assert_eq!(tokens.cached(&"x".repeat(9_000), at(NOW)), None);
    assert_eq!(by_pem(&EC).cached(&token, at(NOW)), None, "others have a memory of their own");
}

#[tokio::test]
async fn a_refusal_before_nbf_is_not_cached() {
    let tokens = by_secret();
    let token = HMAC.sign("k", &with("nbf", json!(NOW + LEEWAY + 1)));
    assert!(matches!(tokens.verify(&token, at(NOW)).await, Err(TokenError::Invalid(_))));
    assert!(tokens.verify(&token, at(NOW + 1)).await.is_ok(), "a failure is not remembered");
}

/// A log that tests can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_part_of_a_token_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let told = tracing::subscriber::set_default(subscriber);
    let tokens = by_pem(&EC);
    let header = |name: &str, value: Value| {
        let mut header = json!({ "alg": "ES256" });
        header[name] = value;
        header
    };
    let canary = "canary";
    let says = |claim: &str| with(claim, json!(canary));
    for token in [
        canary.to_owned(),
        format!("{canary}.{canary}.{canary}"),
        Signer::secret(b"x").sign_all(&header("alg", json!(canary)), &good()),
        Signer::secret(b"x").sign_all(&header("crit", json!([canary])), &good()),
        Signer::secret(b"x").sign_all(&header("kid", json!({ canary: canary })), &good()),
        OTHER_EC.sign(canary, &says("sub")),
        EC.sign(canary, &says("aud")),
        EC.sign(canary, &says("exp")),
        EC.sign(canary, &says("nbf")),
        EC.sign(canary, &says("iss")),
        EC.sign(canary, &with("sub", json!([canary]))),
        EC.sign(canary, &with("sub", json!(format!("{canary}\n")))),
        EC.sign_text(r#"{"alg":"ES256"}"#, &format!("{{{canary}:1}}")),
        format!("{}~", EC.sign(canary, &says("sub"))),
    ] {
        let logged = loop {
            let error = tokens.verify(&token, at(NOW)).await.unwrap_err();
            assert!(matches!(error, TokenError::Invalid(_)) && error.to_string() == "the token is not valid");
            let logged = log.take();
            if !logged.is_empty() {
                break logged;
            }
            // Another test was just telling tracing that there is no subscriber for this line.
            tracing::callsite::rebuild_interest_cache();
        };
        assert_eq!(logged.matches("a token was refused").count(), 1, "{logged}");
        assert!(!logged.contains(canary), "{logged}");
        let parts = token.split('.').filter(|part| part.len() > 8);
        assert!(parts.into_iter().all(|part| !logged.contains(&part[..8])), "{logged}");
    }
    drop(told);
}
