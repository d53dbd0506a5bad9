//! Requests for pages, and calls of server functions by forms and by the page's script.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use campanile::app::Address;
use serde_json::json;
use uuid::Uuid;

use super::{between, first_row};
use crate::harness::{Answer, App};

/// Calls a server function like a browser that submits a form.
async fn submit(app: &App, function: &str, form: impl AsRef<[u8]>, accept: &str) -> Answer {
    submit_from(app, &format!("{}?user_id=u", Address::PATH), function, form, accept).await
}

/// As that, from the page with this address.
async fn submit_from(app: &App, page: &str, function: &str, form: impl AsRef<[u8]>, accept: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/ui/{function}"))
        .header(header::HOST, "localhost:8000")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, accept)
        .header(header::REFERER, format!("http://localhost:8000{page}"))
        .body(Body::from(form.as_ref().to_vec()));
    app.ask(request.unwrap()).await
}

const FUNCTIONS: [&str; 6] = ["snapshot", "send", "mark", "mark-all", "unmark-all", "delete"];
const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const SCRIPT: &str = "application/json";

#[tokio::test]
async fn the_page_of_an_inbox_shows_its_notifications() {
    let app = App::new();
    app.notify("u", "for u").await;
    app.notify("v", "for v").await;
    let answer = app.get(&format!("{}?user_id=u", Address::PATH)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let html = answer.text();
    assert!(first_row(&html).contains("for u"), "{html}");
    assert!(!html.contains("for v"), "{html}");
}

#[tokio::test]
async fn a_page_further_down_has_a_way_back() {
    let app = App::new();
    for number in 0..60 {
        app.notify("u", &format!("note {number}")).await;
    }
    let html = app.get(Address::PATH).await.text();
    assert_eq!(html.matches("class=\"row unread\"").count(), 50, "{html}");
    let older = between(&html, "before=", "\"");
    let html = app.get(&format!("{}?before={older}", Address::PATH)).await.text();
    assert_eq!(html.matches("class=\"row unread\"").count(), 10, "{html}");
    assert!(html.contains("Back to the newest"), "{html}");
}

#[tokio::test]
async fn a_form_on_the_answer_to_a_refused_form_leads_to_the_dashboard() {
    let app = App::new();
    let answer = submit_from(&app, "/api/ui/send?user_id=u", "send?user_id=u", "user_id=u&content=x", PAGE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), format!("http://localhost:8000{}?user_id=u", Address::PATH));
    let refused = submit_from(&app, "/api/ui/send?user_id=u", "delete", "id=none", PAGE).await;
    assert!(
        refused.header("location").starts_with(&format!("http://localhost:8000{}?user_id=u&__path=", Address::PATH))
    );
}

#[tokio::test]
async fn a_form_without_script_sends_and_comes_back() {
    let app = App::new();
    let form = "user_id=u&content=one%0D%0Atwo&category=&title=&link=";
    let answer = submit(&app, "send", form, PAGE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("location").ends_with("?user_id=u"), "{}", answer.header("location"));
    let list = app.get("/api/notifications/list?user_id=u").await.json();
    assert_eq!(list[0]["content"], "one\ntwo");
    assert_eq!(list[0]["category"], "message");
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_the_reason_and_what_was_typed() {
    let app = App::new();
    app.notify("u", "for u").await;
    app.notify("v", "for v").await;
    let text = format!("%0D%0A{}%3C/textarea%3E", "x".repeat(16_384));
    let form = format!(
        "user_id=bob+&content={text}&category=alert&title=%22A%22+title&link=nonsense:&idempotency_key=01234567"
    );
    let answer = submit(&app, "send", &form, PAGE).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (422, ""));
    let html = answer.text();
    assert!(between(&html, "id=\"text-problem\"", "</p>").contains("16384"), "{html}");
    assert!(between(&html, "id=\"leads-problem\"", "</p>").contains("A link starts with"), "{html}");
    let kept = between(&html, "id=\"text\"", "/textarea>");
    assert!(kept.ends_with(&format!(">\n\r\n{}&lt;/textarea&gt;<", "x".repeat(16_384))), "{kept}");
    for (field, value) in [("to", "bob "), ("heading", "&quot;A&quot; title"), ("leads", "nonsense:")] {
        let found = between(between(&html, &format!("id=\"{field}\""), ">"), "value=\"", "\"");
        assert_eq!(found, value, "{field}");
    }
    let chosen = html.split("<input type=\"radio\"").find(|radio| radio.contains(" checked")).unwrap();
    assert!(chosen.contains("value=\"alert\""), "{chosen}");
    assert!(!html.contains("01234567"), "what was refused is sent next by another key");
    assert!(first_row(&html).contains("for u") && !html.contains("for v"), "the page is the one that the form was on");
    let script = submit(&app, "send", &form, SCRIPT).await;
    script.refused_field("content");
}

