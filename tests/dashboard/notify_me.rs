//! The page for notification preferences, as a browser without scripts uses it.

mod push;

use std::sync::Arc;

use campanile::server::{
    clock::SystemClock,
    config::{Settings, SettingsInput},
    http::{HttpOptions, PublicUrl},
    service::NotificationService,
    store::MemoryStore,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    between,
    pages::{led, submit, until},
};
use crate::{
    auth::Secured,
    harness::{Answer, App, delivery_with, started},
};

const PAGE: &str = "/notify-me?user_id=ann";
/// The unchanged form of a user without preferences; tests add `do` and the chosen options.
const UNTOUCHED: &str = "was=%7B%7D&from=22:00&to=07:00&days=mon&days=tue&days=wed&days=thu&days=fri&days=sat&days=sun\
                         &digest=off&at=08:00&zone=Europe%2FRome&new=&new-email=inherit&new-push=";

/// A server that sends mail to a missing relay; the category `security` is mandatory.
fn with_mail(options: HttpOptions) -> App {
    with(options, SettingsInput::default())
}

fn with(options: HttpOptions, said: SettingsInput) -> App {
    let said = SettingsInput {
        store: Some("memory:".to_owned()),
        smtp: Some("smtp://127.0.0.1:9?tls=off".to_owned()),
        mail_from: Some("bell@example.com".to_owned()),
        mandatory_categories: Some(vec!["security".to_owned()]),
        ..said
    };
    let settings = Settings::from_input(&said).unwrap();
    let store = Arc::new(MemoryStore::new(1000, started()));
    let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), SystemClock);
    let delivery = delivery_with(&store, SystemClock, service.tasks(), &settings.delivery);
    App::with(service, &HttpOptions { delivery, ..options })
}

/// The user's own preferences, without defaults.
async fn preferences(app: &App) -> Value {
    let mut all = app.get("/api/preferences/ann").await.json();
    let is_chosen = |name: &str, value: &Value| match name {
        "effective" => false,
        "digest" => value["email"] != "off",
        _ => *value != json!({}),
    };
    all.as_object_mut().unwrap().retain(|name, value| is_chosen(name, value));
    all
}

async fn save(app: &App, chosen: &str) -> Answer {
    submit(app, PAGE, &format!("do=save&{UNTOUCHED}&{chosen}")).await
}

/// The options of a table cell, and the markup around them.
#[track_caller]
fn cell<'a>(html: &'a str, name: &str) -> &'a str {
    between(html, &format!("aria-label=\"{name}\""), "</select>")
}

/// The chosen option of a cell.
#[track_caller]
fn chosen<'a>(html: &'a str, name: &str) -> &'a str {
    between(cell(html, name), " selected", "</option>").split_once('>').unwrap().1
}

#[tokio::test]
async fn the_page_shows_the_effective_choices_and_the_reasons() {
    let app = with_mail(HttpOptions::default());
    let page = app.get(PAGE).await;
    assert_eq!(page.status, 200);
    let html = page.text();
    assert_eq!(chosen(&html, "E-mail: all categories"), "By default (on for alert)");
    assert_eq!(chosen(&html, "E-mail: alert"), "As for all categories (on, by default)");
    assert_eq!(chosen(&html, "E-mail: message"), "As for all categories (off, by default)");
    assert!(!html.contains("aria-label=\"E-mail: security\""), "{html}");
    let row = between(&html, "<tr data-kind=\"security\"", "</tr>");
    assert!(row.contains("Always on") && row.contains("The operator of this server requires it."), "{row}");
    assert!(!html.contains("aria-label=\"Push:"), "{html}");
    let heads = between(&html, "<thead>", "</thead>");
    assert!(heads.contains("No address yet") && heads.contains("Not set up on this server"), "{heads}");
    assert!(html.contains("What is always on comes at any hour."), "{html}");
    assert!(between(&html, "<input id=\"zone\"", ">").contains("value=\"\""), "the script fills it in: {html}");

    let ann = json!({"channel": "email", "address": "ann@example.com", "label": "<b>Work</b>"});
    assert_eq!(app.post_json("/api/contacts/ann", &ann).await.status, 201);
    let html = app.get(PAGE).await.text();
    assert!(between(&html, "<thead>", "</thead>").contains("to ann@example.com"), "{html}");
    let reached = between(&html, "id=\"reached\"", "</section>");
    assert!(reached.contains("&lt;b&gt;Work&lt;/b&gt;") && reached.contains("Active"), "{reached}");
    assert!(reached.contains("The application sets e-mail addresses."), "{reached}");
}

