//! The settings of APNs.

use super::*;
use crate::server::channels::{DEFAULT_APNS_SANDBOX_URL, DEFAULT_APNS_URL};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A folder with a key file, which is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("campanile-apns-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> Option<PathBuf> {
        let file = self.0.join(name);
        std::fs::write(&file, text).unwrap();
        Some(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn key() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()
}

/// The required settings.
fn apns(key: Option<PathBuf>) -> SettingsInput {
    SettingsInput {
        apns_key: key,
        apns_key_id: text("KEY1234567"),
        apns_team_id: text("TEAM123456"),
        ..SettingsInput::default()
    }
}

#[test]
fn devices_of_apple_are_pushed_to_where_a_key_is_named() {
    assert!(settle(&SettingsInput::default()).unwrap().delivery.apns.is_none());
    let folder = Folder::new("good");
    let pem = key();
    let least = apns(folder.file("key.p8", &pem));
    let settings = settle(&least).unwrap();
    let options = settings.delivery.apns.as_ref().unwrap();
    assert_eq!(options.url.as_str().trim_end_matches('/'), DEFAULT_APNS_URL);
    assert_eq!(options.sandbox_url.as_str().trim_end_matches('/'), DEFAULT_APNS_SANDBOX_URL);
    assert_eq!(options.topic, None);
    let shown = format!("{settings:?}");
    assert!(pem.lines().all(|line| !shown.contains(line)), "{shown}");
    let all = SettingsInput {
        apns_topic: text("com.example.app"),
        apns_url: text("http://127.0.0.1:4000/apns/"),
        apns_sandbox_url: text("https://[::1]:4001"),
        ..least
    };
    let options = settle(&all).unwrap().delivery.apns.unwrap();
    assert_eq!(options.url.as_str(), "http://127.0.0.1:4000/apns/");
    assert_eq!(options.sandbox_url.as_str(), "https://[::1]:4001/");
    assert_eq!(options.topic.unwrap().as_str(), "com.example.app");
}

#[test]
fn a_mistake_in_the_apns_settings_is_one_sentence_that_names_it_and_holds_no_key() {
    let folder = Folder::new("bad");
    let pem = key();
    let good = apns(folder.file("key.p8", &pem));
    let no_key =
        |input: SettingsInput| SettingsInput { apns_key: None, apns_key_id: None, apns_team_id: None, ..input };
    let with_key = |name: &str, text: &str| SettingsInput { apns_key: folder.file(name, text), ..good.clone() };
    let url = |url: &str| SettingsInput { apns_url: text(url), ..good.clone() };
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
    for (wrong, name) in [
        (SettingsInput { apns_key_id: None, ..good.clone() }, "apns-key-id: is missing beside apns-key"),
        (SettingsInput { apns_team_id: None, ..good.clone() }, "apns-team-id: is missing beside apns-key"),
        (SettingsInput { apns_key: None, ..good.clone() }, "apns-key-id: there is no key"),
        (SettingsInput { apns_key: None, apns_key_id: None, ..good.clone() }, "apns-team-id: there is no key"),
        (no_key(SettingsInput { apns_topic: text("a.b"), ..good.clone() }), "apns-topic: there is no key"),
        (no_key(url("https://push.example")), "apns-url: there is no key"),
        (
            no_key(SettingsInput { apns_sandbox_url: text("https://push.example"), ..good.clone() }),
            "apns-sandbox-url: there is no key",
        ),
        (SettingsInput { apns_key: Some("/no/file".into()), ..good.clone() }, "apns-key: the file cannot be read"),
        (with_key("empty", ""), "apns-key: "),
        (with_key("half", &pem[..pem.len() / 2]), "apns-key: "),
        (with_key("p384", &other), "apns-key: "),
        (with_key("sec1", &pem.replace("PRIVATE KEY", "EC PRIVATE KEY")), "apns-key: "),
        (with_key("long", &format!("{}{pem}", " \n".repeat(40_000))), "apns-key: "),
        (SettingsInput { apns_key_id: text(""), ..good.clone() }, "apns-key-id: this is"),
        (SettingsInput { apns_key_id: text("a\"b"), ..good.clone() }, "apns-key-id: this is"),
        (SettingsInput { apns_team_id: text("a:b"), ..good.clone() }, "apns-team-id: this is"),
        (SettingsInput { apns_team_id: text("a\nb"), ..good.clone() }, "apns-team-id: this is"),
        (SettingsInput { apns_team_id: text(&"x".repeat(65)), ..good.clone() }, "apns-team-id: this is"),
        (SettingsInput { apns_topic: text("app"), ..good.clone() }, "apns-topic: "),
        (url("push.example"), "apns-url: "),
        (url("ftp://push.example"), "apns-url: "),
        (url("https://me:hush@push.example"), "apns-url: "),
        (url("https://push.example/?x=hush"), "apns-url: "),
        (SettingsInput { apns_sandbox_url: text("hush"), ..good.clone() }, "apns-sandbox-url: "),
    ] {
        let refused = format!("{:#}", settle(&wrong).unwrap_err());
        assert!(refused.starts_with(name) && refused.lines().count() == 1 && refused.ends_with('.'), "{refused}");
        assert!(!refused.contains("hush") && pem.lines().all(|line| !refused.contains(line)), "{refused}");
    }
}
