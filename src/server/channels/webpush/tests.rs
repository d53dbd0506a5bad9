//! The meaning of an answer, the request, and the redaction.

use rstest::rstest;

use super::*;
use crate::server::{
    channels::{pages::Pages, push::tests::note},
    clock::SystemClock,
    store::MemoryStore,
};

const DEAD: Outcome = Outcome::ContactDead { as_of: None, state: ContactState::Dead };
const AGAIN: Outcome = Outcome::Retry { after: None };

fn now() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

fn channel() -> WebPush {
    let options = WebPushOptions { contact: "mailto:you@example.com".to_owned(), key: None };
    let writer = PushWriter { app_name: "Campanile".to_owned(), pages: Pages::new(None) };
    let secrets = Arc::new(MemoryStore::new(10, now()));
    WebPush::new(&options, writer, Arc::new(SystemClock), Reach::new(&[]), secrets).unwrap()
}

fn push(note: Option<Note>) -> Push {
    Push { note, modseq: 7, unread_count: 3 }
}

fn post(endpoint: &str, push: &Push) -> Result<Post, Judged> {
    channel().post(endpoint, &SubscriptionKeys::new([4; 65], [0; 16]), push, now())
}

#[rstest]
#[case(200, "", Outcome::Sent)]
#[case(201, "", Outcome::Sent)]
#[case(202, "", Outcome::Sent)]
#[case(204, "", Outcome::Sent)]
#[case(404, "", DEAD)]
#[case(410, "", DEAD)]
#[case(401, "", Outcome::Misconfigured)]
#[case(403, "", Outcome::Misconfigured)]
#[case(403, r#"{"reason":"BadJwtToken"}"#, Outcome::Misconfigured)]
#[case(403, r#"{"reason":"VapidPkHashMismatch"}"#, DEAD)]
#[case(400, r#"{"reason":"VapidPkHashMismatch"}"#, DEAD)]
#[case(401, r#"{"reason":"VapidPkHashMismatch"}"#, Outcome::Misconfigured)]
#[case(500, r#"{"reason":"VapidPkHashMismatch"}"#, AGAIN)]
#[case(400, "", Outcome::MessageBad)]
#[case(413, "", Outcome::MessageBad)]
#[case(405, "", Outcome::MessageBad)]
#[case(415, "", Outcome::MessageBad)]
#[case(406, "", AGAIN)]
#[case(408, "", AGAIN)]
#[case(425, "", AGAIN)]
#[case(429, "", AGAIN)]
#[case(301, "", AGAIN)]
#[case(307, "", AGAIN)]
#[case(500, "", AGAIN)]
#[case(502, "", AGAIN)]
#[case(503, "", AGAIN)]
#[case(999, "", AGAIN)]
fn an_answer_means_this(#[case] status: u16, #[case] body: &str, #[case] outcome: Outcome) {
    let status = StatusCode::from_u16(status).unwrap();
    let of = |headers: &HeaderMap| judge(status, headers, body.as_bytes(), SystemTime::UNIX_EPOCH);
    assert_eq!(of(&HeaderMap::new()), outcome);
    // An answer that asks for time gets it, which changes nothing else.
    let asked = [(header::RETRY_AFTER, HeaderValue::from_static("120"))].into_iter().collect();
    let later = Outcome::Retry { after: Some(Duration::from_secs(120)) };
    assert_eq!(of(&asked), if outcome == AGAIN { later } else { outcome });
}