#[tokio::test]
async fn the_only_script_carries_the_nonce_and_is_a_file_of_ours() {
    let page = with_mail(HttpOptions::default()).get(PAGE).await;
    let policy = page.header("content-security-policy").to_owned();
    let nonce = between(&policy, "'nonce-", "'");
    let html = page.text();
    let script = between(&html, "<script defer", ">");
    assert!(script.contains(&format!("nonce=\"{nonce}\"")) && script.contains("src=\"/zone.js?v="), "{script}");
    assert!(!html.contains(" style=\"") && !html.contains(".wasm"), "{html}");
}

#[tokio::test]
async fn choices_are_saved_and_shown() {
    let app = with_mail(HttpOptions::default());
    let back = led(&save(&app, "choice=*+email+off&choice=alert+email+600&choice=message+email+inherit").await);
    assert_eq!(back, "/notify-me?user_id=ann&done=saved");
    let wanted = json!({"channels": {"email": "off"}, "categories": {"alert": {"email": {"if_unread_after": 600}}}});
    assert_eq!(preferences(&app).await, wanted);
    let html = app.get(&back).await.text();
    assert!(between(&html, "role=\"status\"", "</p>").contains("Saved."), "{html}");
    assert_eq!(chosen(&html, "E-mail: all categories"), "Off");
    assert_eq!(chosen(&html, "E-mail: alert"), "If unread after 10 min");
    assert_eq!(chosen(&html, "E-mail: system"), "As for all categories (off)");

    let quiet = "do=save&was=%7B%7D&quiet=on&from=21:30&to=06:00&days=fri&days=sat&zone=Asia%2FTokyo&digest=daily&at=09:15\
                 &new=deploy&new-email=on";
    led(&submit(&app, PAGE, quiet).await);
    let now = preferences(&app).await;
    let hours = json!({"zone": "Asia/Tokyo", "from": "21:30", "to": "06:00", "days": ["fri", "sat"]});
    assert_eq!((&now["quiet_hours"], &now["digest"]), (&hours, &json!({"email": "daily 09:15"})));
    assert_eq!(now["categories"]["deploy"], json!({"email": "on"}));
    assert_eq!(now["channels"], wanted["channels"], "what the form did not show stays");
    let html = app.get(PAGE).await.text();
    assert_eq!(chosen(&html, "E-mail: deploy"), "On");
    assert!(between(&html, "<input id=\"from\"", ">").contains("value=\"21:30\""), "{html}");
    assert!(between(&html, "id=\"digest-daily\"", ">").contains("checked"), "{html}");
}

#[tokio::test]
async fn changes_of_others_stay_unless_the_form_changed_the_same() {
    let app = with_mail(HttpOptions::default());
    let form = app.get(PAGE).await.text();
    let was = between(&form, "name=\"was\" value=\"", "\"").replace("&quot;", "\"");
    assert_eq!(was, "{}");
    let meanwhile = json!({"categories": {"alert": {"email": "off"}}});
    assert_eq!(
        app.send(axum::http::Method::PATCH, "/api/preferences/ann", Some(&meanwhile.to_string())).await.status,
        200
    );
    led(&save(&app, "choice=alert+email+inherit&choice=system+email+on").await);
    let wanted = json!({"categories": {"alert": {"email": "off"}, "system": {"email": "on"}}});
    assert_eq!(preferences(&app).await, wanted);
}

