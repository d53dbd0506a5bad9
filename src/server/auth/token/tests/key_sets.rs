//! The keys of a set: which are used, and for which tokens.

use rcgen::PKCS_ECDSA_P384_SHA384;
use serde_json::{Value, json};

use super::{
    super::{Algorithm, Tokens},
    TokenOptions, accepted, good,
    local_issuer::LocalIssuer,
    refused,
    signer::{EC, ED, HMAC, OTHER_EC, OTHER_RSA, RSA, Signer, base64, pair},
};

/// A token whose header names no key.
fn nameless(signer: &Signer) -> String {
    signer.sign_all(&json!({ "alg": signer.algorithm.name() }), &good())
}

/// A verifier with these keys; the issuer has to be kept.
async fn set(keys: &[Value]) -> (LocalIssuer, Tokens) {
    let issuer = LocalIssuer::start(keys).await;
    let tokens = issuer.tokens();
    (issuer, tokens)
}

#[tokio::test]
async fn a_secret_does_not_come_from_a_url() {
    for more in [json!({}), json!({ "alg": "HS256" }), json!({ "use": "sig", "key_ops": ["verify"] })] {
        let (_issuer, tokens) = set(&[HMAC.jwk("h", more), EC.jwk("e", json!({}))]).await;
        refused(&tokens, &HMAC.sign("h", &good()), "HS256").await;
        refused(&tokens, &nameless(&HMAC), "HS256").await;
        for alg in ["RS256", "ES256", "EdDSA"] {
            let token = HMAC.sign_all(&json!({ "alg": alg, "kid": "h" }), &good());
            refused(&tokens, &token, alg).await;
        }
        accepted(&tokens, &EC.sign("e", &good())).await;
    }
}

#[tokio::test]
async fn use_key_ops_and_alg_of_a_key_are_respected() {
    for more in [
        json!({ "use": "sig" }),
        json!({ "key_ops": ["verify"] }),
        json!({ "key_ops": ["sign", "verify"], "use": "sig", "alg": "RS256" }),
        json!({ "x5t": "abc", "x5c": ["abc"], "something": { "new": 1 } }),
    ] {
        let (_issuer, tokens) = set(&[RSA.jwk("k", more)]).await;
        accepted(&tokens, &RSA.sign("k", &good())).await;
    }
    for more in [
        json!({ "use": "enc" }),
        json!({ "use": "tls" }),
        json!({ "use": 1 }),
        json!({ "key_ops": [] }),
        json!({ "key_ops": ["sign"] }),
        json!({ "key_ops": ["encrypt", "wrapKey"], "use": "sig" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "PS256" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RSA-OAEP" }),
        json!({ "alg": "none" }),
        json!({ "alg": "rs256" }),
        json!({ "kid": 1 }),
        json!({ "d": "AQAB" }),
        json!({ "n": 1 }),
        json!({ "n": "" }),
        json!({ "e": "" }),
        json!({ "n": "not base64!" }),
        json!({ "n": base64([0xff; 128]) }),
        json!({ "n": base64([0xff; 255]) }),
        json!({ "n": base64([0xff; 1025]) }),
        json!({ "kty": "rsa" }),
        json!({ "kty": "EC" }),
    ] {
        let shown = more.to_string();
        let (issuer, tokens) = set(&[RSA.jwk("k", more), OTHER_RSA.jwk("other", json!({}))]).await;
        refused(&tokens, &RSA.sign("k", &good()), &shown).await;
        refused(&tokens, &nameless(&RSA), &shown).await;
        accepted(&tokens, &OTHER_RSA.sign("other", &good())).await;
        // Ignored when a token names no key.
        accepted(&tokens, &nameless(&OTHER_RSA)).await;
        assert_eq!(issuer.asked(), 1);
    }
}

#[tokio::test]
async fn other_curves_are_not_known() {
    let p384 = pair(&PKCS_ECDSA_P384_SHA384);
    let (x, y) = p384.public_key_raw()[1..].split_at(48);
    let (x, y) = (base64(x), base64(y));
    for key in [
        json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": "k" }),
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k" }),
        json!({ "kty": "EC", "crv": "P-256", "x": base64([1; 32]), "y": base64([1; 32]), "kid": "k" }),
        EC.jwk("k", json!({ "crv": "secp256k1" })),
        EC.jwk("k", json!({ "crv": "Ed25519" })),
        EC.jwk("k", json!({ "kty": "OKP" })),
        ED.jwk("k", json!({ "crv": "Ed448" })),
        ED.jwk("k", json!({ "crv": "X25519" })),
        ED.jwk("k", json!({ "crv": "P-256" })),
        ED.jwk("k", json!({ "x": base64([1; 31]) })),
        json!({}),
        json!([]),
        json!("k"),
        Value::Null,
    ] {
        let shown = key.to_string();
        let (_issuer, tokens) = set(&[key, RSA.jwk("r", json!({}))]).await;
        refused(&tokens, &EC.sign("k", &good()), &shown).await;
        refused(&tokens, &ED.sign("k", &good()), &shown).await;
        accepted(&tokens, &RSA.sign("r", &good())).await;
    }
}

#[tokio::test]
async fn without_a_name_the_only_key_that_fits_is_meant() {
    let (_issuer, tokens) = set(&[RSA.jwk("a", json!({})), EC.nameless_jwk(), ED.jwk("c", json!({}))]).await;
    for signer in [&*RSA, &*EC, &*ED] {
        accepted(&tokens, &nameless(signer)).await;
    }
    refused(&tokens, &EC.sign("b", &good()), "a name that no key has").await;
    let (_issuer, tokens) = set(&[EC.jwk("a", json!({})), OTHER_EC.jwk("b", json!({}))]).await;
    refused(&tokens, &nameless(&EC), "one of two").await;
    accepted(&tokens, &EC.sign("a", &good())).await;
    refused(&tokens, &EC.sign("b", &good()), "the name of another").await;
    // One id may belong to a key of each kind.
    let (_issuer, tokens) = set(&[RSA.jwk("k", json!({})), EC.jwk("k", json!({})), ED.jwk("k", json!({}))]).await;
    for signer in [&*RSA, &*EC, &*ED] {
        accepted(&tokens, &signer.sign("k", &good())).await;
    }
}

#[tokio::test]
async fn fewer_algorithms_may_be_allowed() {
    let issuer = LocalIssuer::start(&[RSA.jwk("k", json!({})), EC.jwk("k", json!({})), ED.jwk("k", json!({}))]).await;
    let algorithms = Some(vec![Algorithm::Es256, Algorithm::EdDsa]);
    let tokens = Tokens::new(TokenOptions { algorithms, ..issuer.options() }).unwrap();
    accepted(&tokens, &EC.sign("k", &good())).await;
    accepted(&tokens, &ED.sign("k", &good())).await;
    refused(&tokens, &RSA.sign("k", &good()), "RS256").await;
}

#[tokio::test]
async fn an_empty_key_set_is_valid_and_is_not_fetched_again() {
    let (issuer, tokens) = set(&[]).await;
    refused(&tokens, &EC.sign("k", &good()), "there is no key").await;
    refused(&tokens, &nameless(&EC), "there is no key").await;
    assert_eq!(issuer.asked(), 1);
}
