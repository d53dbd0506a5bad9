//! APNs: one message to one device, by the push service of Apple.
//!
//! `message.rs`: the request; `answer.rs`: the meaning of an answer; `provider_token.rs`: the credential of this
//! server; `line.rs`: the persistent connection.

mod answer;
mod line;
mod message;
mod provider_token;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderValue, Method, Request, Uri, Version, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use reqwest::Url;
use tokio::time::timeout;

use self::{
    answer::{Device, NamedBy, Refused, is_expired_token, judge, kept},
    line::{Line, encryption},
    message::Message,
    provider_token::ProviderTokens,
};
use super::{
    answer::{Answer, READ, READ_FOR, shortened},
    backoff::Schedule,
    channel::{Addressed, Channel, Job, Judged, Recipient},
    no_answer::NoAnswer,
    outcome::Outcome,
    push::PushWriter,
};
use crate::{
    model::{ContactAddress, ContactState, Environment, Timestamp, Topic},
    server::clock::Clock,
};

pub use provider_token::ProviderKey;

/// Default URL of APNs.
pub const DEFAULT_APNS_URL: &str = "https://api.push.apple.com";
/// Default URL of APNs for apps in development.
pub const DEFAULT_APNS_SANDBOX_URL: &str = "https://api.sandbox.push.apple.com";

/// How long APNs may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How many requests APNs gets at once.
const IN_FLIGHT: usize = 32;
/// The user agent of this server.
const USER_AGENT: &str = concat!("campanile/", env!("CARGO_PKG_VERSION"));

/// The settings for pushes by APNs.
#[derive(Clone, Debug)]
pub struct ApnsOptions {
    /// URL of APNs; with `http`, HTTP/2 without TLS.
    pub url: Url,
    /// URL of APNs for apps in development.
    pub sandbox_url: Url,
    /// Key that authenticates this server.
    pub key: ProviderKey,
    /// The app of devices that are added without one.
    pub topic: Option<Topic>,
}

/// APNs: one message to one device, by the push service of Apple.
pub(in crate::server) struct Apns {
    production: Place,
    sandbox: Place,
    team_id: String,
    tokens: ProviderTokens,
    topic: Option<Topic>,
    writer: PushWriter,
    refused: Mutex<Refused>,
}

/// One of Apple's push services.
struct Place {
    /// The URL in front of each path.
    base: String,
    line: Line,
}

/// One request to APNs.
pub(in crate::server) struct Post {
    environment: Environment,
    uri: Uri,
    message: Message,
    device: Device,
}

/// The answer for a device, or why there was none.
pub(in crate::server) struct Reply {
    device: Device,
    answer: Result<Answer, String>,
}

impl Apns {
    /// The channel to devices of Apple.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::server) fn new(
        options: &ApnsOptions,
        writer: PushWriter,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, rustls::Error> {
        let ApnsOptions { url, sandbox_url, key, topic } = options.clone();
        let encryption = encryption()?;
        let place = |url: &Url| {
            let base = url.as_str().trim_end_matches('/').to_owned();
            Place { base, line: Line::to(url, &encryption) }
        };
        Ok(Self {
            production: place(&url),
            sandbox: place(&sandbox_url),
            team_id: key.team_id().to_owned(),
            tokens: ProviderTokens::new(key, clock),
            topic,
            writer,
            refused: Mutex::default(),
        })
    }

    fn place(&self, environment: Environment) -> &Place {
        match environment {
            Environment::Production => &self.production,
            Environment::Sandbox => &self.sandbox,
        }
    }

