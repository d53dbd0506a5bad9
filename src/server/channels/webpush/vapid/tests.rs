//! The tokens for push services, and how often they are made.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use super::*;
use crate::server::{clock::moved, store::MemoryStore};

const ORIGIN: &str = "https://push.example.com:8443";

fn start() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

fn after(hours: i64) -> Timestamp {
    moved(start(), TimeDelta::hours(hours))
}

fn vapid() -> Vapid {
    let options = WebPushOptions { contact: "mailto:you@example.com".to_owned(), key: None };
    Vapid::new(&options, Arc::new(MemoryStore::new(10, start())))
}

async fn shown(vapid: &Vapid, origin: &str, now: Timestamp) -> String {
    vapid.authorization(origin, now).await.unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_push_service_can_check_who_it_is() {
    let vapid = vapid();
    let shown = shown(&vapid, ORIGIN, start()).await;
    let (token, key) = shown.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(key, vapid.public_key().await.unwrap());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(key)).verify(signed.as_bytes(), &bytes(signature)).unwrap();
    let part = |text: &str| serde_json::from_slice::<Value>(&bytes(text)).unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    assert_eq!(part(head), json!({"typ": "JWT", "alg": "ES256"}));
    let exp = after(12).to_utc().timestamp();
    assert_eq!(part(claims), json!({"aud": ORIGIN, "exp": exp, "sub": "mailto:you@example.com"}));
}

#[tokio::test]
async fn a_token_is_made_anew_after_half_its_life_and_when_the_clock_goes_back() {
    let vapid = vapid();
    let first = shown(&vapid, ORIGIN, start()).await;
    let almost = moved(after(6), TimeDelta::microseconds(-1));
    assert_eq!(shown(&vapid, ORIGIN, almost).await, first);
    let second = shown(&vapid, ORIGIN, after(6)).await;
    assert_ne!(second, first);
    assert_eq!(shown(&vapid, ORIGIN, after(11)).await, second);
    let back = shown(&vapid, ORIGIN, after(5)).await;
    assert!(back != second && back != first);
    assert_eq!(shown(&vapid, ORIGIN, after(5)).await, back);
    assert_ne!(shown(&vapid, "https://push.example.com", after(5)).await, back);
}

#[tokio::test]
async fn tokens_for_endless_push_services_take_no_more_room() {
    let vapid = vapid();
    for number in 0..MOST_KEPT + 50 {
        let now = moved(start(), TimeDelta::seconds(i64::try_from(number).unwrap()));
        shown(&vapid, &format!("https://{number}.example.com"), now).await;
    }
    let tokens = vapid.tokens();
    assert_eq!(tokens.len(), MOST_KEPT);
    assert!(!tokens.contains_key("https://49.example.com") && tokens.contains_key("https://50.example.com"));
}

#[tokio::test]
async fn the_key_is_kept_in_the_store_unless_it_is_given() {
    let store = Arc::new(MemoryStore::new(10, start()));
    let with = |key| {
        let options = WebPushOptions { contact: "mailto:you@example.com".to_owned(), key };
        Vapid::new(&options, Arc::<MemoryStore>::clone(&store))
    };
    let kept = with(None).public_key().await.unwrap().to_owned();
    assert_eq!(with(None).public_key().await.unwrap(), kept);
    let given = VapidKey::generate().unwrap();
    assert_eq!(with(Some(given.clone())).public_key().await.unwrap(), given.public());
    assert_eq!(with(None).public_key().await.unwrap(), kept);
}

#[tokio::test]
async fn an_invalid_key_in_the_store_is_a_permanent_failure() {
    let store = Arc::new(MemoryStore::new(10, start()));
    store.secret(KEY, b"no key").await.unwrap();
    let options = WebPushOptions { contact: "mailto:you@example.com".to_owned(), key: None };
    let vapid = Vapid::new(&options, store);
    for _ in 0..2 {
        assert!(matches!(vapid.public_key().await, Err(StoreError::Failed { .. })));
    }
}
