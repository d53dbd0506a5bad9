//! The claims that a token must have.

use serde_json::{Value, json};

use super::{
    LEEWAY, NOW, TokenError, Tokens, VerifiedToken, accepted, at, by_pem, by_secret, good, options, refused,
    signer::{EC, HMAC},
    with,
};
use crate::{model::UserId, server::auth::token::KeySource, server::secret::Secret};

async fn says(claims: Value) -> Result<VerifiedToken, TokenError> {
    let verified = by_secret().verify(&HMAC.sign("k", &claims), at(NOW)).await;
    assert_eq!(by_pem(&EC).verify(&EC.sign("k", &claims), at(NOW)).await, verified, "whatever the key is");
    verified
}

async fn refuses(name: &str, value: Value) {
    let why = format!("{name}: {value}");
    assert!(matches!(says(with(name, value)).await, Err(TokenError::Invalid(_))), "{why}");
}

#[tokio::test]
async fn exp_is_required_and_must_be_in_the_future() {
    for wrong in [
        Value::Null,
        json!(0),
        json!(-1),
        json!(NOW - LEEWAY - 1),
        json!(NOW - LEEWAY),
        json!((NOW + 60).to_string()),
        json!("2030-01-01T00:00:00Z"),
        json!(true),
        json!([NOW + 60]),
        json!({}),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e300),
        json!(253_402_300_800_i64),
        json!(253_402_300_799_i64),
    ] {
        refuses("exp", wrong).await;
    }
    let text = good().to_string();
    for number in ["1e999", "NaN", "Infinity", "null", "99999999999999999999999999"] {
        let claims = text.replace(&(NOW + 60).to_string(), number);
        assert_ne!(claims, text);
        refused(&by_secret(), &HMAC.sign_text(r#"{"alg":"HS256"}"#, &claims), number).await;
    }
}

#[tokio::test]
async fn exp_is_extended_by_the_leeway() {
    for (exp, end) in [
        (json!(NOW - LEEWAY + 1), at(NOW + 1)),
        (json!(NOW + 60), at(NOW + 60 + LEEWAY)),
        (json!(253_402_300_000_i64), at(253_402_300_000 + LEEWAY)),
    ] {
        assert_eq!(says(with("exp", exp)).await.unwrap().expires_at, end);
    }
    let broken = json!(f64::from(i32::try_from(NOW).unwrap()) + 0.5);
    let end = says(with("exp", broken)).await.unwrap().expires_at;
    assert_eq!(end.as_micros(), (NOW + LEEWAY) * 1_000_000 + 500_000);
    // To the microsecond, whatever the machine's clock says.
    let token = HMAC.sign("k", &with("exp", json!(NOW)));
    let tokens = by_secret();
    let micros = |micros: i64| crate::model::Timestamp::from_micros(micros).unwrap();
    let end = (NOW + LEEWAY) * 1_000_000;
    assert!(tokens.verify(&token, micros(end - 1)).await.is_ok());
    assert!(
        matches!(tokens.verify(&token, micros(end)).await, Err(TokenError::Invalid(_))),
        "even though it is remembered"
    );
    assert!(matches!(by_secret().verify(&token, micros(end)).await, Err(TokenError::Invalid(_))));
}

#[tokio::test]
async fn nbf_is_optional_and_must_be_in_the_past() {
    for nbf in [json!(NOW), json!(NOW + LEEWAY), json!(0), Value::Null, json!(f64::from(1_699_999_999) + 0.9)] {
        assert!(says(with("nbf", nbf)).await.is_ok());
    }
    let mut nothing = good();
    nothing["nbf"] = Value::Null;
    assert!(says(nothing).await.is_ok());
    for wrong in
        [json!(NOW + LEEWAY + 1), json!(NOW + 3_600), json!("0"), json!(-1), json!(1e300), json!([]), json!(false)]
    {
        refuses("nbf", wrong).await;
    }
}

#[tokio::test]
async fn aud_must_contain_one_of_our_audiences() {
    for aud in [json!("campanile"), json!("bells"), json!(["campanile"]), json!(["x", "bells", "y"])] {
        assert!(says(with("aud", aud)).await.is_ok());
    }
    for wrong in [
        Value::Null,
        json!(""),
        json!("Campanile"),
        json!("campanile "),
        json!("campanile,bells"),
        json!([]),
        json!(["x"]),
        json!([["campanile"]]),
        json!(["campanile", 1]),
        json!(1),
        json!({ "campanile": true }),
    ] {
        refuses("aud", wrong).await;
    }
}

#[tokio::test]
async fn iss_must_be_the_configured_issuer() {
    for wrong in [
        Value::Null,
        json!(""),
        json!("https://id.example/"),
        json!("https://evil.example"),
        json!(["https://id.example"]),
        json!(["https://evil.example", "https://id.example"]),
        json!(1),
    ] {
        refuses("iss", wrong).await;
    }
    let accepts = |claims: Value| async move {
        let keys = KeySource::Secret(Secret::new(super::SECRET));
        let tokens = Tokens::new(super::TokenOptions { issuer: None, ..options(keys) }).unwrap();
        tokens.verify(&HMAC.sign("k", &claims), at(NOW)).await.is_ok()
    };
    assert!(accepts(good()).await);
    assert!(accepts(with("iss", Value::Null)).await);
    assert!(accepts(with("iss", json!("https://else.example"))).await);
    assert!(!accepts(with("iss", json!(["https://id.example"]))).await);
}

#[tokio::test]
async fn sub_must_be_a_valid_user_id() {
    for name in ["ann", "a/b?c", "Ünïcode 🔔", " ", &"x".repeat(128), &"é".repeat(128)] {
        assert_eq!(says(with("sub", json!(name))).await.unwrap().user_id, UserId::parse(name).unwrap());
    }
    for wrong in [
        Value::Null,
        json!(""),
        json!("a\nb"),
        json!("a\u{0}"),
        json!("a\u{85}"),
        json!("x".repeat(129)),
        json!(7),
        json!(["ann"]),
        json!({ "id": "ann" }),
        json!(false),
    ] {
        refuses("sub", wrong).await;
    }
}

#[tokio::test]
async fn duplicate_claims_and_other_encodings_are_refused() {
    let header = r#"{"alg":"HS256"}"#;
    let text = good().to_string();
    for (claim, other) in [("sub", r#""bob""#), ("exp", "1900000000"), ("aud", r#""bells""#), ("iss", r#""x""#)] {
        let twice = text.replacen('{', &format!("{{\"{claim}\":{other},"), 1);
        refused(&by_secret(), &HMAC.sign_text(header, &twice), claim).await;
    }
    for wrong in ["", "null", "[]", "\"ann\"", "{}", "{", "{}{}", &format!("[{text}]"), &format!("{text} x")] {
        refused(&by_secret(), &HMAC.sign_text(header, wrong), wrong).await;
    }
    accepted(&by_secret(), &HMAC.sign_text(header, &text)).await;
    accepted(&by_secret(), &HMAC.sign_text(header, &format!(" {text}\n"))).await;
}
