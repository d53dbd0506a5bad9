//! One request for many callers, with a clock that a test moves.

use std::sync::{
    Mutex as Locked,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::{Router, extract::State, response::IntoResponse, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use rcgen::PublicKeyData;
use rstest::rstest;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use super::*;
use crate::server::channels::fcm::account::tests::{PAIR, account};

const START: &str = "2026-01-01T00:00:00Z";

/// A clock that stands still until a test moves it.
struct Hands(Locked<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A token endpoint: each request gets the next answer, and the last one again and again.
struct Endpoint {
    answers: Locked<Vec<(u16, String)>>,
    bodies: Locked<Vec<String>>,
    after: Duration,
}

struct Rig {
    tokens: Arc<Tokens>,
    hands: Arc<Hands>,
    endpoint: Arc<Endpoint>,
    url: String,
    _serving: JoinSet<()>,
}

async fn answer(State(endpoint): State<Arc<Endpoint>>, body: String) -> impl IntoResponse {
    endpoint.bodies.lock().unwrap().push(body);
    sleep(endpoint.after).await;
    let mut answers = endpoint.answers.lock().unwrap();
    let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), body)
}

fn token(name: &str) -> (u16, String) {
    (200, json!({ "access_token": name, "expires_in": 3_600, "token_type": "Bearer" }).to_string())
}

impl Rig {
    async fn new(answers: Vec<(u16, String)>) -> Self {
        let endpoint =
            Endpoint { answers: answers.into(), bodies: Locked::default(), after: Duration::from_millis(50) };
        let endpoint = Arc::new(endpoint);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let app = Router::new().route("/token", post(answer)).with_state(Arc::clone(&endpoint));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        let hands = Arc::new(Hands(Timestamp::parse(START).unwrap().into()));
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let tokens = Arc::new(Tokens::new(client, account(&url), Arc::<Hands>::clone(&hands)));
        Self { tokens, hands, endpoint, url, _serving: serving }
    }

    /// Moves the clock.
    fn move_by(&self, seconds: i64) {
        let mut now = self.hands.0.lock().unwrap();
        *now = moved(*now, TimeDelta::seconds(seconds));
    }

    async fn get(&self) -> Result<String, Judged> {
        self.tokens.get().await.map(|token| token.expose().to_owned())
    }

    fn requests(&self) -> usize {
        self.endpoint.bodies.lock().unwrap().len()
    }

    /// Requests a token from this many callers at once.
    async fn all(&self, count: usize) -> Vec<Result<String, Judged>> {
        let asking = (0..count).map(|_| {
            let tokens = Arc::clone(&self.tokens);
            tokio::spawn(async move { tokens.get().await.map(|token| token.expose().to_owned()) })
        });
        join_all(asking).await.into_iter().map(Result::unwrap).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_what_rfc_7523_says_and_its_signature_holds() {
    let rig = Rig::new(vec![token("one")]).await;
    assert_eq!(rig.get().await.unwrap(), "one");
    let body = rig.endpoint.bodies.lock().unwrap()[0].clone();
    let assertion = body.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let (signed, signature) = assertion.unwrap().rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PAIR.der_bytes());
    public.verify(signed.as_bytes(), &signature).unwrap();
    let part = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    assert_eq!(part(head), json!({ "typ": "JWT", "alg": "RS256", "kid": "key-1" }));
    let iat = Timestamp::parse(START).unwrap().to_utc().timestamp();
    let expected = json!({
        "iss": "push@shop-1.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": rig.url,
        "iat": iat,
        "exp": iat + 3_600,
    });
    assert_eq!(part(claims), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_at_once_one_request_is_made() {
    let rig = Rig::new(vec![token("one"), token("two")]).await;
    assert!(rig.all(500).await.iter().all(|got| got.as_deref() == Ok("one")));
    assert_eq!(rig.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_five_minutes_early_and_when_the_clock_goes_back() {
    let rig = Rig::new(vec![token("one"), token("two"), token("three"), token("four")]).await;
    for (seconds, expected) in [(0, "one"), (3_299, "one"), (1, "two"), (3_299, "two"), (-3_300, "three"), (1, "three")]
    {
        rig.move_by(seconds);
        assert_eq!(rig.get().await.unwrap(), expected, "{seconds}");
    }
    assert_eq!(rig.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_refused_is_dropped_once_however_many_used_it() {
    let rig = Rig::new(vec![token("one"), token("two"), token("three")]).await;
    let old = rig.tokens.get().await.ok().unwrap();
    let refused = (0..20).map(async |_| {
        rig.tokens.refuse(&old).await;
        rig.get().await
    });
    assert!(join_all(refused).await.iter().all(|got| got.as_deref() == Ok("two")));
    assert_eq!(rig.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_that_of_all_who_waited() {
    for status in [400, 503] {
        let rig = Rig::new(vec![(status, "x".to_owned()), token("one")]).await;
        assert!(rig.all(100).await.iter().all(Result::is_err), "{status}");
        assert_eq!(rig.requests(), 1, "{status}");
        // An endpoint that failed is left alone for a moment, and one that refused is asked again at once: an operator
        // may have corrected the mistake.
        assert_eq!(rig.get().await.is_ok(), status == 400, "{status}");
        sleep(LEFT_ALONE).await;
        assert_eq!(rig.get().await.unwrap(), "one");
    }
}

#[rstest]
#[case(0)]
#[case(-1)]
#[case(1)]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_over_at_once_is_that_of_all_who_waited(#[case] expires_in: i64) {
    let short = |name: &str| (200, json!({ "access_token": name, "expires_in": expires_in }).to_string());
    let rig = Rig::new(vec![short("one"), short("two")]).await;
    assert!(rig.all(100).await.iter().all(|got| got.as_deref() == Ok("one")));
    assert_eq!(rig.requests(), 1);
    // The clock moves on while callers wait.
    let tokens = Arc::clone(&rig.tokens);
    rig.move_by(2);
    let first = tokio::spawn(async move { tokens.get().await.is_ok() });
    sleep(Duration::from_millis(10)).await;
    rig.move_by(2);
    assert!(rig.all(20).await.iter().all(|got| got.as_deref() == Ok("two")));
    assert!(first.await.unwrap());
    assert_eq!(rig.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_caller_does_not_take_the_answer_from_others() {
    let rig = Rig::new(vec![token("one")]).await;
    let tokens = Arc::clone(&rig.tokens);
    let first = tokio::spawn(async move { tokens.get().await.is_ok() });
    sleep(Duration::from_millis(10)).await;
    let others = rig.all(5);
    first.abort();
    assert!(others.await.iter().all(Result::is_ok));
    assert!(rig.requests() <= 2);
}

#[rstest]
#[case(
    400,
    r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#,
    Outcome::Misconfigured,
    "invalid_grant"
)]
#[case(401, r#"{"error": "unauthorized_client"}"#, Outcome::Misconfigured, "unauthorized_client")]
#[case(403, "<html>", Outcome::Misconfigured, "<html>")]
#[case(404, "", Outcome::Misconfigured, "no access token")]
#[case(302, "", Outcome::Misconfigured, "no access token")]
#[case(408, "", Outcome::Retry { after: None }, "no access token")]
#[case(429, "", Outcome::Retry { after: Some(Duration::from_secs(60)) }, "no access token")]
#[case(500, "<html>", Outcome::Retry { after: None }, "<html>")]
#[case(503, "", Outcome::Retry { after: None }, "no access token")]
#[case(200, "<html>", Outcome::Retry { after: None }, "holds none")]
#[case(200, r#"{"access_token": "secret\nx"}"#, Outcome::Retry { after: None }, "holds none")]
#[case(200, r#"{"access_token": ""}"#, Outcome::Retry { after: None }, "holds none")]
#[case(200, r#"{"access_token": 7}"#, Outcome::Retry { after: None }, "holds none")]
#[tokio::test]
async fn where_there_is_no_token_the_answer_says_what_that_means(
    #[case] status: u16,
    #[case] body: &str,
    #[case] outcome: Outcome,
    #[case] says: &str,
) {
    let rig = Rig::new(vec![(status, body.to_owned())]).await;
    let judged = rig.get().await.unwrap_err();
    assert_eq!((judged.outcome, judged.code), (outcome, Some(status)));
    let detail = judged.detail.unwrap();
    assert!(detail.contains(says) && !detail.contains("secret"), "{detail}");
}

#[tokio::test]
async fn an_assertion_that_comes_back_is_not_kept_and_neither_is_much() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    async fn echo(body: String) -> impl IntoResponse {
        COUNT.fetch_add(1, Ordering::Relaxed);
        (StatusCode::BAD_REQUEST, body.repeat(3))
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let app = Router::new().route("/token", post(echo));
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
    let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let hands = Arc::new(Hands(Timestamp::parse(START).unwrap().into()));
    let judged = Tokens::new(client, account(&url), hands).get().await.err().unwrap();
    let detail = judged.detail.unwrap();
    assert!(detail.contains("grant_type") && !detail.contains("eyJ") && detail.len() <= 512, "{detail}");
    assert_eq!(COUNT.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_tried_later() {
    let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let hands = Arc::new(Hands(Timestamp::parse(START).unwrap().into()));
    let judged = Tokens::new(client, account("http://127.0.0.1:9/token"), hands).get().await.err().unwrap();
    assert_eq!((judged.outcome, judged.code), (Outcome::Retry { after: None }, None));
    assert!(judged.detail.is_some_and(|detail| !detail.contains("127.0.0.1:9/")));
}

#[rstest]
#[case(Some(3_600), 3_300)]
#[case(Some(3_599), 3_299)]
#[case(Some(100_000), 3_300)]
#[case(Some(i64::MAX), 3_300)]
#[case(Some(301), 1)]
#[case(Some(300), 150)]
#[case(Some(1), 1)]
#[case(Some(0), 1)]
#[case(Some(-7), 1)]
#[case(None, 3_300)]
fn a_token_is_used_for_five_minutes_less_than_it_holds(#[case] holds: Option<i64>, #[case] used: i64) {
    assert_eq!(used_for(holds), used);
}
