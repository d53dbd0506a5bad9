//! Web Push on the page.

use super::*;

/// A server that pushes to browsers too.
fn with_push(options: HttpOptions) -> App {
    with(
        options,
        SettingsInput { push_contact: Some("mailto:bell@example.com".to_owned()), ..SettingsInput::default() },
    )
}

/// A browser's push subscription (RFC 8291, section 5).
fn browser(endpoint: &str) -> Value {
    let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let keys = json!({"p256dh": p256dh, "auth": "BTBZMqHH6r4Tts7J_aSIgg"});
    json!({"channel": "webpush", "subscription": {"endpoint": endpoint, "keys": keys}, "label": "Firefox on <b>"})
}

#[tokio::test]
async fn push_is_offered_to_the_browser_at_hand_where_it_can_be_turned_on() {
    let app = with_push(HttpOptions::default());
    let page = app.get(PAGE).await;
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("worker-src 'self'"), "{policy}");
    let nonce = between(&policy, "'nonce-", "'");
    let html = page.text();
    let scripts: Vec<_> =
        html.match_indices("<script defer").map(|(at, _)| between(&html[at..], "<script", ">")).collect();
    assert_eq!(scripts.len(), 4, "{scripts:?}");
    for (script, name) in scripts.iter().zip(["/zone.js?v=", "/push.js?v=", "/desk.js?v=", "/language.js?v="]) {
        assert!(
            script.contains(&format!("src=\"{name}")) && script.contains(&format!("nonce=\"{nonce}\"")),
            "{script}"
        );
    }
    let here = between(&html, "<div id=\"push-here\"", "</noscript>");
    assert!(
        here.contains("data-base=\"\"") && here.contains("data-user=\"ann\"") && !here.contains("data-own"),
        "{here}"
    );
    assert!(here.contains("needs JavaScript"), "{here}");
    assert!(between(&html, "<thead>", "</thead>").contains("No browser or device yet"), "{html}");
    assert!(html.contains("aria-label=\"Push: alert\""), "{html}");

    let endpoint = "https://203.0.114.7/send/a-secret-of-the-browser";
    let added = app.post_json("/api/contacts/ann", &browser(endpoint)).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let html = app.get(PAGE).await.text();
    let item = between(&html, "<li data-channel", "</li>");
    for said in [
        "=\"webpush\"",
        "<span hidden class=\"this-browser\">",
        "data-end=\"-browser\"",
        "data-state=\"active\"",
        "Firefox on &lt;b&gt;",
    ] {
        assert!(item.contains(said), "{said}: {item}");
    }
    assert!(item.contains(&format!("data-contact=\"{}\"", added.json()["id"].as_str().unwrap())), "{item}");
    assert!(!html.contains("a-secret"), "{item}");
}

#[tokio::test]
async fn push_is_not_offered_where_it_cannot_be_turned_on() {
    let html = with_mail(HttpOptions::default()).get(PAGE).await.text();
    assert!(!html.contains("push-here") && !html.contains("push.js"), "{html}");
    assert!(html.contains("Browsers and devices add themselves there."), "{html}");
}

#[tokio::test]
async fn the_inbox_has_a_script_for_pushes_where_there_are_any_and_no_other() {
    let inbox = format!("{}?user_id=ann", campanile::app::Address::PATH);
    let without = with_mail(HttpOptions::default()).get(&inbox).await.text();
    let with = with_push(HttpOptions::default()).get(&inbox).await.text();
    assert!(!without.contains("opened.js"), "{without}");
    assert_eq!(with.matches("src=\"/opened.js?v=").count(), 1, "{with}");
    for html in [&without, &with] {
        assert!(!html.contains("push.js") && !html.contains("sw.js"), "{html}");
        assert!(html.contains("<link rel=\"manifest\" href=\"/manifest.webmanifest\""), "{html}");
    }
}

#[tokio::test]
async fn below_a_base_path_the_browser_is_led_there() {
    let public_url = Some(PublicUrl::parse("https://example.com/notify").unwrap());
    let app = with_push(HttpOptions { public_url, allowed_hosts: None, ..HttpOptions::default() });
    let html = app.get(&format!("/notify{PAGE}")).await.text();
    assert!(html.contains("data-base=\"/notify\"") && html.contains("src=\"/notify/push.js?v="), "{html}");
    assert!(html.contains("href=\"/notify/manifest.webmanifest\""), "{html}");
    let inbox = app.get(&format!("/notify{}", campanile::app::Address::PATH)).await.text();
    assert!(inbox.contains("src=\"/notify/opened.js?v="), "{inbox}");
}
