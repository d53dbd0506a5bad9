//! FCM and its token endpoint on loopback: checks credentials, records messages, and answers as a test defines.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use campanile::server::config::SettingsInput;
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    delivery::{self, LONG},
    harness::new_folder,
};

static PAIR: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());

/// A received message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) bearer: String,
    pub(super) bytes: usize,
    pub(super) json: Value,
}

impl Message {
    /// The device of the message.
    pub(super) fn to(&self) -> &str {
        let message = &self.json["message"];
        message["token"].as_str().or(message["fid"].as_str()).unwrap()
    }

    pub(super) fn text(&self) -> &str {
        self.json["message"]["notification"]["body"].as_str().unwrap()
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn good() -> Self {
        Self::new(200, json!({ "name": "projects/shop-1/messages/1" }).to_string())
    }

    /// An error with a code of FCM, and with other details.
    pub(super) fn error(status: u16, canonical: &str, code: &str, details: &[Value]) -> Self {
        let code = json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code });
        let details: Vec<_> = [code].iter().chain(details).cloned().collect();
        let error = json!({ "code": status, "message": "no", "status": canonical, "details": details });
        Self::new(status, json!({ "error": error }).to_string())
    }

    pub(super) fn html(status: u16) -> Self {
        Self::new(status, "<!DOCTYPE html>\n<html lang=en><title>Error 502 (Server Error)!!1</title>")
    }

    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::from_u16(self.status).unwrap(), self.body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }
}

type Script<T> = Box<dyn Fn(usize, &T) -> Reply + Send + Sync>;

/// A running FCM, stopped when this is dropped.
pub(super) struct Fcm {
    shared: Arc<Shared>,
    url: String,
    account: PathBuf,
    _serving: JoinSet<()>,
}

struct Shared {
    script: Script<Message>,
    tokens: Script<String>,
    token_url: String,
    messages: Mutex<Vec<Message>>,
    assertions: Mutex<Vec<String>>,
}

/// The token that the endpoint issues after this many others.
pub(super) fn token(before: usize) -> Reply {
    let body = json!({ "access_token": format!("ya29.{before}"), "expires_in": 3_599, "token_type": "Bearer" });
    Reply::new(200, body.to_string())
}

impl Fcm {
    /// A service that accepts everything.
    pub(super) async fn good() -> Self {
        Self::start(|_, _| Reply::good()).await
    }

    /// A service that answers each message by a script, which gets the number of earlier messages.
    pub(super) async fn start(script: impl Fn(usize, &Message) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(script, |before, _| token(before)).await
    }

    /// A service that also answers each request for a token by a script.
    pub(super) async fn start_with(
        script: impl Fn(usize, &Message) -> Reply + Send + Sync + 'static,
        tokens: impl Fn(usize, &String) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            script: Box::new(script),
            tokens: Box::new(tokens),
            token_url: format!("{url}/token"),
            messages: Mutex::default(),
            assertions: Mutex::default(),
        });
        let app = Router::new()
            .route("/token", post(give))
            .route("/base/v1/projects/shop-1/messages:send", post(take))
            .with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        let account = new_folder().join("account.json");
        let key = json!({
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "key-1",
            "private_key": PAIR.serialize_pem(),
            "client_email": "push@shop-1.example",
            "token_uri": shared.token_url,
        });
        std::fs::write(&account, key.to_string()).unwrap();
        Self { shared, url, account, _serving: serving }
    }

    /// The settings of a server that pushes through it, without a limit on deliveries.
    pub(super) fn said(&self, store: &str) -> SettingsInput {
        SettingsInput {
            fcm_service_account: Some(self.account.clone()),
            fcm_url: Some(format!("{}/base/", self.url)),
            limit_delivery: Some("off".to_owned()),
            ..delivery::said(store)
        }
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }

    /// The number of requests for a token.
    pub(super) fn asked(&self) -> usize {
        self.shared.assertions.lock().unwrap().len()
    }

    /// Waits for this many messages, and returns all.
    pub(super) async fn until(&self, count: usize) -> Vec<Message> {
        let until = Instant::now() + LONG;
        while self.messages().len() < count {
            assert!(Instant::now() < until, "{} of {count} came", self.messages().len());
            sleep(Duration::from_millis(5)).await;
        }
        self.messages()
    }
}

/// Issues a token for an assertion with a valid signature.
async fn give(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Reply {
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form: HashMap<_, _> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    assert_eq!(form["grant_type"], "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let assertion = form["assertion"].to_owned();
    let is_good = is_signed(&assertion, &shared.token_url);
    let before = {
        let mut assertions = shared.assertions.lock().unwrap();
        assertions.push(assertion.clone());
        assertions.len() - 1
    };
    if is_good { (shared.tokens)(before, &assertion) } else { Reply::new(400, r#"{"error":"invalid_grant"}"#) }
}

fn is_signed(assertion: &str, token_url: &str) -> bool {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let part = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let (head, claims) = (part(head), part(claims));
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PAIR.der_bytes());
    let now = chrono::Utc::now().timestamp();
    let time = |name: &str| claims[name].as_i64().unwrap();
    key.verify(signed.as_bytes(), &decode(signature)).is_ok()
        && (head["alg"] == "RS256" && head["kid"] == "key-1")
        && claims["aud"] == token_url
        && claims["iss"] == "push@shop-1.example"
        && claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        && (now - 60..=now + 5).contains(&time("iat"))
        && (1..=3_600).contains(&(time("exp") - time("iat")))
}

/// Accepts a message with a valid token and with fields that FCM allows.
async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Reply {
    let bearer = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    assert!(bearer.starts_with("ya29."), "{bearer}");
    assert_eq!(headers["content-type"], "application/json");
    let json: Value = serde_json::from_slice(&body).unwrap();
    check(&json);
    let message = Message { bearer, bytes: body.len(), json };
    let before = {
        let mut messages = shared.messages.lock().unwrap();
        messages.push(message.clone());
        messages.len() - 1
    };
    (shared.script)(before, &message)
}

/// Checks the rules for every message.
fn check(json: &Value) {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(json), ["message"]);
    let message = &json["message"];
    for key in keys(message) {
        let known = ["android", "apns", "data", "fid", "notification", "token"];
        assert!(known.contains(&key.as_str()), "{key}");
    }
    assert!(message.get("token").is_some() != message.get("fid").is_some(), "{message}");
    assert!(message["data"].as_object().unwrap().values().all(Value::is_string), "{message}");
    let ttl = message["android"]["ttl"].as_str().unwrap().strip_suffix('s').unwrap();
    assert!(ttl.parse::<u64>().unwrap() <= 86_400, "{ttl}");
    let headers = message["apns"]["headers"].as_object().unwrap();
    assert!(headers.values().all(Value::is_string), "{message}");
    let payload = json!({ "notification": message["notification"], "data": message["data"] }).to_string();
    assert!(payload.len() <= 4_096 && message.to_string().len() <= 4_096, "{} bytes", payload.len());
}