#[tokio::test]
async fn a_form_has_an_expiry_in_utc_and_an_idempotency_key_of_the_users_own() {
    let app = App::new();
    for key in ["one", "other"] {
        let form =
            "user_id=u&content=hi&expires_at=2100-01-31T12%3A00&own_key=+mine+&idempotency_key=".to_owned() + key;
        assert_eq!(submit(&app, "send", &form, PAGE).await.status, StatusCode::SEE_OTHER);
    }
    let list = app.get("/api/notifications/list?user_id=u").await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["expires_at"], "2100-01-31T12:00:00.000000Z");
    let taken = "user_id=u&content=another&expires_at=2100-01-31T12%3A00&own_key=mine";
    submit(&app, "send", taken, SCRIPT).await.refused_field("Idempotency-Key");
    for (form, field) in [("content=+", "content"), ("content=x&category=*", "category")] {
        let form = format!("user_id=u&{form}&own_key=%C3%A4");
        let errors = submit(&app, "send", &form, SCRIPT).await.problem(422, "invalid_input")["errors"].clone();
        let fields: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [field, "Idempotency-Key"], "{form}");
    }
    let past = submit(&app, "send", "user_id=u&content=late&expires_at=2020-01-31T12%3A00&own_key=mine", PAGE).await;
    assert_eq!(past.status.as_u16(), 422);
    let html = past.text();
    assert!(between(&html, "id=\"expires-problem\"", "</p>").contains("This time is past."), "{html}");
    assert!(between(&html, "id=\"expires\"", ">").contains("value=\"2020-01-31T12:00\""), "{html}");
    assert!(between(&html, "id=\"own-key\"", ">").contains("value=\"mine\""), "{html}");
    assert!(between(&html, "id=\"compose-more\"", ">").contains(" open"), "{html}");
}

