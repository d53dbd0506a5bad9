//! Texts of senders must stay texts.

use campanile::server::config::SettingsInput;
use serde_json::json;
use tokio::time::sleep;

use super::{
    relay::{Mail, Relay},
    said,
};
use crate::delivery::{A_WHILE, Place, batch};

/// The headers of every mail.
const HEADERS: [&str; 11] = [
    "auto-submitted",
    "content-type",
    "date",
    "from",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "message-id",
    "mime-version",
    "subject",
    "to",
];

/// Checks the rules for every mail.
fn is_harmless(mail: &Mail, case: &str) {
    assert_eq!(mail.names(), HEADERS, "{case}");
    assert_eq!(mail.defects(), &json!([]), "{case}");
    assert_eq!(mail.kinds(), ["multipart/alternative", "text/plain", "text/html"], "{case}");
    let subject = mail.header("Subject");
    assert!(!subject.is_empty() && subject.chars().count() <= 150, "{case}: {subject}");
    assert!(!subject.chars().any(char::is_control), "{case}: {subject:?}");
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!subject.contains(turns), "{case}: {subject:?}");
    let raw = mail.raw();
    // RFC 5322, section 2.1.1: no line is longer, and none has another line ending.
    assert!(raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0'])), "{case}");
    assert!(raw.is_ascii(), "{case}");
    let html = mail.html().to_lowercase();
    for tag in ["<script", "<img", "<svg", "<iframe", "<form", "<base", "<link", "<object", " onerror=\"", "<b>"] {
        assert!(!html.contains(tag), "{case}: {tag}");
    }
    for href in mail.hrefs() {
        let href = href.to_lowercase();
        let is_good = ["https://", "http://", "mailto:"].iter().any(|scheme| href.starts_with(scheme));
        assert!(is_good, "{case}: {href}");
    }
    let is_text = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t');
    assert!(mail.text().chars().all(is_text) && mail.html().chars().all(is_text), "{case}");
}

const INJECTED: &str = "Hello\r\nBcc: eve@example.com\r\nSubject: other\r\n\r\n<html>body";