#[rstest]
#[case("new=Not+Good&new-email=on", "new", "Not Good")]
#[case("quiet=on&from=&to=07:00&days=mon&zone=UTC", "from", "")]
#[case("quiet=on&from=7:00&to=07:00&days=mon&zone=UTC", "from", "7:00")]
#[case("quiet=on&from=07:00&to=07:00&days=mon&zone=UTC", "to", "07:00")]
#[case("quiet=on&from=22:00&to=07:00&days=mon&zone=Mars%2F%3CBase%3E", "zone", "Mars/&lt;Base&gt;")]
#[case("quiet=on&from=22:00&to=07:00&days=mon&zone=", "zone", "")]
#[case("digest=daily&at=25:00", "at", "25:00")]
#[case("digest=daily&at=08:00&zone=Mars", "zone", "Mars")]
#[tokio::test]
async fn an_error_is_shown_at_its_field_and_typed_text_stays(
    #[case] typed: &str,
    #[case] field: &str,
    #[case] shown: &str,
) {
    let app = with_mail(HttpOptions::default());
    let form = format!("do=save&was=%7B%7D&choice=alert+email+3600&{typed}");
    let page = submit(&app, PAGE, &form).await;
    assert_eq!(page.status, 422);
    let html = page.text();
    let input = between(&html, &format!("<input id=\"{field}\""), ">");
    assert!(input.contains("aria-invalid=\"true\"") && input.contains("autofocus"), "{input}");
    assert!(input.contains(&format!("value=\"{shown}\"")), "{input}");
    assert!(input.contains(&format!("aria-describedby=\"{field}-problem")), "{input}");
    assert!(html.contains(&format!("id=\"{field}-problem\"")), "{html}");
    assert_eq!(chosen(&html, "E-mail: alert"), "If unread after 1 h");
    assert_eq!(preferences(&app).await, json!({}));
}

#[tokio::test]
async fn days_that_are_missing_are_asked_for() {
    let app = with_mail(HttpOptions::default());
    let form = "do=save&was=%7B%7D&quiet=on&from=22:00&to=07:00&zone=UTC";
    let page = submit(&app, PAGE, form).await;
    assert_eq!(page.status, 422);
    assert!(between(&page.text(), "id=\"days-problem\"", "</p>").contains("Choose one day at least."));
}

#[rstest]
#[case("do=save")]
#[case("do=save&was=x")]
#[case("do=save&was=%7B%22quiet_hours%22%3A1%7D")]
#[case("do=save&was=%7B%7D&choice=alert")]
#[case("do=save&was=%7B%7D&new-email=maybe")]
#[case("do=dance&was=%7B%7D")]
#[tokio::test]
async fn values_that_no_form_sends_are_refused(#[case] form: &str) {
    let app = with_mail(HttpOptions::default());
    let page = submit(&app, PAGE, form).await;
    assert_eq!(page.status, 400);
    assert!(between(&page.text(), "role=\"alert\"", "</p>").contains("pen "), "{}", page.text());
    assert_eq!(preferences(&app).await, json!({}));
    submit(&app, PAGE, "do=save&was=%7B%7D&send=now").await.problem(422, "invalid_input");
}

#[tokio::test]
async fn a_contact_is_removed() {
    let app = with_mail(HttpOptions::default());
    app.post_json("/api/contacts/ann", &json!({"channel": "email", "address": "ann@example.com"})).await;
    let html = app.get(PAGE).await.text();
    let id = between(&html, "name=\"contact\" value=\"", "\"").to_owned();
    let form = format!("do=remove&contact={id}");
    let back = led(&submit(&app, PAGE, &form).await);
    let html = app.get(&back).await.text();
    assert!(html.contains("It is removed.") && html.contains("They are reached in the inbox alone."), "{html}");
    assert_eq!(submit(&app, PAGE, &form).await.status, 404);
    assert_eq!(submit(&app, PAGE, "do=remove&contact=x").await.status, 422);
}

#[tokio::test]
async fn a_viewer_without_an_own_inbox_is_asked_for_the_user() {
    let app = with_mail(HttpOptions::default());
    for path in ["/notify-me", "/notify-me?user_id="] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<input id=\"user_id\""), "{}", page.text());
    }
    let wrong = format!("/notify-me?user_id={}", "x".repeat(129));
    for page in [app.get(&wrong).await, submit(&app, &wrong, "do=save&was=%7B%7D").await] {
        assert_eq!(page.status, 422);
        assert!(page.text().contains("id=\"user_id-problem\""), "{}", page.text());
    }
}

