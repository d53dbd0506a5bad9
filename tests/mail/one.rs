//! A single mail, and all its parts.

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::json;
use tokio::time::sleep;

use super::{relay::Relay, said};
use crate::delivery::{A_WHILE, Place, each_store};

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_mailed_once_and_all_of_it_is_there() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&SettingsInput {
            public_url: Some("https://example.com/notify".to_owned()),
            app_name: Some("Bell Tower".to_owned()),
            ..said(&store, &relay)
        })
        .await;
        let contact = place.contact("ann", "ann@example.com").await;
        let link = "https://example.com/disks?a=1&b=2";
        let fields = json!({"title": "Disk full: Größe", "content": "3 % are left.\nDo something.", "link": link});
        let id = place.alert("ann", fields).await;
        let mails = relay.until(1).await;
        let mail = &mails[0];
        assert_eq!((mail.sender(), mail.to()), ("notify@example.org", "ann@example.com"));
        assert_eq!(mail.header("From"), "Bell Tower <notify@example.org>");
        assert_eq!(mail.header("To"), "ann@example.com");
        assert_eq!(mail.header("Subject"), "Disk full: Größe");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.header("List-Id"), "Bell Tower <alert.example.org>");
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let unsubscribe = mail.header("List-Unsubscribe");
        let unsubscribe = unsubscribe.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap();
        assert!(unsubscribe.starts_with("https://example.com/notify/unsubscribe/"), "{unsubscribe}");
        let date = chrono::DateTime::parse_from_rfc2822(mail.header("Date")).unwrap();
        assert!((chrono::Utc::now() - date.to_utc()).num_seconds().abs() < 60, "{date}");
        assert_eq!(mail.kinds(), ["multipart/alternative", "text/plain", "text/html"]);
        let page = format!("https://example.com/notify/notifications/{id}");
        for part in [mail.text(), mail.html().replace("&amp;", "&").replace("<br>", "\n")] {
            for expected in ["Disk full: Größe", "3 % are left.\nDo something.", link, unsubscribe, &page] {
                assert!(part.contains(expected), "{expected}: {part}");
            }
        }
        assert_eq!(mail.defects(), &json!([]));
        assert!(mail.raw().lines().all(|line| line.len() <= 998 && line.is_ascii()), "{}", mail.raw());
        let names = mail.names();
        let mut once = names.clone();
        once.dedup();
        assert_eq!(names, once, "a header is there twice");

        let sent = place.until_mail_is("ann", "sent").await;
        assert_eq!(mail.header("Message-ID"), format!("<{}@example.org>", sent["id"].as_str().unwrap()));
        assert_eq!((&sent["notification_id"], &sent["contact"]), (&json!(id), &contact["id"]), "{sent}");
        let attempts = sent["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{sent}");
        let attempt = &attempts[0];
        let expected = (&json!("sent"), &json!(250), &json!(true));
        assert_eq!((&attempt["result"], &attempt["code"], &attempt["counted"]), expected, "{sent}");
        sleep(A_WHILE).await;
        assert_eq!(relay.mails().len(), 1);
        place.stop().await;
    })
    .await;
}

/// A mail without a title starts with the text, and one without a public URL has no links to pages.
#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_not_known_how_the_server_is_reached_nothing_leads_there() {
    let relay = Relay::start();
    let place = Place::start(&said("memory:", &relay)).await;
    place.contact("ann", "ann@example.com").await;
    place.alert("ann", json!({"content": "Come at once"})).await;
    let mails = relay.until(1).await;
    assert_eq!(mails[0].header("Subject"), "Come at once");
    assert_eq!(mails[0].headers("List-Unsubscribe"), [""; 0]);
    assert_eq!(mails[0].headers("List-Unsubscribe-Post"), [""; 0]);
    assert_eq!(mails[0].hrefs(), [""; 0]);
    assert!(!mails[0].text().contains("http"), "{}", mails[0].text());
    place.stop().await;
}

/// A mail is sent to every address of a user, in separate messages.
#[tokio::test(flavor = "multi_thread")]
async fn no_user_sees_the_address_of_another() {
    let relay = Relay::start();
    let place = Place::start(&said("memory:", &relay)).await;
    let addresses = ["ann@example.com", "ann@work.example", "änn@bücher.example"];
    for address in addresses {
        place.contact("ann", address).await;
    }
    place.contact("bob", "bob@example.com").await;
    place.alert("ann", json!({})).await;
    let mails = relay.until(3).await;
    sleep(A_WHILE).await;
    assert_eq!(relay.mails().len(), 3);
    let mut to: Vec<_> = mails.iter().map(|mail| (mail.to(), mail.header("To"))).collect();
    to.sort_unstable();
    assert_eq!(to, addresses.map(|address| (address, address)));
    place.stop().await;
}

/// A relay that accepts only ASCII addresses gets no others, and the other addresses still get their mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_smtputf8_fails_only_the_address_that_needs_it() {
    let relay = Relay::start_with(&["--ascii"]);
    let place = Place::start(&said("memory:", &relay)).await;
    let contact = place.contact("ann", "änn@example.com").await;
    place.contact("bob", "bob@example.com").await;
    for user_id in ["ann", "bob"] {
        place.alert(user_id, json!({})).await;
    }
    let dead = place.until_mail_is("ann", "dead").await;
    assert_eq!(dead["reason"], "message_bad", "{dead}");
    place.until_mail_is("bob", "sent").await;
    assert_eq!(place.get("/api/contacts/ann").await[0]["state"], contact["state"]);
    assert_eq!(relay.mails_to("bob@example.com").len(), 1);
    let path = format!("/api/contacts/ann/{}", contact["id"].as_str().unwrap());
    assert_eq!(place.ask(Method::DELETE, &path, None).await.status, 204);
    place.stop().await;
}
