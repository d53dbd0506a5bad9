//! Webhooks, as [Standard Webhooks](https://www.standardwebhooks.com) has them: what is sent, and what an answer means.

pub(in crate::server) mod secret;

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, StatusCode};

use super::{backoff::retry_after, outcome::Outcome};

/// How long an endpoint is left alone that is asked too much and does not say for how long.
const TOO_MUCH: Duration = Duration::from_secs(60);

/// What the answer of an endpoint means. A redirect is not followed: it may lead anywhere.
pub(in crate::server) fn judge(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Outcome {
    match status {
        status if status.is_success() => Outcome::Sent,
        StatusCode::GONE => Outcome::ContactDead { as_of: None },
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
    #[case(410, None, Outcome::ContactDead { as_of: None })]
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