#[tokio::test]
async fn the_other_forms_that_are_refused_come_back_with_the_reason() {
    let app = App::new();
    let answer = submit(&app, "mark", "id=nonsense&is_read=true", PAGE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let back = answer.header("location").strip_prefix("http://localhost:8000").unwrap().to_owned();
    let html = app.get(&back).await.text();
    assert!(between(&html, "class=\"banner bad", "</div>").contains("Something in the form is not right."), "{html}");
}

#[tokio::test]
async fn a_recipient_is_trimmed_in_the_form_and_as_it_is_in_rest() {
    let app = App::new();
    for accept in [PAGE, SCRIPT] {
        submit(&app, "send", "user_id=user_123+&content=hi", accept).await;
    }
    let list = app.get("/api/notifications/list?user_id=user_123").await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    submit(&app, "send", "user_id=++&content=hi", SCRIPT).await.refused_field("user_id");
    let unread = app.get("/api/notifications/unread-count/user_123%20").await.json();
    assert_eq!(unread["unread_count"], 0);
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_the_clients_fault() {
    let app = App::new();
    for function in FUNCTIONS {
        submit(&app, function, b"\x80", SCRIPT).await.problem(400, "bad_request");
        assert_eq!(submit(&app, function, b"\x80", PAGE).await.status, StatusCode::SEE_OTHER, "{function}");
    }
    let large = format!("user_id=u&content={}", "x".repeat(3_000_000));
    submit(&app, "send", &large, SCRIPT).await.problem(422, "invalid_input");
    let larger = format!("user_id=u&content={}", "x".repeat(5_000_000));
    submit(&app, "send", &larger, SCRIPT).await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_form_has_no_other_fields_than_those_that_are_asked_for() {
    let app = App::new();
    let id = app.notify("u", "one").await;
    let forms = [
        ("snapshot", "unread=false&limit=50&userid=u".to_owned(), "userid", "user_id"),
        ("send", "user_id=u&content=hi&Content=x".to_owned(), "Content", "content"),
        ("mark", format!("id={id}&is_read=true&isRead=false"), "isRead", "is_read"),
        ("mark-all", "user_id=u&user=v".to_owned(), "user", "user_id"),
        ("unmark-all", "user_id=u&after=0&up_to=9&is_whole=true&upto=9".to_owned(), "upto", "up_to"),
        ("delete", format!("id={id}&ids=x"), "ids", "id"),
    ];
    for (function, form, unknown, meant) in forms {
        let answer = submit(&app, function, form, SCRIPT).await;
        assert!(answer.text().contains(&format!("did you mean `{meant}`?")), "{}", answer.text());
        answer.refused_field(unknown);
        submit(&app, &format!("{function}?x=1"), "", SCRIPT).await.refused_field("x");
    }
    let list = app.get("/api/notifications/list?user_id=u&unread=true").await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_form_is_sent_as_a_form() {
    let app = App::new();
    for function in FUNCTIONS {
        let asked = |kind: &'static str, encoding: Option<&'static str>| {
            let asked = Request::post(format!("/api/ui/{function}")).header(header::HOST, "localhost");
            let asked = asked.header(header::CONTENT_TYPE, kind);
            let asked = encoding.into_iter().fold(asked, |asked, it| asked.header(header::CONTENT_ENCODING, it));
            asked.body(Body::from("user_id=u&content=hi")).unwrap()
        };
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
            app.ask(asked(kind, None)).await.problem(415, "unsupported_media_type");
        }
        let answer = app.ask(asked("application/x-www-form-urlencoded", Some("gzip"))).await;
        assert_eq!(answer.header("accept-encoding"), "identity");
        answer.problem(415, "unsupported_media_type");
    }
    assert_eq!(app.get("/api/notifications/list").await.json(), json!([]));
}

#[tokio::test]
async fn a_link_of_another_site_puts_no_words_into_the_page() {
    let app = App::new();
    for query in ["__path=/api/ui/send&__err=Call+555-1234", "__path=/api/ui/send&__err=invalid_input.Call555-1234"] {
        let html = app.get(&format!("/api/ui-dashboard/notifications-dashboard-ui?{query}")).await.text();
        assert!(!html.contains("555-1234"), "{query}");
    }
}

#[tokio::test]
async fn a_private_page_has_another_length_each_time_and_so_has_its_data() {
    let app = App::new();
    app.notify("ann", "private").await;
    let mut lengths = std::collections::HashSet::new();
    for _ in 0..16 {
        lengths.insert(app.get("/api/ui-dashboard/notifications-dashboard-ui").await.body.len());
    }
    assert!(lengths.len() > 4, "{lengths:?}");
    lengths.clear();
    for _ in 0..16 {
        lengths
            .insert(submit(&app, "snapshot", "user_id=ann&unread=false&limit=50", "application/json").await.body.len());
    }
    assert!(lengths.len() > 4, "{lengths:?}");
}

#[tokio::test]
async fn a_script_gets_the_problem_itself() {
    let app = App::new();
    submit(&app, "send", "user_id=&content=+&link=nonsense:", SCRIPT).await.refused_field("user_id");
    submit(&app, "mark", "id=nonsense&is_read=true", SCRIPT).await.refused_field("id");
    submit(&app, "delete", &format!("id={}", Uuid::nil()), SCRIPT).await.problem(404, "not_found");
    submit(&app, "mark", "id=1", SCRIPT).await.problem(400, "bad_request");
    submit(&app, "snapshot", "user_id=%09&unread=false&limit=50", SCRIPT).await.refused_field("user_id");
}

#[tokio::test]
async fn a_script_marks_the_notifications_on_its_page() {
    let app = App::new();
    app.notify("u", "one").await;
    let seen = app.get("/api/notifications/list?user_id=u").await.header("campanile-modseq").to_owned();
    app.notify("u", "two").await;
    for (form, marked) in [
        (format!("user_id=u&up_to={seen}&category=alert"), 0),
        (format!("user_id=u&up_to={seen}&category="), 1),
        ("user_id=u&up_to=&category=message".to_owned(), 1),
    ] {
        assert_eq!(submit(&app, "mark-all", &form, SCRIPT).await.json()["count"], json!(marked), "{form}");
    }
    submit(&app, "mark-all", "user_id=u&up_to=x", SCRIPT).await.refused_field("up_to");
    submit(&app, "mark-all", "user_id=u&category=No", SCRIPT).await.refused_field("category");
}

/// One request undoes all of it, even if the server needs several steps to mark that many as unread.
#[tokio::test]
async fn a_script_can_undo_its_marking() {
    let app = App::new();
    let first = app.notify("u", "read before").await;
    submit(&app, "mark", &format!("id={first}&is_read=true"), SCRIPT).await;
    for number in 0..701 {
        app.notify("u", &number.to_string()).await;
    }
    let marked = submit(&app, "mark-all", "user_id=u", SCRIPT).await.json();
    assert_eq!((&marked["count"], &marked["by"]["is_whole"]), (&json!(701), &json!(true)));
    let by = |name: &str| marked["by"][name].clone();
    let form = format!("user_id=u&after={}&up_to={}&is_whole={}", by("after"), by("up_to"), by("is_whole"));
    for unmarked in [701, 0] {
        assert_eq!(submit(&app, "unmark-all", &form, SCRIPT).await.json(), json!(unmarked));
        assert_eq!(app.get("/api/notifications/unread-count/u").await.json()["unread_count"], 701);
    }
    let read = app.get(&format!("/api/notifications/{first}")).await.json();
    assert_eq!(read["is_read"], true);
    submit(&app, "unmark-all", "user_id=%09&after=0&up_to=1&is_whole=true", SCRIPT).await.refused_field("user_id");
    for form in ["user_id=u", "user_id=u&after=-1&up_to=1&is_whole=true", "user_id=u&after=0&up_to=1&is_whole=2"] {
        submit(&app, "unmark-all", form, SCRIPT).await.problem(400, "bad_request");
    }
}

/// Without a script, a form marks the notifications that its page showed when it was rendered.
#[tokio::test]
async fn a_form_marks_the_notifications_on_its_page() {
    let app = App::new();
    app.notify("u", "one").await;
    let html = app.get(&format!("{}?user_id=u&category=message", Address::PATH)).await.text();
    let form = between(&html, "action=\"/api/ui/mark-all\"", "</form>");
    let value = |name: &str| between(between(form, &format!("name=\"{name}\""), ">"), "value=\"", "\"").to_owned();
    app.notify("u", "two").await;
    let form = format!("user_id={}&up_to={}&category={}", value("user_id"), value("up_to"), value("category"));
    assert_eq!(submit(&app, "mark-all", &form, PAGE).await.status, StatusCode::SEE_OTHER, "{form}");
    let unread = app.get("/api/notifications/list?user_id=u&unread=true").await.json();
    assert_eq!((unread.as_array().unwrap().len(), &unread[0]["content"]), (1, &json!("two")));
}

#[tokio::test]
async fn a_script_marks_and_deletes_several_with_one_request() {
    let app = App::new();
    let mut ids = Vec::new();
    for number in 0..250 {
        ids.push(app.notify("u", &number.to_string()).await);
    }
    let gone = Uuid::nil().to_string();
    let form = format!("id={},{gone},{}&is_read=true", ids[0], ids[1..].join(","));
    let marked = submit(&app, "mark", &form, SCRIPT).await.json();
    let marked: Vec<_> =
        marked.as_array().unwrap().iter().map(|it| (it["id"].clone(), it["is_read"].clone())).collect();
    let want: Vec<_> = ids.iter().map(|id| (json!(id), json!(true))).collect();
    assert_eq!(marked, want, "in their order, without what is not there");
    let unread = async || app.get("/api/notifications/unread-count/u").await.json()["unread_count"].clone();
    assert_eq!(unread().await, 0);
    // A browser's form has them encoded.
    let deleted = submit(&app, "delete", &format!("id={}", ids[..2].join("%2C")), SCRIPT).await.json();
    assert_eq!(deleted, json!(ids[..2]));
    submit(&app, "delete", &format!("id={},{gone}", ids[0]), SCRIPT).await.problem(404, "not_found");
    for wrong in [format!("{},", ids[2]), format!("{},x", ids[2]), vec![&*ids[2]; 1_001].join(",")] {
        submit(&app, "delete", &format!("id={wrong}"), SCRIPT).await.refused_field("id");
    }
    assert_eq!(app.get("/api/notifications/list?user_id=u&limit=1000").await.json().as_array().unwrap().len(), 248);
}

#[tokio::test]
async fn a_category_of_ones_own_has_a_name() {
    let app = App::new();
    for form in ["category=*&other_category=", "category=*&other_category=+", "category=*"] {
        submit(&app, "send", &format!("user_id=u&content=hi&{form}"), SCRIPT).await.refused_field("category");
    }
    for (form, category) in [
        ("category=*&other_category=billing", "billing"),
        ("category=alert&other_category=billing", "alert"),
        ("category=&other_category=", "message"),
    ] {
        let sent = submit(&app, "send", &format!("user_id=u&content=hi&{form}"), SCRIPT).await.json();
        assert_eq!(sent["category"], category, "{form}");
    }
}

#[tokio::test]
async fn the_address_of_a_form_leads_to_the_dashboard() {
    let app = App::new();
    for function in FUNCTIONS {
        let answer = app.get(&format!("/api/ui/{function}?user_id=u")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{function}");
        assert_eq!(answer.header("location"), format!("{}?user_id=u", Address::PATH));
    }
}

#[tokio::test]
async fn a_script_marks_deletes_and_looks_again() {
    let app = App::new();
    let (one, two) = (app.notify("u", "one").await, app.notify("u", "two").await);
    let marked = submit(&app, "mark", &format!("id={one}&is_read=true"), SCRIPT).await.json();
    assert_eq!(marked[0]["is_read"], true);
    assert_eq!(submit(&app, "delete", &format!("id={two}"), SCRIPT).await.status, StatusCode::OK);
    app.notify("u", "three").await;
    assert_eq!(submit(&app, "mark-all", "user_id=u", SCRIPT).await.json()["count"], json!(1));
    let snapshot = submit(&app, "snapshot", "user_id=u&unread=false&limit=50", SCRIPT).await.json();
    let contents: Vec<_> =
        snapshot["page"]["notifications"].as_array().unwrap().iter().map(|it| &it["content"]).collect();
    assert_eq!(contents, ["three", "one"]);
    assert_eq!(snapshot["overview"]["unread_count"], 0);
}
