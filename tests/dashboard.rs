//! The dashboard as the server renders it; its server functions are in `forms`, other pages in `pages`, and the page
//! for notification preferences in `notify_me`.

mod forms;
mod notify_me;
mod pages;

use campanile::{
    app::{self, Address, App as Page, Initial, PageAssets, Refusal, Snapshot, Viewer},
    model::{
        Category, Code, Content, FieldError, Invalid, Link, NewNotification, Notification, NotificationId, Overview,
        Page as ListPage, Problem, Timestamp, Title, UserId,
    },
};
use leptos::prelude::*;
use rstest::rstest;
use uuid::Uuid;

fn notification(number: u128, content: &str) -> Notification {
    with(number, content, |_| ())
}

fn with(number: u128, content: &str, change: impl FnOnce(&mut NewNotification)) -> Notification {
    let mut new = NewNotification::new(UserId::parse("user_123").unwrap(), Content::parse(content).unwrap());
    new.category = Category::parse("alert").unwrap();
    change(&mut new);
    let timestamp = Timestamp::parse("2026-11-22T11:55:00.123456Z").unwrap();
    Notification::new(NotificationId::new(Uuid::from_u128(number)), timestamp, new)
}

fn initial(notifications: Vec<Notification>) -> Initial {
    let unread = notifications.iter().filter(|notification| !notification.is_read).count() as u64;
    let overview = Overview { total: notifications.len() as u64, unread_count: unread, ..Overview::default() };
    let page = ListPage { notifications, next: None, modseq: None };
    let now = Timestamp::parse("2026-11-22T12:00:00.5Z").unwrap();
    Initial { snapshot: Ok(Snapshot { page, overview, now }), ..Initial::default() }
}

/// The same page for the owner of the inbox.
fn own(query: &str, notifications: Vec<Notification>) -> Initial {
    let viewer = Viewer {
        own: Some("user_123".to_owned()),
        may_send: false,
        may_sign_out: true,
        name: Some("user_123".to_owned()),
    };
    Initial { address: viewer.narrow(Address::parse(query)), viewer, ..initial(notifications) }
}

/// The contents of the body.
fn render(initial: Initial) -> String {
    let owner = Owner::new();
    owner.with(|| {
        provide_context(initial);
        view! { <Page /> }.to_html()
    })
}

/// The whole document.
fn document(initial: Initial, assets: PageAssets) -> String {
    let owner = Owner::new();
    owner.with(|| {
        provide_context(initial);
        leptos::nonce::provide_nonce();
        app::shell(assets).to_html()
    })
}

/// The text between the first two such markers.
#[track_caller]
fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(start).unwrap_or_else(|| panic!("no {start} in {html}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} after {start} in {html}")).0
}

/// The markup of the first row.
#[track_caller]
fn first_row(html: &str) -> &str {
    between(html, "<li id=\"row-0\"", "</li>")
}

#[test]
fn a_row_has_text_user_and_time() {
    let row = render(initial(vec![notification(1, "Disk almost full")]));
    let row = first_row(&row);
    assert!(row.contains("Disk almost full"), "{row}");
    assert!(row.contains("?user_id=user_123\""), "{row}");
    assert!(row.contains("datetime=\"2026-11-22T11:55:00.123456Z\""), "{row}");
    assert!(row.contains("title=\"22 Nov 2026, 11:55:00.123456 UTC\""), "{row}");
    assert!(row.contains(">5 min"), "{row}");
    assert!(row.contains("data-kind=\"alert\""), "{row}");
}

#[rstest]
#[case(false, "unread", "Unread", "Mark as read: note, for user_123")]
#[case(true, "row\"", "Read", "Mark as unread: note, for user_123")]
fn read_and_unread_are_distinguished_in_words(
    #[case] is_read: bool,
    #[case] class: &str,
    #[case] word: &str,
    #[case] action: &str,
) {
    let html = render(initial(vec![notification(1, "note").with_read(is_read)]));
    let row = first_row(&html);
    assert!(between(row, "class=\"", ">").contains(class), "{row}");
    assert!(row.contains(&format!(">{word}<")), "{row}");
    assert!(row.contains(&format!("aria-label=\"{action}\"")), "{row}");
}

