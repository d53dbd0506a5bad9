//! When the issuer is asked for its keys, and how requests are answered until it responds.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    super::{
        KeySource, Keys, TokenError, Tokens,
        jwks::{Jwks, Pace},
    },
    NOW, accepted, at, good,
    local_issuer::{LocalIssuer, later},
    options, refused,
    signer::{EC, ED, HMAC, OTHER_EC, RSA},
    with,
};

const PAUSE: Duration = Duration::from_secs(10);
const FRESH: Duration = Duration::from_secs(300);

/// A valid token that was not used before.
fn new_token(kid: &str, number: usize) -> String {
    EC.sign(kid, &with("jti", json!(number)))
}

/// Waits until this many fetches have ended, with or without success.
async fn answered(tokens: &Tokens, times: usize) {
    let Keys::Issuer(jwks) = &tokens.keys else { panic!("there is no issuer") };
    jwks.took(u64::try_from(times).unwrap()).await;
}

async fn unavailable(tokens: &Tokens, token: &str, why: &str) {
    match tokens.verify(token, at(NOW)).await {
        Err(TokenError::Unavailable(said)) => assert!(said.contains(why) && !said.contains("127.0.0.1"), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_issuer_is_asked_every_five_minutes_and_left_alone_for_ten_seconds() {
    let Pace { fresh, pause } = Pace::default();
    assert_eq!((fresh, pause), (FRESH, PAUSE));
    // And not before there is a token: nothing runs here that could ask.
    assert!(Jwks::new("https://id.example/keys", Pace::default()).is_ok());
}

#[tokio::test]
async fn concurrent_first_requests_share_one_fetch() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    issuer.hold();
    let tokens = Arc::new(issuer.tokens());
    let mut waiting = JoinSet::new();
    for number in 0..20 {
        let tokens = Arc::clone(&tokens);
        waiting.spawn(async move { tokens.verify(&new_token("a", number), at(NOW)).await });
    }
    issuer.was_asked(1).await;
    issuer.let_go();
    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    accepted(&tokens, &new_token("a", 99)).await;
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_cause_another_fetch() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    issuer.hold();
    let tokens = Arc::new(issuer.tokens());
    for number in 0..20 {
        let tokens = Arc::clone(&tokens);
        let waiting = tokio::spawn(async move { tokens.verify(&new_token("a", number), at(NOW)).await });
        issuer.was_asked(1).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    issuer.let_go();
    accepted(&tokens, &new_token("a", 99)).await;
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn unknown_names_ask_once_in_ten_seconds() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = Arc::new(issuer.tokens());
    accepted(&tokens, &new_token("a", 0)).await;
    for round in 1..=3 {
        for number in 0..50 {
            refused(&tokens, &EC.sign(&format!("unknown {number}"), &good()), "an unknown key").await;
        }
        assert_eq!(issuer.asked(), round);
        later(PAUSE).await;
        let mut flood = JoinSet::new();
        for number in 0..50 {
            let tokens = Arc::clone(&tokens);
            flood.spawn(async move { tokens.verify(&EC.sign(&number.to_string(), &good()), at(NOW)).await });
        }
        assert!(flood.join_all().await.iter().all(|verified| matches!(verified, Err(TokenError::Invalid(_)))));
        assert_eq!(issuer.asked(), round + 1);
    }
    accepted(&tokens, &new_token("a", 1)).await;
}

#[tokio::test]
async fn a_token_that_cannot_be_the_issuers_causes_no_fetch() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    for token in ["", "a.b.c", &HMAC.sign("a", &good())] {
        refused(&tokens, token, token).await;
    }
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_new_key_is_found_and_the_old_one_forgotten() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    let old = EC.sign("a", &good());
    accepted(&tokens, &old).await;
    assert!(tokens.cached(&old, at(NOW)).is_some());

    issuer.has(&[EC.jwk("a", json!({})), OTHER_EC.jwk("b", json!({}))]);
    let new = OTHER_EC.sign("b", &good());
    refused(&tokens, &new, "within ten seconds").await;
    later(PAUSE).await;
    accepted(&tokens, &new).await;
    assert_eq!(tokens.cached(&old, at(NOW)), None, "the keys are others");
    accepted(&tokens, &old).await;

    issuer.has(&[OTHER_EC.jwk("b", json!({}))]);
    later(PAUSE).await;
    refused(&tokens, &ED.sign("c", &good()), "an unknown key").await;
    refused(&tokens, &old, "a key that was taken back").await;
    assert!(tokens.cached(&new, at(NOW)).is_none());
    accepted(&tokens, &new).await;
    assert!(tokens.cached(&new, at(NOW)).is_some());
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn refetching_the_same_keys_keeps_the_cache() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    let token = EC.sign("a", &good());
    accepted(&tokens, &token).await;
    later(PAUSE).await;
    refused(&tokens, &EC.sign("b", &good()), "an unknown key").await;
    assert_eq!(issuer.asked(), 2);
    assert!(tokens.cached(&token, at(NOW)).is_some());
}

#[tokio::test]
async fn a_key_that_is_taken_back_is_noticed_by_itself() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    let old = EC.sign("a", &good());
    accepted(&tokens, &old).await;
    issuer.has(&[]);
    issuer.hold();
    later(FRESH).await;
    issuer.was_asked(2).await;
    // No caller waits for the answer.
    accepted(&tokens, &new_token("a", 1)).await;
    issuer.let_go();
    answered(&tokens, 2).await;
    assert_eq!(tokens.cached(&old, at(NOW)), None);
    refused(&tokens, &old, "a key that was taken back").await;
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_down_the_old_keys_serve_for_a_day() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    let old = new_token("a", 0);
    accepted(&tokens, &old).await;
    issuer.says(StatusCode::BAD_GATEWAY, "");
    for (round, hours) in [(1, 8), (2, 8), (3, 7)] {
        later(hours * HOUR).await;
        answered(&tokens, 1 + round).await;
        assert_eq!(issuer.asked(), 1 + round);
        accepted(&tokens, &new_token("a", round)).await;
    }
    assert!(tokens.cached(&old, at(NOW)).is_some());
    refused(&tokens, &EC.sign("b", &good()), "an unknown key").await;

    // The issuer is asked again, and no old key is accepted while it does not answer.
    issuer.hold();
    later(HOUR).await;
    issuer.was_asked(5).await;
    assert_eq!(tokens.cached(&old, at(NOW)), None, "a day later");
    issuer.let_go();
    answered(&tokens, 5).await;
    unavailable(&tokens, &old, "502").await;
    unavailable(&tokens, &new_token("a", 4), "502").await;

    issuer.has(&[EC.jwk("a", json!({}))]);
    later(PAUSE).await;
    accepted(&tokens, &old).await;
}

#[tokio::test]
async fn without_keys_tokens_are_unavailable_and_the_fetch_is_retried() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    issuer.says(StatusCode::SERVICE_UNAVAILABLE, "");
    let tokens = issuer.tokens();
    for number in 0..5 {
        unavailable(&tokens, &new_token("a", number), "503").await;
    }
    assert_eq!(issuer.asked(), 1);
    issuer.has(&[EC.jwk("a", json!({}))]);
    later(PAUSE).await;
    accepted(&tokens, &new_token("a", 0)).await;
}

