//! The pages beside the inbox, as a browser without scripts uses them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    routing::post,
};
use campanile::server::{
    clock::SystemClock,
    http::{HttpOptions, PublicUrl},
    service::NotificationService,
    store::MemoryStore,
};
use uuid::Uuid;

use super::between;
use crate::{
    auth::Secured,
    harness::{Answer, App, delivery_of, started},
};

const CHANNELS: &str = "/operations/channels";
const WEBHOOKS: &str = "/operations/webhooks";

/// A server that may deliver to this machine.
fn desk(options: HttpOptions) -> App {
    let store = Arc::new(MemoryStore::new(1000, started()));
    let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), SystemClock);
    let delivery = delivery_of(&store, SystemClock, service.tasks());
    App::with(service, &HttpOptions { delivery, ..options })
}

/// An endpoint on this machine, and the status that it answers with, which can be changed.
async fn endpoint(status: u16) -> (String, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let says = Arc::clone(&status);
    let answer =
        move || async move { (StatusCode::from_u16(says.load(Ordering::Relaxed)).unwrap(), "<b>answered</b>") };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(answer))).await.unwrap() });
    (url, status)
}

pub(super) async fn submit(app: &App, path: &str, form: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "localhost:8000")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()));
    app.ask(request.unwrap()).await
}

/// The path to which the response of a successful form redirects.
#[track_caller]
pub(super) fn led(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("location").to_owned()
}

