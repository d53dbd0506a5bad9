//! The meaning of each answer, in the words of the reference.

use axum::http::{HeaderMap, HeaderValue, header};
use rstest::rstest;
use serde_json::json;

use super::*;

const BAD: Outcome = Outcome::MessageBad;
const MISCONFIGURED: Outcome = Outcome::Misconfigured;
const LATER: Outcome = Outcome::Retry { after: None };
const HTML: &str = "<!DOCTYPE html>\n<title>Error 502 (Server Error)!!1</title>";

fn after(seconds: u64) -> Outcome {
    Outcome::Retry { after: Some(Duration::from_secs(seconds)) }
}

fn answer(status: u16, body: &str, retry_after: Option<&'static str>) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(retry_after) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
    }
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() }
}

fn outcome(answer: &Answer) -> Outcome {
    judge(answer, &Refusal::of(answer), SystemTime::UNIX_EPOCH)
}

/// An error with the code of FCM.
fn error(status: u16, canonical: &str, code: &str) -> String {
    let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
    let details = json!([{ "@type": kind, "errorCode": code }]);
    json!({ "error": { "code": status, "message": "…", "status": canonical, "details": details } }).to_string()
}

/// An invalid argument, with its details in either order.
fn argument(field: &str, is_first: bool) -> String {
    let code =
        json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT" });
    let violation = json!({ "field": field, "description": "Invalid registration token" });
    let fields = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] });
    let details = if is_first { json!([fields, code]) } else { json!([code, fields]) };
    json!({ "error": { "code": 400, "message": "x", "status": "INVALID_ARGUMENT", "details": details } }).to_string()
}

#[rstest]
#[case(404, "NOT_FOUND", "UNREGISTERED", None, GONE)]
// The code has precedence.
#[case(400, "INVALID_ARGUMENT", "UNREGISTERED", None, GONE)]
#[case(500, "INTERNAL", "UNREGISTERED", Some("7"), GONE)]
#[case(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", None, GONE)]
#[case(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", None, BAD)]
#[case(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", None, MISCONFIGURED)]
#[case(403, "PERMISSION_DENIED", "THIRD_PARTY_AUTH_ERROR", None, MISCONFIGURED)]
#[case(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", None, after(60))]
#[case(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Some("120"), after(120))]
#[case(403, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Some("soon"), after(60))]
#[case(503, "UNAVAILABLE", "UNAVAILABLE", None, LATER)]
#[case(503, "UNAVAILABLE", "UNAVAILABLE", Some("30"), after(30))]
#[case(500, "INTERNAL", "INTERNAL", None, LATER)]
// An unknown code, and the one without a meaning.
#[case(503, "UNAVAILABLE", "UNSPECIFIED_ERROR", None, LATER)]
#[case(400, "INVALID_ARGUMENT", "NEW_CODE", None, BAD)]
#[case(404, "NOT_FOUND", "NEW_CODE", None, BAD)]
#[case(403, "PERMISSION_DENIED", "NEW_CODE", None, MISCONFIGURED)]
fn a_code_of_fcm_means_this(
    #[case] status: u16,
    #[case] canonical: &str,
    #[case] code: &str,
    #[case] retry_after: Option<&'static str>,
    #[case] expected: Outcome,
) {
    assert_eq!(outcome(&answer(status, &error(status, canonical, code), retry_after)), expected);
}

