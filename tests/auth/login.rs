//! Signing in to the dashboard, and out of it.

use campanile::server::{
    auth::Limits,
    http::{HttpOptions, PublicUrl},
    limiter::Rate,
};

use super::Secured;

const DASHBOARD: &str = "/api/ui-dashboard/notifications-dashboard-ui";

#[tokio::test]
async fn no_browser_is_led_to_the_page_and_back() {
    let server = Secured::new();
    let led = server.ask("GET", &format!("{DASHBOARD}?user_id=a%26b&unread=true"), &[], "").await;
    assert_eq!(led.status, 303);
    let next = "%2Fapi%2Fui-dashboard%2Fnotifications-dashboard-ui%3Fuser_id%3Da%2526b%26unread%3Dtrue";
    assert_eq!(led.header("location"), format!("/login?next={next}"));
    let page = server.ask("GET", led.header("location"), &[], "").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("value=\"/api/ui-dashboard/notifications-dashboard-ui?user_id=a%26b&amp;unread=true\""),
        "{}",
        page.text()
    );
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
}

#[tokio::test]
async fn an_admin_key_opens_the_dashboard_and_signing_out_closes_it() {
    let server = Secured::new();
    let key = server.key("admin").await;
    let answer = server.log_in(&key, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/where?a=b"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-campanile="), "{cookie}");
    for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=43"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(&key[21..]), "the secret of the key is in the cookie");
    let cookie = cookie.split(';').next().unwrap();
    let page = server.ask("GET", DASHBOARD, &[("cookie", cookie)], "").await;
    assert_eq!(page.status, 200);
    let out = server.ask("POST", "/logout", &[("cookie", cookie), ("sec-fetch-site", "same-origin")], "").await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/login"));
    assert!(
        out.header("set-cookie").starts_with("__Host-campanile=; ") && out.header("set-cookie").contains("Max-Age=0")
    );
    assert_eq!(server.ask("GET", DASHBOARD, &[("cookie", cookie)], "").await.status, 303);
    assert_eq!(server.ask("GET", "/api/notifications/list", &[("cookie", cookie)], "").await.status, 401);
}

