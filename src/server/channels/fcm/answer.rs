//! The meaning of FCM's answers ([reference](https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode)).

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use serde_json::Value;

use crate::{
    model::ContactState,
    server::channels::{answer::Answer, backoff::retry_after, outcome::Outcome},
};

/// How long a project that sends too much is left alone, when FCM does not tell.
const TOO_MUCH: Duration = Duration::from_secs(60);
/// FCM's text for an invalid token, which does not always name the field.
const NO_TOKEN: &str = "The registration token is not a valid FCM registration token";

/// The errors that FCM reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code in FCM's own detail of the error, which has precedence.
    pub(super) code: Option<String>,
    /// Whether the error is in the field that names the device.
    is_token_wrong: bool,
}

/// The device is gone: its app was removed, or it has another token by now.
const GONE: Outcome = Outcome::ContactDead { as_of: None, state: ContactState::Dead };

impl Refusal {
    /// The errors in an answer, whatever its body is.
    pub(super) fn of(answer: &Answer) -> Self {
        if answer.status.is_success() {
            return Self::default();
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = &body["error"];
        let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_of = |detail: &Value, kind: &str| {
            let named = detail.get("@type").and_then(Value::as_str);
            named.is_none_or(|name| name.ends_with(kind))
        };
        let mut codes = details.iter().filter(|detail| is_of(detail, ".FcmError"));
        let code = codes.find_map(|detail| detail["errorCode"].as_str()).map(str::to_owned);
        let lists = details.iter().filter(|detail| is_of(detail, ".BadRequest"));
        let mut fields = lists.filter_map(|detail| detail["fieldViolations"].as_array()).flatten().peekable();
        let is_token_wrong = match fields.peek() {
            Some(_) => fields.any(|field| matches!(field["field"].as_str(), Some("message.token" | "message.fid"))),
            None => error["message"].as_str().is_some_and(|message| message.starts_with(NO_TOKEN)),
        };
        let is_argument = code.as_deref().or(error["status"].as_str()) == Some("INVALID_ARGUMENT");
        Self { code, is_token_wrong: is_token_wrong && is_argument }
    }

    /// Whether the device belongs to another project.
    pub(super) fn is_of_another_project(&self) -> bool {
        self.code.as_deref() == Some("SENDER_ID_MISMATCH")
    }
}

/// Whether an answer refuses the access token. A refusal of FCM by Apple or by a browser's service has the same status,
/// and does not concern that token.
pub(super) fn refuses_token(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && Refusal::of(answer).code.as_deref() != Some("THIRD_PARTY_AUTH_ERROR")
}

/// The meaning of an answer.
pub(super) fn judge(answer: &Answer, refusal: &Refusal, now: SystemTime) -> Outcome {
    let Answer { status, headers, .. } = answer;
    if status.is_success() {
        return Outcome::Sent;
    }
    let asked = retry_after(headers, now);
    let too_much = Outcome::Retry { after: Some(asked.unwrap_or(TOO_MUCH)) };
    let later = Outcome::Retry { after: asked };
    match refusal.code.as_deref() {
        Some("UNREGISTERED" | "SENDER_ID_MISMATCH") => return GONE,
        Some("INVALID_ARGUMENT") if refusal.is_token_wrong => return GONE,
        Some("INVALID_ARGUMENT") => return Outcome::MessageBad,
        Some("THIRD_PARTY_AUTH_ERROR") => return Outcome::Misconfigured,
        Some("QUOTA_EXCEEDED") => return too_much,
        Some("UNAVAILABLE" | "INTERNAL") => return later,
        // The code is unknown, or there is none.
        _ => {}
    }
    match *status {
        StatusCode::BAD_REQUEST if refusal.is_token_wrong => GONE,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Outcome::MessageBad,
        // An unknown code concerns this message, like the others with this status.
        StatusCode::NOT_FOUND if refusal.code.is_some() => Outcome::MessageBad,
        StatusCode::TOO_MANY_REQUESTS => too_much,
        StatusCode::REQUEST_TIMEOUT => later,
        status if status.is_server_error() => later,
        // The account or the project is refused (401, 403, 404), or this is not FCM, which neither redirects nor gives
        // other answers.
        _ => Outcome::Misconfigured,
    }
}

#[cfg(test)]
mod tests;
