//! Authentication and authorisation: everything that depends on the caller.

mod gate;
mod leases;
mod limits;
mod log;
mod login;
mod matrix;
mod sites;
mod streams;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, header},
};
use campanile::{
    model::Timestamp,
    server::{
        auth::{
            AuthOptions, Authenticator, Limits,
            key::KeySecret,
            token::{KeySource, TokenOptions},
        },
        clock::{Clock, SystemClock},
        http::HttpOptions,
        identity::Scopes,
        secret::Secret,
        service::NotificationService,
        store::{Credentials, MemoryStore, ServiceKey},
    },
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Answer, App, delivery_of, started};

/// The key that signs users' tokens.
pub(crate) const TOKEN_SECRET: &str = "a secret of the issuer and of the server";

/// A clock that a test can put forward.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let ahead = TimeDelta::seconds(self.0.load(Ordering::Relaxed));
        Timestamp::new(SystemClock.now().to_utc() + ahead)
    }
}

impl TestClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A server on which every caller has to authenticate.
pub(crate) struct Secured {
    pub(crate) app: App,
    pub(crate) options: HttpOptions,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) clock: TestClock,
}

impl Secured {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), HttpOptions { allowed_hosts: None, ..HttpOptions::default() })
    }

    pub(crate) fn with(limits: Limits, options: HttpOptions) -> Self {
        let clock = TestClock::default();
        let store = Arc::new(MemoryStore::new(1000, started()));
        let credentials: Arc<dyn Credentials> = Arc::<MemoryStore>::clone(&store);
        let tokens = TokenOptions {
            keys: KeySource::Secret(Secret::new(TOKEN_SECRET)),
            audience: vec!["campanile".to_owned()],
            issuer: None,
            algorithms: None,
            leeway: Duration::from_secs(30),
        };
        let auth = AuthOptions {
            tokens: Some(tokens),
            session_lifetime: TimeDelta::hours(12),
            limits,
            max_streams: 3,
            log_addresses: false,
        };
        let auth = Authenticator::new(auth, Arc::clone(&credentials), clock.clone()).unwrap();
        let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), clock.clone());
        let delivery = delivery_of(&store, clock.clone(), service.tasks());
        let options = HttpOptions { auth: Some(Arc::clone(&auth)), delivery, ..options };
        Self { app: App::with(service, &options), options, auth, credentials, clock }
    }

    /// Creates a key and returns its `Authorization` header.
    pub(crate) async fn key(&self, scopes: &str) -> String {
        self.make_key(scopes, None).await
    }

    /// Creates a key that is valid for this many seconds.
    pub(crate) async fn key_until(&self, scopes: &str, seconds: i64) -> String {
        self.make_key(scopes, Some(Timestamp::new(self.clock.now().to_utc() + TimeDelta::seconds(seconds)))).await
    }

    async fn make_key(&self, scopes: &str, expires_at: Option<Timestamp>) -> String {
        let secret = KeySecret::generate();
        let key = ServiceKey {
            id: secret.id(),
            name: scopes.to_owned(),
            scopes: Scopes::parse(scopes).unwrap(),
            hash: secret.hash(),
            created_at: self.clock.now(),
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        self.credentials.add_key(&key).await.unwrap();
        secret.to_string_once()
    }

    pub(crate) async fn revoke(&self, shown: &str) {
        let id = KeySecret::parse(shown).unwrap().id();
        assert!(self.credentials.revoke_key(id, self.clock.now()).await.unwrap());
    }

    /// A user's token that is valid for a minute.
    pub(crate) fn token(&self, user_id: &str) -> String {
        self.token_for(user_id, 60)
    }

    pub(crate) fn token_for(&self, user_id: &str, seconds: i64) -> String {
        let exp = self.clock.now().as_micros() / 1_000_000 + seconds;
        signed(&json!({"sub": user_id, "aud": "campanile", "exp": exp}))
    }

    /// Signs in, and returns the cookie.
    pub(crate) async fn cookie(&self, shown: &str) -> String {
        let answer = self.log_in(shown, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// Follows the redirect that refuses an attempt to sign in, and returns the page that says why.
    pub(crate) async fn refused(&self, answer: &Answer, why: &str) -> String {
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (303, ""), "{}", answer.text());
        let location = answer.header("location");
        assert!(location.starts_with("/login?") && location.contains(&format!("refused={why}&at=")), "{location}");
        let page = self.ask("GET", location, &[], "").await;
        assert_eq!(page.status, 200);
        page.text()
    }

    pub(crate) async fn log_in(&self, shown: &str, headers: &[(&str, &str)]) -> Answer {
        let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let headers: Vec<_> = form.iter().chain(headers).copied().collect();
        self.ask("POST", "/login", &headers, &format!("secret={shown}&next=%2Fwhere%3Fa%3Db")).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "campanile.example");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.app.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, bearer: &str) -> Answer {
        self.ask("GET", path, &[("authorization", &format!("Bearer {bearer}"))], "").await
    }
}

pub(crate) fn signed(claims: &Value) -> String {
    use jsonwebtoken::{EncodingKey, Header, encode};
    encode(&Header::default(), claims, &EncodingKey::from_secret(TOKEN_SECRET.as_bytes())).unwrap()
}