#[tokio::test]
async fn an_unreachable_issuer_is_reported() {
    let issuer = LocalIssuer::start(&[]).await;
    issuer.stop();
    let tokens = issuer.tokens();
    unavailable(&tokens, &new_token("a", 0), "cannot be reached").await;
    refused(&tokens, "a.b.c", "no token at all").await;
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_given_five_seconds() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    issuer.hold();
    let tokens = Arc::new(issuer.tokens());
    let waiting = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { tokens.verify(&new_token("a", 0), at(NOW)).await }
    });
    issuer.was_asked(1).await;
    later(Duration::from_secs(5)).await;
    assert!(matches!(waiting.await.unwrap(), Err(TokenError::Unavailable(_))));
}

#[tokio::test]
async fn an_answer_without_a_key_set_is_rejected() {
    let good = json!({ "keys": [EC.jwk("a", json!({}))] }).to_string();
    let many = |count: usize| -> Value { vec![EC.jwk("a", json!({})); count].into() };
    let long = " ".repeat(256 * 1024 - good.len());
    for (status, body, why) in [
        (StatusCode::FOUND, good.clone(), "302"),
        (StatusCode::PERMANENT_REDIRECT, good.clone(), "308"),
        (StatusCode::NO_CONTENT, good.clone(), "204"),
        (StatusCode::NOT_FOUND, good.clone(), "404"),
        (StatusCode::OK, String::new(), "no key set"),
        (StatusCode::OK, "<html>".to_owned(), "no key set"),
        (StatusCode::OK, "[]".to_owned(), "no key set"),
        (StatusCode::OK, r#"{"keys":{}}"#.to_owned(), "no key set"),
        (StatusCode::OK, json!({ "keys": many(101) }).to_string(), "101 keys"),
        (StatusCode::OK, format!("{good}{long} "), "longer than"),
    ] {
        let issuer = LocalIssuer::start(&[]).await;
        issuer.says(status, body);
        unavailable(&issuer.tokens(), &new_token("a", 0), why).await;
    }
    for body in [json!({ "keys": many(100) }).to_string(), format!("{good}{long}")] {
        let issuer = LocalIssuer::start(&[]).await;
        issuer.says(StatusCode::OK, body);
        accepted(&issuer.tokens(), &new_token("a", 0)).await;
    }
}

#[tokio::test]
async fn a_broken_answer_replaces_nothing() {
    let issuer = LocalIssuer::start(&[RSA.jwk("r", json!({})), EC.jwk("a", json!({}))]).await;
    let tokens = issuer.tokens();
    let token = RSA.sign("r", &good());
    accepted(&tokens, &token).await;
    for body in ["{}", "", r#"{"keys":[]"#] {
        issuer.says(StatusCode::OK, body);
        later(PAUSE).await;
        refused(&tokens, &EC.sign("b", &good()), "an unknown key").await;
        assert!(tokens.cached(&token, at(NOW)).is_some());
        accepted(&tokens, &new_token("a", body.len())).await;
    }
}

#[tokio::test]
async fn fetching_stops_when_the_verifier_is_dropped() {
    let issuer = LocalIssuer::start(&[EC.jwk("a", json!({}))]).await;
    let tokens = Tokens::with_pace(options(KeySource::Jwks(issuer.url.clone())), Pace { fresh: PAUSE, pause: PAUSE });
    let tokens = tokens.unwrap();
    accepted(&tokens, &new_token("a", 0)).await;
    later(PAUSE).await;
    answered(&tokens, 2).await;
    drop(tokens);
    for _ in 0..3 {
        later(FRESH).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(issuer.asked(), 2);
}
