//! Tokens that were forged or broken.

use aws_lc_rs::hmac;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    accepted, by_pem, by_secret, good,
    local_issuer::LocalIssuer,
    refused,
    signer::{EC, ED, HMAC, OTHER_EC, OTHER_ED, OTHER_RSA, RSA, Signer, base64},
    with,
};
use crate::server::auth::token::Tokens;

/// All verifiers, each with a signer of valid tokens and its kid.
async fn all_verifiers() -> (LocalIssuer, Vec<(Tokens, &'static Signer)>) {
    let issuer = LocalIssuer::start(&[
        RSA.jwk("k", json!({})),
        EC.jwk("k", json!({ "alg": "ES256", "use": "sig" })),
        ED.jwk("k", json!({ "key_ops": ["verify"] })),
    ])
    .await;
    let mut all_verifiers =
        vec![(by_secret(), &*HMAC), (by_pem(&RSA), &*RSA), (by_pem(&EC), &*EC), (by_pem(&ED), &*ED)];
    for signer in [&*RSA, &*EC, &*ED] {
        all_verifiers.push((issuer.tokens(), signer));
    }
    (issuer, all_verifiers)
}

/// A token with this header whose signature is these bytes.
fn unsigned(header: &Value, signature: &[u8]) -> String {
    format!("{}.{}.{}", base64(header.to_string()), base64(good().to_string()), base64(signature))
}

#[tokio::test]
async fn a_valid_token_is_accepted() {
    for (tokens, signer) in all_verifiers().await.1 {
        accepted(&tokens, &signer.sign("k", &good())).await;
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    for (tokens, signer) in all_verifiers().await.1 {
        for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "EdDSA"] {
            let header = json!({ "alg": alg, "typ": "JWT", "kid": "k" });
            refused(&tokens, &unsigned(&header, b""), alg).await;
            refused(&tokens, &unsigned(&header, &[0; 64]), alg).await;
            refused(&tokens, &unsigned(&header, &[0; 256]), alg).await;
        }
        let good = signer.sign("k", &good());
        let (message, signature) = good.rsplit_once('.').unwrap();
        refused(&tokens, message, "two parts").await;
        refused(&tokens, &format!("{message}."), "an empty signature").await;
        let none = base64(r#"{"alg":"none","kid":"k"}"#);
        let claims = message.split_once('.').unwrap().1;
        refused(&tokens, &format!("{none}.{claims}.{signature}"), "none with the signature of another").await;
    }
}

#[tokio::test]
async fn a_public_key_used_as_an_hmac_secret_is_refused() {
    let (_issuer, all_verifiers) = all_verifiers().await;
    for (tokens, signer) in &all_verifiers {
        let jwk = signer.nameless_jwk();
        let raw = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
        let public = [signer.pem.clone(), signer.pem.trim().to_owned(), jwk.to_string(), raw("n"), raw("x")];
        for secret in public.iter().filter(|_| signer.algorithm != HMAC.algorithm) {
            let confused = Signer::secret(secret.as_bytes());
            refused(tokens, &confused.sign("k", &good()), "HS256 with the public key").await;
            let header = json!({ "alg": signer.algorithm.name(), "kid": "k" });
            let message = format!("{}.{}", base64(header.to_string()), base64(good().to_string()));
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let signature = base64(hmac::sign(&key, message.as_bytes()));
            refused(tokens, &format!("{message}.{signature}"), "the same, under the right name").await;
        }
    }
}

#[tokio::test]
async fn the_header_does_not_choose_the_algorithm() {
    for (tokens, signer) in all_verifiers().await.1 {
        for alg in ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
        {
            if alg != signer.algorithm.name() {
                let header = json!({ "alg": alg, "kid": "k" });
                refused(&tokens, &signer.sign_all(&header, &good()), alg).await;
            }
        }
        for wrong in [json!({ "kid": "k" }), json!({ "alg": null }), json!({ "alg": 1 }), json!({ "alg": ["RS256"] })] {
            refused(&tokens, &signer.sign_all(&wrong, &good()), "no algorithm").await;
        }
        let twice = format!(r#"{{"alg":"{0}","alg":"{0}","kid":"k"}}"#, signer.algorithm);
        refused(&tokens, &signer.sign_text(&twice, &good().to_string()), "two algorithms").await;
    }
    for signer in [&*RSA, &*EC, &*ED] {
        refused(&by_secret(), &signer.sign("k", &good()), "a secret checks no signatures").await;
        refused(&by_secret(), &signer.sign_all(&json!({ "alg": "HS256" }), &good()), "nor under its name").await;
    }
}

#[tokio::test]
async fn a_key_that_the_token_brings_is_not_looked_at() {
    let other = [(&*OTHER_RSA, &*RSA), (&*OTHER_EC, &*EC), (&*OTHER_ED, &*ED)];
    let (_issuer, all_verifiers) = all_verifiers().await;
    for (tokens, signer) in all_verifiers {
        let Some((forger, _)) = other.iter().find(|(_, of)| of.algorithm == signer.algorithm) else { continue };
        let alg = forger.algorithm.name();
        for more in [
            json!({}),
            json!({ "jwk": forger.jwk("k", json!({})) }),
            json!({ "jku": "http://127.0.0.1:9/keys" }),
            json!({ "x5u": "http://127.0.0.1:9/chain.pem" }),
            json!({ "x5c": [base64("not looked at")] }),
        ] {
            let mut header = json!({ "alg": alg, "kid": "k" });
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            refused(&tokens, &forger.sign_all(&header, &good()), "a key of its own").await;
            accepted(&tokens, &signer.sign_all(&header, &good())).await;
        }
    }
}

#[tokio::test]
async fn a_kid_is_only_compared_with_names_of_keys() {
    let issuer = LocalIssuer::start(&[RSA.jwk("k", json!({})), EC.jwk("", json!({}))]).await;
    let tokens = issuer.tokens();
    for kid in [
        "",
        " k",
        "K",
        "k\0",
        "../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "file:///dev/null",
        "k' UNION SELECT 'AA",
        "' OR 1=1 --",
        "http://127.0.0.1:9/keys",
        "$(reboot)|k",
        &"k".repeat(4_000),
    ] {
        refused(&tokens, &RSA.sign(kid, &good()), kid).await;
        let empty = Signer::secret(b"");
        refused(&tokens, &empty.sign(kid, &good()), kid).await;
    }
    accepted(&tokens, &EC.sign("", &good())).await;
    for kid in [json!(1), json!(["k"]), json!({ "k": "k" }), json!(true)] {
        refused(&tokens, &RSA.sign_all(&json!({ "alg": "RS256", "kid": kid }), &good()), "no string").await;
    }
    assert_eq!(issuer.asked(), 1);
    // A single key has no id.
    accepted(&by_pem(&RSA), &RSA.sign("../../dev/null", &good())).await;
    accepted(&by_secret(), &HMAC.sign("", &good())).await;
}

#[tokio::test]
async fn a_token_with_a_crit_header_is_refused() {
    for (tokens, signer) in all_verifiers().await.1 {
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!(["https://example.com/x"])] {
            let header = json!({ "alg": signer.algorithm.name(), "kid": "k", "crit": crit, "b64": true, "exp": 1 });
            refused(&tokens, &signer.sign_all(&header, &good()), "crit").await;
        }
    }
}

#[tokio::test]
async fn a_token_with_one_changed_character_is_refused() {
    for (tokens, signer) in all_verifiers().await.1 {
        let token = signer.sign("k", &good());
        for place in 0..token.len() {
            for other in [["A", "B"], [".", ""], ["=", " "]][place % 3] {
                let broken = format!("{}{other}{}", &token[..place], &token[place + 1..]);
                if broken != token {
                    refused(&tokens, &broken, &broken).await;
                }
            }
        }
        for length in (0..token.len()).step_by(7).chain([token.len() - 1]) {
            refused(&tokens, &token[..length], "a part of it").await;
        }
        for space in [" ", "\n", "\r\n", "\t", "\0", "\u{a0}", "=", ".", ".e30"] {
            refused(&tokens, &format!("{token}{space}"), "something after it").await;
            refused(&tokens, &format!("{space}{token}"), "something before it").await;
            refused(&tokens, &token.replacen('.', &format!("{space}."), 1), "something in it").await;
        }
        accepted(&tokens, &token).await;
    }
}

#[tokio::test]
async fn other_claims_need_another_signature() {
    for (tokens, signer) in all_verifiers().await.1 {
        let token = signer.sign("k", &good());
        let parts: Vec<_> = token.split('.').collect();
        let claims = base64(with("sub", json!("bob")).to_string());
        refused(&tokens, &format!("{}.{claims}.{}", parts[0], parts[2]), "other claims").await;
        let header = base64(json!({ "kid": "k", "alg": signer.algorithm.name() }).to_string());
        refused(&tokens, &format!("{header}.{}.{}", parts[1], parts[2]), "another header").await;
    }
}

#[tokio::test]
async fn a_token_over_8_kib_is_refused() {
    let longest = |length: usize| {
        let fill = |filling: usize| HMAC.sign("k", &with("x", json!("x".repeat(filling))));
        let over = fill(0).len();
        (0..).map(|more| fill((length - over) * 3 / 4 - 3 + more)).find(|token| token.len() >= length).unwrap()
    };
    let fits = longest(8 * 1024 - 1);
    assert!((8 * 1024 - 1..=8 * 1024).contains(&fits.len()));
    accepted(&by_secret(), &fits).await;
    refused(&by_secret(), &longest(8 * 1024 + 1), "a long one").await;
    refused(&by_secret(), &"a".repeat(1_000_000), "a very long one").await;
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    refused(&by_secret(), &HMAC.sign_text(r#"{"alg":"HS256"}"#, &deep), "a deep one").await;
    let header = format!(r#"{{"alg":"HS256","x":{deep}}}"#);
    refused(&by_secret(), &HMAC.sign_text(&header, "{}"), "a deep header").await;
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused(text in r"\PC{0,40}(\.\PC{0,40}){0,4}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(refused(&by_secret(), &text, &text));
    }

    #[test]
    fn arbitrary_claims_are_refused(header in r#"\{"alg":"HS256"(,"[a-z]{1,4}":[0-9a-z"{}\[\]]{0,9}){0,3}\}"#, claims in r"\PC{0,60}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(refused(&by_secret(), &HMAC.sign_text(&header, &claims), &claims));
    }
}