#[test]
fn a_message_fits_whatever_it_says() {
    let link = format!("/orders/{}", "7".repeat(900));
    for text in ["😀".repeat(16_384), "\u{1}".repeat(16_384), "\"".repeat(16_384), "x".repeat(16_384), "x".to_owned()]
    {
        let note = Note { is_urgent: true, ..note(&"T".repeat(200), &text, Some(&link)) };
        let sent = post("https://push.example.com/a", &push(Some(note.clone()))).ok().unwrap();
        assert!(sent.message.len() <= LONGEST);
        let read: serde_json::Value = serde_json::from_slice(&sent.message).unwrap();
        let shown = read["text"].as_str().unwrap();
        assert!(text.starts_with(shown.trim_end_matches('…')) && !shown.is_empty());
        assert_eq!(read["title"], note.title);
        assert_eq!((&read["id"], &read["category"]), (&note.id.to_string().into(), &"message".into()));
        assert_eq!(
            (&read["modseq"], &read["unread_count"], &read["link"]),
            (&7.into(), &3.into(), &link.as_str().into())
        );
        assert!(sent.is_urgent);
        assert_eq!(sent.lives_for, Duration::from_secs(86_400));
        // The UUID of the notification.
        assert_eq!(sent.topic, "AZpTcH07fE6fGluKHC0-Tw");
    }
    let sent = post("https://push.example.com/a", &push(Some(note("T", "x", None)))).ok().unwrap();
    let read: serde_json::Value = serde_json::from_slice(&sent.message).unwrap();
    assert_eq!(read.as_object().unwrap().len(), 6, "{read}");
}

#[test]
fn nothing_is_sent_that_a_browser_would_not_show() {
    let refused = post("https://push.example.com/a", &push(None)).err().unwrap();
    assert_eq!(refused.outcome, Outcome::MessageBad);
    assert!(refused.detail.is_some());
}

#[test]
fn nothing_is_sent_into_the_network_of_the_server() {
    for endpoint in
        ["https://127.0.0.1/secret-token", "https://[::1]/secret-token", "http://push.example.com/secret-token", "x"]
    {
        let refused = post(endpoint, &push(Some(note("T", "x", None)))).err().unwrap();
        assert_eq!(refused.outcome, AGAIN, "{endpoint}");
        assert!(!refused.detail.unwrap().contains("secret-token"));
    }
}

#[rstest]
#[case("https://push.example.com/send/a", "webpush:https://push.example.com")]
#[case("https://push.example.com:443/send/a", "webpush:https://push.example.com")]
#[case("https://PUSH.example.com:8443/send/a", "webpush:https://push.example.com:8443")]
#[case("http://127.0.0.1:9000/a?b", "webpush:http://127.0.0.1:9000")]
#[case("nonsense", "webpush:")]
fn endpoints_of_one_push_service_share_a_lane(#[case] endpoint: &str, #[case] lane: &str) {
    let to = ContactAddress::Webpush { endpoint: endpoint.to_owned(), keys: SubscriptionKeys::new([4; 65], [0; 16]) };
    assert_eq!(channel().lane(&to).as_deref(), Some(lane));
}

#[test]
fn an_answer_that_repeats_a_secret_is_kept_without_it() {
    let url =
        Url::parse("https://push.example.com/fcm/send/dXyz0123abc:APA91b_secret?token=BQYAsecret%2b&v=1").unwrap();
    let shown = HeaderValue::from_static("vapid t=eyJhbGciOiJ.eyJhdWQiOiJ.c2lnbmF0dXJl, k=BP4z9KsN6nGRTbVYI");
    for (body, kept) in [
        (format!("no {url}!"), "no …!"),
        (r"no \/fcm\/send\/dXyz0123abc:APA91b_secret".to_owned(), r"no \/fcm\/send\/…:…"),
        ("APA91b_secret and BQYAsecret%2b".to_owned(), "… and …"),
        ("bad vapid t=eyJhbGciOiJ.eyJhdWQiOiJ.c2lnbmF0dXJl".to_owned(), "bad vapid t=….….…"),
        ("c2lnbmF0dXJl is wrong".to_owned(), "… is wrong"),
        ("fcm send v=1".to_owned(), "fcm send v=1"),
    ] {
        assert_eq!(without_secrets(&url, &shown, body.as_bytes()), kept);
    }
    assert_eq!(without_secrets(&url, &shown, b"a\xff"), "a\u{fffd}");
}