#[test]
fn markup_in_a_notification_stays_text() {
    let attack = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    let title = Some(Title::parse("<b>bold</b>").unwrap());
    let html = render(initial(vec![with(1, attack, |new| new.title = title)]));
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(!html.contains("<img"), "{html}");
    assert!(!html.contains("<b>"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
}

#[test]
fn only_http_urls_in_a_text_become_links() {
    let html = render(initial(vec![notification(1, "See https://a.example/?x=1&y=2. Not javascript:alert(1).")]));
    let text = between(first_row(&html), "<p ", "</p>");
    assert!(text.contains("href=\"https://a.example/?x=1&amp;y=2\""), "{text}");
    assert!(text.contains("rel=\"noopener noreferrer nofollow\""), "{text}");
    assert_eq!(text.matches("<a ").count(), 1, "{text}");
}

#[test]
fn a_link_of_the_same_site_opens_here() {
    let link = |text| Some(Link::parse(text).unwrap());
    let here = render(initial(vec![with(1, "note", |new| new.link = link("/orders/7"))]));
    let there = render(initial(vec![with(1, "note", |new| new.link = link("https://a.example/7"))]));
    assert!(first_row(&here).contains("href=\"/orders/7\""));
    assert!(!first_row(&here).contains("_blank"));
    assert!(first_row(&there).contains("_blank"));
}

#[test]
fn only_a_long_text_can_be_opened() {
    let short = render(initial(vec![notification(1, "short")]));
    let long = render(initial(vec![notification(1, &"long ".repeat(200))]));
    assert!(!first_row(&short).contains("aria-expanded"));
    assert!(first_row(&long).contains("aria-expanded=\"false\""));
}

#[test]
fn the_first_use_shows_the_documented_command() {
    let html = render(initial(Vec::new()));
    let command = between(&html, "<code", "</code>");
    assert!(command.contains(">http://localhost:8000</span>/api/notifications/create\""), "{command}");
}

#[test]
fn nothing_for_a_filter_says_which_and_offers_to_clear_it() {
    let address = Address::parse("user_id=user_7&category=alert&unread=true");
    let html = render(Initial { address, ..initial(Vec::new()) });
    assert!(html.contains("There is nothing unread of category “alert” for user_7."), "{html}");
    assert!(html.contains(&format!("href=\"{}?user_id=user_7\"", Address::PATH)), "{html}");
    assert!(!between(&html, "class=\"state", "\"").contains("first-use"), "{html}");
}

#[test]
fn a_user_id_that_is_not_legal_is_refused_at_its_field() {
    let why = UserId::parse(&"x".repeat(129)).unwrap_err();
    let problem = Problem::invalid(vec![FieldError::new("user_id", why)]);
    let address = Address { user_id: Some("x".repeat(129)), ..Address::default() };
    let html = render(Initial { address, snapshot: Err(problem), ..Initial::default() });
    let field = between(&html, "<input id=\"inbox-of\"", ">");
    assert!(field.contains("aria-invalid=\"true\""), "{field}");
    assert!(field.contains("aria-describedby=\"inbox-of-problem\""), "{field}");
    assert!(between(&html, "id=\"inbox-of-problem\"", "</p>").contains("at most 128 characters"), "{html}");
}

#[test]
fn a_form_that_was_refused_without_script_says_so_at_its_field() {
    let problem = Problem::invalid(vec![FieldError::new("content", Invalid::new("Write something."))]);
    let refusal = Some(Refusal { path: "/api/ui/send".to_owned(), problem });
    let html = document(Initial { refusal, ..initial(Vec::new()) }, PageAssets::default());
    assert!(between(&html, "id=\"text-problem\"", "</p>").contains("Write something."), "{html}");
    assert!(between(&html, "<textarea", ">").contains("aria-invalid=\"true\""), "{html}");
}

#[test]
fn a_button_that_was_refused_without_script_says_so_above_the_list() {
    let problem = Problem::new(Code::Forbidden, "This inbox is not yours.");
    let refusal = Some(Refusal { path: "/api/ui/mark".to_owned(), problem });
    let html = render(Initial { refusal, ..initial(Vec::new()) });
    assert!(between(&html, "role=\"alert\"", "</div>").contains("This inbox is not yours."), "{html}");
}

#[test]
fn links_of_the_filter_keep_the_rest_of_it() {
    let address = Address::parse("user_id=user_7&category=alert");
    let html = render(Initial { address, ..initial(Vec::new()) });
    let path = Address::PATH;
    assert!(html.contains(&format!("href=\"{path}?user_id=user_7&amp;category=alert&amp;unread=true\"")), "{html}");
    assert!(html.contains(&format!("href=\"{path}?user_id=user_7&amp;category=system\"")), "{html}");
    assert!(html.contains(&format!("href=\"{path}?category=alert\"")), "{html}");
}

#[test]
fn a_user_is_offered_the_own_inbox_and_nothing_else() {
    let html = render(own("user_id=user_999", vec![notification(1, "note")]));
    assert!(between(&html, "<h1 ", "</h1>").ends_with(">Your inbox"), "{html}");
    assert!(!html.contains("id=\"inbox-of\""), "{html}");
    assert!(!document(own("", Vec::new()), PageAssets::default()).contains("id=\"compose"));
    assert!(!html.contains("All inboxes") && !html.contains("user_999"), "{html}");
    assert!(!html.contains("?user_id=") && !html.contains("&amp;user_id="), "no link says whose inbox: {html}");
    assert!(html.contains("name=\"user_id\" value=\"user_123\""), "marking all does: {html}");
    assert!(first_row(&html).contains("aria-label=\"Mark as read: note\""), "{html}");
    assert!(html.contains("action=\"/logout\""), "{html}");
    assert!(html.contains("<bdi class=\"mono\">user_123</bdi>"), "{html}");
}

#[test]
fn an_empty_own_inbox_is_quiet_about_it() {
    let html = render(own("", Vec::new()));
    assert!(html.contains("What arrives for you shows here by itself."), "{html}");
    assert!(!html.contains("curl"), "{html}");
    let html = render(own("unread=true", Vec::new()));
    assert!(html.contains("There is nothing unread."), "{html}");
    assert!(html.contains(&format!("href=\"{}\"", Address::PATH)), "{html}");
}

#[test]
fn the_document_of_a_user_speaks_of_their_inbox_and_of_the_keys_that_they_have() {
    let html = document(own("", vec![notification(1, "note")]), PageAssets::default());
    assert!(html.contains("<title>(1) Your inbox · Campanile</title>"), "{html}");
    assert!(html.contains("Mark all as read") && !html.contains("Write a notification"), "{html}");
    assert!(!html.contains("Choose an inbox"), "{html}");
}

#[test]
fn only_a_signed_in_user_can_sign_out_and_their_shell_commands_need_a_key() {
    let html = render(initial(Vec::new()));
    assert!(!html.contains("/logout") && !html.contains("Authorization"), "{html}");
    let viewer = Viewer { may_sign_out: true, ..Viewer::default() };
    let html = render(Initial { viewer, ..initial(Vec::new()) });
    assert!(html.contains("action=\"/logout\""), "{html}");
    assert!(between(&html, "<code", "</code>").contains("-H \"Authorization: Bearer $KEY\""), "{html}");
}

#[test]
fn a_viewer_who_may_only_read_sees_every_inbox_and_no_form() {
    let viewer = Viewer { may_send: false, ..Viewer::default() };
    let html = document(Initial { viewer, ..initial(vec![notification(1, "note")]) }, PageAssets::default());
    assert!(html.contains("id=\"inbox-of\"") && html.contains("All inboxes"), "{html}");
    assert!(!html.contains("id=\"compose"), "{html}");
}

#[rstest]
#[case(Problem::new(Code::Unauthenticated, "Send a key."), "You are signed out.", "Sign in to see the notifications.")]
#[case(Problem::too_many("Slow down.", 12), "Too many requests at once.", "Slow down.")]
#[case(
    Problem::new(Code::Forbidden, "You may read your own inbox only."),
    "You may not see this.",
    "your own inbox only"
)]
fn a_list_that_cannot_be_read_shows_the_reason(#[case] problem: Problem, #[case] heading: &str, #[case] detail: &str) {
    let is_signed_out = problem.code == Code::Unauthenticated;
    let address = Address::parse("user_id=user_7");
    let html = render(Initial { address, snapshot: Err(problem), ..Initial::default() });
    let state = between(&html, "class=\"state", "<nav");
    assert!(state.contains(heading) && state.contains(detail), "{state}");
    assert!(html.contains("<div role=\"alert\" class=\"state"), "{html}");
    let link = between(state, "<a ", "</a>");
    let next = "href=\"/login?next=%2Fapi%2Fui-dashboard%2Fnotifications-dashboard-ui%3Fuser_id%3Duser_7\"";
    assert!(link.contains(next), "{link}");
    assert_eq!(between(link, "class=\"", "\"").contains("none"), !is_signed_out, "{link}");
}

