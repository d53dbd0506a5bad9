//! The access token for FCM: obtained with an assertion that the account signs (RFC 7523), and used until it expires.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::http::{HeaderValue, StatusCode, header};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Header, encode};
use reqwest::Client;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{account::ServiceAccount, redacted::Redacted};
use crate::{
    model::Timestamp,
    server::{
        channels::{
            answer::{Answer, shortened},
            backoff::retry_after,
            channel::Judged,
            no_answer::NoAnswer,
            outcome::Outcome,
        },
        clock::{Clock, moved},
    },
};

/// The scope of the token.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// The start of the form that carries an assertion.
const GRANT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
/// The lifetime of an assertion, in seconds.
const ASSERTION: i64 = 3_600;
/// How long before its end a token is renewed, in seconds.
const EARLY: i64 = 300;
/// The lifetime of a token, in seconds, where the answer does not tell it, and the longest that is assumed.
const HOUR: i64 = 3_600;
/// How long the other side may take to answer.
const DEADLINE: Duration = Duration::from_secs(8);
/// How long the endpoint is left alone when it did not answer, or failed.
const LEFT_ALONE: Duration = Duration::from_secs(1);
/// How long it is left alone when it is asked too often and does not tell for how long.
const TOO_MUCH: Duration = Duration::from_secs(60);

/// The claims of an assertion.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// A token, as a request has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AccessToken(Arc<str>);

impl AccessToken {
    /// The header that authenticates this server.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The token itself, for redaction.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// Gets tokens and keeps the last one.
pub(super) struct Tokens {
    client: Client,
    account: ServiceAccount,
    clock: Arc<dyn Clock>,
    /// Held while a token is requested, so that all others wait for the one answer.
    last: Mutex<Last>,
    /// How many requests have ended.
    over: std::sync::atomic::AtomicU64,
}

/// The result of the last request.
#[derive(Default)]
struct Last {
    token: Option<CachedToken>,
    failure: Option<Failure>,
}

struct CachedToken {
    token: AccessToken,
    from: Timestamp,
    until: Timestamp,
}

struct Failure {
    judged: Judged,
    at: Instant,
}

impl Tokens {
    /// The tokens of an account.
    pub(super) fn new(client: Client, account: ServiceAccount, clock: Arc<dyn Clock>) -> Self {
        Self { client, account, clock, last: Mutex::default(), over: 0.into() }
    }

    /// A token that is valid for a while. Any number of callers at once cause one request, and all callers that waited
    /// get its result, even a failure or a token with a short lifetime.
    ///
    /// # Errors
    /// The outcome of an attempt that got no token.
    pub(super) async fn get(&self) -> Result<AccessToken, Judged> {
        use std::sync::atomic::Ordering::SeqCst;
        let before = self.over.load(SeqCst);
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        // A clock that went back does not tell the age of a token.
        let has_waited = self.over.load(SeqCst) != before;
        let is_good = |kept: &&CachedToken| kept.from <= now && (has_waited || now < kept.until);
        if let Some(kept) = last.token.as_ref().filter(is_good) {
            return Ok(kept.token.clone());
        }
        if let Some(Failure { judged, at }) = &last.failure {
            // Where an operator has to act, the lane pauses, and its next attempt has to find out.
            let is_left_alone = judged.outcome != Outcome::Misconfigured && at.elapsed() < LEFT_ALONE;
            if is_left_alone || has_waited {
                return Err(judged.clone());
            }
        }
        last.token = None;
        let asked = self.ask(now).await;
        self.over.fetch_add(1, SeqCst);
        match asked {
            Ok((token, holds_for)) => {
                let until = moved(now, TimeDelta::seconds(holds_for));
                *last = Last { token: Some(CachedToken { token: token.clone(), from: now, until }), failure: None };
                Ok(token)
            }
            Err(judged) => {
                last.failure = Some(Failure { judged: judged.clone(), at: Instant::now() });
                Err(judged)
            }
        }
    }