#[tokio::test]
async fn a_users_token_opens_their_own_inbox_until_it_expires() {
    let server = Secured::new();
    server.app.notify("ann", "for ann").await;
    server.app.notify("bob", "for bob").await;
    let cookie = server.cookie(&server.token_for("ann", 600)).await;
    for query in ["", "?user_id=bob", "?user_id=ann"] {
        let page = server.ask("GET", &format!("{DASHBOARD}{query}"), &[("cookie", &cookie)], "").await.text();
        assert!(page.contains("for ann") && !page.contains("for bob"), "{query}");
    }
    server.clock.forward(700);
    assert_eq!(server.ask("GET", DASHBOARD, &[("cookie", &cookie)], "").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_with_its_key() {
    let server = Secured::new();
    let key = server.key("admin").await;
    let cookie = server.cookie(&key).await;
    let status = async || server.ask("GET", DASHBOARD, &[("cookie", &cookie)], "").await.status.as_u16();
    assert_eq!(status().await, 200);
    server.revoke(&key).await;
    let began = std::time::Instant::now();
    while status().await == 200 {
        assert!(began.elapsed().as_millis() < 1_000);
    }
    let cookie = server.cookie(&server.key("admin").await).await;
    server.clock.forward(13 * 3_600);
    assert_eq!(server.ask("GET", DASHBOARD, &[("cookie", &cookie)], "").await.status, 303);
}

#[tokio::test]
async fn signing_in_starts_a_new_session_and_ends_the_old_one() {
    let server = Secured::new();
    let key = server.key("admin").await;
    // A session id that an attacker planted is never adopted.
    let planted = format!("__Host-campanile={}", "ab".repeat(32));
    let first = server.log_in(&key, &[("cookie", &planted)]).await;
    let first = first.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_ne!(first, planted);
    let second = server.log_in(&key, &[("cookie", &first)]).await;
    let second = second.header("set-cookie").split(';').next().unwrap().to_owned();
    for (cookie, status) in [(&planted, 303), (&first, 303), (&second, 200)] {
        assert_eq!(server.ask("GET", DASHBOARD, &[("cookie", cookie)], "").await.status, status);
    }
}

#[tokio::test]
async fn wrong_and_unknown_secrets_get_the_same_answer() {
    let server = Secured::new();
    let key = server.key("admin").await;
    let wrong = format!("{}{}", &key[..21], "0".repeat(64));
    let unknown = format!("cmp_{}_{}", "0".repeat(16), "0".repeat(64));
    let expired = server.token_for("ann", -60);
    let mut led = std::collections::BTreeSet::new();
    for shown in [&*wrong, &unknown, &expired, "nonsense", "", &"x".repeat(20_000)] {
        let answer = server.log_in(shown, &[]).await;
        let page = server.refused(&answer, "invalid").await;
        assert!(
            page.contains("This key or token is not valid here.") && page.contains("value=\"/where?a=b\""),
            "{page}"
        );
        led.insert(answer.header("location").split("&at=").next().unwrap().to_owned());
    }
    assert_eq!(led.len(), 1);
    let weak = server.log_in(&server.key("send,read").await, &[]).await;
    assert!(server.refused(&weak, "scope").await.contains("it lacks the scope admin"));
    // What it says is over after a minute, as the address may be kept.
    server.clock.forward(60);
    let later = server.ask("GET", weak.header("location"), &[], "").await.text();
    assert!(!later.contains("it lacks the scope admin") && later.contains("value=\"/where?a=b\""), "{later}");
}

#[tokio::test]
async fn attempts_are_limited() {
    let limits = Limits { login: Rate::parse("1/m:3").unwrap(), ..Limits::default() };
    let server = Secured::with(limits, HttpOptions { allowed_hosts: None, ..HttpOptions::default() });
    for _ in 0..3 {
        server.refused(&server.log_in("nonsense", &[]).await, "invalid").await;
    }
    let answer = server.log_in(&server.key("admin").await, &[]).await;
    let wait = answer.header("location").split("refused=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
    assert!((30..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    assert!(server.refused(&answer, wait).await.contains("Too many attempts. Try again in "));
}

#[tokio::test]
async fn a_form_to_sign_in_has_no_other_fields_and_is_no_json() {
    let server = Secured::new();
    let key = server.key("admin").await;
    let origin = ("origin", "https://campanile.example");
    let form = [("content-type", "application/x-www-form-urlencoded"), origin];
    let answer = server.ask("POST", "/login", &form, &format!("secret={key}&Next=x")).await;
    answer.refused_field("Next");
    let json = [("content-type", "application/json"), origin];
    server.ask("POST", "/login", &json, "{}").await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn no_browser_is_sent_to_another_site() {
    let server = Secured::new();
    let key = server.key("admin").await;
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", ""] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let answer = server.ask("POST", "/login", &headers, &format!("secret={key}&next={next}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, DASHBOARD));
    }
}

#[tokio::test]
async fn the_login_page_reports_that_the_browser_would_drop_the_cookie() {
    const WHY: &str = "Signing in needs https or localhost.";
    let server = Secured::new();
    let page = server.ask("GET", "/login", &[], "").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for word in [WHY, "do not keep the cookie", "--tls-cert", "--public-url", "--trusted-proxies"] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let key = server.key("admin").await;
    let form = "application/x-www-form-urlencoded";
    let post = async |origin: &str, site: &str| {
        let headers = [("content-type", form), ("origin", origin), ("sec-fetch-site", site)];
        let headers = if site.is_empty() { &headers[..2] } else { &headers };
        server.ask("POST", "/login", headers, &format!("secret={key}")).await
    };
    let text = server.refused(&post("http://campanile.example", "").await, "http").await;
    assert!(text.contains(WHY) && text.contains("You were not signed in"), "{text}");
    // A program that says no origin sends the cookie back no more than a browser does.
    let answer = server.ask("POST", "/login", &[("content-type", form)], &format!("secret={key}")).await;
    server.refused(&answer, "http").await;
    // Over https behind a gateway that does not say so, and where the browser says that it trusts the page.
    for (origin, site) in [("https://campanile.example", ""), ("http://campanile.example", "same-origin")] {
        let answer = post(origin, site).await;
        assert_eq!(answer.status, 303, "{origin}");
        assert!(answer.header("set-cookie").starts_with("__Host-campanile="), "{origin}");
    }
    assert!(!server.ask("GET", "/login", &[("sec-fetch-site", "none")], "").await.text().contains(WHY));
    assert!(!server.app.get("/login").await.text().contains(WHY), "localhost");

    let public = |url: &str| HttpOptions {
        public_url: Some(PublicUrl::parse(url).unwrap()),
        allowed_hosts: None,
        ..HttpOptions::default()
    };
    for (url, is_said) in [
        ("https://campanile.example", false),
        ("https://other.example/notify", true),
        ("http://campanile.example", true),
    ] {
        let text = Secured::with(Limits::default(), public(url)).ask("GET", "/login", &[], "").await.text();
        assert_eq!(text.contains(WHY), is_said, "{url}");
        assert_eq!(text.contains("href=\"https://other.example/notify/login\""), url.contains("other"), "{text}");
    }
}