/// Adds a webhook by its form, and returns its id and its secret.
async fn add(app: &App, url: &str) -> (String, String) {
    let page = submit(app, WEBHOOKS, &format!("do=add&url={url}&events=notification.created")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert_eq!(page.header("cache-control"), "no-store");
    let html = page.text();
    let secret = between(between(&html, "<input id=\"secret\"", ">"), "value=\"", "\"").to_owned();
    (between(&html, "<li id=\"w-", "\"").to_owned(), secret)
}

/// Requests a page until it contains this text.
pub(super) async fn until(app: &App, path: &str, shows: &str) -> String {
    let began = Instant::now();
    loop {
        let html = app.get(path).await.text();
        if html.contains(shows) {
            return html;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no {shows} in {html}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_notification_has_a_page_with_forms_and_no_script_of_its_own() {
    let app = desk(HttpOptions::default());
    let id = app.notify("ann", "<b>See</b> https://a.example/x and javascript:alert(1)").await;
    let path = format!("/notifications/{id}");
    let page = app.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
    let html = page.text();
    assert!(html.contains("&lt;b&gt;See&lt;/b&gt;") && html.contains("href=\"https://a.example/x\""), "{html}");
    assert!(!html.contains("type=\"module\"") && !html.contains(".wasm") && !html.contains(" style=\""), "{html}");
    assert!(!html.contains("href=\"javascript:"), "{html}");
    assert!(html.contains("This notification has no deliveries"), "{html}");
    assert!(html.contains("Unread") && html.contains(">Mark as read"), "{html}");
    let fact =
        |html: &str, name: &str| between(html, &format!("<dt>{name}</dt><dd><span class=\"mono\">"), "<").to_owned();
    assert_eq!(fact(&html, "Created by change"), fact(&html, "Last change"));
    let back = led(&submit(&app, &path, "do=read").await);
    let html = app.get(&back).await.text();
    assert!(html.contains("It is marked as read.") && html.contains(">Mark as unread"), "{html}");
    let number = |name| fact(&html, name).parse::<u64>().unwrap();
    assert_eq!(number("Created by change") + 1, number("Last change"));
    let unread = led(&submit(&app, &path, "do=unread").await);
    assert!(app.get(&unread).await.text().contains("It is marked as unread."));
    let html = app.get(&back).await.text();
    assert!(!html.contains("It is marked") && html.contains(">Mark as read"), "the user went back: {html}");
    let inbox = led(&submit(&app, &path, "do=delete").await);
    assert!(inbox.ends_with("?user_id=ann"), "{inbox}");
    let gone = app.get(&path).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.header("content-type").starts_with("text/html"), "{gone:?}");
    assert_eq!(submit(&app, &path, "do=read").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_invalid_id_or_action_is_answered_with_a_page() {
    let app = desk(HttpOptions::default());
    let wrong = app.get("/notifications/Your%20session%20has%20ended").await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    let html = wrong.text();
    assert!(html.contains("There is no such notification.") && !html.contains("session has ended"), "{html}");
    assert_eq!(app.get(&format!("/notifications/{}", Uuid::nil())).await.status, StatusCode::NOT_FOUND);
    let id = app.notify("ann", "note").await;
    let path = format!("/notifications/{id}");
    let refused = submit(&app, &path, "do=dance").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(between(&refused.text(), "role=\"alert\"", "</p>").contains("does not do that"), "{}", refused.text());
    submit(&app, &path, "do=read&is_read=true").await.problem(422, "invalid_input");
    let html = app.get(&format!("{path}?done=%3Cscript%3E&before=x&utm=1")).await.text();
    assert!(html.contains("note") && !html.contains("role=\"status\""), "{html}");
}

#[tokio::test]
async fn a_webhook_is_added_tested_switched_given_a_secret_and_deleted() {
    let app = desk(HttpOptions::default());
    assert!(app.get(WEBHOOKS).await.text().contains("No webhooks yet."));
    let (url, says) = endpoint(204).await;
    let (id, secret) = add(&app, &url).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    let html = app.get(WEBHOOKS).await.text();
    assert!(html.contains(&url) && html.contains("Active") && !html.contains("whsec_"), "{html}");

    let tested = submit(&app, WEBHOOKS, &format!("do=test&id={id}")).await.text();
    assert!(between(&tested, "class=\"tested\"", "</div>").contains("The test arrived: it answered 204"), "{tested}");
    says.store(500, Ordering::Relaxed);
    let tested = submit(&app, WEBHOOKS, &format!("do=test&id={id}")).await.text();
    let result = between(&tested, "class=\"tested\"", "</div>");
    assert!(result.contains("it answered 500") && result.contains("&lt;b&gt;answered"), "{result}");

    let back = led(&submit(&app, WEBHOOKS, &format!("do=disable&id={id}")).await);
    assert!(app.get(&back).await.text().contains("An operator disabled it."));
    let back = led(&submit(&app, WEBHOOKS, &format!("do=enable&id={id}")).await);
    assert!(app.get(&back).await.text().contains("The webhook is enabled."));

    let rotated = submit(&app, WEBHOOKS, &format!("do=rotate&id={id}")).await;
    assert_eq!((rotated.status, rotated.header("cache-control")), (StatusCode::OK, "no-store"));
    let html = rotated.text();
    assert!(html.contains("whsec_") && !html.contains(&secret) && html.contains("Old secret ends"), "{html}");

    let back = led(&submit(&app, WEBHOOKS, &format!("do=delete&id={id}")).await);
    assert!(app.get(&back).await.text().contains("No webhooks yet."));
    assert_eq!(submit(&app, WEBHOOKS, &format!("do=test&id={id}")).await.status, StatusCode::NOT_FOUND);
}

/// Reloading a page that answered a form sends the form again.
#[tokio::test]
async fn a_form_that_is_sent_again_adds_no_other_webhook_and_makes_no_other_secret() {
    let app = desk(HttpOptions::default());
    let hidden =
        |html: &str, name: &str| between(between(html, &format!("name=\"{name}\""), ">"), "value=\"", "\"").to_owned();
    let once = hidden(&app.get(WEBHOOKS).await.text(), "once");
    let (url, _) = endpoint(204).await;
    let form = format!("do=add&once={once}&url={url}&events=notification.created");
    assert_eq!(submit(&app, WEBHOOKS, &form).await.status, StatusCode::OK);
    let again = submit(&app, WEBHOOKS, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("This was done already") && !again.text().contains("whsec_"));
    let html = app.get(WEBHOOKS).await.text();
    assert_eq!(html.matches("<li id=\"w-").count(), 1, "{html}");
    assert_ne!(hidden(&html, "once"), once);
    let form = format!("do=rotate&id={once}&seen={}", hidden(&html, "seen"));
    let rotated = submit(&app, WEBHOOKS, &form).await.text();
    assert!(rotated.contains("whsec_"), "{rotated}");
    let again = submit(&app, WEBHOOKS, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("This was done already") && !again.text().contains("whsec_"));
}

#[tokio::test]
async fn an_error_of_a_webhook_is_shown_at_its_field_and_typed_text_stays() {
    let app = desk(HttpOptions::default());
    let form = "do=add&url=ftp%3A%2F%2Fa.example&events=inbox.all_read&categories=alert%2C+system&user_id=ann";
    let page = submit(&app, WEBHOOKS, form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let html = page.text();
    let field = between(&html, "<input id=\"url\"", ">");
    assert!(field.contains("value=\"ftp://a.example\"") && field.contains("aria-invalid=\"true\""), "{field}");
    assert!(field.contains("autofocus") && field.contains("aria-describedby=\"url-problem url-hint\""), "{field}");
    assert!(html.contains("id=\"url-problem\""), "{html}");
    assert!(html.contains("value=\"alert, system\"") && html.contains("value=\"ann\""), "{html}");
    assert!(html.contains("value=\"inbox.all_read\" checked"), "{html}");
    assert!(!html.contains("value=\"notification.created\" checked"), "{html}");
    for (form, field) in [
        ("do=add&url=&events=notification.created", "url"),
        ("do=add&url=https://a.example/", "events"),
        ("do=add&url=https://a.example/&events=nonsense", "events"),
        ("do=add&url=https://a.example/&events=notification.created&categories=No!", "categories"),
        ("do=add&url=https://a.example/&events=notification.created&user_id=%09a%0Ab", "user_id"),
    ] {
        let page = submit(&app, WEBHOOKS, form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.text().contains(&format!("id=\"{field}-problem\"")), "{form}: {}", page.text());
    }
    assert!(app.get(WEBHOOKS).await.text().contains("No webhooks yet."));
}

#[tokio::test]
async fn dead_deliveries_are_shown_and_can_be_sent_again() {
    let app = desk(HttpOptions::default());
    let empty = app.get(CHANNELS).await.text();
    assert!(empty.contains("No lanes yet") && empty.contains("Nothing was given up."), "{empty}");
    let (url, says) = endpoint(410).await;
    let (id, _) = add(&app, &url).await;
    let notification = app.notify("ann", "note").await;
    let html = until(&app, CHANNELS, "gone for good").await;
    assert!(html.contains(&format!("href=\"/notifications/{notification}\"")), "{html}");
    let html = until(&app, CHANNELS, "One lane needs you").await;
    assert!(html.contains("It answered 410 Gone."), "{html}");
    let page = format!("/notifications/{notification}");
    let html = app.get(&page).await.text();
    assert!(html.contains("Given up") && html.contains("answered with 410") && html.contains(">Retry"), "{html}");

    says.store(200, Ordering::Relaxed);
    led(&submit(&app, WEBHOOKS, &format!("do=enable&id={id}")).await);
    let delivery = between(&html, "name=\"delivery\" value=\"", "\"").to_owned();
    let back = led(&submit(&app, &page, &format!("do=retry&delivery={delivery}")).await);
    assert!(app.get(&back).await.text().contains("It is sent again, as a new delivery."));
    until(&app, &page, "Accepted</span>").await;
    let again = submit(&app, &page, &format!("do=retry&delivery={delivery}")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(between(&again.text(), "role=\"alert\"", "</p>").contains("sent again already"), "{}", again.text());

    let back =
        led(&submit(&app, &format!("{CHANNELS}?webhook_id={id}"), &format!("do=retry-all&webhook_id={id}")).await);
    assert!(back.contains(&format!("webhook_id={id}")), "{back}");
    assert!(app.get(&back).await.text().contains("There was nothing to be sent again."));
    led(&submit(&app, CHANNELS, "do=resume&channel=webhook").await);
    assert_eq!(submit(&app, CHANNELS, "do=resume&channel=x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn waiting_deliveries_can_be_cancelled() {
    let app = desk(HttpOptions::default());
    let (url, _) = endpoint(503).await;
    add(&app, &url).await;
    let notification = app.notify("ann", "note").await;
    let page = format!("/notifications/{notification}");
    let html = until(&app, &page, "Next attempt").await;
    let delivery = between(&html, "name=\"delivery\" value=\"", "\"").to_owned();
    let back = led(&submit(&app, &page, &format!("do=cancel&delivery={delivery}")).await);
    let html = app.get(&back).await.text();
    assert!(html.contains("It is cancelled.") && html.contains("An operator cancelled it."), "{html}");
}

#[tokio::test]
async fn everything_is_below_the_base_path() {
    let public_url = Some(PublicUrl::parse("https://host.example/notify").unwrap());
    let app = desk(HttpOptions { public_url, allowed_hosts: None, ..HttpOptions::default() });
    let id = app.notify("ann", "note").await;
    for path in [format!("/notifications/{id}"), CHANNELS.to_owned(), WEBHOOKS.to_owned()] {
        let html = app.get(&format!("/notify{path}")).await.text();
        for part in html.split(" href=\"").skip(1).chain(html.split(" action=\"").skip(1)) {
            let url = part.split('"').next().unwrap();
            assert!(
                url.starts_with("/notify/") || url.starts_with('#') || url.starts_with("https://"),
                "{path}: {url}"
            );
        }
    }
    let answer = submit(&app, &format!("/notify/notifications/{id}"), "do=read").await;
    assert_eq!(answer.header("location"), format!("/notify/notifications/{id}?done=read"));
    assert_eq!(app.get("/notify/operations").await.header("location"), "/notify/operations/channels");
}

#[tokio::test]
async fn a_signed_out_viewer_is_led_to_the_login_and_a_forbidden_one_gets_a_page() {
    let server = Secured::new();
    let id = server.app.notify("ann", "for ann").await;
    let own = format!("/notifications/{id}");
    for path in [CHANNELS, WEBHOOKS, "/operations", &own] {
        for method in ["GET", "POST"] {
            let led = server.ask(method, &format!("{path}?a=b"), &[], "").await;
            if (method, path) != ("POST", "/operations") {
                let next = path.replace('/', "%2F");
                assert_eq!(led.header("location"), format!("/login?next={next}%3Fa%3Db"), "{method} {path}");
            }
        }
    }
    let (ann, bob) = (server.cookie(&server.token("ann")).await, server.cookie(&server.token("bob")).await);
    let get = async |path: &str, cookie: &str| server.ask("GET", path, &[("cookie", cookie)], "").await;
    let html = get(&own, &ann).await.text();
    assert!(html.contains("for ann") && html.contains("action=\"/logout\"") && !html.contains(CHANNELS), "{html}");
    let others = get(&own, &bob).await;
    assert_eq!(others.status, 404);
    assert!(!others.text().contains("for ann"));
    for path in [CHANNELS, WEBHOOKS] {
        let refused = get(path, &ann).await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.text().contains("You may not see this"), "{}", refused.text());
        let form = [("cookie", ann.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        // The body is not even read.
        assert_eq!(server.ask("POST", path, &form, "%80").await.status, 403, "{path}");
    }
    let reader = server.key("read").await;
    let marking = [("authorization", format!("Bearer {reader}"))];
    let marking = marking.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(server.ask("POST", &own, &marking, "do=read").await.status, 403);
}

#[tokio::test]
async fn a_link_of_a_mail_opens_the_page_and_a_form_of_another_site_does_nothing() {
    let app = desk(HttpOptions::default());
    let id = app.notify("ann", "note").await;
    let ask = |method: Method, path: String, mode: &'static str| {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8000");
        let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", mode);
        let request = request.header("sec-fetch-dest", "document");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(Body::from("do=delete")).unwrap()
    };
    for path in [format!("/notifications/{id}"), CHANNELS.to_owned(), WEBHOOKS.to_owned()] {
        assert_eq!(app.ask(ask(Method::GET, path.clone(), "navigate")).await.status, 200, "{path}");
        assert_eq!(app.ask(ask(Method::GET, path.clone(), "no-cors")).await.status, 403, "{path}");
        assert_eq!(app.ask(ask(Method::POST, path.clone(), "navigate")).await.status, 403, "{path}");
    }
    assert_eq!(app.get(&format!("/notifications/{id}")).await.status, 200);
}

#[tokio::test]
async fn the_inbox_links_to_them_for_operators() {
    let app = desk(HttpOptions::default());
    let inbox = campanile::app::Address::PATH;
    let html = app.get(inbox).await.text();
    assert!(html.contains(&format!("href=\"{CHANNELS}\"")) && html.contains(&format!("href=\"{WEBHOOKS}\"")), "{html}");
    assert!(!App::bare().get(inbox).await.text().contains(CHANNELS), "without deliveries there is nothing to see");
    assert_eq!(App::bare().get(CHANNELS).await.status, 503);
}