#[tokio::test]
async fn where_nothing_reaches_users_the_page_says_so_and_nothing_leads_there() {
    let inbox = campanile::app::Address::PATH;
    let app = App::new();
    let page = app.get(PAGE).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Neither e-mail nor push is set up on this server."), "{}", page.text());
    assert_eq!(page.text().matches("<select").count(), 1, "only that of the language: {}", page.text());
    assert!(!app.get(inbox).await.text().contains("/notify-me"));
    assert_eq!(App::bare().get(PAGE).await.status, 503);
    let app = with_mail(HttpOptions::default());
    for path in [inbox, "/operations/channels"] {
        assert!(app.get(path).await.text().contains("href=\"/notify-me\""), "{path}");
    }
}

#[tokio::test]
async fn everything_is_below_the_base_path() {
    let public_url = Some(PublicUrl::parse("https://host.example/notify").unwrap());
    let app = with_mail(HttpOptions { public_url, allowed_hosts: None, ..HttpOptions::default() });
    let html = app.get(&format!("/notify{PAGE}")).await.text();
    for part in [" href=\"", " action=\"", " src=\""].iter().flat_map(|name| html.split(name).skip(1)) {
        let url = part.split('"').next().unwrap();
        assert!(url.starts_with("/notify/") || url.starts_with('#'), "{url}");
    }
    let answer = submit(&app, &format!("/notify{PAGE}"), &format!("do=save&{UNTOUCHED}")).await;
    assert_eq!(answer.header("location"), "/notify/notify-me?user_id=ann&done=saved");
}

#[tokio::test]
async fn users_see_and_change_only_their_own_page_and_keys_need_a_scope() {
    let server = Secured::new();
    for method in ["GET", "POST"] {
        let led = server.ask(method, PAGE, &[], "").await;
        assert_eq!(led.header("location"), "/login?next=%2Fnotify-me%3Fuser_id%3Dann", "{method}");
    }
    let cookie = server.cookie(&server.token("ann")).await;
    let form = [("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    for path in ["/notify-me", PAGE] {
        let page = server.ask("GET", path, &form[..1], "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(between(&page.text(), "<h1>", "</h1>").contains("Notify me"), "{}", page.text());
    }
    let saved = server.ask("POST", "/notify-me", &form, "do=save&was=%7B%7D&choice=alert+email+off").await;
    assert_eq!(saved.header("location"), "/notify-me?done=saved");
    for method in ["GET", "POST"] {
        let page = server.ask(method, "/notify-me?user_id=bob", &form, "do=save&was=%7B%7D").await;
        assert_eq!(page.status, 403, "{method}");
        assert!(page.text().contains("You may not see this"), "{}", page.text());
    }

    for (scope, sees, changes) in
        [("read", 200, 403), ("contacts", 200, 303), ("admin", 200, 303), ("send", 403, 403), ("mark", 403, 403)]
    {
        let bearer = format!("Bearer {}", server.key(scope).await);
        let form = [("authorization", bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let page = server.ask("GET", PAGE, &form[..1], "").await;
        assert_eq!(page.status, sees, "{scope}");
        // For a caller who may not change it, the body is not even read.
        let body = if changes == 403 { "%80" } else { "do=save&was=%7B%7D" };
        assert_eq!(server.ask("POST", PAGE, &form, body).await.status, changes, "{scope}");
    }
}

#[tokio::test]
async fn the_page_of_a_notification_has_the_reasons_of_its_deliveries() {
    let app = with_mail(HttpOptions::default());
    app.post_json("/api/contacts/ann", &json!({"channel": "email", "address": "ann@example.com"})).await;
    led(&save(&app, "choice=message+email+3600&choice=alert+email+off").await);
    let held = app.notify("ann", "wait for it").await;
    let html = until(&app, &format!("/notifications/{held}"), "Held back").await;
    let delivery = between(&html, "class=\"deliveries\"", "</ol>");
    assert!(delivery.contains("ann@example.com"), "{delivery}");
    assert!(delivery.contains("It is sent if it is still unread then.") && delivery.contains("Until "), "{delivery}");

    let draft = json!({"user_id": "ann", "content": "x", "category": "alert", "channels": ["email", "webpush"]});
    let off = app.post_json("/api/notifications/create", &draft).await.json()["id"].as_str().unwrap().to_owned();
    let html = until(&app, &format!("/notifications/{off}"), "Skipped").await;
    assert!(html.contains("The user has this category off for this channel, under Notify me."), "{html}");
    assert!(html.contains("This channel is not set up on this server."), "{html}");
}
