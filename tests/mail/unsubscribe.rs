//! The unsubscribe link in a mail (RFC 8058).

use axum::{
    body::Body,
    http::{Request, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use campanile::server::config::SettingsInput;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;

use super::{relay::Relay, said};
use crate::{
    auth::TOKEN_SECRET,
    command::make_key,
    delivery::{A_WHILE, Place, batch, each_store, new_file},
    harness::Answer,
};

const FORM: (&str, &str) = ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click");
const MULTIPART: (&str, &str) = (
    "multipart/form-data; boundary=part",
    "--part\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--part--\r\n",
);

/// Sends a request without the credentials and headers of an API caller.
async fn ask(place: &Place, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = place.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn click(place: &Place, path: &str, (kind, body): (&str, &str)) -> Answer {
    ask(place, "POST", path, &[("content-type", kind)], body).await
}

/// The path of the link in the newest mail to a user.
async fn link(relay: &Relay, count: usize) -> String {
    let mails = relay.until(count).await;
    let link = mails[count - 1].header("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
    link.strip_prefix("https://example.com/notify").unwrap_or_else(|| panic!("{link}")).to_owned()
}

fn public(store: &str, relay: &Relay) -> SettingsInput {
    SettingsInput { public_url: Some("https://example.com/notify".to_owned()), ..said(store, relay) }
}

async fn is_off(place: &Place, user_id: &str) -> bool {
    let alert = place.preferences(user_id).await["effective"]["alert"]["email"].clone();
    alert == json!({"value": "off", "because": "category"})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_ends_the_mails_of_a_category() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&public(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.prefer("ann", json!({"categories": {"update": {"email": "on"}, "alert": {"push": "off"}}})).await;
        let before = place.preferences("ann").await;
        place.alert("ann", json!({})).await;
        let path = link(&relay, 1).await;
        for _ in 0..2 {
            for path in [path.clone(), format!("/notify{path}")] {
                let page = ask(&place, "GET", &path, &[], "").await;
                assert_eq!(page.status, 200, "{}", page.text());
                assert!(page.header("content-type").starts_with("text/html"));
                assert_eq!(page.header("set-cookie"), "");
                let text = page.text();
                assert!(
                    text.contains("<form") && text.contains("method=\"post\"") && text.contains("<button"),
                    "{text}"
                );
                assert!(text.contains("alert"), "{text}");
            }
            assert_eq!(ask(&place, "HEAD", &path, &[], "").await.status, 200);
        }
        assert_eq!(place.preferences("ann").await, before, "reading the page changed something");
        // Gateways remove the base path, or leave it.
        for path in [path.clone(), format!("/notify{path}"), path] {
            let done = click(&place, &path, FORM).await;
            assert_eq!(done.status, 200, "{}", done.text());
            assert_eq!(done.header("set-cookie"), "");
            assert!(is_off(&place, "ann").await);
        }
        let after = place.preferences("ann").await;
        let expected = json!({"alert": {"email": "off", "push": "off"}, "update": {"email": "on"}});
        assert_eq!((&after["categories"], &after["channels"]), (&expected, &before["channels"]));
        let id = place.alert("ann", json!({"send_email": true})).await;
        assert_eq!(place.until_of(&id, "skipped").await["reason"], "off_by_category");
        let id = place.create("ann", json!({"category": "update"})).await;
        place.until_of(&id, "sent").await;
        assert_eq!(relay.until(2).await.len(), 2);
        place.stop().await;
    })
    .await;
}

/// If a user already has the maximum number of categories, the link ends all mail: more than the user asked for rather
/// than less.
#[tokio::test(flavor = "multi_thread")]
async fn it_works_where_no_more_categories_fit() {
    let relay = Relay::start();
    let place = Place::start(&public("memory:", &relay)).await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({})).await;
    let path = link(&relay, 1).await;
    let named = (0..100).map(|number| (format!("c{number}"), json!({"email": "on", "push": "off"})));
    place.prefer("ann", json!({"categories": named.collect::<serde_json::Map<_, _>>()})).await;
    assert_eq!(click(&place, &path, FORM).await.status, 200);
    let after = place.preferences("ann").await;
    assert_eq!(after["channels"], json!({"email": "off"}));
    for category in ["alert", "c0", "c99"] {
        let id = place.create("ann", json!({"category": category, "send_email": true})).await;
        assert_eq!(place.until_of(&id, "skipped").await["reason"], "off_by_channel");
    }
    place.stop().await;
}

/// Mails of a mandatory category have no such link, and an old link does not end them.
#[tokio::test(flavor = "multi_thread")]
async fn mandatory_mails_continue() {
    let relay = Relay::start();
    let store = new_file();
    let place = Place::start(&public(&store, &relay)).await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({})).await;
    let path = link(&relay, 1).await;
    place.stop().await;
    let mandatory_categories = Some(vec!["alert".to_owned()]);
    let place = Place::start(&SettingsInput { mandatory_categories, ..public(&store, &relay) }).await;
    for method in ["GET", "POST"] {
        let page = ask(&place, method, &path, &[], "").await;
        assert!(page.status == 200 && page.text().contains("sends these to everyone"), "{}", page.text());
    }
    place.alert("ann", json!({})).await;
    let mails = relay.until(2).await;
    assert_eq!(mails[1].headers("List-Unsubscribe"), [""; 0]);
    assert_eq!(mails[1].headers("List-Unsubscribe-Post"), [""; 0]);
    assert!(!mails[1].text().contains("/unsubscribe/") && !mails[1].html().contains("/unsubscribe/"));
    place.stop().await;
}

/// Mail programs and gateways send the request in many forms, and cookies and origins do not matter.
#[tokio::test(flavor = "multi_thread")]
async fn one_click_works_in_every_form_that_mail_programs_send() {
    let relay = Relay::start();
    let place = Place::start(&public("memory:", &relay)).await;
    let foreign: &[(&str, &str)] = &[
        ("origin", "https://mail.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "cors"),
        ("referer", "https://mail.example/"),
    ];
    let navigates: &[(&str, &str)] = &[
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let cookies: &[(&str, &str)] = &[("cookie", "campanile=nonsense; __Secure-campanile=nonsense; a=b")];
    let bearer: &[(&str, &str)] = &[("authorization", "Bearer nonsense")];
    let ways = [
        (FORM, &[][..]),
        (MULTIPART, &[]),
        (FORM, foreign),
        (MULTIPART, foreign),
        (FORM, navigates),
        (MULTIPART, cookies),
        (FORM, bearer),
        (("text/plain", "anything"), &[]),
        (("", ""), &[]),
    ];
    for (number, ((kind, body), extra)) in ways.into_iter().enumerate() {
        let user_id = format!("user-{number}");
        place.contact(&user_id, &format!("{user_id}@example.com")).await;
        place.alert(&user_id, json!({})).await;
        let path = link(&relay, number + 1).await;
        let page = ask(&place, "GET", &path, extra, "").await;
        assert_eq!(page.status, 200, "{kind} {extra:?}: {}", page.text());
        assert!(!is_off(&place, &user_id).await);
        let kinds = [("content-type", kind)];
        let headers: Vec<_> = extra.iter().copied().chain(kinds).filter(|(_, value)| !value.is_empty()).collect();
        let done = ask(&place, "POST", &path, &headers, body).await;
        assert_eq!(done.status, 200, "{kind} {extra:?}: {}", done.text());
        assert!(is_off(&place, &user_id).await, "{kind} {extra:?}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_link_changes_nothing() {
    let relay = Relay::start();
    let place = Place::start(&public("memory:", &relay)).await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({})).await;
    let path = link(&relay, 1).await;
    let token = path.strip_prefix("/unsubscribe/").unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let mut forged: Vec<_> = (0..bytes.len())
        .map(|place| {
            let mut forged = bytes.clone();
            forged[place] ^= 1 << (place % 8);
            URL_SAFE_NO_PAD.encode(forged)
        })
        .collect();
    forged.extend((1..token.len()).step_by(7).map(|end| token[..end].to_owned()));
    forged.extend([format!("{token}A"), format!("{token}%3D"), format!("{token}.html"), "x".repeat(5_000)]);
    // The same for another user, with this user's signature.
    let mut of_bob = bytes.clone();
    of_bob[2..5].copy_from_slice(b"bob");
    forged.push(URL_SAFE_NO_PAD.encode(of_bob));
    let before = [place.preferences("ann").await, place.preferences("bob").await];
    for token in forged {
        for (method, body) in [("GET", ""), ("POST", FORM.1)] {
            let answer = ask(&place, method, &format!("/unsubscribe/{token}"), &[("content-type", FORM.0)], body).await;
            assert!(matches!(answer.status.as_u16(), 404 | 410), "{token}: {}", answer.status);
            assert!(answer.header("content-type").starts_with("text/html"), "{token}: {}", answer.text());
        }
    }
    assert_eq!([place.preferences("ann").await, place.preferences("bob").await], before);
    assert_eq!(ask(&place, "POST", "/unsubscribe/", &[], "").await.status, 404);
    assert_eq!(click(&place, &path, FORM).await.status, 200);
    assert!(is_off(&place, "ann").await);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_outlives_its_server_but_not_its_key() {
    let relay = Relay::start();
    let store = new_file();
    let place = Place::start(&public(&store, &relay)).await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({})).await;
    let path = link(&relay, 1).await;
    place.stop().await;
    // Another store has another key.
    let other = Place::start(&public("memory:", &relay)).await;
    for method in ["GET", "POST"] {
        let answer = ask(&other, method, &path, &[], "").await;
        assert_eq!(answer.status, 410, "{}", answer.text());
        assert!(answer.header("content-type").starts_with("text/html") && answer.text().contains("no longer valid"));
    }
    assert!(!is_off(&other, "ann").await);
    other.stop().await;
    let place = Place::start(&public(&store, &relay)).await;
    assert_eq!(click(&place, &path, MULTIPART).await.status, 200);
    assert!(is_off(&place, "ann").await);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_digest_ends_all_mails() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&public(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        let wish = json!({"channels": {"email": {"if_unread_after": 1}}, "categories": {"update": {"email": {"if_unread_after": 1}, "push": "off"}}});
        place.prefer("ann", wish).await;
        let mut both = batch("ann", 0..2);
        both["notifications"][1]["category"] = "update".into();
        place.post("/api/notifications/batch", Some(&both)).await;
        let path = link(&relay, 1).await;
        let mails = relay.mails();
        assert_eq!(mails[0].header("Subject"), "2 new notifications from Campanile");
        assert_eq!(mails[0].header("List-Id"), "Campanile <digest.example.org>");
        assert_eq!(click(&place, &path, FORM).await.status, 200);
        let after = place.preferences("ann").await;
        assert_eq!(after["channels"], json!({"email": "off"}), "{after}");
        assert_eq!(after["categories"], json!({"update": {"push": "off"}}), "{after}");
        for category in ["alert", "update", "message"] {
            let id = place.create("ann", json!({"category": category, "send_email": true})).await;
            assert_eq!(place.until_of(&id, "skipped").await["reason"], "off_by_channel");
        }
        // A link in mail of a single category ends only that category.
        place.contact("bob", "bob@example.com").await;
        place.prefer("bob", json!({"channels": {"email": {"if_unread_after": 1}}})).await;
        place.post("/api/notifications/batch", Some(&batch("bob", 0..2))).await;
        let path = link(&relay, 2).await;
        assert_eq!(click(&place, &path, FORM).await.status, 200);
        let after = place.preferences("bob").await;
        assert_eq!(after["categories"], json!({"message": {"email": "off"}}), "{after}");
        place.stop().await;
    })
    .await;
}

/// Waiting mails are cancelled by the click.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_mails_are_cancelled_too() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&public(&store, &relay)).await;
        place.contact("ann", "ann@example.com").await;
        place.alert("ann", json!({})).await;
        let path = link(&relay, 1).await;
        place.prefer("ann", json!({"categories": {"alert": {"email": {"if_unread_after": 2}}}})).await;
        let id = place.alert("ann", json!({})).await;
        place.until_of(&id, "held").await;
        assert_eq!(click(&place, &path, FORM).await.status, 200);
        assert_eq!(place.until_of(&id, "skipped").await["reason"], "off_by_category");
        sleep(2 * A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        place.stop().await;
    })
    .await;
}

/// With authentication, users need not sign in for it, and the link gives access to nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn no_user_signs_in_for_it() {
    let store = new_file();
    let admin = make_key(&store, "admin");
    let relay = Relay::start();
    let place = Place::start(&SettingsInput {
        jwt_secret: Some(TOKEN_SECRET.to_owned()),
        jwt_audience: Some(vec!["campanile".to_owned()]),
        ..public(&store, &relay)
    })
    .await;
    let as_admin = async |method: &str, path: &str, body: Option<Value>| {
        let answer = place.ask_as(Some(&admin), method.parse().unwrap(), path, body.as_ref()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    };
    as_admin("POST", "/api/contacts/ann", Some(json!({"channel": "email", "address": "ann@example.com"}))).await;
    let alert = json!({"user_id": "ann", "content": "x", "category": "alert"});
    as_admin("POST", "/api/notifications/create", Some(alert)).await;
    let path = link(&relay, 1).await;
    assert_eq!(ask(&place, "GET", &path, &[], "").await.status, 200);
    let foreign = [("content-type", MULTIPART.0), ("origin", "https://mail.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&place, "POST", &path, &foreign, MULTIPART.1).await.status, 200);
    let after = as_admin("GET", "/api/preferences/ann", None).await;
    assert_eq!(after["categories"], json!({"alert": {"email": "off"}}));
    ask(&place, "GET", "/api/preferences/ann", &[], "").await.problem(401, "unauthenticated");
    let token = path.strip_prefix("/unsubscribe/").unwrap();
    let bearer = format!("Bearer {token}");
    ask(&place, "GET", "/api/preferences/ann", &[("authorization", &bearer)], "").await.problem(401, "unauthenticated");
    assert!(ask(&place, "POST", &format!("{path}/x"), &[], "").await.status.is_client_error());
    // Programs that scan mails add parameters to links.
    assert_eq!(ask(&place, "GET", &format!("{path}?utm_source=mail"), &[], "").await.status, 200);
    place.stop().await;
}
