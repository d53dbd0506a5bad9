//! FCM: one message to one device, by Firebase Cloud Messaging (HTTP v1).

mod account;
mod alarm;
mod answer;
mod message;
mod redacted;
mod token;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::http::header;
use bytes::Bytes;
use reqwest::{Client, Url, redirect::Policy};
use tokio::time::timeout;

pub use self::account::ServiceAccount;
pub(in crate::server) use self::account::base_url;
use self::{
    alarm::Alarm,
    answer::Refusal,
    redacted::Redacted,
    token::{AccessToken, Tokens},
};
use super::{
    answer::Answer,
    backoff::Schedule,
    channel::{Channel, Job, Judged, Recipient},
    no_answer::NoAnswer,
    outcome::Outcome,
    push::PushWriter,
};
use crate::{
    model::{ContactAddress, FcmToken, Timestamp},
    server::clock::Clock,
};

/// Default URL of FCM.
pub const DEFAULT_FCM_URL: &str = "https://fcm.googleapis.com";
/// How many messages are sent at once.
const IN_FLIGHT: usize = 32;
/// How long sending one may take, with everything that it needs.
const DEADLINE: Duration = Duration::from_secs(15);
/// The most headers of an answer that are read.
const MOST_HEADERS: usize = 1_000;
/// The time between two checks of an HTTP/2 connection with pending answers.
const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// How long the other side may take to answer a check.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);

/// The settings for pushes by FCM.
#[derive(Clone, Debug)]
pub struct FcmOptions {
    /// The account that sends them.
    pub account: ServiceAccount,
    /// URL of FCM.
    pub url: Url,
}

/// FCM: one message to one device, by Firebase Cloud Messaging (HTTP v1).
pub(in crate::server) struct Fcm {
    client: Client,
    /// URL for messages of the project.
    url: Url,
    lane: String,
    tokens: Tokens,
    writer: PushWriter,
    mismatches: Alarm,
}

/// One message to one device.
pub(in crate::server) struct Request {
    body: Bytes,
    to: FcmToken,
}

/// The result of a request.
pub(in crate::server) struct Reply {
    /// The answer, or the outcome without one.
    answer: Result<Answer, Judged>,
    /// Secrets that must not be stored.
    secrets: Vec<Arc<str>>,
}

impl FcmOptions {
    /// The project whose devices receive pushes.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.account.project
    }
}

impl Fcm {
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::server) fn new(
        options: &FcmOptions,
        writer: PushWriter,
        clock: Arc<dyn Clock>,
    ) -> reqwest::Result<Self> {
        let FcmOptions { account, url } = options;
        let client = Client::builder()
            .user_agent(concat!("campanile/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .http1_max_headers(MOST_HEADERS)
            .http2_keep_alive_interval(ALIVE_EVERY)
            .http2_keep_alive_timeout(ALIVE_WITHIN);
        // Without encryption no certificates are needed, and a small container may have none.
        let is_plain = [url, &account.token_url].iter().all(|url| url.scheme() == "http");
        let client = if is_plain { client.tls_certs_only([]) } else { client }.build()?;
        let project = &account.project;
        let mut all = url.clone();
        all.set_path(&format!("{}/v1/projects/{project}/messages:send", url.path().trim_end_matches('/')));
        let tokens = Tokens::new(client.clone(), account.clone(), clock);
        Ok(Self { client, url: all, lane: format!("fcm:{project}"), tokens, writer, mismatches: Alarm::default() })
    }

    /// Posts a message, with a token that FCM accepts; adds the secrets that were sent to `secrets`.
    async fn post(&self, body: Bytes, secrets: &mut Vec<Arc<str>>) -> Result<Answer, Judged> {
        let token = self.tokens.get().await?;
        let answer = self.post_with(&token, body.clone(), secrets).await?;
        if !answer::refuses_token(&answer) {
            return Ok(answer);
        }
        // It may have been revoked. If a new one is refused too, the token is not the reason.
        self.tokens.refuse(&token).await;
        let token = self.tokens.get().await?;
        self.post_with(&token, body, secrets).await
    }

    async fn post_with(&self, token: &AccessToken, body: Bytes, secrets: &mut Vec<Arc<str>>) -> Result<Answer, Judged> {
        secrets.push(token.expose().into());
        let request = self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json").body(body);
        let request = match token.header() {
            Some(proof) => request.header(header::AUTHORIZATION, proof),
            None => request,
        };
        Answer::to(request, DEADLINE).await.map_err(retry)
    }
}

/// Checks that the account of these settings can get an access token; nothing is pushed.
///
/// # Errors
/// Why it cannot, in one line.
pub(in crate::server) async fn has_token(options: &FcmOptions, clock: Arc<dyn Clock>) -> Result<(), String> {
    let pages = super::pages::Pages::new(None);
    let fcm = Fcm::new(options, PushWriter { app_name: String::new(), pages }, clock);
    let fcm = fcm.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let Err(judged) = fcm.tokens.get().await else { return Ok(()) };
    let code = judged.code.map_or_else(String::new, |code| format!("{code}: "));
    Err(code + &judged.detail.unwrap_or_default())
}

/// The outcome of an attempt without an answer.
fn retry(why: String) -> Judged {
    Judged { outcome: Outcome::Retry { after: None }, code: None, detail: Some(why) }
}

/// The outcome of a message that cannot be written.
fn bad(why: String) -> Judged {
    Judged { outcome: Outcome::MessageBad, code: None, detail: Some(why) }
}

impl Channel for Fcm {
    type Request = Request;
    type Answer = Reply;

    fn lane(&self, _: &ContactAddress) -> Option<String> {
        Some(self.lane.clone())
    }

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Request, Judged> {
        let Recipient::Contact(addressed) = &job.to else { return Err(bad("an endpoint has no device".to_owned())) };
        let ContactAddress::Fcm { token, kind } = &addressed.contact.address else {
            return Err(bad("this contact has no token of FCM".to_owned()));
        };
        let body = message::body(&self.writer.push(addressed), token, *kind, now).map_err(bad)?;
        Ok(Request { body: body.into(), to: token.clone() })
    }

    async fn send(&self, Request { body, to }: Request) -> Reply {
        let mut secrets = vec![to.as_str().into()];
        let answer = match timeout(DEADLINE, self.post(body, &mut secrets)).await {
            Ok(answer) => answer,
            Err(_) => Err(retry(NoAnswer::Late(DEADLINE.as_secs()).to_string())),
        };
        Reply { answer, secrets }
    }

    fn judge(&self, Reply { answer, secrets }: Reply, now: Timestamp) -> Judged {
        let answer = match answer {
            Ok(answer) => answer,
            Err(judged) => return judged,
        };
        let refusal = Refusal::of(&answer);
        if refusal.is_of_another_project()
            && let Some(devices) = self.mismatches.counts()
        {
            let lane = &*self.lane;
            tracing::warn!(lane, devices, "contacts belong to another Firebase project; they are no longer used");
        }
        let outcome = answer::judge(&answer, &refusal, SystemTime::from(now.to_utc()));
        let body = Redacted::new(secrets.iter().map(AsRef::as_ref)).clean(&answer.body).into_bytes();
        Answer { body, ..answer }.judged(outcome)
    }

    fn schedule(&self) -> Schedule {
        Schedule::PUSH
    }

    /// FCM is given an hour when it reports a failure of its own. That does not apply to an exhausted quota, an
    /// unreachable network and wrong settings.
    fn schedule_after(&self, code: Option<u16>) -> Schedule {
        if matches!(code, Some(500..600)) { Schedule::FCM } else { Schedule::PUSH }
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }
}
