//! Web Push: one message to one browser, by the push service of its maker (RFC 8030).

mod encryption;
mod vapid;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Url};
use serde::Serialize;

use self::{encryption::encrypt, vapid::Vapid};
use super::{
    answer::Answer,
    backoff::{Schedule, retry_after},
    channel::{Channel, Job, Judged, Recipient},
    no_answer::NoAnswer,
    outcome::Outcome,
    push::{Note, Push, PushWriter},
    reach::{Forbidden, Reach},
};
use crate::{
    model::{Category, ContactAddress, ContactState, NotificationId, SubscriptionKeys, Timestamp},
    server::{
        clock::Clock,
        store::{Secrets, StoreError},
    },
};

pub use vapid::VapidKey;

pub(in crate::server) use vapid::Vapid as WebPushKey;

/// How long a push service may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How many requests a push service gets at once.
const IN_FLIGHT: usize = 32;
/// The longest message before encryption, in bytes: every push service accepts as much.
const LONGEST: usize = 2_600;
/// The answer of the push services of Apple and others when a subscription belongs to another key.
const OTHER_KEY: &[u8] = b"VapidPkHashMismatch";
/// The shortest part of a secret that is hidden in answers, in bytes: shorter ones are useless.
const SECRET: usize = 8;

/// The settings for pushes to browsers.
#[derive(Clone, Debug)]
pub struct WebPushOptions {
    /// Contact for push services: a `mailto:` or `https:` URL.
    pub contact: String,
    /// The key that signs them; `None` means one that is created at the first start and stored.
    pub key: Option<VapidKey>,
}

/// The channel to browsers.
pub(in crate::server) struct WebPush {
    writer: PushWriter,
    clock: Arc<dyn Clock>,
    reach: Reach,
    vapid: Arc<Vapid>,
    /// For `https`.
    encrypted: Client,
    /// For `http`, which is used only for networks that the operator allows.
    plain: Client,
}

/// One request to a push service.
pub(in crate::server) struct Post {
    url: Url,
    keys: SubscriptionKeys,
    lives_for: Duration,
    is_urgent: bool,
    topic: String,
    /// The message before encryption.
    message: Vec<u8>,
}

/// Why there is no answer.
pub(in crate::server) enum Unanswered {
    /// The answer did not come.
    Lost(String),
    /// The server cannot authenticate.
    NoKey(StoreError),
    /// The keys of the browser cannot encrypt.
    NotEncrypted,
}

/// The message as the browser's page reads it.
#[derive(Serialize)]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    id: NotificationId,
    category: &'a Category,
    modseq: u64,
    unread_count: u64,
}

impl WebPush {
    /// The channel to the permitted addresses. Without a key in the settings, this store provides it.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::server) fn new(
        options: &WebPushOptions,
        writer: PushWriter,
        clock: Arc<dyn Clock>,
        reach: Reach,
        secrets: Arc<dyn Secrets>,
    ) -> reqwest::Result<Self> {
        let client = |is_plain| reach.client(DEADLINE, is_plain);
        let (encrypted, plain) = (client(false)?, client(true)?);
        Ok(Self { writer, clock, vapid: Arc::new(Vapid::new(options, secrets)), encrypted, plain, reach })
    }

    /// The key that authenticates this server to push services.
    pub(in crate::server) fn key(&self) -> Arc<WebPushKey> {
        Arc::clone(&self.vapid)
    }

    /// A request to a push service, or the outcome of the attempt where none can be made.
    fn post(&self, endpoint: &str, keys: &SubscriptionKeys, push: &Push, now: Timestamp) -> Result<Post, Judged> {
        let again = |why: String| unsent(Outcome::Retry { after: None }, why);
        let url = Url::parse(endpoint).map_err(|_| again("its URL cannot be read".to_owned()))?;
        self.reach.check(&url).map_err(|_: Forbidden| again(NoAnswer::Forbidden.to_string()))?;
        let Push { note: Some(note), modseq, unread_count } = push else {
            return Err(unsent(
                Outcome::MessageBad,
                "a browser shows every push, and there is nothing to show".to_owned(),
            ));
        };
        let write = |note: &Note| {
            let Note { id, title, text, link, category, .. } = note;
            let (modseq, unread_count) = (*modseq, *unread_count);
            let link = link.as_deref();
            serde_json::to_vec(&Message { title, text, link, id: *id, category, modseq, unread_count })
        };
        let message = note.fitted(LONGEST, write).map_err(|why| unsent(Outcome::MessageBad, why))?;
        let topic = URL_SAFE_NO_PAD.encode(note.id.as_uuid().as_bytes());
        let (lives_for, is_urgent) = (note.lives_for(now), note.is_urgent);
        Ok(Post { url, keys: keys.clone(), lives_for, is_urgent, topic, message })
    }
}