#[rstest]
#[case("user_id", "This user ID isn't valid.")]
#[case("q", "This search isn't valid.")]
#[case("before", "This link isn't valid.")]
fn an_invalid_address_shows_a_link_to_all_notifications(#[case] field: &str, #[case] heading: &str) {
    let problem = Problem::invalid(vec![FieldError::new(field, Invalid::new("Take it from the next link."))]);
    let html = render(Initial { snapshot: Err(problem), ..Initial::default() });
    let state = between(&html, "class=\"state", "<nav");
    assert!(state.contains(heading) && !state.contains("next link"), "{state}");
    let all = state.split("<a ").find(|link| link.contains("Show all")).unwrap();
    assert!(all.starts_with(&format!("href=\"{}\" class=\"plain\"", Address::PATH)), "{all}");
}

#[test]
fn bidirectional_controls_are_shown_or_isolated() {
    let mut notification = with(1, "see https://a.example/\u{202e}gpj.exe", |new| {
        new.user_id = UserId::parse("gnp.\u{202e}exe").unwrap();
    });
    notification.is_read = true;
    let html = render(initial(vec![notification]));
    let row = first_row(&html);
    assert!(row.contains(">gnp.⟨U+202E⟩exe<") && row.contains("user_id=gnp.%E2%80%AEexe"), "{row}");
    let link = between(row, "<a href=\"https://a.example/\"", "</a>");
    assert!(link.contains("dir=\"ltr\"") && link.ends_with(">https://a.example/"), "{link}");
    assert!(row.contains("for gnp.⟨U+202E⟩exe"), "{row}");
}