    /// Forgets a token that was refused, if it is still the last one.
    pub(super) async fn refuse(&self, token: &AccessToken) {
        let mut last = self.last.lock().await;
        if last.token.as_ref().is_some_and(|kept| kept.token == *token) {
            last.token = None;
        }
    }

    /// Requests a token, and returns it with the time for which it is used, in seconds.
    async fn ask(&self, now: Timestamp) -> Result<(AccessToken, i64), Judged> {
        let assertion = self.assertion(now).map_err(|_| {
            let detail = Some("the private key of the service account does not sign".to_owned());
            Judged { outcome: Outcome::Misconfigured, code: None, detail }
        })?;
        let request = self
            .client
            .post(self.account.token_url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(format!("{GRANT}{assertion}"));
        let retry = |why: &str| {
            let detail = Some(shortened(&format!("no access token: {why}")));
            Judged { outcome: Outcome::Retry { after: None }, code: None, detail }
        };
        match timeout(DEADLINE, Answer::to(request, DEADLINE)).await {
            Ok(Ok(answer)) => read(&answer, &assertion, SystemTime::from(now.to_utc())),
            Ok(Err(why)) => Err(retry(&why)),
            Err(_) => Err(retry(&NoAnswer::Late(DEADLINE.as_secs()).to_string())),
        }
    }

    fn assertion(&self, now: Timestamp) -> jsonwebtoken::errors::Result<String> {
        let ServiceAccount { email, key, key_id, audience, .. } = &self.account;
        let iat = now.to_utc().timestamp();
        let claims = Claims { iss: email, scope: SCOPE, aud: audience, iat, exp: iat + ASSERTION };
        encode(&Header { kid: key_id.clone(), ..Header::new(Algorithm::RS256) }, &claims, key)
    }
}

/// The token in an answer and the time for which it is used, in seconds; or the meaning of an answer without one.
fn read(answer: &Answer, assertion: &str, now: SystemTime) -> Result<(AccessToken, i64), Judged> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let field = |name: &str| body.as_ref().and_then(|body| body.get(name));
    let status = answer.status;
    if status.is_success() {
        let token = field("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        if let Some(token) = token.map(|token| AccessToken(token.into())).filter(|token| token.header().is_some()) {
            // Some servers write the number as a text.
            let said = field("expires_in");
            let said = said.and_then(|said| said.as_i64().or_else(|| said.as_str()?.parse().ok()));
            return Ok((token, used_for(said)));
        }
        // It may contain a token that cannot be read.
        let detail = Some("no access token: the answer of the token endpoint holds none".to_owned());
        return Err(Judged { outcome: Outcome::Retry { after: None }, code: Some(status.as_u16()), detail });
    }
    let asked = retry_after(&answer.headers, now);
    let outcome = match status {
        StatusCode::TOO_MANY_REQUESTS => Outcome::Retry { after: Some(asked.unwrap_or(TOO_MUCH)) },
        StatusCode::REQUEST_TIMEOUT => Outcome::Retry { after: asked },
        status if status.is_server_error() => Outcome::Retry { after: asked },
        // The account, its key or the clock of this server is wrong; or this is not a token endpoint.
        _ => Outcome::Misconfigured,
    };
    let text = Redacted::new([assertion]).clean(&answer.body);
    let detail = Some(shortened(&format!("no access token: {text}")));
    Err(Judged { outcome, code: Some(status.as_u16()), detail })
}

/// The time for which a token with this lifetime is used, in seconds.
fn used_for(holds: Option<i64>) -> i64 {
    let holds = holds.unwrap_or(HOUR).clamp(0, HOUR);
    // Even a token shorter than its time for renewal is better than one for each message. If the answer says that it
    // has expired already and that is true, it is refused once, and another one is requested.
    if holds > EARLY { holds - EARLY } else { (holds / 2).max(1) }
}

#[cfg(test)]
mod tests;
