//! Webhooks according to [Standard Webhooks](https://www.standardwebhooks.com): the request, and the meaning of its
//! answer.

pub(in crate::server) mod secret;

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Url};

use self::secret::{SigningSecret, signatures};
use super::{
    answer::Answer,
    backoff::{Schedule, retry_after},
    channel::{Channel, Job, Judged, Recipient},
    no_answer::NoAnswer,
    outcome::Outcome,
    reach::{Forbidden, Reach},
};
use crate::{
    model::{ContactState, Timestamp},
    server::store::outbox::Webhook,
};

/// How long a webhook may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How many requests a webhook gets at once.
const IN_FLIGHT: usize = 4;
/// How long a webhook that gets too many requests rests, when it does not tell.
const TOO_MUCH: Duration = Duration::from_secs(60);

/// The channel to webhooks.
pub(in crate::server) struct Webhooks {
    reach: Reach,
    /// For `https`.
    encrypted: Client,
    /// For `http`, which is used only for networks that the operator allows.
    plain: Client,
}

/// One request to a webhook.
pub(in crate::server) struct Post {
    url: Url,
    id: String,
    timestamp: i64,
    signature: String,
    body: String,
}

impl Webhooks {
    /// The channel to the permitted addresses.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::server) fn new(reach: Reach) -> reqwest::Result<Self> {
        let client = |is_plain| reach.client(DEADLINE, is_plain);
        Ok(Self { encrypted: client(false)?, plain: client(true)?, reach })
    }

    /// The permitted addresses.
    pub(in crate::server) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// A request to a webhook, or why none can be made.
    fn post(&self, webhook: &Webhook, id: String, body: String, now: Timestamp) -> Result<Post, String> {
        let url = Url::parse(&webhook.url).map_err(|_| "its URL cannot be read".to_owned())?;
        self.reach.check(&url).map_err(|_: Forbidden| NoAnswer::Forbidden.to_string())?;
        let old = webhook.old_secret.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        let secrets = [Some(&webhook.secret), old].into_iter().flatten().map(|secret| SigningSecret::parse(secret));
        let secrets = secrets.collect::<Result<Vec<_>, _>>().map_err(|_| "its secret cannot be read".to_owned())?;
        let timestamp = now.to_utc().timestamp();
        let signature = signatures(&secrets, &id, timestamp, body.as_bytes());
        Ok(Post { url, id, timestamp, signature, body })
    }
}

impl Channel for Webhooks {
    type Request = Post;
    type Answer = Result<Answer, String>;

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Post, Judged> {
        let Recipient::Webhook(webhook) = &job.to else {
            let detail = Some("a contact is no endpoint".to_owned());
            return Err(Judged { outcome: Outcome::MessageBad, code: None, detail });
        };
        let post = self.post(webhook, job.delivery.id.to_string(), job.delivery.payload.clone(), now);
        post.map_err(|why| Judged { outcome: Outcome::Retry { after: None }, code: None, detail: Some(why) })
    }

    async fn send(&self, post: Post) -> Result<Answer, String> {
        let Post { url, id, timestamp, signature, body } = post;
        let client = if url.scheme() == "http" { &self.plain } else { &self.encrypted };
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        Answer::to(request, DEADLINE).await
    }

    fn judge(&self, answer: Result<Answer, String>, now: Timestamp) -> Judged {
        match answer {
            Ok(answer) => answer.judged(judge(answer.status, &answer.headers, SystemTime::from(now.to_utc()))),
            Err(why) => Judged { outcome: Outcome::Retry { after: None }, code: None, detail: Some(why) },
        }
    }

    fn schedule(&self) -> Schedule {
        Schedule::WEBHOOK
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }
}

/// The meaning of a webhook's answer. Redirects are not followed, because they may lead anywhere.
pub(in crate::server) fn judge(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Outcome {
    match status {
        status if status.is_success() => Outcome::Sent,
        StatusCode::GONE => Outcome::ContactDead { as_of: None, state: ContactState::Dead },
        StatusCode::TOO_MANY_REQUESTS => Outcome::Retry { after: Some(retry_after(headers, now).unwrap_or(TOO_MUCH)) },
        _ => Outcome::Retry { after: retry_after(headers, now) },
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(200, None, Outcome::Sent)]
    #[case(204, None, Outcome::Sent)]
    #[case(299, Some("9"), Outcome::Sent)]
    #[case(302, None, Outcome::Retry { after: None })]
    #[case(400, None, Outcome::Retry { after: None })]
    #[case(404, None, Outcome::Retry { after: None })]
    #[case(410, None, Outcome::ContactDead { as_of: None, state: ContactState::Dead })]
    #[case(429, None, Outcome::Retry { after: Some(Duration::from_secs(60)) })]
    #[case(429, Some("120"), Outcome::Retry { after: Some(Duration::from_secs(120)) })]
    #[case(429, Some("soon"), Outcome::Retry { after: Some(Duration::from_secs(60)) })]
    #[case(500, None, Outcome::Retry { after: None })]
    #[case(503, Some("30"), Outcome::Retry { after: Some(Duration::from_secs(30)) })]
    #[case(503, Some("soon"), Outcome::Retry { after: None })]
    fn an_answer_means_this(#[case] status: u16, #[case] retry_after: Option<&'static str>, #[case] outcome: Outcome) {
        let mut headers = HeaderMap::new();
        if let Some(retry_after) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
        }
        assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &headers, SystemTime::UNIX_EPOCH), outcome);
    }
}