#[test]
fn the_document_carries_its_data_where_no_text_can_leave_it() {
    let html = document(initial(vec![notification(1, "</script><!--<script>")]), PageAssets::default());
    let data = between(&html, "type=\"application/json\">", "</script>");
    let read: Initial = serde_json::from_str(data).unwrap();
    assert_eq!(read, initial(vec![notification(1, "</script><!--<script>")]));
}

#[test]
fn a_stored_link_that_would_run_is_no_link() {
    let json = serde_json::to_value(notification(1, "note")).unwrap();
    let with = |link: &str| {
        let mut json = json.clone();
        json["link"] = link.into();
        render(initial(vec![serde_json::from_str(&json.to_string()).unwrap()]))
    };
    assert!(with("/orders/7").contains("href=\"/orders/7\""));
    assert!(!with("javascript:alert(1)").contains("href=\"javascript:"));
}

#[test]
fn the_title_has_the_unread_count() {
    let address = Address::parse("user_id=user_123");
    let html = document(Initial { address, ..initial(vec![notification(1, "note")]) }, PageAssets::default());
    assert!(html.contains("<title>(1) user_123 · Campanile</title>"), "{html}");
    assert!(html.contains("href=\"/favicon-unread.svg\""), "{html}");
}

#[test]
fn without_a_built_site_the_document_asks_for_none() {
    let html = document(initial(Vec::new()), PageAssets::default());
    assert!(!html.contains("stylesheet") && !html.contains("preload") && !html.contains("type=\"module\""), "{html}");
}

#[test]
fn every_script_of_the_document_carries_the_nonce_and_nothing_needs_a_looser_policy() {
    let asset = |name: &str| format!("/pkg/campanile.HASH.{name}");
    let assets = PageAssets { css: asset("css"), js: asset("js"), wasm: asset("wasm") };
    let html = document(initial(vec![notification(1, "note")]), assets);
    for script in html.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains("nonce=") || tag.contains("application/json"), "{tag}");
    }
    assert!(html.contains("/pkg/campanile.HASH.wasm"), "{html}");
    assert!(!html.contains(" style=\""), "{html}");
    let handler = html
        .split(" on")
        .skip(1)
        .find(|rest| rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).starts_with("=\""));
    assert_eq!(handler, None);
}