    fn post(&self, job: &Job, addressed: &Addressed, now: Timestamp) -> Result<Post, String> {
        let ContactAddress::Apns { token, topic, environment } = &addressed.contact.address else {
            return Err("this contact is no device of APNs".to_owned());
        };
        let message = Message::of(&self.writer.push(addressed), job.delivery.id, topic, now)?;
        let uri = Uri::try_from(format!("{}/3/device/{}", self.place(*environment).base, token.as_str()));
        let named_by = match &self.topic {
            Some(named) if named == topic => NamedBy::Operator,
            Some(_) => NamedBy::UserAlone,
            None => NamedBy::Unknown,
        };
        let device = Device { token: token.clone(), seen_at: addressed.contact.last_seen_at, named_by };
        Ok(Post { environment: *environment, uri: uri.map_err(|_| "it has no URL".to_owned())?, message, device })
    }

    /// Sends a request, and again with a new token when APNs reports that this server's has expired.
    async fn exchange(&self, post: &Post) -> Result<Answer, String> {
        let token = self.tokens.current().ok_or("no provider token can be signed")?;
        let answer = self.ask(post, &token).await?;
        if !is_expired_token(&answer) {
            return Ok(answer);
        }
        match self.tokens.instead_of(&token) {
            Some(fresh) => self.ask(post, &fresh).await,
            None => Ok(answer),
        }
    }

    async fn ask(&self, post: &Post, token: &HeaderValue) -> Result<Answer, String> {
        let Post { environment, uri, message: Message { headers, body }, .. } = post;
        let request = || {
            let mut request = Request::new(Full::new(Bytes::clone(body)));
            (*request.method_mut(), *request.uri_mut()) = (Method::POST, uri.clone());
            *request.version_mut() = Version::HTTP_2;
            *request.headers_mut() = headers.clone();
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
            request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
            request
        };
        let answer = self.place(*environment).line.send(request).await.map_err(|why| shortened(&why))?;
        let (parts, body) = answer.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body: beginning(body).await })
    }

    /// Logs that many devices are refused at once: that is a sign of a key of another team, or of the other
    /// environment.
    fn count_refused(&self) {
        let jumps = self.refused.lock().unwrap_or_else(PoisonError::into_inner).jumps(Instant::now());
        if jumps {
            tracing::warn!(
                "APNs refuses many device tokens: are apns-topic, apns-url and the environment of the contacts right?"
            );
        }
    }
}

impl Channel for Apns {
    type Request = Post;
    type Answer = Reply;

    fn lane(&self, to: &ContactAddress) -> Option<String> {
        let ContactAddress::Apns { environment, .. } = to else { return None };
        Some(format!("apns:{}:{environment}", self.team_id))
    }

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Post, Judged> {
        let post = match &job.to {
            Recipient::Contact(addressed) => self.post(job, addressed, now),
            Recipient::Webhook(_) => Err("an endpoint is no device".to_owned()),
        };
        post.map_err(|why| Judged { outcome: Outcome::MessageBad, code: None, detail: Some(why) })
    }

    async fn send(&self, post: Post) -> Reply {
        let late = || Err(NoAnswer::Late(DEADLINE.as_secs()).to_string());
        let answer = timeout(DEADLINE, self.exchange(&post)).await.unwrap_or_else(|_| late());
        Reply { device: post.device, answer }
    }

    fn judge(&self, Reply { device, answer }: Reply, now: Timestamp) -> Judged {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Judged { outcome: Outcome::Retry { after: None }, code: None, detail: Some(why) },
        };
        let outcome = judge(&answer, &device, now);
        if matches!(outcome, Outcome::ContactDead { state: ContactState::Disabled, .. }) {
            self.count_refused();
        }
        Judged { outcome, code: Some(answer.status.as_u16()), detail: kept(&answer, &device) }
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

/// The beginning of the body of an answer. Its head already has the meaning, so nothing waits for the rest.
async fn beginning(mut body: Incoming) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < READ {
            let Some(Ok(frame)) = body.frame().await else { break };
            let Ok(chunk) = frame.into_data() else { continue };
            bytes.extend_from_slice(&chunk[..chunk.len().min(READ - bytes.len())]);
        }
    };
    // The bytes read by then are enough.
    drop(timeout(READ_FOR, read).await);
    bytes
}