#[tokio::test(flavor = "multi_thread")]
async fn no_title_and_no_text_is_more_than_text() {
    let relay = Relay::start();
    let place = Place::start(&SettingsInput {
        public_url: Some("https://example.com".to_owned()),
        app_name: Some("Größe: <b>Bell</b> Tower".to_owned()),
        mail_from: Some("\"Bell, Tower\" <notify@example.org>".to_owned()),
        limit_delivery: Some("1000/h:1000".to_owned()),
        ..said("memory:", &relay)
    })
    .await;
    place.contact("ann", "ann@example.com").await;
    let texts = [
        "<script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".to_owned(),
        "</title></div><svg onload=alert(1)><b>bold</b>".to_owned(),
        "{{ 7 * 7 }} {% raw %} {# #} {% endraw %}".to_owned(),
        "a\u{0}b\u{1}c\u{7}d\u{8}e\u{b}f\u{1b}[31mred\u{7f}\u{85}\u{9b}".to_owned(),
        "\u{2028}line\u{2029}separators\u{feff}".to_owned(),
        "\u{202e}cod.exe\u{202c} \u{2066}isolated\u{2069} \u{200f}שלום עולם مرحبا".to_owned(),
        "👩‍👩‍👧‍👦🏳️‍🌈".repeat(60),
        "e\u{301}".repeat(200),
        "=?utf-8?q?=42cc=3a_eve?= =?UTF-8?B?QmNjOiBldmU=?=".to_owned(),
        ".".to_owned(),
        ".\n..\n.\nQUIT\n.".to_owned(),
        "From here\n>From there\n--part--\n\n--".to_owned(),
        "x".repeat(200),
        "ü".repeat(200),
        "a b ".repeat(60),
        "\u{10ffff}\u{fdd0}\u{e000}".to_owned(),
        "&amp; &lt;b&gt; &#60;script&#62;".to_owned(),
    ];
    let mut sent = 0;
    for text in &texts {
        let title: String = text.chars().take(200).collect();
        for fields in [
            json!({"title": title, "content": "plain"}),
            json!({"content": text}),
            json!({"title": title, "content": text}),
        ] {
            let case = fields.to_string();
            let mut whole = fields.clone();
            whole["user_id"] = "ann".into();
            whole["category"] = "alert".into();
            let answer = place.ask(axum::http::Method::POST, "/api/notifications/create", Some(&whole)).await;
            if answer.status == 422 {
                // An invalid title or text is not sent anywhere.
                continue;
            }
            assert_eq!(answer.status, 201, "{case}: {}", answer.text());
            sent += 1;
            let mails = relay.until(sent).await;
            is_harmless(&mails[sent - 1], &case);
        }
    }
    assert!(sent > 40, "{sent}");
    let mails = relay.mails();
    assert!(mails[0].html().contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", mails[0].html());
    assert!(mails[0].text().contains("<script>alert(1)</script>"), "a text is as it is: {}", mails[0].text());
    assert!(mails.iter().any(|mail| mail.text().contains("{{ 7 * 7 }}") && mail.html().contains("{{ 7 * 7 }}")));
    assert!(mails.iter().any(|mail| mail.text().contains(".\n..\n.\nQUIT\n.")));
    assert_eq!(mails[0].header("From"), "\"Bell, Tower\" <notify@example.org>");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_break_becomes_a_header() {
    let relay = Relay::start();
    let place =
        Place::start(&SettingsInput { public_url: Some("https://example.com".to_owned()), ..said("memory:", &relay) })
            .await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({"content": INJECTED})).await;
    let mails = relay.until(1).await;
    is_harmless(&mails[0], INJECTED);
    assert_eq!(mails[0].header("Subject"), "Hello");
    assert_eq!(mails[0].to(), "ann@example.com");
    // A title with a line break is refused.
    let body = json!({"user_id": "ann", "title": INJECTED, "content": "x", "category": "alert"});
    let answer = place.ask(axum::http::Method::POST, "/api/notifications/create", Some(&body)).await;
    if answer.status == 201 {
        let mails = relay.until(2).await;
        is_harmless(&mails[1], INJECTED);
    } else {
        answer.refused_field("title");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_http_links_become_links_in_a_mail() {
    let relay = Relay::start();
    let place = Place::start(&SettingsInput {
        public_url: Some("https://example.com".to_owned()),
        limit_delivery: Some("1000/h:1000".to_owned()),
        ..said("memory:", &relay)
    })
    .await;
    place.contact("ann", "ann@example.com").await;
    let mut sent = 0;
    for (link, is_link) in [
        ("https://example.net/a?b=1&c=2#d", true),
        ("http://example.net", true),
        ("HTTPS://example.net/", false),
        ("mailto:bob@example.net?subject=x", false),
        ("javascript:alert(1)", false),
        ("JaVaScRiPt:alert(1)", false),
        (" javascript:alert(1)", false),
        ("java\tscript:alert(1)", false),
        ("\u{1}javascript:alert(1)", false),
        ("data:text/html,<script>alert(1)</script>", false),
        ("vbscript:x", false),
        ("file:///etc/passwd", false),
        ("//example.net/x", false),
        ("/relative", false),
        ("https:example.net", false),
        ("https://example.net/\"><script>alert(1)</script>", false),
        ("app://open/1", false),
    ] {
        let body = json!({"user_id": "ann", "content": "x", "category": "alert", "link": link});
        let answer = place.ask(axum::http::Method::POST, "/api/notifications/create", Some(&body)).await;
        if answer.status == 422 {
            assert!(!is_link, "{link}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.status, 201, "{link}: {}", answer.text());
        sent += 1;
        let mails = relay.until(sent).await;
        let mail = &mails[sent - 1];
        is_harmless(mail, link);
        assert_eq!(mail.hrefs().iter().any(|href| href == link), is_link, "{link}: {:?}", mail.hrefs());
    }
    assert!(sent >= 3, "{sent}");
    place.stop().await;
}

/// The longest allowed text, alone and in a digest.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_texts_are_mailed() {
    let relay = Relay::start();
    let place =
        Place::start(&SettingsInput { public_url: Some("https://example.com".to_owned()), ..said("memory:", &relay) })
            .await;
    place.contact("ann", "ann@example.com").await;
    let link = format!("https://example.net/{}", "x".repeat(2_000));
    let texts = ["x".repeat(16_384), "ü".repeat(16_384), "<".repeat(16_384), "\n.".repeat(8_191), "🏳️".repeat(8_192)];
    for (number, text) in texts.iter().enumerate() {
        let title: String = text.chars().filter(|char| *char != '\n').take(200).collect();
        let id = place.alert("ann", json!({"title": title, "content": text, "link": link})).await;
        place.until_of(&id, "sent").await;
        let mails = relay.until(number + 1).await;
        is_harmless(&mails[number], &text[..4]);
    }
    place.contact("bob", "bob@example.com").await;
    place.prefer("bob", json!({"channels": {"email": {"if_unread_after": 1}}})).await;
    let mut many = batch("bob", 0..100);
    for (number, one) in many["notifications"].as_array_mut().unwrap().iter_mut().enumerate() {
        one["content"] = texts[number % 3].clone().into();
        one["link"] = link.clone().into();
    }
    place.post("/api/notifications/batch", Some(&many)).await;
    relay.until(texts.len() + 1).await;
    sleep(2 * A_WHILE).await;
    let mails = relay.mails_to("bob@example.com");
    assert_eq!(mails.len(), 1);
    is_harmless(&mails[0], "digest");
    assert_eq!(mails[0].header("Subject"), "100 new notifications from Campanile");
    place.stop().await;
}