impl Channel for WebPush {
    type Request = Post;
    type Answer = Result<Answer, Unanswered>;

    fn lane(&self, to: &ContactAddress) -> Option<String> {
        let ContactAddress::Webpush { endpoint, .. } = to else { return None };
        let origin = Url::parse(endpoint).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Some(format!("webpush:{origin}"))
    }

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Post, Judged> {
        let not_ours = || unsent(Outcome::MessageBad, "this is no browser".to_owned());
        let Recipient::Contact(addressed) = &job.to else { return Err(not_ours()) };
        let ContactAddress::Webpush { endpoint, keys } = &addressed.contact.address else { return Err(not_ours()) };
        self.post(endpoint, keys, &self.writer.push(addressed), now)
    }

    async fn send(&self, post: Post) -> Result<Answer, Unanswered> {
        let Post { url, keys, lives_for, is_urgent, topic, message } = post;
        let body = encrypt(&keys, &message).map_err(|_| Unanswered::NotEncrypted)?;
        let origin = url.origin().ascii_serialization();
        let authorization = self.vapid.authorization(&origin, self.clock.now()).await.map_err(Unanswered::NoKey)?;
        let client = if url.scheme() == "http" { &self.plain } else { &self.encrypted };
        let request = client
            .post(url.clone())
            .header(header::AUTHORIZATION, authorization.clone())
            .header("ttl", lives_for.as_secs())
            .header("urgency", HeaderValue::from_static(if is_urgent { "high" } else { "normal" }))
            .header("topic", topic)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(body);
        let mut answer = Answer::to(request, DEADLINE).await.map_err(Unanswered::Lost)?;
        answer.body = without_secrets(&url, &authorization, &answer.body).into_bytes();
        Ok(answer)
    }

    fn judge(&self, answer: Result<Answer, Unanswered>, now: Timestamp) -> Judged {
        match answer {
            Ok(answer) => {
                let Answer { status, headers, body } = &answer;
                answer.judged(judge(*status, headers, body, SystemTime::from(now.to_utc())))
            }
            Err(Unanswered::Lost(why)) => unsent(Outcome::Retry { after: None }, why),
            // The stored key is invalid, and stays so.
            Err(Unanswered::NoKey(error @ StoreError::Failed { .. })) => {
                unsent(Outcome::Misconfigured, error.to_string())
            }
            Err(Unanswered::NoKey(_)) => {
                unsent(Outcome::Retry { after: None }, "the VAPID key could not be read".to_owned())
            }
            Err(Unanswered::NotEncrypted) => {
                unsent(Outcome::MessageBad, "it cannot be encrypted with the keys of the browser".to_owned())
            }
        }
    }

    fn schedule(&self) -> Schedule {
        Schedule::PUSH
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }
}

/// The outcome of an attempt without an answer.
fn unsent(outcome: Outcome, why: String) -> Judged {
    Judged { outcome, code: None, detail: Some(why) }
}

/// The meaning of a push service's answer.
///
/// - 401 and 403 concern this server and not the browser, which stays; except for a subscription made for another key,
///   whose later pushes would all be refused.
/// - A redirect is not followed: it may lead anywhere. The push service may be moving, so it is tried again.
/// - 406 is Windows' request for fewer pushes; 408 and 425 ask for another attempt by their meaning.
/// - Every other refusal concerns this message, and would be repeated for it.
fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Outcome {
    let again = Outcome::Retry { after: retry_after(headers, now) };
    let dead = Outcome::ContactDead { as_of: None, state: ContactState::Dead };
    let is_of_other_key = || body.windows(OTHER_KEY.len()).any(|part| part == OTHER_KEY);
    match status.as_u16() {
        200..=299 => Outcome::Sent,
        404 | 410 => dead,
        400 | 403 if is_of_other_key() => dead,
        401 | 403 => Outcome::Misconfigured,
        406 | 408 | 425 | 429 => again,
        400..=499 => Outcome::MessageBad,
        _ => again,
    }
}

/// An answer without the parts of the endpoint and of the token that it repeats: both together allow pushing to the
/// browser.
fn without_secrets(url: &Url, authorization: &HeaderValue, body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    let token = authorization.to_str().unwrap_or_default().split(|c: char| " =,.".contains(c));
    let parts = url.path().split(['/', ':']).chain(url.query().into_iter().flat_map(|query| query.split(['&', '='])));
    for secret in [url.as_str()].into_iter().chain(parts).chain(token).filter(|part| part.len() >= SECRET) {
        if text.contains(secret) {
            text = text.replace(secret, "…");
        }
    }
    text
}

#[cfg(test)]
mod tests;