#[rstest]
#[case(200, r#"{"name": "projects/shop-1/messages/1"}"#, None, Outcome::Sent)]
#[case(204, "", None, Outcome::Sent)]
#[case(400, r#"{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}"#, None, BAD)]
#[case(400, HTML, None, BAD)]
#[case(413, HTML, None, BAD)]
#[case(401, r#"{"error": {"code": 401, "status": "UNAUTHENTICATED"}}"#, None, MISCONFIGURED)]
#[case(401, HTML, None, MISCONFIGURED)]
#[case(403, r#"{"error": {"code": 403, "status": "PERMISSION_DENIED"}}"#, None, MISCONFIGURED)]
#[case(404, r#"{"error": {"code": 404, "status": "NOT_FOUND"}}"#, None, MISCONFIGURED)]
#[case(404, HTML, None, MISCONFIGURED)]
#[case(410, HTML, None, MISCONFIGURED)]
#[case(302, "", None, MISCONFIGURED)]
#[case(405, "", None, MISCONFIGURED)]
#[case(408, "", None, LATER)]
#[case(429, "", None, after(60))]
#[case(429, HTML, Some("5"), after(5))]
#[case(500, "", None, LATER)]
#[case(502, HTML, None, LATER)]
#[case(502, HTML, Some("20"), after(20))]
#[case(503, "{\"error\": ", None, LATER)]
#[case(504, "\u{0}", None, LATER)]
fn an_answer_without_one_means_this(
    #[case] status: u16,
    #[case] body: &str,
    #[case] retry_after: Option<&'static str>,
    #[case] expected: Outcome,
) {
    assert_eq!(outcome(&answer(status, body, retry_after)), expected);
}

#[rstest]
#[case("message.token", GONE)]
#[case("message.fid", GONE)]
#[case("message", BAD)]
#[case("message.token.x", BAD)]
#[case("message.data[0].value", BAD)]
#[case("message.android.ttl", BAD)]
fn an_argument_that_is_wrong_is_that_of_the_device_or_of_the_message(#[case] field: &str, #[case] expected: Outcome) {
    for is_first in [true, false] {
        assert_eq!(outcome(&answer(400, &argument(field, is_first), None)), expected, "{is_first}");
    }
}

#[test]
fn an_invalid_token_is_recognised_by_the_message_if_no_field_is_named() {
    let with = |details: Value| {
        let error = json!({ "code": 400, "message": NO_TOKEN, "status": "INVALID_ARGUMENT", "details": details });
        outcome(&answer(400, &json!({ "error": error }).to_string(), None))
    };
    assert_eq!(with(json!([{ "errorCode": "INVALID_ARGUMENT" }])), GONE);
    assert_eq!(with(json!([{ "fieldViolations": [{ "field": "message.data[0].value" }] }])), BAD);
}

#[rstest]
#[case("")]
#[case("null")]
#[case("[]")]
#[case("\"UNREGISTERED\"")]
#[case(r#"{"error": "UNREGISTERED"}"#)]
#[case(r#"{"error": {"details": "UNREGISTERED"}}"#)]
#[case(r#"{"error": {"details": [null, 7, "UNREGISTERED", {"errorCode": 7}, {"errorCode": ["UNREGISTERED"]}]}}"#)]
#[case(r#"{"error": {"details": [{"@type": "x/ApnsError", "errorCode": "UNREGISTERED"}]}}"#)]
#[case(r#"{"error": {"details": [{"fieldViolations": {"field": "message.token"}}]}}"#)]
fn a_body_of_any_kind_is_survived_and_no_device_is_gone_by_it(#[case] body: &str) {
    for (status, expected) in [(500, LATER), (401, MISCONFIGURED), (400, BAD), (404, MISCONFIGURED)] {
        assert_eq!(outcome(&answer(status, body, None)), expected, "{status}");
    }
    let deep = "[".repeat(READ_AT_MOST);
    assert_eq!(outcome(&answer(502, &deep, None)), LATER);
}

/// The most that is read of an answer.
const READ_AT_MOST: usize = crate::server::channels::answer::READ;

#[test]
fn only_a_401_that_is_about_the_access_token_asks_for_a_new_one() {
    let unauthorised = |body: &str| refuses_token(&answer(401, body, None));
    assert!(unauthorised("") && unauthorised(HTML) && unauthorised(&error(401, "UNAUTHENTICATED", "NEW_CODE")));
    assert!(!unauthorised(&error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")));
    assert!(!refuses_token(&answer(403, "", None)));
}
